/* A clock in doubt stops issuing, and nothing that happens meanwhile stands in the way once it is
 * right again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/clockguard.h"

static struct clock_guard guard;

static void set_clock(long seconds)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%ld", seconds);
    assert_int_equal(setenv("CERCA_TEST_CLOCK_OFFSET", text, 1), 0);
}

static int real_clock(void **state)
{
    (void)state;
    (void)unsetenv("CERCA_TEST_CLOCK_OFFSET");
    clock_guard_init(&guard, clock_now());
    return 0;
}

static void right(void)
{
    struct fault f;

    fault_clear(&f);
    assert_int_equal(clock_guard_check(&guard, &f), 0);
}

static void refused(const char *rule)
{
    int64_t newest = guard.newest;
    struct fault f;

    fault_clear(&f);
    assert_int_equal(clock_guard_check(&guard, &f), -FAULT_UNAVAILABLE);
    assert_string_equal(f.rule, rule);
    assert_true(f.retry_after > 0);
    /* Revoking goes on, with the wrong time; the newest commit stays where it was. */
    assert_int_equal(clock_guard_commit(&guard), newest);
}

static void a_clock_behind_the_newest_commit_is_in_doubt_until_it_is_right(void **state)
{
    (void)state;
    set_clock(-CLOCK_SLACK + 5);
    right();
    set_clock(-CLOCK_SLACK - 5);
    refused("clock.behind");
    set_clock(0);
    right();
}

static void a_clock_that_jumps_ahead_is_in_doubt_until_it_is_back(void **state)
{
    (void)state;
    right();
    set_clock(CLOCK_JUMP - 5);
    right();
    set_clock(CLOCK_JUMP + 5);
    refused("clock.jumped");
    refused("clock.jumped");
    set_clock(CLOCK_JUMP - 5);
    right();
    set_clock(0);
    right();
}

static void a_clock_far_ahead_of_the_newest_commit_at_the_start_is_in_doubt(void **state)
{
    (void)state;
    set_clock(CLOCK_AWAY - 5);
    right();
    clock_guard_init(&guard, guard.newest);
    set_clock(CLOCK_AWAY + 5);
    refused("clock.away");
    refused("clock.away");
    set_clock(86400);
    right();
}

static void a_new_store_takes_the_clock_as_it_is(void **state)
{
    (void)state;
    clock_guard_init(&guard, 0);
    set_clock(10L * CLOCK_AWAY);
    right();
}

static void a_clock_that_was_behind_and_is_set_right_has_not_jumped(void **state)
{
    (void)state;
    set_clock(-100L * CLOCK_JUMP);
    refused("clock.behind");
    set_clock(0);
    right();
    set_clock(2 * CLOCK_JUMP);
    refused("clock.jumped");
}

static void an_operator_accepts_a_clock_that_is_right_as_it_is(void **state)
{
    static const long offsets[] = {-10L * CLOCK_JUMP, 10L * CLOCK_JUMP, 10L * CLOCK_AWAY};
    struct fault f;

    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        assert_int_equal(real_clock(state), 0);
        right();
        set_clock(offsets[i]);
        fault_clear(&f);
        assert_int_equal(clock_guard_check(&guard, &f), -FAULT_UNAVAILABLE);
        clock_guard_accept(&guard);
        right();
        assert_int_equal(clock_guard_commit(&guard), clock_now());
    }
}

static void commits_move_the_newest_one_on(void **state)
{
    (void)state;
    right();
    set_clock(100);
    assert_in_range(clock_guard_commit(&guard), clock_now() - 1, clock_now());
    set_clock(70);
    assert_in_range(clock_guard_commit(&guard), clock_now() + 28, clock_now() + 31);
    set_clock(0);
    refused("clock.behind");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_clock_behind_the_newest_commit_is_in_doubt_until_it_is_right,
                               real_clock),
        cmocka_unit_test_setup(a_clock_that_jumps_ahead_is_in_doubt_until_it_is_back, real_clock),
        cmocka_unit_test_setup(a_clock_far_ahead_of_the_newest_commit_at_the_start_is_in_doubt,
                               real_clock),
        cmocka_unit_test_setup(a_new_store_takes_the_clock_as_it_is, real_clock),
        cmocka_unit_test_setup(a_clock_that_was_behind_and_is_set_right_has_not_jumped, real_clock),
        cmocka_unit_test_setup(an_operator_accepts_a_clock_that_is_right_as_it_is, real_clock),
        cmocka_unit_test_setup(commits_move_the_newest_one_on, real_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
