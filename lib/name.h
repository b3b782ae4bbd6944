/*
 * Distinguished names (RFC 5280 4.1.2.4): decoded only as far as policy needs,
 * otherwise carried as their DER.
 */
#ifndef LIB_NAME_H
#define LIB_NAME_H

#include "lib/buf.h"
#include "lib/fault.h"

#define NAME_DER_MAX 2048

enum name_attr {
    ATTR_CN = 1,
    ATTR_O,
    ATTR_OU,
    ATTR_C,
    ATTR_ST,
    ATTR_L,
    ATTR_SERIAL_NUMBER,
    ATTR_EMAIL,
    ATTR_DC,
    ATTR_UID,
    ATTR_OTHER
};

/* Walks a Name (whole SEQUENCE) and checks it: RDNs not empty, string types of
 * RFC 5280 (PrintableString, UTF8String, IA5String where the attribute has it; TeletexString and
 * BMPString tolerated on input), length bounds of its appendix A, UTF-8 valid, no NUL or control
 * characters. Rules: "name.der", "name.string", "name.value", "name.length", "name.size". `each`
 * may be NULL; it gets the attribute and the value as UTF-8, good only until it returns. */
typedef int (*name_each)(void *arg, enum name_attr attr, struct slice oid, struct slice utf8,
                         struct fault *f);
int name_check(struct slice der, name_each each, void *arg, struct fault *f) WARN_UNUSED;

/* The value of the last CN, as a slice into der, or SLICE_NONE: no CN, or one in a string type
 * other than UTF8String and PrintableString (name_check hands those out converted). */
struct slice name_common_name(struct slice der);
bool name_empty(struct slice der);
/* Appends octets that are equal for names that relying parties take for one another: string types,
 * case of ASCII letters and runs of spaces do not count (RFC 5280 7.1), nor does it where one RDN
 * ends and the next begins. Faults are those of name_check. */
int name_fold(struct slice der, struct buf *out, struct fault *f) WARN_UNUSED;
/* RFC 4514 text, most specific first: "CN=x,O=y". Valid UTF-8, whatever stands in the name: values
 * that are no text are '#' and hexadecimal. */
void name_print(struct slice der, struct buf *out);
/* Reads "CN=Example Root,O=Example" (RFC 4514, the attributes above) into DER.
 * The order written is the reverse of the text's, as RFC 4514 has it. C and serialNumber are
 * PrintableString, DC and emailAddress IA5String (RFC 5280 A.1), the others UTF8String; one
 * attribute an RDN. */
int name_parse(const char *text, struct buf *out, struct fault *f) WARN_UNUSED;
/* A Name with one CN (UTF8String), or the empty Name when cn is "". */
int name_from_cn(struct slice cn, struct buf *out, struct fault *f) WARN_UNUSED;

#endif
