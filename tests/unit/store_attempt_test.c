/* Renewals that were refused: one row an identity, bounded in how often it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/store/attempts.h"
#include "ca/store/store_lmdb.h"
#include "tests/unit/store_help.h"

static void fill(struct attempt *a, uint8_t serial, const char *rule)
{
    memset(a, 0, sizeof(*a));
    memset(a->identity, 7, sizeof(a->identity));
    a->ref.issuer = 1;
    memset(a->ref.serial, serial, sizeof(a->ref.serial));
    (void)snprintf(a->by, sizeof(a->by), "certificate:01");
    (void)snprintf(a->origin, sizeof(a->origin), "est 192.0.2.1");
    (void)snprintf(a->rule, sizeof(a->rule), "%s", rule);
    (void)snprintf(a->text, sizeof(a->text), "no");
}

static enum store_outcome refuse(struct fixture *x, uint8_t serial, const char *rule, int64_t now)
{
    struct attempt a;
    struct store_op op = {.kind = STORE_ATTEMPT, .attempt = &a, .time = now};

    fill(&a, serial, rule);
    assert_int_equal(store_do(x->s, &op), 0);
    return op.outcome;
}

static struct attempt last(struct fixture *x)
{
    struct attempt a, want;
    bool known;

    fill(&want, 0, "");
    assert_int_equal(store_attempt(x->s, want.identity, &a, &known, &x->f), 0);
    assert_true(known);
    return a;
}

static void the_last_one_is_kept_and_seldom_written(void **state)
{
    struct fixture x;
    struct attempt a;
    struct store_stats st;
    bool known;
    (void)state;

    fixture_open(&x, false);
    fill(&a, 1, "");
    assert_int_equal(store_attempt(x.s, a.identity, &a, &known, &x.f), 0);
    assert_false(known);
    assert_int_equal(refuse(&x, 1, "san.dns", TEST_NOW), STORE_DONE);
    for (int64_t t = 0; t < ATTEMPT_EVERY; t++)
        assert_int_equal(refuse(&x, 1, "san.dns", TEST_NOW + t), STORE_SAME);
    assert_int_equal(refuse(&x, 1, "san.dns", TEST_NOW + ATTEMPT_EVERY), STORE_DONE);
    a = last(&x);
    assert_int_equal(a.times, 2);
    assert_int_equal(a.first, TEST_NOW);
    assert_int_equal(a.last, TEST_NOW + ATTEMPT_EVERY);
    assert_string_equal(a.rule, "san.dns");
    assert_string_equal(a.origin, "est 192.0.2.1");
    assert_true(attempt_counts(&a, &a.ref));
    /* the same again is nothing new to whoever follows */
    assert_int_equal(store_stats(x.s, &st, &x.f), 0);
    assert_int_equal(st.change, 1);
    fixture_remove(&x);
}

static void another_reason_or_certificate_begins_anew(void **state)
{
    const int64_t again = TEST_NOW + ATTEMPT_ANOTHER;
    struct fixture x;
    struct attempt a;
    struct cert_ref other;
    (void)state;

    fixture_open(&x, false);
    assert_int_equal(refuse(&x, 1, "san.dns", TEST_NOW), STORE_DONE);
    assert_int_equal(refuse(&x, 1, "key.weak", again - 1), STORE_SAME);
    assert_int_equal(refuse(&x, 1, "key.weak", again), STORE_DONE);
    assert_int_equal(refuse(&x, 2, "key.weak", again), STORE_DONE);
    a = last(&x);
    assert_int_equal(a.times, 1);
    assert_int_equal(a.first, again);
    other = a.ref;
    other.issuer++;
    assert_false(attempt_counts(&a, &other));
    /* a clock that went back does not keep it out for as long */
    assert_int_equal(refuse(&x, 2, "key.weak", TEST_NOW - 1000000), STORE_DONE);
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    assert_int_equal(last(&x).last, TEST_NOW - 1000000);
    assert_clean(&x);
    fixture_remove(&x);
}

static void a_damaged_row_is_found(void **state)
{
    struct fixture x;
    struct attempt a;
    char rules[1024];
    bool known;
    MDB_txn *t;
    (void)state;

    fixture_open(&x, false);
    fill(&a, 1, "san.dns");
    assert_int_equal(refuse(&x, 1, "san.dns", TEST_NOW), STORE_DONE);
    assert_int_equal(mdb_txn_begin(x.s->env, NULL, 0, &t), 0);
    MDB_val k = val_of(a.identity, sizeof(a.identity)), v = val_of("\1", 1);
    assert_int_equal(mdb_put(t, x.s->dbi[D_ATTEMPT], &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(t), 0);
    assert_int_equal(store_attempt(x.s, a.identity, &a, &known, &x.f), -FAULT_INTERNAL);
    assert_false(known);
    assert_true(check_store(&x, rules) > 0);
    assert_non_null(strstr(rules, "attempt.row,"));
    fixture_remove(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_one_is_kept_and_seldom_written),
        cmocka_unit_test(another_reason_or_certificate_begins_anew),
        cmocka_unit_test(a_damaged_row_is_found),
    };

    return cmocka_run_group_tests_name("store_attempt", tests, NULL, NULL);
}
