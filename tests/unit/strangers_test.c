/* Who knocks without an end costs one record an interval, and nothing of it is left uncounted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "ca/door/strangers.h"

#define INTERVAL_MS 20

struct seen {
    struct loop *loop;
    struct strangers *s;
    unsigned records;
    uint64_t more; /* in all */
    char who[64], rule[64];
    bool stop;
};

static void note(void *arg, const struct requester *who, const struct fault *f, uint64_t more,
                 int64_t since)
{
    struct seen *n = arg;

    assert_true(since > 0);
    n->records++;
    n->more += more;
    (void)snprintf(n->who, sizeof(n->who), "%s", who->name);
    (void)snprintf(n->rule, sizeof(n->rule), "%s", f->rule);
    if (n->stop)
        loop_stop(n->loop);
}

static void knock_often(struct seen *n, uid_t uid, const char *rule, uint32_t times)
{
    struct requester who = {.uid = uid};
    struct fault f;

    (void)snprintf(who.name, sizeof(who.name), "uid:%u", (unsigned)uid);
    (void)fault_set(&f, FAULT_DENIED, rule, "no");
    strangers_refused(n->s, &who, &f, times);
}

static void knock(struct seen *n, uid_t uid, const char *rule)
{
    knock_often(n, uid, rule, 1);
}

static int set_up(void **state)
{
    struct seen *n = xcalloc(1, sizeof(*n));

    n->loop = loop_new();
    n->s = strangers_new(n->loop, INTERVAL_MS, note, n);
    *state = n;
    return 0;
}

static int tear_down(void **state)
{
    struct seen *n = *state;

    strangers_free(n->s);
    loop_free(n->loop);
    free(n);
    return 0;
}

static void the_first_is_recorded_and_the_rest_counted(void **state)
{
    struct seen *n = *state;

    knock(n, 7, "one");
    assert_int_equal(n->records, 1);
    assert_int_equal(n->more, 0);
    for (int i = 0; i < 1000; i++)
        knock(n, 7, "two");
    assert_int_equal(n->records, 1);
    knock_often(n, 7, "two", 500);
    strangers_flush(n->s);
    assert_int_equal(n->records, 2);
    assert_int_equal(n->more, 1500);
    assert_string_equal(n->rule, "two");
    strangers_flush(n->s);
    assert_int_equal(n->records, 2);
}

static void the_number_is_recorded_when_the_interval_is_over(void **state)
{
    struct seen *n = *state;

    knock(n, 7, "one");
    knock(n, 7, "two");
    knock(n, 7, "three");
    n->stop = true;
    loop_run(n->loop);
    assert_int_equal(n->records, 2);
    assert_int_equal(n->more, 2);
    /* The interval after that is another one: one more knock is not a first one yet. */
    knock(n, 7, "four");
    assert_int_equal(n->records, 2);
    loop_run(n->loop);
    assert_int_equal(n->records, 3);
    assert_int_equal(n->more, 3);
}

static void each_uid_is_counted_by_itself(void **state)
{
    struct seen *n = *state;

    for (uid_t uid = 1; uid <= STRANGERS_MAX; uid++)
        knock(n, uid, "one");
    assert_int_equal(n->records, STRANGERS_MAX);
    assert_string_equal(n->who, "uid:64");
}

static void more_uids_than_places_cost_no_more_records(void **state)
{
    struct seen *n = *state;

    for (uid_t uid = 1; uid <= 100000; uid++)
        knock(n, uid, "one");
    assert_int_equal(n->records, STRANGERS_MAX + 1);
    strangers_flush(n->s);
    assert_int_equal(n->records, STRANGERS_MAX + 2);
    assert_int_equal(n->more, 100000 - STRANGERS_MAX - 1);
    assert_string_equal(n->who, "other strangers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_is_recorded_and_the_rest_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_number_is_recorded_when_the_interval_is_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_uid_is_counted_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_uids_than_places_cost_no_more_records, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
