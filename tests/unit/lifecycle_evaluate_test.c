/* The evaluation over a real store: conditions of the CA, digests, followers, shared keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/lifecycle/condition.h"
#include "ca/lifecycle/due.h"
#include "tests/unit/store_help.h"

#define DAY INT64_C(86400)

struct world {
    struct fixture x;
    struct conf *conf;
    struct evaluator *e;
};

static void to_mail(void *arg, struct outbox_notice *o)
{
    (void)arg;
    o->n_channels = 1;
    (void)snprintf(o->channel[0], sizeof(o->channel[0]), "mail");
}

static void begin(struct world *w, const char *text)
{
    struct evaluator_parts parts = {.route = to_mail};

    fixture_open(&w->x, false);
    assert_int_equal(conf_load_text(text, "/nowhere/cerca.conf", &w->conf, &w->x.f), 0);
    parts.judge = (struct judge_parts){.conf = w->conf, .store = w->x.s};
    w->e = evaluator_new(&parts);
}

static void end(struct world *w)
{
    evaluator_free(w->e);
    conf_free(w->conf);
    assert_clean(&w->x);
    fixture_remove(&w->x);
}

static void evaluate(struct world *w, int64_t now)
{
    int64_t next = now;

    assert_int_equal(store_index_wait(w->x.s, &w->x.f), 0);
    while (next <= now)
        assert_int_equal(evaluator_run(w->e, now, 1000000, &next, &w->x.f), 0);
}

static int count(void *arg, const struct outbox_delivery *d, const struct notice *n)
{
    uint32_t *kinds = arg;

    (void)d;
    kinds[n->kind]++;
    return 0;
}

static uint32_t told(struct world *w, enum notice_kind kind)
{
    uint32_t kinds[NOTICE_KINDS + 1] = {0};

    assert_int_equal(store_outbox(w->x.s, 0, count, kinds, &w->x.f), 0);
    return kinds[kind];
}

static void see(struct world *w, const struct status_item *item, int64_t now)
{
    struct ca_condition c;
    size_t n = condition_of_status(item, &c);

    assert_int_equal(evaluator_conditions(w->e, &c, n, now, &w->x.f), 0);
}

static void whoever_asks_again_and_again_does_not_keep_it_from_its_end(void **state)
{
    struct evaluator_summary *s = calloc(1, sizeof(*s));
    struct world w;
    int64_t next = 0;
    (void)state;

    assert_non_null(s);
    begin(&w, "");
    for (unsigned n = 0; n < 100 && s->evaluated == 0; n++) {
        evaluator_again(w.e);
        assert_int_equal(evaluator_run(w.e, TEST_NOW, 1, &next, &w.x.f), 0);
        evaluator_summary(w.e, s);
    }
    assert_int_equal(s->evaluated, TEST_NOW);
    /* and what was asked is not forgotten */
    assert_int_equal(next, TEST_NOW);
    assert_int_equal(evaluator_run(w.e, TEST_NOW, 1, &next, &w.x.f), 0);
    evaluator_summary(w.e, s);
    assert_true(s->running);
    evaluate(&w, TEST_NOW);
    evaluator_summary(w.e, s);
    assert_false(s->running);
    free(s);
    end(&w);
}

static void what_is_wrong_with_the_ca_has_to_last(void **state)
{
    const struct status_item bad = {.name = "crl.issuing", .state = "late", .text = "x"};
    const struct status_item good = {.name = "crl.issuing", .ok = true, .state = "current"};
    struct world w;
    (void)state;

    begin(&w, "alerts = { after = \"2m\"; };");
    see(&w, &bad, TEST_NOW);
    see(&w, &bad, TEST_NOW + 119);
    assert_int_equal(told(&w, NOTICE_RAISED), 0);
    see(&w, &good, TEST_NOW + 120); /* it counts anew */
    see(&w, &bad, TEST_NOW + 125);
    see(&w, &bad, TEST_NOW + 244);
    assert_int_equal(told(&w, NOTICE_RAISED), 0);
    see(&w, &bad, TEST_NOW + 245);
    see(&w, &bad, TEST_NOW + 250);
    assert_int_equal(told(&w, NOTICE_RAISED), 1);
    /* another process knows it from the store */
    evaluator_free(w.e);
    w.e = evaluator_new(
        &(struct evaluator_parts){.judge = {.conf = w.conf, .store = w.x.s}, .route = to_mail});
    see(&w, &bad, TEST_NOW + 260);
    assert_int_equal(told(&w, NOTICE_RAISED), 1);
    see(&w, &good, TEST_NOW + 270);
    see(&w, &good, TEST_NOW + 280);
    assert_int_equal(told(&w, NOTICE_RESOLVED), 1);
    end(&w);
}

static void items_that_are_well_may_still_want_somebody(void **state)
{
    const struct status_item late = {.name = "backup", .ok = true, .state = "late"};
    const struct status_item none = {.name = "backup", .ok = true, .state = "none yet"};
    const struct status_item store = {.name = "store", .ok = false, .state = "full"};
    struct ca_condition c;
    (void)state;

    assert_true(condition_of_status(&late, &c));
    assert_string_equal(c.rule, "ca.backup");
    assert_int_equal(c.severity, SEVERITY_WARNING);
    assert_false(condition_of_status(&none, &c));
    assert_true(condition_of_status(&store, &c));
    assert_int_equal(c.severity, SEVERITY_CRITICAL);
}

/* Ninety days from TEST_NOW on. */
static void owned(struct world *w, struct request *r, const char *name, const char *owner)
{
    request_init(r, &w->x, name);
    r->op.intent.owner = owner;
    issue(&w->x, r);
}

static void each_owner_gets_one_digest_a_day(void **state)
{
    struct request a, b, c;
    int64_t now = TEST_NOW + 85 * DAY;
    struct world w;
    (void)state;

    begin(&w, "alerts = { digest_at = \"06:00\"; };");
    owned(&w, &a, "a.example.com", "web");
    owned(&w, &b, "b.example.com", "web");
    owned(&w, &c, "c.example.com", "mail");
    evaluate(&w, now);
    assert_int_equal(told(&w, NOTICE_RAISED), 3);
    assert_int_equal(evaluator_digests(w.e, now, &w.x.f), 0);
    assert_int_equal(evaluator_digests(w.e, now + 60, &w.x.f), 0);
    assert_int_equal(told(&w, NOTICE_DIGEST), 2);
    evaluator_free(w.e);
    w.e = evaluator_new(
        &(struct evaluator_parts){.judge = {.conf = w.conf, .store = w.x.s}, .route = to_mail});
    assert_int_equal(evaluator_digests(w.e, now + 120, &w.x.f), 0);
    assert_int_equal(told(&w, NOTICE_DIGEST), 2);
    assert_int_equal(evaluator_digests(w.e, now + DAY, &w.x.f), 0);
    assert_int_equal(told(&w, NOTICE_DIGEST), 4);
    request_free(&a);
    request_free(&b);
    request_free(&c);
    end(&w);
}

/* Renewed under another identity, which says what it replaces. */
static void what_is_replaced_is_not_told_of(void **state)
{
    struct request a, b;
    int64_t now = TEST_NOW + 85 * DAY;
    struct world w;
    (void)state;

    begin(&w, "");
    owned(&w, &a, "a.example.com", "web");
    evaluate(&w, now);
    assert_int_equal(told(&w, NOTICE_RAISED), 1);
    request_init(&b, &w.x, "other.example.com");
    b.op.intent.not_after = TEST_NOW + 400 * DAY;
    b.op.intent.has_replaces = true;
    b.op.intent.replaces = a.op.ref;
    request_draft(&b, "other.example.com");
    issue(&w.x, &b);
    evaluate(&w, now + 1);
    assert_int_equal(told(&w, NOTICE_RESOLVED), 1);
    /* and again when the other one goes */
    assert_int_equal(do_revoke(&w.x, &b, REASON_SUPERSEDED), 0);
    evaluate(&w, now + 2);
    assert_int_equal(told(&w, NOTICE_RAISED), 2);
    request_free(&a);
    request_free(&b);
    end(&w);
}

static void refuse(struct world *w, const struct request *r, int64_t now)
{
    struct attempt a = {.ref = r->op.ref, .by = "certificate:01", .rule = "san.dns", .text = "no"};
    struct store_op op = {.kind = STORE_ATTEMPT, .attempt = &a, .time = now};

    memcpy(a.identity, r->op.intent.identity, sizeof(a.identity));
    assert_int_equal(store_do(w->x.s, &op), 0);
    assert_int_equal(op.outcome, STORE_DONE);
}

static uint64_t stuck(struct world *w, int64_t now)
{
    struct evaluator_summary s;

    evaluator_again(w->e);
    evaluate(w, now);
    evaluator_summary(w->e, &s);
    return s.sums.by_state[LINE_STUCK];
}

/* Long before it is due: somebody tried, and failed. */
static void a_renewal_that_was_refused_is_told_until_one_is_not(void **state)
{
    struct request a, b;
    struct world w;
    (void)state;

    begin(&w, "");
    owned(&w, &a, "a.example.com", "web");
    evaluate(&w, TEST_NOW + DAY);
    refuse(&w, &a, TEST_NOW + DAY);
    evaluate(&w, TEST_NOW + DAY + 1);
    assert_int_equal(told(&w, NOTICE_RAISED), 1);
    assert_int_equal(stuck(&w, TEST_NOW + DAY + 2), 1);
    refuse(&w, &a, TEST_NOW + 2 * DAY);
    evaluate(&w, TEST_NOW + 2 * DAY + 1);
    assert_int_equal(told(&w, NOTICE_RAISED), 1);

    request_init(&b, &w.x, "a.example.com");
    memcpy(b.op.intent.identity, a.op.intent.identity, sizeof(b.op.intent.identity));
    b.op.intent.not_after += 1;
    request_draft(&b, "a.example.com");
    issue(&w.x, &b);
    evaluate(&w, TEST_NOW + 2 * DAY + 2);
    assert_int_equal(told(&w, NOTICE_RESOLVED), 1);
    assert_int_equal(stuck(&w, TEST_NOW + 2 * DAY + 3), 0);
    /* who still has the old one is not who matters */
    refuse(&w, &a, TEST_NOW + 3 * DAY);
    evaluate(&w, TEST_NOW + 3 * DAY + 1);
    assert_int_equal(told(&w, NOTICE_RAISED), 1);
    request_free(&a);
    request_free(&b);
    end(&w);
}

static void with_key_of(struct world *w, struct request *r, const char *name,
                        const struct request *of)
{
    request_init(r, &w->x, name);
    memcpy(r->spki, of->spki, sizeof(r->spki));
    r->op.intent.key_reuse = KEY_REUSE_ALLOW;
    request_draft(r, name);
    issue(&w->x, r);
}

static void a_key_of_two_hosts_is_found(void **state)
{
    struct evaluator_summary s;
    struct request a, b;
    struct world w;
    (void)state;

    begin(&w, "");
    owned(&w, &a, "a.example.com", "web");
    with_key_of(&w, &b, "b.example.com", &a);
    evaluate(&w, TEST_NOW + DAY);
    evaluator_summary(w.e, &s);
    assert_int_equal(s.sums.lines, 2);
    assert_int_equal(s.sums.found[FINDING_KEY_SHARED], 2);
    assert_int_equal(s.sums.found[FINDING_OWNER], 0);
    assert_int_equal(s.sums.by_state[LINE_OK], 2);
    request_free(&a);
    request_free(&b);
    end(&w);
}

static uint64_t shared(struct world *w)
{
    struct evaluator_summary s;

    evaluator_summary(w->e, &s);
    assert_false(s.running);
    return s.sums.found[FINDING_KEY_SHARED];
}

/* All of it is evaluated a slice at a time; which keys are shared is what it begins with. */
static void a_key_that_is_shared_meanwhile_is_found_too(void **state)
{
    struct request a, b, old[20];
    struct world w;
    int64_t next;
    (void)state;

    begin(&w, "");
    fixture_close(&w.x);
    w.x.o.run_entries = 2; /* so that those of a were written out long ago */
    assert_int_equal(fixture_reopen(&w.x), 0);
    evaluator_free(w.e);
    w.e = evaluator_new(
        &(struct evaluator_parts){.judge = {.conf = w.conf, .store = w.x.s}, .route = to_mail});
    owned(&w, &a, "a.example.com", "web");
    for (size_t i = 0; i < 20; i++)
        owned(&w, &old[i], "old.example.com", "web");
    evaluate(&w, TEST_NOW + DAY);
    assert_int_equal(shared(&w), 0);
    evaluator_again(w.e);
    assert_int_equal(evaluator_run(w.e, TEST_NOW + DAY, 1, &next, &w.x.f), 0);
    with_key_of(&w, &b, "b.example.com", &a);
    evaluate(&w, TEST_NOW + DAY);
    assert_int_equal(shared(&w), 2);
    /* and by a whole one that meets both */
    evaluator_again(w.e);
    evaluate(&w, TEST_NOW + DAY);
    assert_int_equal(shared(&w), 2);
    request_free(&a);
    request_free(&b);
    for (size_t i = 0; i < 20; i++)
        request_free(&old[i]);
    end(&w);
}

static void bring_in(struct world *w, int64_t not_after, bool stranger)
{
    struct foreign item = {.origin = "file", .stranger = stranger};
    struct store_foreign a = {
        .source = SOURCE_IMPORTED, .by = "operator:alice", .n = 1, .item = &item};
    struct store_op op = {.kind = STORE_FOREIGN_ADD, .time = TEST_NOW, .foreign = &a};
    struct buf der;

    op.audit.action = AUDIT_FOREIGN;
    foreign_make(&w->x, "a.example.com", not_after, &der);
    item.der = buf_slice(&der);
    assert_int_equal(store_do(w->x.s, &op), 0);
    assert_int_equal(item.outcome, FOREIGN_ADDED);
    buf_free(&der);
}

static void accept_strangers(struct world *w, int64_t until)
{
    struct store_except x = {.row = {.rule = "issuer.stranger",
                                     .subject = "*",
                                     .created = TEST_NOW,
                                     .until = until,
                                     .by = "alice",
                                     .approver = "alice",
                                     .reason = "an old backup"}};
    struct store_op op = {.kind = STORE_EXCEPT, .time = TEST_NOW, .except = &x};

    op.audit.action = AUDIT_EXCEPTION;
    assert_int_equal(store_do(w->x.s, &op), 0);
    evaluator_again(w->e);
}

/* Not what follows it, not its end: an operator alone, for a time. */
static void only_an_operator_ends_the_alert_of_a_stranger(void **state)
{
    struct evaluator_summary s;
    struct world w;
    (void)state;

    begin(&w, "");
    evaluate(&w, TEST_NOW);
    bring_in(&w, TEST_NOW + 100 * DAY, true);
    evaluate(&w, TEST_NOW + 1);
    assert_int_equal(told(&w, NOTICE_RAISED), 1);
    evaluate(&w, TEST_NOW + DAY);
    evaluator_summary(w.e, &s);
    assert_int_equal(s.sums.found[FINDING_STRANGER], 1);
    bring_in(&w, TEST_NOW + 400 * DAY, false);
    evaluate(&w, TEST_NOW + 2 * DAY);
    evaluate(&w, TEST_NOW + 120 * DAY);
    assert_int_equal(told(&w, NOTICE_RAISED), 1);
    assert_int_equal(told(&w, NOTICE_RESOLVED), 0);
    accept_strangers(&w, TEST_NOW + 200 * DAY);
    evaluate(&w, TEST_NOW + 121 * DAY);
    assert_int_equal(told(&w, NOTICE_RESOLVED), 1);
    evaluate(&w, TEST_NOW + 201 * DAY);
    assert_int_equal(told(&w, NOTICE_RAISED), 2);
    end(&w);
}

/* It is not the newest of its line, so that it shows in its own change alone. */
static void a_stranger_is_told_of_whoever_was_killed_before(void **state)
{
    struct world w;
    (void)state;

    begin(&w, "");
    evaluate(&w, TEST_NOW);
    bring_in(&w, TEST_NOW + 400 * DAY, false);
    bring_in(&w, TEST_NOW + 100 * DAY, true);
    for (int i = 0; i < 2; i++) {
        evaluator_free(w.e);
        w.e = evaluator_new(
            &(struct evaluator_parts){.judge = {.conf = w.conf, .store = w.x.s}, .route = to_mail});
        evaluate(&w, TEST_NOW + 2 + i);
        assert_int_equal(told(&w, NOTICE_RAISED), 1);
    }
    end(&w);
}

static uint64_t looked(struct world *w)
{
    struct evaluator_summary s;

    evaluator_summary(w->e, &s);
    return s.looked;
}

/* With the change of each it would be twice as many. */
static void what_a_whole_evaluation_sees_is_not_looked_at_once_more(void **state)
{
    struct evaluator_parts parts = {.route = to_mail, .follow_max = 8};
    struct evaluator_summary s;
    struct request r[40];
    struct world w;
    (void)state;

    begin(&w, "");
    evaluate(&w, TEST_NOW); /* leaves a mark */
    for (size_t i = 0; i < 20; i++)
        owned(&w, &r[i], "a.example.com", "web");
    evaluator_free(w.e);
    parts.judge = (struct judge_parts){.conf = w.conf, .store = w.x.s};
    w.e = evaluator_new(&parts);
    evaluate(&w, TEST_NOW + 1);
    assert_int_equal(looked(&w), 20);
    /* nor are more changes followed than all lines would cost */
    for (size_t i = 20; i < 38; i++)
        owned(&w, &r[i], "b.example.com", "web");
    evaluate(&w, TEST_NOW + 2);
    assert_int_equal(looked(&w), 20 + 38);
    evaluator_summary(w.e, &s);
    assert_int_equal(s.evaluated, TEST_NOW + 2);
    assert_int_equal(s.sums.lines, 38);
    assert_int_equal(s.change, store_newest_change(w.x.s));
    /* but a few are */
    for (size_t i = 38; i < 40; i++)
        owned(&w, &r[i], "c.example.com", "web");
    evaluate(&w, TEST_NOW + 3);
    evaluator_summary(w.e, &s);
    assert_int_equal(s.evaluated, TEST_NOW + 2);
    assert_int_equal(s.sums.lines, 40);
    assert_true(looked(&w) < 20 + 38 + 10);
    for (size_t i = 0; i < 40; i++)
        request_free(&r[i]);
    end(&w);
}

static void what_is_due_comes_in_its_order(void **state)
{
    struct due d = {.heap = NULL};
    struct due_entry e;
    uint8_t id[16] = {0};
    int64_t last = -1;
    (void)state;

    for (int64_t i = 0; i < 500; i++)
        due_push(&d, i * 7919 % 503, DUE_LINE, id);
    assert_true(due_first(&d) == 0);
    for (int i = 0; i < 500; i++) {
        assert_true(due_pop(&d, 1000, &e));
        assert_true(e.at >= last);
        last = e.at;
    }
    assert_false(due_pop(&d, 1000, &e));
    due_push(&d, 10, DUE_ALERT, id);
    assert_false(due_pop(&d, 9, &e));
    due_free(&d);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_asks_again_and_again_does_not_keep_it_from_its_end),
        cmocka_unit_test(what_is_wrong_with_the_ca_has_to_last),
        cmocka_unit_test(items_that_are_well_may_still_want_somebody),
        cmocka_unit_test(each_owner_gets_one_digest_a_day),
        cmocka_unit_test(what_is_replaced_is_not_told_of),
        cmocka_unit_test(a_renewal_that_was_refused_is_told_until_one_is_not),
        cmocka_unit_test(a_key_of_two_hosts_is_found),
        cmocka_unit_test(a_key_that_is_shared_meanwhile_is_found_too),
        cmocka_unit_test(only_an_operator_ends_the_alert_of_a_stranger),
        cmocka_unit_test(a_stranger_is_told_of_whoever_was_killed_before),
        cmocka_unit_test(what_a_whole_evaluation_sees_is_not_looked_at_once_more),
        cmocka_unit_test(what_is_due_comes_in_its_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
