/* The attributes of distinguished names that have a name here: one table for checking,
 * printing and parsing. */
#ifndef LIB_NAME_ATTR_H
#define LIB_NAME_ATTR_H

#include "lib/name.h"

struct name_attr_row {
    enum name_attr attr;
    const char *name; /* RFC 4514 3 and, for what it leaves out, OpenSSL's spelling */
    struct slice oid;
    size_t min, max; /* characters (RFC 5280 appendix A) */
    uint8_t tag;     /* string type that we write */
    bool ia5;        /* may be IA5String */
};

/* Never NULL: ATTR_OTHER for what is not in the table. */
const struct name_attr_row *name_attr_by_oid(struct slice oid);
/* Without regard to case; NULL when there is none. */
const struct name_attr_row *name_attr_by_name(struct slice name);

/* The longest UTF-8 that a value within NAME_DER_MAX can become: BMPString, 3 octets from 2;
 * TeletexString, 2 from 1. */
#define NAME_TEXT_MAX (NAME_DER_MAX * 2)
struct name_text {
    uint8_t octets[NAME_TEXT_MAX];
    size_t n;
};
/* A value as UTF-8, in place where it is that already, else in *t. -1: no string type that the
 * attribute may have, characters that the type does not have, or more than NAME_DER_MAX octets. */
int name_value_utf8(const struct name_attr_row *row, uint8_t tag, struct slice v,
                    struct name_text *t, struct slice *utf8) WARN_UNUSED;

/* Reads RFC 4514 text: each attribute in the order of DER, the reverse of the text's, its value
 * unescaped and not checked. A result other than 0 ends it and is returned. Rule "name.text". */
typedef int (*name_pair_each)(void *arg, const struct name_attr_row *row, struct slice value,
                              struct fault *f);
int name_text_each(const char *text, name_pair_each each, void *arg, struct fault *f) WARN_UNUSED;
/* Appends one RDN. The whole Name is to be checked with name_check. */
void name_put_rdn(struct buf *out, const struct name_attr_row *row, struct slice value);

#endif
