#include "lib/punycode.h"

#include <string.h>

/* RFC 3492 5. */
#define BASE 36u
#define T_MIN 1u
#define T_MAX 26u
#define SKEW 38u
#define DAMP 700u
#define INITIAL_BIAS 72u
#define INITIAL_N 0x80u
#define CODE_POINT_MAX 0x10ffffu

/* 6.1. */
static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
    uint32_t k = 0;

    delta = first ? delta / DAMP : delta / 2;
    delta += delta / points;
    for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
        delta /= BASE - T_MIN;
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static uint32_t digit(uint8_t c)
{
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= '0' && c <= '9' ? c - '0' + 26u : BASE;
}

/* One generalised variable-length integer (6.2), added to *i. */
static int get_delta(struct slice *in, uint32_t bias, uint32_t *i)
{
    uint64_t sum = *i, weight = 1;

    for (uint32_t k = BASE;; k += BASE) {
        uint32_t d, t = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;

        if (in->n == 0 || (d = digit(in->p[0])) == BASE)
            return -1;
        *in = slice_of(in->p + 1, in->n - 1);
        sum += d * weight;
        if (sum > UINT32_MAX)
            return -1;
        if (d < t)
            break;
        weight *= BASE - t;
        if (weight > UINT32_MAX)
            return -1;
    }
    *i = (uint32_t)sum;
    return 0;
}

int punycode_decode(struct slice text, uint32_t *out, size_t cap, size_t *n)
{
    const uint8_t *last = text.n == 0 ? NULL : memrchr(text.p, '-', text.n);
    size_t basic = last == NULL ? 0 : (size_t)(last - text.p), have = basic;
    struct slice in = last == NULL ? text : slice_of(last + 1, text.n - basic - 1);
    uint32_t code = INITIAL_N, bias = INITIAL_BIAS, i = 0;

    *n = 0;
    if (basic > cap)
        return -1;
    for (size_t k = 0; k < basic; k++)
        out[k] = text.p[k];
    while (in.n > 0) {
        uint32_t old = i, points = (uint32_t)have + 1;

        if (have == cap || get_delta(&in, bias, &i) < 0)
            return -1;
        bias = adapt(i - old, points, old == 0);
        if (i / points > CODE_POINT_MAX - code)
            return -1;
        code += i / points;
        i %= points;
        memmove(out + i + 1, out + i, (have - i) * sizeof(out[0]));
        out[i++] = code;
        have++;
    }
    *n = have;
    return 0;
}
