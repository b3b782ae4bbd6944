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

struct blocks {
    size_t n;
    struct store_block item[8];
};

static int note_block(void *arg, const struct store_block *b)
{
    struct blocks *all = arg;
    all->item[all->n++] = *b;
    return all->n % 2 == 0; /* pages of two */
}

static struct blocks blocked(struct fixture *x)
{
    struct blocks all = {.n = 0};
    size_t before;
    do {
        before = all.n;
        assert_int_equal(
            store_blocks(x->s, all.n > 0 ? &all.item[all.n - 1] : NULL, note_block, &all, &x->f),
            0);
    } while (all.n > before);
    return all;
}

static bool is_blocked(struct fixture *x, const struct request *r)
{
    bool blocked;
    assert_int_equal(store_identity_blocked(x->s, r->op.intent.identity, &blocked, &x->f), 0);
    return blocked;
}

static void identities_are_blocked_alone_listed_and_let_go(void **state)
{
    struct fixture *x = *state;
    struct request a[3], again;
    struct blocks all;
    for (int i = 0; i < 3; i++) {
        char name[] = "a.example.com";
        name[0] = (char)('a' + i);
        request_init(&a[i], x, name);
        issue(x, &a[i]);
    }
    assert_int_equal(do_revoke(x, &a[0], REASON_KEY_COMPROMISE), 0);
    assert_int_equal(do_block(x, &a[0], true), 0); /* revoked already */
    assert_false(is_blocked(x, &a[1]));
    assert_int_equal(do_block(x, &a[1], true), 0);
    assert_true(is_blocked(x, &a[1]));
    assert_false(is_blocked(x, &a[2]));
    assert_int_equal(do_block(x, &a[1], true), -FAULT_CONFLICT);
    assert_string_equal(a[1].op.fault.rule, "block.already");
    assert_int_equal(do_revoke(x, &a[2], REASON_KEY_COMPROMISE), 0);
    all = blocked(x);
    assert_int_equal(all.n, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(all.item[i].identity, i >= 2);
    for (size_t i = 1; i < 4; i++)
        assert_true(i == 2 || memcmp(all.item[i - 1].id, all.item[i].id, i < 2 ? 32 : 16) < 0);
    request_init(&again, x, "again.example.com");
    memcpy(again.op.intent.identity, a[1].op.intent.identity, 16);
    assert_int_equal(do_reserve(x, &again), -FAULT_POLICY);
    assert_string_equal(again.op.fault.rule, "identity.blocked");
    memcpy(again.op.identity, a[1].op.intent.identity, 16);
    memset(&again.op.ref, 0, sizeof(again.op.ref));
    assert_int_equal(do_block(x, &again, false), 0);
    assert_memory_equal(again.op.ref.serial, a[1].op.ref.serial, SERIAL_LEN);
    assert_false(is_blocked(x, &a[1]));
    assert_int_equal(do_block(x, &again, false), -FAULT_NOT_FOUND);
    assert_string_equal(again.op.fault.rule, "block.unknown");
    assert_int_equal(blocked(x).n, 3);
    request_free(&again);
    request_init(&again, x, "again.example.com");
    memcpy(again.op.intent.identity, a[1].op.intent.identity, 16);
    assert_int_equal(do_reserve(x, &again), 0);
    assert_clean(x);
    request_free(&again);
    for (int i = 0; i < 3; i++)
        request_free(&a[i]);
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

#define OF_ONE_KEY 700 /* over the memory, runs of several levels, and pages of a list */

struct of_key {
    size_t n;
    uint8_t serial[OF_ONE_KEY + 1][SERIAL_LEN];
};

static int note_serial(void *arg, const struct cert_row *row)
{
    struct of_key *l = arg;
    assert_true(l->n <= OF_ONE_KEY);
    memcpy(l->serial[l->n++], row->ref.serial, SERIAL_LEN);
    return 0;
}

static void list_key(struct fixture *x, const uint8_t hash[32], size_t limit, struct of_key *l)
{
    struct store_filter by_key = {.now = TEST_NOW, .has_key = true};
    struct store_cursor cursor = {0};
    memcpy(by_key.spki_hash, hash, 32);
    l->n = 0;
    do
        assert_int_equal(store_list(x->s, &by_key, limit, &cursor, note_serial, l, &x->f), 0);
    while (cursor.n > 0);
}

static int by_serial(const void *a, const void *b)
{
    return memcmp(a, b, SERIAL_LEN);
}

static void all_different(struct of_key *l)
{
    qsort(l->serial, l->n, SERIAL_LEN, by_serial);
    for (size_t i = 1; i < l->n; i++)
        assert_true(memcmp(l->serial[i - 1], l->serial[i], SERIAL_LEN) < 0);
}

/* Wherever its entries are: in memory, in runs, read back at the start; other keys between them. */
static void a_list_by_key_has_every_certificate_of_it_once(void **state)
{
    struct fixture *x = *state;
    struct of_key *l = xcalloc(1, sizeof(*l));
    struct request first, r;
    fixture_close(x);
    x->o.run_entries = 64;
    assert_int_equal(fixture_reopen(x), 0);
    request_init(&first, x, "first.example.com");
    first.op.intent.key_reuse = KEY_REUSE_ALLOW;
    assert_int_equal(do_reserve(x, &first), 0); /* and stays open */
    for (size_t i = 1; i < OF_ONE_KEY; i++) {
        request_init(&r, x, "again.example.com");
        r.op.intent.key_reuse = KEY_REUSE_ALLOW;
        if (i % 3 != 0)
            memcpy(r.op.intent.spki_hash, first.op.intent.spki_hash, 32);
        assert_int_equal(do_reserve(x, &r), 0);
        request_free(&r);
    }
    for (size_t limit = 1; limit < 1000; limit *= 30) {
        list_key(x, first.op.intent.spki_hash, limit, l);
        assert_int_equal(l->n, OF_ONE_KEY - (OF_ONE_KEY - 1) / 3);
        all_different(l);
    }
    fixture_close(x);
    assert_int_equal(fixture_reopen(x), 0);
    list_key(x, first.op.intent.spki_hash, 1000, l);
    assert_int_equal(l->n, OF_ONE_KEY - (OF_ONE_KEY - 1) / 3);
    all_different(l);
    request_free(&first);
    free(l);
}

/* It comes back from clients. */
static void a_cursor_of_another_list_by_key_is_refused(void **state)
{
    struct fixture *x = *state;
    struct store_filter by_key = {.now = TEST_NOW, .has_key = true, .spki_hash = {1, 2, 3}};
    struct store_cursor cursor = {0};
    size_t n = 0, taken = 0;
    int rc;
    for (size_t length = 1; length <= STORE_CURSOR_MAX; length++)
        for (uint8_t kind = 0; kind < 16; kind++) {
            cursor.n = length;
            cursor.at[0] = kind;
            assert_int_equal(store_list(x->s, &by_key, 10, &cursor, count_row, &n, &x->f),
                             -FAULT_MALFORMED);
            assert_string_equal(x->f.rule, "list.cursor");
            memcpy(cursor.at + 1, by_key.spki_hash, 16);
            rc = store_list(x->s, &by_key, 10, &cursor, count_row, &n, &x->f);
            assert_true(rc == -FAULT_MALFORMED || (rc == 0 && length == 51));
            taken += rc == 0;
            memset(cursor.at, 0, sizeof(cursor.at));
        }
    assert_int_equal(taken, 1); /* by key: an entry of the runs */
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
        T(identities_are_blocked_alone_listed_and_let_go),
        T(the_invalidity_date_is_kept_and_never_in_the_future),
        T(lists_find_by_key_and_by_time_of_issue),
        T(a_list_by_key_has_every_certificate_of_it_once),
        T(a_cursor_of_another_list_by_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
