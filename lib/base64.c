/* Base64 (RFC 4648 section 4). */
#include "lib/pem.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_quantum(struct buf *b, struct slice s)
{
    uint32_t v = (uint32_t)s.p[0] << 16;
    uint8_t out[4];

    if (s.n > 1)
        v |= (uint32_t)s.p[1] << 8;
    if (s.n > 2)
        v |= s.p[2];
    out[0] = (uint8_t)alphabet[v >> 18];
    out[1] = (uint8_t)alphabet[v >> 12 & 63];
    out[2] = s.n > 1 ? (uint8_t)alphabet[v >> 6 & 63] : '=';
    out[3] = s.n > 2 ? (uint8_t)alphabet[v & 63] : '=';
    buf_put(b, out, sizeof(out));
}

/* `columns` is a multiple of 4 for everybody who wraps (64 in PEM, 76 in MIME). */
void base64_put(struct buf *b, struct slice s, size_t columns)
{
    size_t column = 0;

    for (size_t i = 0; i < s.n; i += 3) {
        put_quantum(b, slice_of(s.p + i, s.n - i < 3 ? s.n - i : 3));
        column += 4;
        if (columns != 0 && column >= columns) {
            buf_put_u8(b, '\n');
            column = 0;
        }
    }
    if (columns != 0 && column > 0)
        buf_put_u8(b, '\n');
}

static int digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Digits of one quantum, and how many were padding. */
struct quantum {
    uint32_t bits;
    unsigned n, pad;
};

static int add(struct quantum *q, uint8_t c)
{
    int v = digit(c);

    if (c == '=' && q->n >= 2) {
        q->pad++;
        v = 0;
    } else if (v < 0 || q->pad > 0) {
        return -1;
    }
    q->bits = q->bits << 6 | (uint32_t)v;
    q->n++;
    return 0;
}

/* RFC 4648 3.5: bits that the padding leaves over are zero. */
static int flush(struct quantum *q, struct buf *out)
{
    const uint8_t octets[3] = {(uint8_t)(q->bits >> 16), (uint8_t)(q->bits >> 8), (uint8_t)q->bits};

    for (unsigned i = 3 - q->pad; i < 3; i++)
        if (octets[i] != 0)
            return -1;
    buf_put(out, octets, 3 - q->pad);
    q->bits = 0;
    q->n = 0;
    return 0;
}

int base64_get(struct slice text, struct buf *out)
{
    struct quantum q = {0, 0, 0};

    for (size_t i = 0; i < text.n; i++) {
        if (space(text.p[i]))
            continue;
        /* Nothing follows padding. */
        if ((q.n == 0 && q.pad > 0) || add(&q, text.p[i]) < 0)
            return -1;
        if (q.n == 4 && flush(&q, out) < 0)
            return -1;
    }
    return q.n == 0 && !buf_failed(out) ? 0 : -1;
}
