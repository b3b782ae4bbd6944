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

/* What each octet stands for, and one more, so that zero is no digit. */
static const uint8_t digits[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/* -1: none. */
static int digit(uint8_t c)
{
    return digits[c] - 1;
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

/* The digits from here on, four at a time, for as long as nothing else is among them: nearly all
 * text of any length. Returns how far it came. */
static size_t get_plain(struct slice text, struct buf *out)
{
    size_t i = 0;

    for (; i + 4 <= text.n; i += 4) {
        const uint8_t *p = text.p + i;
        int a = digit(p[0]), b = digit(p[1]), c = digit(p[2]), d = digit(p[3]);
        uint8_t *at;

        if (a < 0 || b < 0 || c < 0 || d < 0 || (at = buf_grow(out, 3)) == NULL)
            break;
        at[0] = (uint8_t)(a << 2 | b >> 4);
        at[1] = (uint8_t)(b << 4 | c >> 2);
        at[2] = (uint8_t)(c << 6 | d);
    }
    return i;
}

int base64_get(struct slice text, struct buf *out)
{
    struct quantum q = {0, 0, 0};

    for (size_t i = get_plain(text, out); i < text.n; i++) {
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
