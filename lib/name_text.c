/* Names as text (RFC 4514), printed and read. */
#include <string.h>

#include "lib/der.h"
#include "lib/name.h"
#include "lib/name_attr.h"
#include "lib/oid.h"
#include "lib/utf8.h"

#define RDNS_MAX 32

/* --- printing ------------------------------------------------------------------ */

/* RFC 4514 2.4. */
static void print_value(struct slice v, struct buf *out)
{
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.p[i];
        bool edge = (i == 0 && (c == ' ' || c == '#')) || (i + 1 == v.n && c == ' ');

        if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\%02X", c);
        else if (edge || strchr("\"+,;<>\\", c) != NULL)
            buf_printf(out, "\\%c", c);
        else
            buf_put_u8(out, c);
    }
}

/* '#' and the value's whole DER, for types that have no text form here. */
static void print_hex(struct slice whole, struct buf *out)
{
    buf_put_u8(out, '#');
    for (size_t i = 0; i < whole.n; i++)
        buf_printf(out, "%02X", whole.p[i]);
}

static bool print_text(const struct name_attr_row *row, uint8_t tag, struct slice v,
                       struct buf *out)
{
    struct name_text t;
    struct slice utf8 = v;

    if (tag == DER_TELETEX_STRING || tag == DER_BMP_STRING) {
        if (name_value_utf8(row, tag, v, &t, &utf8) < 0)
            return false;
    } else if ((tag != DER_UTF8_STRING && tag != DER_PRINTABLE_STRING && tag != DER_IA5_STRING) ||
               !utf8_valid(v)) {
        return false;
    }
    print_value(utf8, out);
    return true;
}

static void print_attribute(struct slice ava, struct buf *out)
{
    struct slice oid, v, whole;
    const struct name_attr_row *row;
    uint8_t tag;

    if (der_get_oid(&ava, &oid) < 0 || der_get_any(&ava, &tag, &v, &whole) < 0)
        return;
    row = name_attr_by_oid(oid);
    if (row->attr == ATTR_OTHER) {
        oid_print(oid, out);
        buf_put_u8(out, '=');
        print_hex(whole, out);
        return;
    }
    buf_printf(out, "%s=", row->name);
    if (!print_text(row, tag, v, out))
        print_hex(whole, out);
}

static void print_rdn(struct slice set, struct buf *out)
{
    struct slice ava;
    bool first = true;

    while (der_get(&set, DER_SEQUENCE, &ava) == 0) {
        if (!first)
            buf_put_u8(out, '+');
        print_attribute(ava, out);
        first = false;
    }
}

void name_print(struct slice der, struct buf *out)
{
    struct slice rdn[RDNS_MAX], seq;
    size_t n = 0;

    if (der_get(&der, DER_SEQUENCE, &seq) < 0)
        return;
    while (n < RDNS_MAX && der_get(&seq, DER_SET, &rdn[n]) == 0)
        n++;
    /* More would be cut silently. */
    if (!der_end(seq))
        buf_put_str(out, "...,");
    while (n > 0) {
        print_rdn(rdn[--n], out);
        if (n > 0)
            buf_put_u8(out, ',');
    }
}

/* --- reading ------------------------------------------------------------------- */

struct pair {
    const struct name_attr_row *row;
    size_t at, n; /* the value, unescaped, in the scratch buffer */
};

static int bad(struct fault *f, const char *text, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, "name.text", "\"%s\" is not a name: %s", text, what);
}

static const char *skip_spaces(const char *p)
{
    while (*p == ' ')
        p++;
    return p;
}

/* One escape, behind its backslash: a special character or two hexadecimal digits. */
static const char *read_escape(const char *p, struct buf *scratch)
{
    char pair[3] = {p[0], p[0] == 0 ? (char)0 : p[1], 0};
    uint8_t octet;

    if (p[0] != 0 && strchr(" \"#+,;<=>\\", p[0]) != NULL) {
        buf_put_u8(scratch, (uint8_t)p[0]);
        return p + 1;
    }
    if (strlen(pair) != 2 || hex_decode(pair, &octet, 1) < 0)
        return NULL;
    buf_put_u8(scratch, octet);
    return p + 2;
}

/* Up to the next bare comma or the end; trailing bare spaces do not count. */
static const char *read_value(const char *p, struct buf *scratch)
{
    size_t keep = scratch->n;

    if (*p == '#')
        return NULL;
    while (p != NULL && *p != 0 && *p != ',') {
        bool space = *p == ' ';

        if (strchr("\"+;<>", *p) != NULL)
            return NULL;
        if (*p == '\\') {
            p = read_escape(p + 1, scratch);
        } else {
            buf_put_u8(scratch, (uint8_t)*p);
            p++;
        }
        if (!space)
            keep = scratch->n;
    }
    if (!buf_failed(scratch))
        scratch->n = keep;
    return p;
}

static const char *read_pair(const char *text, const char *p, struct pair *out, struct buf *scratch,
                             struct fault *f)
{
    size_t n;

    p = skip_spaces(p);
    n = strcspn(p, "= ,");
    out->row = name_attr_by_name(slice_of(p, n));
    p = skip_spaces(p + n);
    if (out->row == NULL || *p != '=') {
        (void)bad(f, text, "write it as CN=...,OU=...,O=...,C=..");
        return NULL;
    }
    out->at = scratch->n;
    p = read_value(skip_spaces(p + 1), scratch);
    if (p == NULL)
        (void)bad(f, text,
                  "characters out of \",+;<>\\# need a backslash in front; one "
                  "attribute between commas");
    out->n = scratch->n - out->at;
    return p;
}

void name_put_rdn(struct buf *out, const struct name_attr_row *row, struct slice value)
{
    struct der_mark set = der_open(out, DER_SET), seq = der_open(out, DER_SEQUENCE);

    der_put_oid(out, row->oid);
    der_put(out, row->tag, value);
    der_close(out, seq);
    der_close(out, set);
}

/* What was put since `start` must be a whole, valid Name. */
static int check_put(const struct buf *out, size_t start, struct fault *f)
{
    if (buf_failed(out))
        return fault_set(f, FAULT_TOO_LARGE, "name.size", "the name is too long");
    return name_check(slice_of(out->p + start, out->n - start), NULL, NULL, f);
}

static int read_pairs(const char *text, struct pair pairs[RDNS_MAX], size_t *n, struct buf *scratch,
                      struct fault *f)
{
    const char *p = text;

    *n = 0;
    for (; *skip_spaces(text) != 0; p++) {
        if (*n == RDNS_MAX)
            return bad(f, text, "too many attributes");
        p = read_pair(text, p, &pairs[(*n)++], scratch, f);
        if (p == NULL)
            return -(int)f->code;
        if (*p == 0)
            break;
    }
    if (buf_failed(scratch))
        return fault_set(f, FAULT_TOO_LARGE, "name.size", "the name is too long");
    return 0;
}

int name_text_each(const char *text, name_pair_each each, void *arg, struct fault *f)
{
    struct pair pairs[RDNS_MAX] = {{0}};
    struct buf scratch;
    size_t n;
    int rc;

    buf_init(&scratch, NAME_DER_MAX);
    rc = read_pairs(text, pairs, &n, &scratch, f);
    while (rc == 0 && n-- > 0)
        rc = each(arg, pairs[n].row,
                  pairs[n].n == 0 ? SLICE_NONE : slice_of(scratch.p + pairs[n].at, pairs[n].n), f);
    buf_free(&scratch);
    return rc;
}

static int put_pair(void *arg, const struct name_attr_row *row, struct slice value, struct fault *f)
{
    (void)f;
    name_put_rdn(arg, row, value);
    return 0;
}

int name_parse(const char *text, struct buf *out, struct fault *f)
{
    size_t start = out->n;
    struct der_mark m = der_open(out, DER_SEQUENCE);
    int rc = name_text_each(text, put_pair, out, f);

    if (rc != 0) {
        out->n = start;
        return rc;
    }
    der_close(out, m);
    return check_put(out, start, f);
}

int name_from_cn(struct slice cn, struct buf *out, struct fault *f)
{
    static const uint8_t cn_oid[] = {0x55, 0x04, 0x03};
    size_t start = out->n;
    struct der_mark m = der_open(out, DER_SEQUENCE);

    if (cn.n > 0)
        name_put_rdn(out, name_attr_by_oid(slice_of(cn_oid, sizeof(cn_oid))), cn);
    der_close(out, m);
    return check_put(out, start, f);
}
