/* When an entry is due, and how long after a failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/due.h"

#define DAY 86400

static uint64_t state = 88172645463325252ULL;

static uint64_t any(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int64_t up_to(int64_t most)
{
    return (int64_t)(any() % (uint64_t)(most + 1));
}

/* Lives from a minute to ten years, failures, wishes of servers: never more than a tenth of what
 * remains, nor less than a second. */
static void no_wait_is_over_a_tenth_of_what_remains(void **arg)
{
    (void)arg;
    for (int i = 0; i < 200000; i++) {
        int64_t remaining = up_to((int64_t)1 << up_to(28));
        int64_t wait = backoff((unsigned)up_to(100), remaining, up_to(100 * DAY), any());

        assert_true(wait >= 1);
        assert_true(wait <= 1 || remaining <= 0 || wait <= remaining / 10);
        assert_true(wait <= BACKOFF_MOST);
    }
}

static void waits_grow_and_are_spread(void **arg)
{
    int64_t sum[6] = {0}, least = BACKOFF_MOST, most = 0;

    (void)arg;
    for (unsigned failures = 1; failures <= 6; failures++)
        for (int i = 0; i < 2000; i++)
            sum[failures - 1] += backoff(failures, 365 * DAY, 0, any());
    for (int i = 1; i < 6; i++)
        assert_true(sum[i] > sum[i - 1] * 3 / 2);
    for (int i = 0; i < 2000; i++) {
        int64_t wait = backoff(8, 365 * DAY, 0, any());

        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_true(least < 120);
    assert_true(most > BACKOFF_FIRST * 128 * 9 / 10);
}

static void a_server_that_asks_for_time_gets_it(void **arg)
{
    (void)arg;
    assert_true(backoff(1, 365 * DAY, 600, any()) >= 600);
    assert_int_equal(backoff(1, 1000, 600, any()), 100);
    assert_true(backoff(1, 0, 90, any()) >= 90);
    assert_true(backoff(50, -5, 90 * DAY, any()) <= BACKOFF_NONE);
    assert_int_equal(backoff(1, 1000, INT64_MAX, 0), 100);
}

static void due_lies_before_what_is_configured(void **arg)
{
    (void)arg;
    for (int i = 0; i < 100000; i++) {
        struct due_times t = {.not_before = up_to(2000000000), .renew_at = 1 + (unsigned)up_to(94)};
        int64_t life = 1 + up_to((int64_t)1 << up_to(29)), due;

        t.not_after = t.not_before + life;
        due = due_at(&t, any());
        assert_true(due >= t.not_before && due < t.not_after);
        assert_true(due <= t.not_before + life * t.renew_at / 100);
        assert_true(due + life / 20 >= t.not_before + life * t.renew_at / 100 - 1);
    }
}

static void a_hint_pulls_forward_and_never_back(void **arg)
{
    struct due_times t = {.not_before = 1000 * DAY, .not_after = 1090 * DAY, .renew_at = 66};

    (void)arg;
    for (int i = 0; i < 1000; i++) {
        uint64_t seed = any();
        int64_t without, with;

        t.hint_start = t.hint_end = 0;
        without = due_at(&t, seed);
        t.hint_start = 1010 * DAY;
        t.hint_end = 1011 * DAY;
        with = due_at(&t, seed);
        assert_true(with >= t.hint_start && with <= t.hint_end);
        assert_int_equal(with, due_at(&t, seed)); /* a restart does not change it */
        t.hint_start = 1080 * DAY;
        t.hint_end = 1085 * DAY;
        assert_int_equal(due_at(&t, seed), without);
    }
}

static void seeds_spread_a_fleet(void **arg)
{
    struct due_times t = {.not_before = 0, .not_after = 90 * DAY, .renew_at = 66};
    int64_t least = INT64_MAX, most = 0;

    (void)arg;
    for (int i = 0; i < 1000; i++) {
        char name[32];
        int64_t due;

        (void)snprintf(name, sizeof(name), "host%d", i);
        due = due_at(&t, due_seed(name, "f00"));
        least = due < least ? due : least;
        most = due > most ? due : most;
    }
    assert_true(most - least > 4 * DAY);
    assert_true(most - least <= 90 * DAY / 20);
}

static void late_is_told_in_time(void **arg)
{
    (void)arg;
    assert_false(due_late(0, 100, 79, 50));
    assert_true(due_late(0, 100, 80, 1));
    assert_true(due_late(0, 100, 200, 0));
    assert_false(due_late(0, 0, 5, 2));
    assert_true(due_late(0, 0, 5, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wait_is_over_a_tenth_of_what_remains),
        cmocka_unit_test(waits_grow_and_are_spread),
        cmocka_unit_test(a_server_that_asks_for_time_gets_it),
        cmocka_unit_test(due_lies_before_what_is_configured),
        cmocka_unit_test(a_hint_pulls_forward_and_never_back),
        cmocka_unit_test(seeds_spread_a_fleet),
        cmocka_unit_test(late_is_told_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
