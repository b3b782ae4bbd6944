/* What every backend of the store has to do, through its interface, on real files. */
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
    fixture_remove(*state);
    free(*state);
    return 0;
}

static void what_was_reserved_and_finished_is_read_back_whole(void **state)
{
    struct fixture *x = *state;
    struct request r;
    struct cert_row row;
    request_init(&r, x, "host.example.com");
    issue(x, &r);
    must_get(x, &r.op.ref, &row);
    assert_int_equal(row.state, CERT_GOOD);
    assert_true(slice_eq(row.tbs, buf_slice(&r.tbs)));
    assert_true(slice_eq(row.signature, r.op.signature));
    assert_string_equal(row.profile, "tls-server");
    assert_string_equal(row.requester, "operator:alice");
    assert_string_equal(row.owner, "web");
    assert_int_equal(row.not_after, r.op.intent.not_after);
    assert_int_equal(row.not_before, r.op.intent.not_before);
    assert_int_equal(row.created, TEST_NOW);
    assert_int_equal(row.finished, TEST_NOW);
    assert_int_equal(row.change, 2);
    assert_memory_equal(row.fingerprint, r.op.fingerprint, 32);
    assert_memory_equal(row.spki_hash, r.op.intent.spki_hash, 32);
    assert_memory_equal(row.identity, r.op.intent.identity, 16);
    assert_memory_equal(row.request_key, r.op.intent.request_key, 32);
    assert_memory_equal(row.content, r.op.intent.content, 32);
    cert_row_free(&row);
    assert_clean(x);
    request_free(&r);
}

static void an_open_intent_has_no_signature_and_is_listed_as_open(void **state)
{
    struct fixture *x = *state;
    struct request r;
    struct cert_row row;
    struct cert_ref open[4];
    struct buf der;
    size_t n;
    request_init(&r, x, "host.example.com");
    assert_int_equal(do_reserve(x, &r), 0);
    must_get(x, &r.op.ref, &row);
    assert_int_equal(row.state, CERT_OPEN);
    assert_int_equal(row.signature.n, 0);
    buf_init(&der, 4096);
    assert_int_equal(cert_row_der(&row, &der), -FAULT_NOT_FOUND);
    assert_int_equal(store_open_intents(x->s, TEST_NOW + 1, open, 4, &n, &x->f), 0);
    assert_int_equal(n, 1);
    assert_memory_equal(open[0].serial, r.op.ref.serial, SERIAL_LEN);
    assert_int_equal(store_open_intents(x->s, TEST_NOW, open, 4, &n, &x->f), 0);
    assert_int_equal(n, 0);
    assert_clean(x);
    cert_row_free(&row);
    request_free(&r);
}

static void a_serial_of_an_issuer_is_taken_once(void **state)
{
    struct fixture *x = *state;
    struct request a, b;
    struct cert_ref found[4];
    size_t n;
    request_init(&a, x, "a.example.com");
    request_init(&b, x, "b.example.com");
    issue(x, &a);
    b.op.ref = a.op.ref;
    assert_int_equal(do_reserve(x, &b), -FAULT_INTERNAL);
    assert_string_equal(b.op.fault.rule, "serial.unique");
    b.op.ref.issuer++;
    assert_int_equal(do_reserve(x, &b), 0);
    assert_int_equal(store_find_serial(x->s, a.op.ref.serial, found, 4, &n, &x->f), 0);
    assert_int_equal(n, 2);
    assert_int_equal(found[0].issuer, x->issuer);
    assert_int_equal(found[1].issuer, x->issuer + 1);
    a.op.ref.serial[15] ^= 1;
    assert_int_equal(store_find_serial(x->s, a.op.ref.serial, found, 4, &n, &x->f),
                     -FAULT_NOT_FOUND);
    request_free(&a);
    request_free(&b);
}

/* Makes b ask what a asked, under a serial of its own. */
static void same_request(struct request *b, const struct request *a)
{
    memcpy(b->op.intent.request_key, a->op.intent.request_key, 32);
    memcpy(b->op.intent.content, a->op.intent.content, 32);
}

static void a_request_key_is_known_until_its_life_is_over(void **state)
{
    struct fixture *x = *state;
    struct request a, b;
    request_init(&a, x, "a.example.com");
    request_init(&b, x, "a.example.com");
    same_request(&b, &a);
    struct cert_ref fresh = b.op.ref;
    assert_int_equal(do_reserve(x, &a), 0);
    assert_int_equal(do_reserve(x, &b), 0);
    assert_int_equal(b.op.outcome, STORE_KNOWN);
    assert_int_equal(b.op.state, CERT_OPEN);
    assert_memory_equal(b.op.ref.serial, a.op.ref.serial, SERIAL_LEN);
    assert_int_equal(do_finish(x, &a), 0);
    b.op.ref = fresh;
    b.op.time = TEST_NOW + 599;
    assert_int_equal(do_reserve(x, &b), 0);
    assert_int_equal(b.op.outcome, STORE_KNOWN);
    assert_int_equal(b.op.state, CERT_GOOD);
    b.op.ref = fresh;
    b.op.time = TEST_NOW + 600;
    assert_int_equal(do_reserve(x, &b), 0);
    assert_int_equal(b.op.outcome, STORE_DONE);
    assert_clean(x);
    request_free(&a);
    request_free(&b);
}

static void a_request_key_with_another_content_requester_or_profile_is_refused(void **state)
{
    struct fixture *x = *state;
    struct request a, b;
    request_init(&a, x, "a.example.com");
    request_init(&b, x, "a.example.com");
    issue(x, &a);
    same_request(&b, &a);
    b.op.intent.content[0] ^= 1;
    assert_int_equal(do_reserve(x, &b), -FAULT_CONFLICT);
    assert_string_equal(b.op.fault.rule, "request.key");
    same_request(&b, &a);
    b.op.intent.requester = "operator:bob";
    assert_int_equal(do_reserve(x, &b), -FAULT_CONFLICT);
    b.op.intent.requester = a.op.intent.requester;
    b.op.intent.profile = "mtls";
    assert_int_equal(do_reserve(x, &b), -FAULT_CONFLICT);
    request_free(&a);
    request_free(&b);
}

/* A request that gives another's key for other content; under a serial of its own. */
static enum store_outcome ask_again(struct fixture *x, const struct request *a, int64_t time)
{
    struct request b;
    request_init(&b, x, "again.example.com");
    same_request(&b, a);
    b.op.time = time;
    assert_int_equal(do_reserve(x, &b), 0);
    enum store_outcome outcome = b.op.outcome;
    request_free(&b);
    return outcome;
}

static void request_keys_past_their_life_are_forgotten_but_not_open_ones(void **state)
{
    struct fixture *x = *state;
    struct request old, open;
    request_init(&open, x, "open.example.com");
    request_init(&old, x, "old.example.com");
    open.op.time = old.op.time = TEST_NOW - 86400;
    assert_int_equal(do_reserve(x, &open), 0);
    issue(x, &old);
    assert_int_equal(ask_again(x, &open, TEST_NOW), STORE_KNOWN);
    assert_int_equal(ask_again(x, &old, TEST_NOW), STORE_DONE);
    assert_int_equal(do_finish(x, &open), 0);
    assert_int_equal(ask_again(x, &open, TEST_NOW), STORE_DONE);
    assert_clean(x);
    request_free(&old);
    request_free(&open);
}

static int reserve_with_key_of(struct fixture *x, const struct request *a, enum key_reuse reuse,
                               bool same_identity, struct fault *f)
{
    struct request b;
    request_init(&b, x, "b.example.com");
    memcpy(b.spki, a->spki, sizeof(b.spki));
    if (same_identity)
        memcpy(b.op.intent.identity, a->op.intent.identity, 16);
    b.op.intent.key_reuse = reuse;
    request_draft(&b, "b.example.com");
    int rc = do_reserve(x, &b);
    *f = b.op.fault;
    request_free(&b);
    return rc;
}

static void a_key_is_used_again_only_as_the_profile_allows(void **state)
{
    struct fixture *x = *state;
    struct request a;
    struct fault f;
    request_init(&a, x, "a.example.com");
    issue(x, &a);
    assert_int_equal(reserve_with_key_of(x, &a, KEY_REUSE_FORBID, true, &f), -FAULT_POLICY);
    assert_string_equal(f.rule, "key.reuse");
    assert_string_equal(f.field, "key");
    assert_int_equal(reserve_with_key_of(x, &a, KEY_REUSE_SAME_IDENTITY, false, &f), -FAULT_POLICY);
    for (int i = 0; i < 5; i++)
        assert_int_equal(reserve_with_key_of(x, &a, KEY_REUSE_SAME_IDENTITY, true, &f), 0);
    assert_int_equal(reserve_with_key_of(x, &a, KEY_REUSE_ALLOW, false, &f), 0);
    /* now another identity has it too */
    assert_int_equal(reserve_with_key_of(x, &a, KEY_REUSE_SAME_IDENTITY, true, &f), -FAULT_POLICY);
    assert_clean(x);
    request_free(&a);
}

static void revoked_and_expired_certificates_still_hold_their_key(void **state)
{
    struct fixture *x = *state;
    struct request a;
    struct fault f;
    request_init(&a, x, "a.example.com");
    a.op.intent.not_after = TEST_NOW - 1;
    request_draft(&a, "a.example.com");
    issue(x, &a);
    assert_int_equal(do_revoke(x, &a, 1), 0);
    assert_int_equal(reserve_with_key_of(x, &a, KEY_REUSE_FORBID, true, &f), -FAULT_POLICY);
    request_free(&a);
}

static void a_retry_after_an_abandoned_intent_gets_a_new_serial_for_the_same_key(void **state)
{
    struct fixture *x = *state;
    struct request a, b, c;
    struct cert_row row;
    request_init(&a, x, "a.example.com");
    assert_int_equal(do_reserve(x, &a), 0);
    assert_int_equal(do_abandon(x, &a), 0);
    must_get(x, &a.op.ref, &row);
    assert_int_equal(row.state, CERT_ABANDONED);
    assert_int_equal(row.revoked_at, TEST_NOW);
    cert_row_free(&row);
    request_init(&c, x, "a.example.com");
    memcpy(c.spki, a.spki, sizeof(c.spki));
    request_draft(&c, "a.example.com");
    assert_int_equal(do_reserve(x, &c), -FAULT_POLICY); /* somebody else with that key */
    request_init(&b, x, "a.example.com");
    same_request(&b, &a);
    memcpy(b.spki, a.spki, sizeof(b.spki));
    request_draft(&b, "a.example.com");
    issue(x, &b);
    assert_int_equal(do_abandon(x, &b), 0);
    assert_int_equal(b.op.outcome, STORE_NOT_OPEN);
    assert_int_equal(b.op.state, CERT_GOOD);
    assert_clean(x);
    request_free(&a);
    request_free(&b);
    request_free(&c);
}

static void a_signature_for_what_is_not_open_is_dropped_and_recorded(void **state)
{
    struct fixture *x = *state;
    struct request a;
    struct buf actions;
    struct cert_row row;
    request_init(&a, x, "a.example.com");
    assert_int_equal(do_finish(x, &a), -FAULT_NOT_FOUND);
    assert_int_equal(do_reserve(x, &a), 0);
    assert_int_equal(do_abandon(x, &a), 0);
    assert_int_equal(do_finish(x, &a), 0);
    assert_int_equal(a.op.outcome, STORE_NOT_OPEN);
    assert_int_equal(a.op.state, CERT_ABANDONED);
    must_get(x, &a.op.ref, &row);
    assert_int_equal(row.signature.n, 0);
    audit_actions(x, &actions);
    assert_string_equal(buf_cstr(&actions), "riad");
    cert_row_free(&row);
    buf_free(&actions);
    request_free(&a);
}

static void revocation_moves_good_to_held_to_revoked_and_stays(void **state)
{
    struct fixture *x = *state;
    struct request a, b, c;
    struct cert_row row;
    request_init(&a, x, "a.example.com");
    assert_int_equal(do_revoke(x, &a, 1), -FAULT_NOT_FOUND);
    issue(x, &a);
    /* RFC 5280 5.3.1: 6 is certificateHold, 7 not used, 8 removeFromCRL */
    assert_int_equal(do_revoke(x, &a, 7), -FAULT_MALFORMED);
    assert_int_equal(do_revoke(x, &a, 8), -FAULT_MALFORMED);
    assert_int_equal(do_revoke(x, &a, 11), -FAULT_MALFORMED);
    assert_int_equal(do_revoke(x, &a, 6), 0);
    assert_int_equal(a.op.state, CERT_HELD);
    assert_int_equal(do_revoke(x, &a, 6), -FAULT_CONFLICT);
    a.op.time = TEST_NOW + 5;
    assert_int_equal(do_revoke(x, &a, 1), 0);
    assert_int_equal(a.op.state, CERT_REVOKED);
    assert_int_equal(do_revoke(x, &a, 4), -FAULT_CONFLICT);
    assert_string_equal(a.op.fault.rule, "revoke.already");
    must_get(x, &a.op.ref, &row);
    assert_int_equal(row.state, CERT_REVOKED);
    assert_int_equal(row.reason, 1);
    assert_int_equal(row.revoked_at, TEST_NOW + 5);
    assert_int_equal(row.signature.n, sizeof(a.signature));
    cert_row_free(&row);
    request_init(&b, x, "b.example.com");
    issue(x, &b);
    assert_int_equal(do_revoke(x, &b, 0), 0);
    request_init(&c, x, "c.example.com");
    assert_int_equal(do_reserve(x, &c), 0);
    assert_int_equal(do_abandon(x, &c), 0);
    assert_int_equal(do_revoke(x, &c, 1), -FAULT_CONFLICT);
    assert_clean(x);
    request_free(&a);
    request_free(&b);
    request_free(&c);
}

static void an_open_intent_that_is_revoked_takes_no_signature(void **state)
{
    struct fixture *x = *state;
    struct request a;
    request_init(&a, x, "a.example.com");
    assert_int_equal(do_reserve(x, &a), 0);
    assert_int_equal(do_revoke(x, &a, 6), -FAULT_CONFLICT);
    assert_int_equal(do_revoke(x, &a, 1), 0);
    assert_int_equal(do_finish(x, &a), 0);
    assert_int_equal(a.op.outcome, STORE_NOT_OPEN);
    assert_int_equal(a.op.state, CERT_REVOKED);
    assert_clean(x);
    request_free(&a);
}

static void a_replacement_is_linked_both_ways_once_it_is_finished(void **state)
{
    struct fixture *x = *state;
    struct request a, b;
    struct cert_row row;
    request_init(&a, x, "a.example.com");
    request_init(&b, x, "a.example.com");
    b.op.intent.has_replaces = true;
    b.op.intent.replaces = a.op.ref;
    assert_int_equal(do_reserve(x, &b), -FAULT_NOT_FOUND);
    assert_string_equal(b.op.fault.rule, "replaces.unknown");
    issue(x, &a);
    assert_int_equal(do_reserve(x, &b), 0);
    must_get(x, &a.op.ref, &row);
    assert_false(row.has_replaced_by);
    cert_row_free(&row);
    assert_int_equal(do_finish(x, &b), 0);
    must_get(x, &a.op.ref, &row);
    assert_true(row.has_replaced_by);
    assert_memory_equal(row.replaced_by.serial, b.op.ref.serial, SERIAL_LEN);
    cert_row_free(&row);
    must_get(x, &b.op.ref, &row);
    assert_true(row.has_replaces);
    assert_memory_equal(row.replaces.serial, a.op.ref.serial, SERIAL_LEN);
    cert_row_free(&row);
    assert_clean(x);
    request_free(&a);
    request_free(&b);
}

struct published {
    struct store_change c[64];
    size_t n;
    int fail;
};

static int publish(void *arg, const struct store_change *c, size_t n, struct fault *f)
{
    struct published *p = arg;
    memcpy(p->c + p->n, c, n * sizeof(*c));
    p->n += n;
    return p->fail ? fault_unavailable(f, 3, "view.write", "The view cannot be written") : 0;
}

static void every_change_of_state_has_the_next_number_and_is_published(void **state)
{
    struct fixture *x = *state;
    static const enum cert_state want[] = {CERT_OPEN,    CERT_GOOD, CERT_HELD,
                                           CERT_REVOKED, CERT_OPEN, CERT_ABANDONED};
    struct published p = {.n = 0};
    struct store_change since[8];
    struct request a, b;
    size_t n;
    store_on_publish(x->s, publish, &p);
    request_init(&a, x, "a.example.com");
    request_init(&b, x, "b.example.com");
    issue(x, &a);
    assert_int_equal(do_revoke(x, &a, 6), 0);
    assert_int_equal(do_revoke(x, &a, 4), 0);
    assert_int_equal(do_reserve(x, &b), 0);
    assert_int_equal(do_abandon(x, &b), 0);
    assert_int_equal(p.n, 6);
    assert_int_equal(store_changes_since(x->s, 0, since, 8, &n, &x->f), 0);
    assert_int_equal(n, 6);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(p.c[i].number, i + 1);
        assert_int_equal(p.c[i].state, want[i]);
        assert_int_equal(p.c[i].time, TEST_NOW);
        assert_int_equal(p.c[i].not_after, a.op.intent.not_after);
        assert_int_equal(since[i].number, i + 1);
        assert_int_equal(since[i].state, want[i]);
    }
    assert_int_equal(p.c[3].reason, 4);
    assert_int_equal(store_changes_since(x->s, 4, since, 8, &n, &x->f), 0);
    assert_int_equal(n, 2);
    assert_int_equal(store_changes_since(x->s, 6, since, 8, &n, &x->f), 0);
    assert_int_equal(n, 0);
    request_free(&a);
    request_free(&b);
}

static void what_could_not_be_published_is_answered_so_but_stands(void **state)
{
    struct fixture *x = *state;
    struct published p = {.fail = 1};
    struct request a;
    struct cert_row row;
    store_on_publish(x->s, publish, &p);
    request_init(&a, x, "a.example.com");
    assert_int_equal(do_reserve(x, &a), -FAULT_UNAVAILABLE);
    assert_string_equal(a.op.fault.rule, "view.write");
    assert_true(fault_retryable(&a.op.fault));
    must_get(x, &a.op.ref, &row);
    assert_int_equal(row.state, CERT_OPEN);
    cert_row_free(&row);
    request_free(&a);
}

static void refusals_are_recorded_with_their_rule(void **state)
{
    struct fixture *x = *state;
    struct request a;
    struct buf actions;
    struct store_op note = {.kind = STORE_AUDIT, .audit = {.action = AUDIT_START}};
    assert_int_equal(store_do(x->s, &note), 0);
    request_init(&a, x, "a.example.com");
    issue(x, &a);
    assert_int_equal(do_reserve(x, &a), 0); /* known: nothing new to record */
    assert_int_equal(a.op.outcome, STORE_KNOWN);
    a.op.intent.has_request_key = false;
    assert_int_equal(do_reserve(x, &a), -FAULT_INTERNAL);
    assert_int_equal(do_revoke(x, &a, 1), 0);
    audit_actions(x, &actions);
    assert_string_equal(buf_cstr(&actions), "sifrv");
    assert_clean(x);
    buf_free(&actions);
    request_free(&a);
}

static void states_are_walked_in_serial_order_without_open_intents(void **state)
{
    struct fixture *x = *state;
    struct request r[5];
    struct store_change c[3];
    size_t n;
    for (size_t i = 0; i < 5; i++) {
        request_init(&r[i], x, "a.example.com");
        assert_int_equal(do_reserve(x, &r[i]), 0);
    }
    for (size_t i = 5; i-- > 1;)
        assert_int_equal(do_finish(x, &r[i]), 0);
    assert_int_equal(do_revoke(x, &r[2], 4), 0);
    assert_int_equal(store_states(x->s, NULL, c, 3, &n, &x->f), 0);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(c[i].ref.serial, r[i + 1].op.ref.serial, SERIAL_LEN);
    assert_int_equal(c[0].state, CERT_GOOD);
    assert_int_equal(c[1].state, CERT_REVOKED);
    assert_int_equal(c[1].reason, 4);
    assert_int_equal(store_states(x->s, &c[2].ref, c, 3, &n, &x->f), 0);
    assert_int_equal(n, 1);
    assert_memory_equal(c[0].ref.serial, r[4].op.ref.serial, SERIAL_LEN);
    for (size_t i = 0; i < 5; i++)
        request_free(&r[i]);
}

static int count_issuer(void *arg, const struct store_issuer *i)
{
    size_t *n = arg;
    ++*n;
    if (i->number == 2) {
        assert_string_equal(i->name, "root");
        assert_true(slice_is(i->certificate, "certificate"));
    }
    return 0;
}

static void an_issuer_keeps_its_number(void **state)
{
    struct fixture *x = *state;
    static const uint8_t hash[32] = {7}, other[32] = {8};
    uint16_t number;
    size_t n = 0;
    assert_int_equal(store_issuer_add(x->s, "root", other, &number, &x->f), 0);
    assert_int_equal(number, 2);
    assert_int_equal(store_issuer_add(x->s, "issuing", hash, &number, &x->f), 0);
    assert_int_equal(number, 1);
    assert_int_equal(store_issuer_set_certificate(x->s, 2, slice_str("certificate"), &x->f), 0);
    assert_int_equal(store_issuer_set_certificate(x->s, 3, slice_str("x"), &x->f),
                     -FAULT_NOT_FOUND);
    assert_int_equal(store_issuers(x->s, count_issuer, &n, &x->f), 0);
    assert_int_equal(n, 2);
    fixture_close(x);
    assert_int_equal(fixture_reopen(x), 0);
    assert_int_equal(store_issuer_add(x->s, "root", other, &number, &x->f), 0);
    assert_int_equal(number, 2);
}

static void figures_say_what_is_there(void **state)
{
    struct fixture *x = *state;
    struct store_stats st;
    struct request a, b;
    request_init(&a, x, "a.example.com");
    request_init(&b, x, "b.example.com");
    issue(x, &a);
    assert_int_equal(do_reserve(x, &b), 0);
    assert_int_equal(store_stats(x->s, &st, &x->f), 0);
    assert_int_equal(st.certificates, 2);
    assert_int_equal(st.open_intents, 1);
    assert_int_equal(st.change, 3);
    assert_int_equal(st.audit_size, 3);
    uint64_t tick = 0;
    for (size_t i = 0; i < 6; i++)
        tick = (tick << 8) | b.op.ref.serial[i];
    assert_int_equal(st.last_tick, tick & 0x3fffffffffffULL);
    assert_true(st.last_commit > 0);
    assert_true(st.durable_bytes > 0 && st.free_bytes > 0);
    assert_false(st.full);
    fixture_close(x);
    assert_int_equal(fixture_reopen(x), 0);
    struct store_stats again;
    assert_int_equal(store_stats(x->s, &again, &x->f), 0);
    assert_int_equal(again.last_tick, st.last_tick);
    assert_memory_equal(again.audit_root, st.audit_root, 32);
    request_free(&a);
    request_free(&b);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_was_reserved_and_finished_is_read_back_whole),
        T(an_open_intent_has_no_signature_and_is_listed_as_open),
        T(a_serial_of_an_issuer_is_taken_once),
        T(a_request_key_is_known_until_its_life_is_over),
        T(a_request_key_with_another_content_requester_or_profile_is_refused),
        T(request_keys_past_their_life_are_forgotten_but_not_open_ones),
        T(a_key_is_used_again_only_as_the_profile_allows),
        T(revoked_and_expired_certificates_still_hold_their_key),
        T(a_retry_after_an_abandoned_intent_gets_a_new_serial_for_the_same_key),
        T(a_signature_for_what_is_not_open_is_dropped_and_recorded),
        T(revocation_moves_good_to_held_to_revoked_and_stays),
        T(an_open_intent_that_is_revoked_takes_no_signature),
        T(a_replacement_is_linked_both_ways_once_it_is_finished),
        T(every_change_of_state_has_the_next_number_and_is_published),
        T(what_could_not_be_published_is_answered_so_but_stands),
        T(refusals_are_recorded_with_their_rule),
        T(states_are_walked_in_serial_order_without_open_intents),
        T(an_issuer_keeps_its_number),
        T(figures_say_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
