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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_failures_are_free_then_the_wait_doubles_up_to_its_bound),
        cmocka_unit_test(others_do_not_wait),
        cmocka_unit_test(more_keys_than_places_push_out_the_quietest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
