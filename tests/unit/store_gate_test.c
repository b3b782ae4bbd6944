/* The gate: closed and open for good; and what a restore takes over from what was published. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "tests/unit/store_help.h"

static int gate(struct fixture *x, bool close, const char *why)
{
    struct store_op op = {
        .kind = STORE_GATE, .close = close, .why = why, .time = TEST_NOW, .audit.time = TEST_NOW};
    int rc;

    op.audit.action = close ? AUDIT_CLOSE : AUDIT_OPEN;
    rc = store_do(x->s, &op);
    x->f = op.fault;
    return rc;
}

static void a_closed_store_refuses_intents_and_nothing_else(void **state)
{
    struct fixture x;
    struct request before, open, after;

    (void)state;
    fixture_open(&x, false);
    request_init(&before, &x, "before.example");
    issue(&x, &before);
    request_init(&open, &x, "open.example");
    assert_int_equal(do_reserve(&x, &open), 0);
    assert_int_equal(gate(&x, true, "a drill"), 0);
    assert_int_equal(gate(&x, true, "again"), -FAULT_CONFLICT);
    assert_string_equal(x.f.rule, "gate.same");

    request_init(&after, &x, "after.example");
    assert_int_equal(do_reserve(&x, &after), -FAULT_UNAVAILABLE);
    assert_string_equal(after.op.fault.rule, "store.closed");
    assert_non_null(strstr(after.op.fault.text, "a drill"));
    assert_true(fault_retryable(&after.op.fault));
    /* A retry of what is recorded gets its answer; finishing and revoking go on. */
    assert_int_equal(do_reserve(&x, &before), 0);
    assert_int_equal(before.op.outcome, STORE_KNOWN);
    assert_int_equal(do_finish(&x, &open), 0);
    assert_int_equal(do_revoke(&x, &before, 1), 0);

    /* Durably. */
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    assert_int_equal(store_issuing(x.s, &x.f), -FAULT_UNAVAILABLE);
    assert_int_equal(do_reserve(&x, &after), -FAULT_UNAVAILABLE);
    assert_int_equal(gate(&x, false, ""), 0);
    assert_int_equal(store_issuing(x.s, &x.f), 0);
    assert_int_equal(do_reserve(&x, &after), 0);
    assert_clean(&x);
    request_free(&before);
    request_free(&open);
    request_free(&after);
    fixture_remove(&x);
}

static void refusals_of_a_closed_store_do_not_fill_the_audit_log(void **state)
{
    struct fixture x;
    struct request r;
    struct store_stats before, after;

    (void)state;
    fixture_open(&x, false);
    assert_int_equal(gate(&x, true, "a drill"), 0);
    assert_int_equal(store_stats(x.s, &before, &x.f), 0);
    for (int i = 0; i < 20; i++) {
        request_init(&r, &x, "again.example");
        assert_int_equal(do_reserve(&x, &r), -FAULT_UNAVAILABLE);
        request_free(&r);
    }
    assert_int_equal(store_stats(x.s, &after, &x.f), 0);
    assert_int_equal(after.audit_size, before.audit_size + 1);
    fixture_remove(&x);
}

static int restored(struct fixture *x, uint64_t change_to)
{
    struct store_op op = {.kind = STORE_RESTORED, .time = TEST_NOW, .why = "restored"};
    struct store_op first = {.kind = STORE_AUDIT, .time = TEST_NOW};
    int rc;

    op.restore.copied = TEST_NOW - 60;
    op.skip_to = change_to;
    rc = store_do(x->s, &op);
    x->f = op.fault;
    if (rc != 0)
        return rc;
    fixture_close(x);
    assert_int_equal(fixture_reopen(x), 0);
    first.audit.action = AUDIT_RESTORE;
    first.audit.time = TEST_NOW;
    return store_do(x->s, &first);
}

/* One that was published; returns the outcome. */
static enum store_outcome published(struct fixture *x, const struct cert_ref *ref,
                                    enum cert_state there, uint8_t reason)
{
    struct store_op op = {.kind = STORE_PUBLISHED,
                          .ref = *ref,
                          .published = {there},
                          .reason = reason,
                          .time = TEST_NOW};

    op.audit.action = AUDIT_RESTORE;
    op.audit.time = TEST_NOW;
    assert_int_equal(store_do(x->s, &op), 0);
    return op.outcome;
}

static enum cert_state state_of(struct fixture *x, const struct cert_ref *ref)
{
    struct cert_row row;
    enum cert_state s;

    must_get(x, ref, &row);
    s = row.state;
    cert_row_free(&row);
    return s;
}

static void after_a_restore_numbers_move_on_and_the_log_is_a_new_one(void **state)
{
    struct fixture x;
    struct request r;
    struct store_stats before, after;
    struct store_gate g;

    (void)state;
    fixture_open(&x, false);
    request_init(&r, &x, "one.example");
    issue(&x, &r);
    assert_int_equal(store_stats(x.s, &before, &x.f), 0);
    assert_int_equal(restored(&x, 1000), 0);
    assert_int_equal(store_stats(x.s, &after, &x.f), 0);
    assert_int_equal(store_gate(x.s, &g, &x.f), 0);
    assert_int_equal(after.change, 1000);
    assert_int_equal(after.audit_size, 1);
    assert_int_equal(after.audit_log, TEST_NOW);
    assert_true(g.closed && g.restored);
    assert_int_equal(g.restored_at, TEST_NOW);
    assert_int_equal(g.n_restores, 1);
    assert_int_equal(g.restore[0].audit_size, before.audit_size);
    assert_memory_equal(g.restore[0].audit_root, before.audit_root, 32);
    assert_clean(&x);
    /* Again, with numbers that nobody has seen: they never go back. */
    assert_int_equal(restored(&x, 5), 0);
    assert_int_equal(store_stats(x.s, &after, &x.f), 0);
    assert_int_equal(after.change, 1000);
    assert_int_equal(after.audit_log, TEST_NOW + 1);
    assert_clean(&x);
    request_free(&r);
    fixture_remove(&x);
}

static void what_was_published_only_makes_a_row_worse(void **state)
{
    struct fixture x;
    struct request good, held, revoked, open, again, lost[3];
    struct store_gate g;

    (void)state;
    fixture_open(&x, false);
    request_init(&good, &x, "good.example");
    issue(&x, &good);
    request_init(&held, &x, "held.example");
    issue(&x, &held);
    assert_int_equal(do_revoke(&x, &held, 6), 0);
    request_init(&revoked, &x, "revoked.example");
    issue(&x, &revoked);
    assert_int_equal(do_revoke(&x, &revoked, 1), 0);
    request_init(&open, &x, "open.example");
    assert_int_equal(do_reserve(&x, &open), 0);
    for (int i = 0; i < 3; i++)
        request_init(&lost[i], &x, "lost.example");
    assert_int_equal(restored(&x, 1000), 0);

    assert_int_equal(published(&x, &revoked.op.ref, CERT_GOOD, 0), STORE_SAME);
    assert_int_equal(published(&x, &revoked.op.ref, CERT_HELD, 6), STORE_SAME);
    assert_int_equal(published(&x, &held.op.ref, CERT_GOOD, 0), STORE_SAME);
    assert_int_equal(published(&x, &good.op.ref, CERT_GOOD, 0), STORE_SAME);
    assert_int_equal(state_of(&x, &revoked.op.ref), CERT_REVOKED);
    assert_int_equal(state_of(&x, &held.op.ref), CERT_HELD);
    assert_int_equal(published(&x, &good.op.ref, CERT_HELD, 6), STORE_DONE);
    assert_int_equal(published(&x, &good.op.ref, CERT_REVOKED, 1), STORE_DONE);
    assert_int_equal(state_of(&x, &good.op.ref), CERT_REVOKED);
    /* RFC 5280 5.3.1, keyCompromise (1): the key serves nobody any more. */
    request_init(&again, &x, "again.example");
    memcpy(again.op.intent.spki_hash, good.op.intent.spki_hash, 32);
    again.op.intent.key_reuse = KEY_REUSE_ALLOW;
    assert_int_equal(published(&x, &open.op.ref, CERT_GOOD, 0), STORE_DONE);
    assert_int_equal(state_of(&x, &open.op.ref), CERT_GOOD);
    assert_int_equal(published(&x, &lost[0].op.ref, CERT_GOOD, 0), STORE_DONE);
    assert_int_equal(published(&x, &lost[1].op.ref, CERT_HELD, 6), STORE_DONE);
    assert_int_equal(published(&x, &lost[2].op.ref, CERT_REVOKED, 4), STORE_DONE);
    /* Once more: nothing is news. */
    assert_int_equal(published(&x, &lost[0].op.ref, CERT_GOOD, 0), STORE_SAME);
    assert_int_equal(published(&x, &lost[2].op.ref, CERT_REVOKED, 4), STORE_SAME);
    assert_int_equal(state_of(&x, &lost[0].op.ref), CERT_GOOD);
    assert_int_equal(state_of(&x, &lost[1].op.ref), CERT_HELD);
    assert_int_equal(state_of(&x, &lost[2].op.ref), CERT_REVOKED);

    assert_int_equal(store_gate(x.s, &g, &x.f), 0);
    assert_int_equal(g.restore[0].lost, 3);
    assert_int_equal(g.restore[0].signatures, 1);
    assert_int_equal(g.restore[0].revoked, 2);
    assert_int_equal(g.restore[0].held, 2);
    assert_int_equal(g.restore[0].kept_held, 1);
    assert_clean(&x);
    assert_int_equal(gate(&x, false, ""), 0);
    assert_int_equal(do_reserve(&x, &again), -FAULT_POLICY);
    assert_string_equal(again.op.fault.rule, "key.blocked");
    request_free(&again);
    request_free(&good);
    request_free(&held);
    request_free(&revoked);
    request_free(&open);
    for (int i = 0; i < 3; i++)
        request_free(&lost[i]);
    fixture_remove(&x);
}

static void a_lost_serial_is_never_used_again_and_can_be_revoked(void **state)
{
    struct fixture x;
    struct request r;
    struct store_stats st;
    struct cert_row row;

    (void)state;
    fixture_open(&x, false);
    request_init(&r, &x, "lost.example");
    assert_int_equal(restored(&x, 1000), 0);
    assert_int_equal(published(&x, &r.op.ref, CERT_GOOD, 0), STORE_DONE);
    assert_int_equal(gate(&x, false, ""), 0);
    assert_int_equal(do_reserve(&x, &r), -FAULT_INTERNAL);
    assert_string_equal(r.op.fault.rule, "serial.unique");
    assert_int_equal(store_stats(x.s, &st, &x.f), 0);
    assert_true(st.last_tick >= (uint64_t)TEST_NOW * CLOCK_TICKS_PER_SECOND);
    must_get(&x, &r.op.ref, &row);
    assert_int_equal(row.tbs.n, 0);
    assert_int_equal(row.signature.n, 0);
    cert_row_free(&row);
    assert_int_equal(do_revoke(&x, &r, 1), 0);
    assert_clean(&x);
    request_free(&r);
    fixture_remove(&x);
}

static void nothing_is_taken_over_by_a_store_that_is_not_restored(void **state)
{
    struct fixture x;
    struct request r;
    struct store_op op = {.kind = STORE_PUBLISHED, .published = {CERT_GOOD}, .time = TEST_NOW};

    (void)state;
    fixture_open(&x, false);
    request_init(&r, &x, "other.example");
    op.ref = r.op.ref;
    op.audit.time = TEST_NOW;
    assert_int_equal(gate(&x, true, "a drill"), 0);
    assert_int_equal(store_do(x.s, &op), -FAULT_CONFLICT);
    assert_string_equal(op.fault.rule, "restore.state");
    request_free(&r);
    fixture_remove(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_store_refuses_intents_and_nothing_else),
        cmocka_unit_test(refusals_of_a_closed_store_do_not_fill_the_audit_log),
        cmocka_unit_test(after_a_restore_numbers_move_on_and_the_log_is_a_new_one),
        cmocka_unit_test(what_was_published_only_makes_a_row_worse),
        cmocka_unit_test(a_lost_serial_is_never_used_again_and_can_be_revoked),
        cmocka_unit_test(nothing_is_taken_over_by_a_store_that_is_not_restored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
