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

/* Reads RFC 4514 text: each attribute in the order of DER, the reverse of the text's, its value
 * unescaped and not checked. A result other than 0 ends it and is returned. Rule "name.text". */
typedef int (*name_pair_each)(void *arg, const struct name_attr_row *row, struct slice value,
                              struct fault *f);
int name_text_each(const char *text, name_pair_each each, void *arg, struct fault *f) WARN_UNUSED;
/* Appends one RDN. The whole Name is to be checked with name_check. */
void name_put_rdn(struct buf *out, const struct name_attr_row *row, struct slice value);

#endif
