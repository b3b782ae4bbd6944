/* Who fails again and again waits; others do not, and the table stays bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/slow.h"

static void a_few_failures_are_free_then_the_wait_doubles_up_to_its_bound(void **state)
{
    struct slow *s = slow_new();
    uint32_t last = 0;
    (void)state;

    for (int i = 0; i < SLOW_FREE; i++) {
        slow_failed(s, 1);
        assert_int_equal(slow_wait(s, 1), 0);
    }
    for (int i = 0; i < 20; i++) {
        slow_failed(s, 1);
        assert_true(slow_wait(s, 1) >= last && slow_wait(s, 1) <= SLOW_MAX);
        last = slow_wait(s, 1);
    }
    assert_int_equal(last, SLOW_MAX);
    slow_free(s);
}

static void others_do_not_wait(void **state)
{
    struct slow *s = slow_new();
    (void)state;

    for (int i = 0; i < 10; i++)
        slow_failed(s, 1);
    assert_true(slow_wait(s, 1) > 0);
    assert_int_equal(slow_wait(s, 2), 0);
    assert_int_equal(slow_wait(s, 0), 0);
    slow_free(s);
}

static void more_keys_than_places_push_out_the_quietest(void **state)
{
    struct slow *s = slow_new();
    (void)state;

    for (int i = 0; i < 10; i++)
        slow_failed(s, 1);
    for (uint64_t key = 2; key < 2 + SLOW_KEYS - 1; key++)
        slow_failed(s, key);
    assert_true(slow_wait(s, 1) > 0);
    slow_failed(s, 1000000);
    assert_int_equal(slow_wait(s, 1), 0);
    slow_free(s);
}

/* As many at once as you like: what they are told is what they would be one after the other. */
static void tries_at_once_get_no_more_verdicts_than_one_after_the_other(void **state)
{
    const uint64_t both[] = {1, 2}, other[] = {3, 2};
    struct slow *s = slow_new();
    unsigned told = 0;
    (void)state;

    for (int i = 0; i < 1000; i++) /* all looked at, none told yet */
        told += slow_verdict(s, both, 2, false) == 0;
    assert_int_equal(told, SLOW_FREE + 1);
    assert_true(slow_verdict(s, both, 2, true) > 0);  /* not even the right one */
    assert_true(slow_verdict(s, other, 2, true) > 0); /* of that user from elsewhere */
    assert_int_equal(slow_verdict(s, other, 1, true), 0);
    assert_int_equal(slow_wait(s, 3), 0);
    slow_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_failures_are_free_then_the_wait_doubles_up_to_its_bound),
        cmocka_unit_test(others_do_not_wait),
        cmocka_unit_test(more_keys_than_places_push_out_the_quietest),
        cmocka_unit_test(tries_at_once_get_no_more_verdicts_than_one_after_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
