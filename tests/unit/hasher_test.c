/* A hash that is made on another thread is that of the same octets in one piece. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hasher.h"
#include "lib/key.h"

#define MUCH ((size_t)3 << 20)

static void pieces_of_any_size_have_the_hash_of_the_whole(void **state)
{
    static const size_t steps[] = {MUCH, 1 << 20, 65536, 65535, 4096, 70001};
    uint8_t *p = malloc(MUCH), want[32], have[32];

    (void)state;
    assert_non_null(p);
    for (size_t i = 0; i < MUCH; i++)
        p[i] = (uint8_t)(i * 7 + i / 251);
    sha256(slice_of(p, MUCH), want);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct hasher *h = hasher_begin();

        for (size_t at = 0; at < MUCH; at += steps[i]) {
            hasher_add(h, slice_of(p + at, MUCH - at < steps[i] ? MUCH - at : steps[i]));
            hasher_wait(h);
        }
        hasher_end(h, have);
        assert_memory_equal(have, want, sizeof(want));
    }
    free(p);
}

/* By turns small and large: the one on the caller's thread, the other not. */
static void small_pieces_stay_in_order_with_large_ones(void **state)
{
    uint8_t *p = calloc(1, MUCH), want[32], have[32];
    struct hasher *h = hasher_begin();
    size_t at = 0;

    (void)state;
    assert_non_null(p);
    for (size_t i = 0; i < MUCH; i++)
        p[i] = (uint8_t)(i >> 3);
    sha256(slice_of(p, MUCH), want);
    for (size_t n = 100; at < MUCH; n = n == 100 ? 100000 : 100) {
        size_t take = MUCH - at < n ? MUCH - at : n;

        hasher_add(h, slice_of(p + at, take));
        hasher_wait(h);
        at += take;
    }
    hasher_end(h, have);
    assert_memory_equal(have, want, sizeof(want));
    free(p);
}

static void nothing_is_freed_twice(void **state)
{
    uint8_t none[32], want[32];

    (void)state;
    hasher_end(NULL, NULL);
    hasher_end(hasher_begin(), NULL);
    sha256(SLICE_NONE, want);
    hasher_end(hasher_begin(), none);
    assert_memory_equal(none, want, sizeof(want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_any_size_have_the_hash_of_the_whole),
        cmocka_unit_test(small_pieces_stay_in_order_with_large_ones),
        cmocka_unit_test(nothing_is_freed_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
