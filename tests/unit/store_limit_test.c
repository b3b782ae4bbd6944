/* Limits: counted with the intent, durable, and by windows that begin with their first intent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/store/limits.h"
#include "tests/unit/store_help.h"

static const struct store_limit two_an_hour = {LIMIT_PROFILE, "tls-server", 2, 3600};
static const struct store_limit one_a_minute = {LIMIT_REQUESTER, "operator:alice", 1, 60};

/* Reserves a fresh request under these limits, at a time. */
static int reserve(struct fixture *x, int64_t now, const struct store_limit *a,
                   const struct store_limit *b)
{
    struct request r;
    int rc;

    request_init(&r, x, "a.example.com");
    r.op.kind = STORE_RESERVE;
    r.op.time = now;
    r.op.audit.action = AUDIT_INTENT;
    r.op.audit.time = now;
    r.op.intent.limit[r.op.intent.n_limits++] = *a;
    if (b != NULL)
        r.op.intent.limit[r.op.intent.n_limits++] = *b;
    rc = store_do(x->s, &r.op);
    x->f = r.op.fault;
    request_free(&r);
    return rc;
}

struct found {
    size_t n;
    struct limit_row last;
};

static int keep(void *arg, const struct limit_row *r)
{
    struct found *f = arg;

    f->n++;
    f->last = *r;
    return 0;
}

static void nothing_is_counted_without_a_limit(void **state)
{
    struct found found = {0};
    struct request r;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    request_init(&r, &x, "a.example.com");
    issue(&x, &r);
    assert_int_equal(store_limits(x.s, keep, &found, &x.f), 0);
    assert_int_equal(found.n, 0);
    request_free(&r);
    fixture_remove(&x);
}

static void one_more_than_the_limit_is_refused_until_the_window_is_over(void **state)
{
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    assert_int_equal(reserve(&x, TEST_NOW, &two_an_hour, NULL), 0);
    assert_int_equal(reserve(&x, TEST_NOW + 3599, &two_an_hour, NULL), 0);
    assert_int_equal(reserve(&x, TEST_NOW + 3599, &two_an_hour, NULL), -FAULT_UNAVAILABLE);
    assert_string_equal(x.f.rule, "limit.profile");
    assert_int_equal(x.f.retry_after, 1);
    assert_int_equal(reserve(&x, TEST_NOW + 3600, &two_an_hour, NULL), 0);
    assert_int_equal(reserve(&x, TEST_NOW + 3601, &two_an_hour, NULL), 0);
    assert_int_equal(reserve(&x, TEST_NOW + 3602, &two_an_hour, NULL), -FAULT_UNAVAILABLE);
    assert_int_equal(x.f.retry_after, 3598);
    assert_clean(&x);
    fixture_remove(&x);
}

static void counts_outlive_a_restart(void **state)
{
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    assert_int_equal(reserve(&x, TEST_NOW, &two_an_hour, NULL), 0);
    assert_int_equal(reserve(&x, TEST_NOW, &two_an_hour, NULL), 0);
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    assert_int_equal(reserve(&x, TEST_NOW, &two_an_hour, NULL), -FAULT_UNAVAILABLE);
    fixture_remove(&x);
}

static void either_limit_refuses_and_a_refusal_counts_nowhere(void **state)
{
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    assert_int_equal(reserve(&x, TEST_NOW, &two_an_hour, &one_a_minute), 0);
    assert_int_equal(reserve(&x, TEST_NOW + 1, &two_an_hour, &one_a_minute), -FAULT_UNAVAILABLE);
    assert_string_equal(x.f.rule, "limit.requester");
    assert_int_equal(x.f.retry_after, 59);
    assert_int_equal(reserve(&x, TEST_NOW + 2, &two_an_hour, NULL), 0); /* the profile's second */
    assert_int_equal(reserve(&x, TEST_NOW + 3, &two_an_hour, NULL), -FAULT_UNAVAILABLE);
    fixture_remove(&x);
}

static void kinds_of_one_name_count_apart(void **state)
{
    struct store_limit a = {LIMIT_PROFILE, "same", 1, 60}, b = {LIMIT_REQUESTER, "same", 1, 60},
                       c = {LIMIT_IDENTITY, "same", 1, 60},
                       longer = {LIMIT_PROFILE, "same-too", 1, 60};
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    assert_int_equal(reserve(&x, TEST_NOW, &a, NULL), 0);
    assert_int_equal(reserve(&x, TEST_NOW, &b, NULL), 0);
    assert_int_equal(reserve(&x, TEST_NOW, &c, NULL), 0);
    assert_int_equal(reserve(&x, TEST_NOW, &longer, NULL), 0);
    assert_int_equal(reserve(&x, TEST_NOW, &a, NULL), -FAULT_UNAVAILABLE);
    assert_int_equal(reserve(&x, TEST_NOW, &c, NULL), -FAULT_UNAVAILABLE);
    assert_string_equal(x.f.rule, "limit.identity");
    fixture_remove(&x);
}

/* Records in the audit log. */
static uint64_t records(struct fixture *x)
{
    struct store_stats stats;

    assert_int_equal(store_stats(x->s, &stats, &x->f), 0);
    return stats.audit_size;
}

static void the_first_refusal_of_a_window_is_recorded(void **state)
{
    struct store_limit other = two_an_hour;
    struct fixture x;
    uint64_t before;
    (void)state;

    other.name = "tls-client";
    other.n = 1;
    fixture_open(&x, false);
    assert_int_equal(reserve(&x, TEST_NOW, &two_an_hour, &other), 0);
    assert_int_equal(reserve(&x, TEST_NOW, &two_an_hour, NULL), 0);
    before = records(&x);
    for (int i = 0; i < 5; i++)
        assert_int_equal(reserve(&x, TEST_NOW + i, &two_an_hour, NULL), -FAULT_UNAVAILABLE);
    assert_int_equal(records(&x), before + 1);
    assert_int_equal(reserve(&x, TEST_NOW, &other, NULL), -FAULT_UNAVAILABLE); /* another counter */
    assert_int_equal(records(&x), before + 2);
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    assert_int_equal(reserve(&x, TEST_NOW, &two_an_hour, NULL), -FAULT_UNAVAILABLE);
    assert_int_equal(records(&x), before + 2);
    assert_int_equal(reserve(&x, TEST_NOW + 3600, &two_an_hour, NULL), 0); /* the next window */
    assert_int_equal(reserve(&x, TEST_NOW + 3600, &two_an_hour, NULL), 0);
    assert_int_equal(reserve(&x, TEST_NOW + 3600, &two_an_hour, NULL), -FAULT_UNAVAILABLE);
    assert_int_equal(records(&x), before + 5);
    assert_clean(&x);
    fixture_remove(&x);
}

static void the_same_request_again_counts_nothing(void **state)
{
    struct request r, again;
    struct found found = {0};
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    request_init(&r, &x, "a.example.com");
    r.op.intent.limit[r.op.intent.n_limits++] =
        (struct store_limit){LIMIT_PROFILE, "tls-server", 1, 3600};
    issue(&x, &r);
    request_init(&again, &x, "a.example.com");
    again.op.intent.limit[again.op.intent.n_limits++] = r.op.intent.limit[0];
    memcpy(again.op.intent.request_key, r.op.intent.request_key, 32);
    memcpy(again.op.intent.content, r.op.intent.content, 32);
    assert_int_equal(do_reserve(&x, &again), 0);
    assert_int_equal(again.op.outcome, STORE_KNOWN);
    assert_int_equal(store_limits(x.s, keep, &found, &x.f), 0);
    assert_int_equal(found.last.count, 1);
    request_free(&r), request_free(&again);
    fixture_remove(&x);
}

static void a_limit_that_was_lowered_or_widened_counts_what_was(void **state)
{
    struct store_limit three = two_an_hour, one = two_an_hour, short_one = two_an_hour;
    struct fixture x;
    (void)state;

    three.n = 3;
    one.n = 1;
    short_one.per = 10;
    fixture_open(&x, false);
    assert_int_equal(reserve(&x, TEST_NOW, &two_an_hour, NULL), 0);
    assert_int_equal(reserve(&x, TEST_NOW, &two_an_hour, NULL), 0);
    assert_int_equal(reserve(&x, TEST_NOW, &one, NULL), -FAULT_UNAVAILABLE);
    assert_int_equal(reserve(&x, TEST_NOW, &three, NULL), 0);
    assert_int_equal(reserve(&x, TEST_NOW, &three, NULL), -FAULT_UNAVAILABLE);
    assert_int_equal(reserve(&x, TEST_NOW + 10, &short_one, NULL), 0);
    fixture_remove(&x);
}

static void counters_that_are_over_are_forgotten(void **state)
{
    struct found found = {0};
    char name[STORE_NAME_MAX];
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    for (int i = 0; i < 100; i++) {
        struct store_limit l = {LIMIT_REQUESTER, name, 1, 60};

        (void)snprintf(name, sizeof(name), "est:%03d", i);
        assert_int_equal(reserve(&x, TEST_NOW + 60 * (int64_t)i, &l, NULL), 0);
    }
    assert_int_equal(store_limits(x.s, keep, &found, &x.f), 0);
    assert_true(found.n < 70);
    assert_clean(&x);
    fixture_remove(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_counted_without_a_limit),
        cmocka_unit_test(one_more_than_the_limit_is_refused_until_the_window_is_over),
        cmocka_unit_test(counts_outlive_a_restart),
        cmocka_unit_test(either_limit_refuses_and_a_refusal_counts_nowhere),
        cmocka_unit_test(kinds_of_one_name_count_apart),
        cmocka_unit_test(the_first_refusal_of_a_window_is_recorded),
        cmocka_unit_test(the_same_request_again_counts_nothing),
        cmocka_unit_test(a_limit_that_was_lowered_or_widened_counts_what_was),
        cmocka_unit_test(counters_that_are_over_are_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
