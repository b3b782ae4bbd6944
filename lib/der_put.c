#include <string.h>

#include "lib/der.h"

static size_t length_octets(size_t n)
{
    size_t octets = 0;

    if (n < 0x80)
        return 0;
    for (; n > 0; n >>= 8)
        octets++;
    return octets;
}

static void write_length(uint8_t *p, size_t n, size_t octets)
{
    if (octets == 0) {
        p[0] = (uint8_t)n;
        return;
    }
    p[0] = (uint8_t)(0x80 | octets);
    for (size_t i = octets; i > 0; i--, n >>= 8)
        p[i] = (uint8_t)n;
}

/* The element starts with one length octet, which is right for most; der_close
 * moves the contents up when it takes more. */
struct der_mark der_open(struct buf *b, uint8_t tag)
{
    struct der_mark m = {b->n};
    const uint8_t header[2] = {tag, 0};

    buf_put(b, header, sizeof(header));
    return m;
}

void der_close(struct buf *b, struct der_mark m)
{
    size_t len, octets;

    if (buf_failed(b))
        return;
    len = b->n - m.at - 2;
    octets = length_octets(len);
    if (octets > 0) {
        if (buf_grow(b, octets) == NULL)
            return;
        memmove(b->p + m.at + 2 + octets, b->p + m.at + 2, len);
    }
    write_length(b->p + m.at + 1, len, octets);
}

void der_put_header(struct buf *b, uint8_t tag, size_t len)
{
    uint8_t header[2 + sizeof(size_t)];
    size_t octets = length_octets(len);

    header[0] = tag;
    write_length(header + 1, len, octets);
    buf_put(b, header, 2 + octets);
}

void der_put(struct buf *b, uint8_t tag, struct slice contents)
{
    der_put_header(b, tag, contents.n);
    buf_put_slice(b, contents);
}

void der_put_unsigned(struct buf *b, struct slice magnitude)
{
    bool sign;

    while (magnitude.n > 0 && magnitude.p[0] == 0)
        magnitude = slice_of(magnitude.p + 1, magnitude.n - 1);
    sign = magnitude.n == 0 || (magnitude.p[0] & 0x80) != 0;
    der_put_header(b, DER_INTEGER, magnitude.n + (sign ? 1 : 0));
    if (sign)
        buf_put_u8(b, 0);
    buf_put_slice(b, magnitude);
}

void der_put_u64(struct buf *b, uint64_t v)
{
    uint8_t octets[8];

    for (size_t i = sizeof(octets); i > 0; i--, v >>= 8)
        octets[i - 1] = (uint8_t)v;
    der_put_unsigned(b, slice_of(octets, sizeof(octets)));
}

void der_put_bool(struct buf *b, bool v)
{
    const uint8_t element[3] = {DER_BOOLEAN, 1, v ? 0xff : 0};

    buf_put(b, element, sizeof(element));
}

void der_put_null(struct buf *b)
{
    der_put_header(b, DER_NULL, 0);
}

void der_put_oid(struct buf *b, struct slice oid)
{
    der_put(b, DER_OID, oid);
}

void der_put_bit_octets(struct buf *b, struct slice octets)
{
    der_put_header(b, DER_BIT_STRING, octets.n + 1);
    buf_put_u8(b, 0);
    buf_put_slice(b, octets);
}

/* X.690 11.2.2: trailing zero bits of a named bit list are not encoded. */
void der_put_named_bits(struct buf *b, uint16_t bits)
{
    uint8_t contents[3] = {0, 0, 0};
    size_t last = 0;

    if (bits == 0) {
        der_put(b, DER_BIT_STRING, slice_of(contents, 1));
        return;
    }
    for (size_t i = 0; i < 16; i++) {
        if ((bits & (1u << i)) == 0)
            continue;
        contents[1 + i / 8] |= (uint8_t)(0x80u >> (i % 8));
        last = i;
    }
    contents[0] = (uint8_t)(7 - last % 8);
    der_put(b, DER_BIT_STRING, slice_of(contents, 2 + last / 8));
}
