/* So many at once, then in even steps; each source by itself, in bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/rate.h"

#define SECOND 1000000U
#define NOW (1000 * (uint64_t)SECOND)

static void a_burst_then_even_steps(void **state)
{
    struct rate *r = rate_new(10, 20);
    uint64_t now = NOW;
    (void)state;

    for (int i = 0; i < 10; i++)
        assert_int_equal(rate_take(r, 1, now), 0);
    assert_int_equal(rate_take(r, 1, now), 2);
    assert_int_equal(rate_take(r, 1, now + SECOND), 1); /* asking again costs nothing */
    for (int i = 0; i < 5; i++) {
        now += 2 * SECOND;
        assert_int_equal(rate_take(r, 1, now), 0);
        assert_int_equal(rate_take(r, 1, now), 2);
    }
    now += 20 * (uint64_t)SECOND; /* rested: the burst is there again, and no more */
    for (int i = 0; i < 10; i++)
        assert_int_equal(rate_take(r, 1, now), 0);
    assert_int_equal(rate_take(r, 1, now), 2);
    rate_free(r);
}

static void each_source_by_itself(void **state)
{
    struct rate *r = rate_new(1, 60);
    (void)state;

    assert_int_equal(rate_take(r, 1, NOW), 0);
    assert_int_equal(rate_take(r, 1, NOW), 60);
    assert_int_equal(rate_take(r, 2, NOW), 0);
    assert_int_equal(rate_take(r, 0, NOW), 0);
    assert_int_equal(rate_take(r, 0, NOW), 60);
    rate_free(r);
}

/* Whoever comes often is not forgotten for a few others, and a place that is paid for goes first.
 */
static void few_are_pushed_out_by_as_many_as_there_are_places(void **state)
{
    struct rate *r = rate_new(2, 60);
    unsigned forgotten = 0;
    (void)state;

    for (uint64_t source = 0; source < RATE_SOURCES / 4; source++) {
        assert_int_equal(rate_take(r, source, NOW), 0);
        assert_int_equal(rate_take(r, source, NOW), 0);
    }
    for (uint64_t source = 0; source < RATE_SOURCES / 4; source++)
        forgotten += rate_take(r, source, NOW) == 0;
    assert_true(forgotten < RATE_SOURCES / 4 / 50);
    rate_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_then_even_steps),
        cmocka_unit_test(each_source_by_itself),
        cmocka_unit_test(few_are_pushed_out_by_as_many_as_there_are_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
