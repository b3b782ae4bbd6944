/* The rules of ITU-T X.690 (DER), by one tolerant walk over everything. */
#include <stdio.h>

#include "lib/der.h"
#include "lib/lint_cert.h"

#define DEPTH_MAX 24
#define CONSTRUCTED 0x20

static void note(struct lint_cert *c, enum lint_der kind, size_t at)
{
    if ((c->der_broken & 1u << kind) != 0)
        return;
    c->der_broken |= 1u << kind;
    c->der_at[kind] = at;
}

/* Length octets behind the tag. False when nothing behind can be made sense of. */
static bool get_length(struct lint_cert *c, struct slice in, size_t at, size_t *header, size_t *len)
{
    size_t octets = in.p[1] & 0x7f;

    *header = 2;
    *len = in.p[1];
    if (in.p[1] < 0x80)
        return true;
    if (octets == 0) { /* indefinite */
        note(c, LINT_DER_LENGTH, at);
        return false;
    }
    if (octets > sizeof(*len) || in.n < 2 + octets) {
        note(c, LINT_DER_CUT, at);
        return false;
    }
    *len = 0;
    for (size_t i = 0; i < octets; i++)
        *len = *len << 8 | in.p[2 + i];
    *header += octets;
    if (*len < 0x80 || in.p[2] == 0)
        note(c, LINT_DER_LENGTH, at);
    return true;
}

static void check_bits(struct lint_cert *c, struct slice v, size_t at)
{
    unsigned unused = v.n == 0 ? 8 : v.p[0];

    if (unused > 7 || (v.n == 1 && unused != 0) ||
        (v.n > 1 && (v.p[v.n - 1] & ((1u << unused) - 1)) != 0))
        note(c, LINT_DER_BITS, at);
}

static void check_oid(struct lint_cert *c, struct slice v, size_t at)
{
    bool start = true, good = v.n > 0;

    for (size_t i = 0; i < v.n; i++) {
        if (start && v.p[i] == 0x80)
            good = false;
        start = (v.p[i] & 0x80) == 0;
    }
    if (!good || !start)
        note(c, LINT_DER_OID, at);
}

static void check_primitive(struct lint_cert *c, uint8_t tag, struct slice v, size_t at)
{
    switch (tag) {
    case DER_BOOLEAN:
        if (v.n != 1 || (v.p[0] != 0 && v.p[0] != 0xff))
            note(c, LINT_DER_BOOLEAN, at);
        break;
    case DER_INTEGER:
    case DER_ENUMERATED:
        if (v.n == 0 || (v.n > 1 && ((v.p[0] == 0 && (v.p[1] & 0x80) == 0) ||
                                     (v.p[0] == 0xff && (v.p[1] & 0x80) != 0))))
            note(c, LINT_DER_INTEGER, at);
        break;
    case DER_BIT_STRING:
        check_bits(c, v, at);
        break;
    case DER_OID:
        check_oid(c, v, at);
        break;
    case DER_NULL:
        if (v.n != 0)
            note(c, LINT_DER_NULL, at);
        break;
    default:
        break;
    }
}

/* One element; what is left of `in` moves behind it. False when the walk cannot go on. */
static bool walk_one(struct lint_cert *c, struct slice *in, size_t at, unsigned depth,
                     struct slice *whole)
{
    size_t header, len;
    uint8_t tag = in->p[0];

    if (tag == 0 || (tag & 0x1f) == 0x1f) {
        note(c, LINT_DER_TAG, at);
        return false;
    }
    if (in->n < 2) {
        note(c, LINT_DER_CUT, at);
        return false;
    }
    if (!get_length(c, *in, at, &header, &len))
        return false;
    if (len > in->n - header) {
        note(c, LINT_DER_CUT, at);
        return false;
    }
    *whole = slice_of(in->p, header + len);
    if ((tag & CONSTRUCTED) == 0)
        check_primitive(c, tag, slice_of(in->p + header, len), at);
    else
        lint_der_walk(c, slice_of(in->p + header, len), at + header, depth + 1);
    if (tag < 0x40 && (tag & CONSTRUCTED) != 0 && tag != DER_SEQUENCE && tag != DER_SET)
        note(c, LINT_DER_STRING, at);
    if (tag == DER_SET) {
        struct slice set = slice_of(in->p + header, len), last = SLICE_NONE, one;

        while (der_get_any(&set, NULL, NULL, &one) == 0) {
            if (last.n > 0 && slice_cmp(last, one) > 0)
                note(c, LINT_DER_SET, at);
            last = one;
        }
    }
    *in = slice_of(in->p + whole->n, in->n - whole->n);
    return true;
}

void lint_der_walk(struct lint_cert *c, struct slice in, size_t at, unsigned depth)
{
    struct slice whole;

    if (depth > DEPTH_MAX) {
        note(c, LINT_DER_DEEP, at);
        return;
    }
    while (in.n > 0 && walk_one(c, &in, at, depth, &whole)) {
        at += whole.n;
        if (depth == 0 && in.n > 0) {
            note(c, LINT_DER_TAIL, at);
            return;
        }
    }
}

/* --- rules ------------------------------------------------------------------------- */

static int broken(const struct lint_cert *c, enum lint_der kind, char why[LINT_WHY],
                  const char *what)
{
    if ((c->der_broken & 1u << kind) == 0)
        return 0;
    return lint_why(why, "%s at octet %zu", what, c->der_at[kind]);
}

static int readable(const struct lint_cert *c, char why[LINT_WHY])
{
    return c->unread == NULL ? 0 : lint_why(why, "%s", c->unread);
}

static int lengths(const struct lint_cert *c, char why[LINT_WHY])
{
    return broken(c, LINT_DER_LENGTH, why, "a length is indefinite or not in its shortest form");
}

static int whole(const struct lint_cert *c, char why[LINT_WHY])
{
    return broken(c, LINT_DER_CUT, why, "an element is longer than what it is in");
}

static int tail(const struct lint_cert *c, char why[LINT_WHY])
{
    return broken(c, LINT_DER_TAIL, why, "there is something behind the last element");
}

static int tags(const struct lint_cert *c, char why[LINT_WHY])
{
    return broken(c, LINT_DER_TAG, why, "a tag that no certificate has");
}

static int booleans(const struct lint_cert *c, char why[LINT_WHY])
{
    return broken(c, LINT_DER_BOOLEAN, why, "a BOOLEAN is neither 00 nor FF");
}

static int integers(const struct lint_cert *c, char why[LINT_WHY])
{
    return broken(c, LINT_DER_INTEGER, why, "an INTEGER is not in its shortest form");
}

static int oids(const struct lint_cert *c, char why[LINT_WHY])
{
    return broken(c, LINT_DER_OID, why, "an OBJECT IDENTIFIER is not in its shortest form");
}

static int bit_strings(const struct lint_cert *c, char why[LINT_WHY])
{
    return broken(c, LINT_DER_BITS, why, "unused bits of a BIT STRING are not zero or too many");
}

static int nulls(const struct lint_cert *c, char why[LINT_WHY])
{
    return broken(c, LINT_DER_NULL, why, "a NULL is not empty");
}

static int sets(const struct lint_cert *c, char why[LINT_WHY])
{
    return broken(c, LINT_DER_SET, why, "a SET OF is not in order");
}

static int strings(const struct lint_cert *c, char why[LINT_WHY])
{
    return broken(c, LINT_DER_STRING, why, "a string is put together of pieces");
}

static int depth(const struct lint_cert *c, char why[LINT_WHY])
{
    return broken(c, LINT_DER_DEEP, why, "elements are nested too deeply");
}

static int defaults(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->default_written == NULL)
        return 0;
    return lint_why(why, "%s is the default and must not be written", c->default_written);
}

static const struct lint_rule rules[] = {
    {"lint.certificate", "RFC 5280 4.1", LINT_ERROR, LINT_ALL, readable},
    {"lint.der.length", "X.690 10.1", LINT_ERROR, LINT_ALL, lengths},
    {"lint.der.cut", "X.690 8.1.3", LINT_ERROR, LINT_ALL, whole},
    {"lint.der.tail", "RFC 5280 4.1", LINT_ERROR, LINT_ALL, tail},
    {"lint.der.tag", "X.690 8.1.2", LINT_ERROR, LINT_ALL, tags},
    {"lint.der.boolean", "X.690 11.1", LINT_ERROR, LINT_ALL, booleans},
    {"lint.der.integer", "X.690 8.3.2", LINT_ERROR, LINT_ALL, integers},
    {"lint.der.oid", "X.690 8.19.2", LINT_ERROR, LINT_ALL, oids},
    {"lint.der.bits", "X.690 8.6.2, 11.2.1", LINT_ERROR, LINT_ALL, bit_strings},
    {"lint.der.null", "X.690 8.8.2", LINT_ERROR, LINT_ALL, nulls},
    {"lint.der.set", "X.690 11.6", LINT_ERROR, LINT_ALL, sets},
    {"lint.der.string", "X.690 10.2", LINT_ERROR, LINT_ALL, strings},
    {"lint.der.depth", "RFC 5280 4.1", LINT_ERROR, LINT_ALL, depth},
    {"lint.der.default", "X.690 11.5", LINT_ERROR, LINT_ALL, defaults},
};

const struct lint_table lint_der_rules = {rules, sizeof(rules) / sizeof(rules[0])};
