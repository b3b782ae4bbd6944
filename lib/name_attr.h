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

#endif
