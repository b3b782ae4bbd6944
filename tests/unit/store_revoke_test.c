/* Revoking, hold and release, and what is blocked with a revocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/store_help.h"

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));
    fixture_open(x, false);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    fixture_close(x);
    fixture_remove(x);
    free(x);
    return 0;
}

static int count_row(void *arg, const struct cert_row *row)
{
    (void)row;
    ++*(size_t *)arg;
    return 0;
}

static size_t listed(struct fixture *x, enum store_status_filter status)
{
    struct store_filter q = {.now = TEST_NOW, .status = status};
    struct store_cursor cursor = {0};
    size_t n = 0;
    assert_int_equal(store_list(x->s, &q, 100, &cursor, count_row, &n, &x->f), 0);
    return n;
}

/* RFC 5280 5.3.1: a hold is the only revocation that can be taken back. */
static void what_is_held_can_be_released_and_nothing_else(void **state)
{
    struct fixture *x = *state;
    struct request a;
    struct cert_row row;
    struct store_change change;
    size_t n;
    request_init(&a, x, "a.example.com");
    issue(x, &a);
    assert_int_equal(do_release(x, &a), -FAULT_CONFLICT);
    assert_string_equal(a.op.fault.rule, "release.held");
    assert_int_equal(do_revoke(x, &a, REASON_CERTIFICATE_HOLD), 0);
    assert_int_equal(listed(x, STATUS_HELD), 1);
    assert_int_equal(do_release(x, &a), 0);
    assert_int_equal(a.op.state, CERT_GOOD);
    assert_int_equal(listed(x, STATUS_HELD), 0);
    assert_int_equal(listed(x, STATUS_VALID), 1);
    must_get(x, &a.op.ref, &row);
    assert_int_equal(row.state, CERT_GOOD);
    assert_int_equal(row.revoked_at, 0);
    assert_int_equal(row.reason, 0);
    assert_int_equal(store_changes_since(x->s, row.change - 1, &change, 1, &n, &x->f), 0);
    assert_int_equal(n, 1);
    assert_int_equal(change.state, CERT_GOOD);
    assert_int_equal(change.reason, REASON_REMOVE_FROM_CRL);
    assert_int_equal(do_revoke(x, &a, 4), 0);
    assert_int_equal(do_release(x, &a), -FAULT_CONFLICT);
    assert_clean(x);
    cert_row_free(&row);
    request_free(&a);
}

/* Two certificates of one key: what is known of the key counts for both. */
static void what_has_a_lost_key_is_not_released(void **state)
{
    struct fixture *x = *state;
    struct request a, b;
    request_init(&a, x, "a.example.com");
    request_init(&b, x, "b.example.com");
    memcpy(b.spki, a.spki, sizeof(b.spki));
    b.op.intent.key_reuse = KEY_REUSE_ALLOW;
    request_draft(&b, "b.example.com");
    issue(x, &a);
    issue(x, &b);
    assert_int_equal(do_revoke(x, &a, REASON_CERTIFICATE_HOLD), 0);
    assert_int_equal(do_revoke(x, &b, REASON_KEY_COMPROMISE), 0);
    assert_int_equal(do_release(x, &a), -FAULT_CONFLICT);
    assert_string_equal(a.op.fault.rule, "release.key");
    assert_int_equal(listed(x, STATUS_HELD), 1);
    assert_int_equal(do_revoke(x, &a, REASON_KEY_COMPROMISE), 0);
    assert_clean(x);
    request_free(&a);
    request_free(&b);
}

static void a_released_certificate_can_be_held_again(void **state)
{
    struct fixture *x = *state;
    struct request a;
    request_init(&a, x, "a.example.com");
    issue(x, &a);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(do_revoke(x, &a, REASON_CERTIFICATE_HOLD), 0);
        assert_int_equal(listed(x, STATUS_HELD), 1);
        assert_int_equal(do_release(x, &a), 0);
        assert_int_equal(listed(x, STATUS_HELD), 0);
    }
    assert_clean(x);
    request_free(&a);
}

static void released_survives_a_new_start_and_rebuilt_indexes(void **state)
{
    struct fixture *x = *state;
    struct request a;
    char path[128];
    request_init(&a, x, "a.example.com");
    issue(x, &a);
    assert_int_equal(do_revoke(x, &a, REASON_CERTIFICATE_HOLD), 0);
    assert_int_equal(do_release(x, &a), 0);
    fixture_close(x);
    fixture_path(x, "derived", path);
    remove_tree(path);
    assert_int_equal(fixture_reopen(x), 0);
    fixture_wait_indexes(x);
    assert_int_equal(listed(x, STATUS_HELD), 0);
    assert_int_equal(listed(x, STATUS_REVOKED), 0);
    assert_int_equal(listed(x, STATUS_VALID), 1);
    assert_clean(x);
    request_free(&a);
}

/* A key may turn out to be lost after its certificate was superseded: the reason may become
 * keyCompromise; the revocation stays, with its time. */
static void revoked_stays_revoked_but_may_become_key_compromise(void **state)
{
    struct fixture *x = *state;
    struct request a;
    struct cert_row row;
    request_init(&a, x, "a.example.com");
    issue(x, &a);
    assert_int_equal(do_revoke(x, &a, 4), 0);
    a.op.time = TEST_NOW + 100;
    assert_int_equal(do_revoke(x, &a, 5), -FAULT_CONFLICT);
    assert_int_equal(do_revoke(x, &a, REASON_KEY_COMPROMISE), 0);
    assert_int_equal(do_revoke(x, &a, REASON_KEY_COMPROMISE), -FAULT_CONFLICT);
    assert_string_equal(a.op.fault.rule, "revoke.already");
    must_get(x, &a.op.ref, &row);
    assert_int_equal(row.state, CERT_REVOKED);
    assert_int_equal(row.reason, REASON_KEY_COMPROMISE);
    assert_int_equal(row.revoked_at, TEST_NOW);
    assert_clean(x);
    cert_row_free(&row);
    request_free(&a);
}

static void a_compromised_key_gets_no_certificate_any_more(void **state)
{
    struct fixture *x = *state;
    struct request a, b;
    request_init(&a, x, "a.example.com");
    request_init(&b, x, "b.example.com");
    memcpy(b.op.intent.spki_hash, a.op.intent.spki_hash, 32);
    memcpy(b.spki, a.spki, sizeof(b.spki));
    request_draft(&b, "b.example.com");
    b.op.intent.key_reuse = KEY_REUSE_ALLOW;
    issue(x, &a);
    assert_int_equal(do_revoke(x, &a, REASON_KEY_COMPROMISE), 0);
    assert_int_equal(do_reserve(x, &b), -FAULT_POLICY);
    assert_string_equal(b.op.fault.rule, "key.blocked");
    assert_clean(x);
    request_free(&a);
    request_free(&b);
}

static void a_blocked_identity_gets_no_certificate_any_more_another_one_does(void **state)
{
    struct fixture *x = *state;
    struct request a, b, c;
    request_init(&a, x, "a.example.com");
    request_init(&b, x, "a.example.com");
    request_init(&c, x, "c.example.com");
    memcpy(b.op.intent.identity, a.op.intent.identity, 16);
    issue(x, &a);
    a.op.block_identity = true;
    assert_int_equal(do_revoke(x, &a, 9), 0);
    assert_int_equal(do_reserve(x, &b), -FAULT_POLICY);
    assert_string_equal(b.op.fault.rule, "identity.blocked");
    assert_int_equal(do_reserve(x, &c), 0);
    assert_clean(x);
    request_free(&a);
    request_free(&b);
    request_free(&c);
}

/* RFC 5280 5.3.2 */
static void the_invalidity_date_is_kept_and_never_in_the_future(void **state)
{
    struct fixture *x = *state;
    struct request a;
    struct cert_row row;
    request_init(&a, x, "a.example.com");
    issue(x, &a);
    a.op.invalidity = TEST_NOW + 1;
    assert_int_equal(do_revoke(x, &a, 1), -FAULT_POLICY);
    assert_string_equal(a.op.fault.rule, "revoke.invalidity");
    a.op.invalidity = TEST_NOW - 3600;
    assert_int_equal(do_revoke(x, &a, REASON_CERTIFICATE_HOLD), 0);
    a.op.invalidity = 0;
    assert_int_equal(do_revoke(x, &a, 1), 0);
    must_get(x, &a.op.ref, &row);
    assert_int_equal(row.invalidity, TEST_NOW - 3600);
    cert_row_free(&row);
    request_free(&a);
}

static void lists_find_by_key_and_by_time_of_issue(void **state)
{
    struct fixture *x = *state;
    struct request a, b;
    size_t n = 0;
    request_init(&a, x, "a.example.com");
    request_init(&b, x, "b.example.com");
    b.op.time = TEST_NOW + 1000;
    issue(x, &a);
    issue(x, &b);
    struct store_filter by_key = {.now = TEST_NOW, .has_key = true};
    struct store_filter by_time = {
        .now = TEST_NOW, .issued_from = TEST_NOW, .issued_before = TEST_NOW + 1000};
    struct store_cursor cursor = {0};
    memcpy(by_key.spki_hash, b.op.intent.spki_hash, 32);
    assert_int_equal(store_list(x->s, &by_key, 10, &cursor, count_row, &n, &x->f), 0);
    assert_int_equal(n, 1);
    cursor.n = 0;
    n = 0;
    assert_int_equal(store_list(x->s, &by_time, 10, &cursor, count_row, &n, &x->f), 0);
    assert_int_equal(n, 1);
    request_free(&a);
    request_free(&b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_held_can_be_released_and_nothing_else),
        T(what_has_a_lost_key_is_not_released),
        T(a_released_certificate_can_be_held_again),
        T(released_survives_a_new_start_and_rebuilt_indexes),
        T(revoked_stays_revoked_but_may_become_key_compromise),
        T(a_compromised_key_gets_no_certificate_any_more),
        T(a_blocked_identity_gets_no_certificate_any_more_another_one_does),
        T(the_invalidity_date_is_kept_and_never_in_the_future),
        T(lists_find_by_key_and_by_time_of_issue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
