/* Names as relying parties compare them (RFC 5280 7.1). */
#include "lib/name.h"

struct folding {
    struct buf *out;
};

/* RFC 4518 2.6.1, in effect: no space at the ends, one space between words. */
static int fold_value(void *arg, enum name_attr attr, struct slice oid, struct slice utf8,
                      struct fault *f)
{
    struct buf *out = ((struct folding *)arg)->out;
    bool word = false, space = false;

    (void)attr;
    (void)f;
    buf_put_u8(out, (uint8_t)oid.n);
    buf_put_slice(out, oid);
    for (size_t i = 0; i < utf8.n; i++) {
        uint8_t c = utf8.p[i];

        if (c == ' ') {
            space = word;
            continue;
        }
        if (space)
            buf_put_u8(out, ' ');
        buf_put_u8(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c);
        word = true;
        space = false;
    }
    /* No value has a NUL in it. */
    buf_put_u8(out, 0);
    return 0;
}

int name_fold(struct slice der, struct buf *out, struct fault *f)
{
    struct folding fold = {out};
    int rc = name_check(der, fold_value, &fold, f);

    if (rc == 0 && buf_failed(out))
        rc = fault_set(f, FAULT_TOO_LARGE, "name.size", "the name is too long to compare");
    return rc;
}
