#include "tests/unit/damage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed;

void damage_seed(uint64_t n)
{
    seed = n;
}

/* xorshift64*. */
size_t damage_below(size_t n)
{
    if (n == 0)
        return 0;
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return n == 0 ? 0 : (size_t)((seed * 2685821657736338717u) >> 33) % n;
}

/* Moves the tail so that `cut` octets at `at` become `add`. */
static size_t resize(uint8_t *p, size_t n, size_t at, size_t cut, size_t add)
{
    if (n - cut + add > DAMAGE_MAX)
        return n;
    memmove(p + at + add, p + at + cut, n - at - cut);
    return n - cut + add;
}

static size_t damage_once(uint8_t p[DAMAGE_MAX], size_t n)
{
    static const uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x84,
                                      0xff, 0x30, 0x31, 0x02, 0x03, 0x1f, 0xa0};
    size_t at = damage_below(n), len = 1 + damage_below(16);

    if (len > n - at)
        len = n - at;
    switch (damage_below(6)) {
    case 0:
        p[at] ^= (uint8_t)(1u << damage_below(8));
        break;
    case 1:
        p[at] = telling[damage_below(sizeof(telling))];
        break;
    case 2:
        p[at] = (uint8_t)(p[at] + (damage_below(2) == 0 ? 1 : -1));
        break;
    case 3:
        return n - len > 1 ? resize(p, n, at, len, 0) : n;
    case 4: /* repeats what is there */
        if (n + len <= DAMAGE_MAX) {
            n = resize(p, n, at, 0, len);
            memmove(p + at, p + at + len, len < n - at - len ? len : n - at - len);
        }
        break;
    default: /* an octet that is not minimal any more, as in 30 81 05 */
        n = resize(p, n, at, 0, 1);
        p[at] = telling[damage_below(sizeof(telling))];
        break;
    }
    return n;
}

struct slice damaged(struct slice good)
{
    uint8_t scratch[DAMAGE_MAX];
    size_t n = good.n, times = 1 + damage_below(3);

    assert_true(n <= sizeof(scratch));
    memcpy(scratch, good.p, n);
    for (size_t i = 0; i < times; i++)
        n = damage_once(scratch, n);
    return slice_of(xmemdup(scratch, n), n);
}
