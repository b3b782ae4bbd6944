#include "lib/der.h"

#include <string.h>

/* 4 length octets: CRLs grow to many mebibytes, nothing needs more than 4 GiB. */
#define LENGTH_OCTETS_MAX 4

/* Lengths in more than one octet (X.690 8.1.3.5), shortest form only (10.1). */
static int long_length(struct slice in, size_t octets, size_t *len)
{
    size_t v = 0;

    if (octets == 0 || octets > LENGTH_OCTETS_MAX || in.n < 2 + octets || in.p[2] == 0)
        return -1;
    for (size_t i = 0; i < octets; i++)
        v = v << 8 | in.p[2 + i];
    if (v < 0x80)
        return -1;
    *len = v;
    return 0;
}

int der_header(struct slice in, uint8_t *tag, size_t *header, size_t *len)
{
    size_t octets = 0;

    *tag = 0;
    *header = *len = 0;
    if (in.n < 2)
        return -1;
    /* Tag 0 is end-of-contents; no type that we read has a tag number above 30. */
    if (in.p[0] == 0 || (in.p[0] & 0x1f) == 0x1f)
        return -1;
    if (in.p[1] < 0x80) {
        *len = in.p[1];
    } else {
        octets = in.p[1] & 0x7f;
        if (long_length(in, octets, len) < 0)
            return -1;
    }
    *tag = in.p[0];
    *header = 2 + octets;
    return 0;
}

/* Inlined below, where most of what is NULL is known. */
static inline int get_any(struct slice *in, uint8_t *tag, struct slice *contents,
                          struct slice *whole)
{
    size_t header, len;
    uint8_t found;

    if (der_header(*in, &found, &header, &len) < 0 || len > in->n - header)
        return -1;
    if (tag != NULL)
        *tag = found;
    if (contents != NULL)
        *contents = slice_of(in->p + header, len);
    if (whole != NULL)
        *whole = slice_of(in->p, header + len);
    in->p += header + len;
    in->n -= header + len;
    return 0;
}

int der_get_any(struct slice *in, uint8_t *tag, struct slice *contents, struct slice *whole)
{
    return get_any(in, tag, contents, whole);
}

bool der_peek(struct slice in, uint8_t tag)
{
    return in.n > 0 && in.p[0] == tag;
}

bool der_end(struct slice in)
{
    return in.n == 0;
}

int der_get(struct slice *in, uint8_t tag, struct slice *contents)
{
    *contents = SLICE_NONE;
    return der_peek(*in, tag) ? get_any(in, NULL, contents, NULL) : -1;
}

int der_get_whole(struct slice *in, uint8_t tag, struct slice *whole)
{
    *whole = SLICE_NONE;
    return der_peek(*in, tag) ? get_any(in, NULL, NULL, whole) : -1;
}

int der_get_unsigned(struct slice *in, struct slice *magnitude)
{
    struct slice at = *in, v;

    *magnitude = SLICE_NONE;
    if (der_get(&at, DER_INTEGER, &v) < 0 || v.n == 0 || (v.p[0] & 0x80) != 0)
        return -1;
    if (v.n > 1 && v.p[0] == 0) {
        if ((v.p[1] & 0x80) == 0)
            return -1; /* X.690 8.3.2: the first nine bits are never equal */
        v = slice_of(v.p + 1, v.n - 1);
    }
    *magnitude = v;
    *in = at;
    return 0;
}

int der_get_u64(struct slice *in, uint64_t *out)
{
    struct slice at = *in, v;
    uint64_t n = 0;

    *out = 0;
    if (der_get_unsigned(&at, &v) < 0 || v.n > sizeof(n))
        return -1;
    for (size_t i = 0; i < v.n; i++)
        n = n << 8 | v.p[i];
    *out = n;
    *in = at;
    return 0;
}

int der_get_bool(struct slice *in, bool *out)
{
    struct slice at = *in, v;

    *out = false;
    /* X.690 11.1: TRUE is FF. */
    if (der_get(&at, DER_BOOLEAN, &v) < 0 || v.n != 1 || (v.p[0] != 0 && v.p[0] != 0xff))
        return -1;
    *out = v.p[0] == 0xff;
    *in = at;
    return 0;
}

int der_get_null(struct slice *in)
{
    struct slice at = *in, v;

    if (der_get(&at, DER_NULL, &v) < 0 || v.n != 0)
        return -1;
    *in = at;
    return 0;
}

int der_get_bits(struct slice *in, struct slice *octets, unsigned *unused)
{
    struct slice at = *in, v;
    unsigned spare;

    *octets = SLICE_NONE;
    *unused = 0;
    if (der_get(&at, DER_BIT_STRING, &v) < 0 || v.n == 0 || v.p[0] > 7)
        return -1;
    spare = v.p[0];
    if (v.n == 1 && spare != 0)
        return -1;
    /* X.690 11.2.1: unused bits are zero. */
    if ((v.p[v.n - 1] & ((1u << spare) - 1)) != 0 && v.n > 1)
        return -1;
    *octets = slice_of(v.p + 1, v.n - 1);
    *unused = spare;
    *in = at;
    return 0;
}

int der_get_bit_octets(struct slice *in, struct slice *octets)
{
    struct slice at = *in;
    unsigned unused;

    if (der_get_bits(&at, octets, &unused) < 0 || unused != 0) {
        *octets = SLICE_NONE;
        return -1;
    }
    *in = at;
    return 0;
}

/* X.690 8.19: subidentifiers in base 128 without leading 80, the last one ended. */
static bool oid_valid(struct slice v)
{
    bool start = true;

    if (v.n == 0)
        return false;
    for (size_t i = 0; i < v.n; i++) {
        if (start && v.p[i] == 0x80)
            return false;
        start = (v.p[i] & 0x80) == 0;
    }
    return start;
}

int der_get_oid(struct slice *in, struct slice *oid)
{
    struct slice at = *in;

    if (der_get(&at, DER_OID, oid) < 0 || !oid_valid(*oid)) {
        *oid = SLICE_NONE;
        return -1;
    }
    *in = at;
    return 0;
}
