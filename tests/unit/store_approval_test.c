/* Requests that wait for approval, in the store: recorded in place of the intent, approved by
 * others than who asks, and taken with the intent, in one commit, once. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/store/approvals.h"
#include "lib/step.h"
#include "tests/unit/store_help.h"

#define LIFE 3600

static const struct request_who alice = {"operator:alice", 1000};
static const struct request_who bob = {"operator:bob", 1001};
static const struct request_who carol = {"operator:carol", 1002};

/* A request that needs approvals; asked for by `who` it is known by `key`. */
struct watched {
    struct request r;
    struct approval_ask ask;
};

static void watched_init(struct watched *w, struct fixture *x, uint8_t key, const char *who)
{
    struct approval_row *a = &w->ask.row;

    memset(&w->ask, 0, sizeof(w->ask));
    request_init(&w->r, x, "a.example.com");
    memset(a->key, key, sizeof(a->key));
    (void)snprintf(a->asked.name, sizeof(a->asked.name), "%s", who);
    a->asked.uid = a->behind.uid = REQUEST_NO_UID;
    (void)snprintf(a->profile, sizeof(a->profile), "tls-server");
    (void)snprintf(a->subject, sizeof(a->subject), "CN=a.example.com");
    a->names[0] = 0x30;
    a->n_names = 2;
    a->needed = 1;
    a->expires = TEST_NOW + LIFE;
    w->ask.each = w->ask.total = 10;
    w->r.op.time = TEST_NOW;
    w->r.op.intent.approval = &w->ask;
}

static int ask(struct fixture *x, struct watched *w)
{
    int rc = do_reserve(x, &w->r);

    x->f = w->r.op.fault;
    return rc;
}

/* Waits, under this number; 0: it does not. */
static uint64_t waiting(struct fixture *x, struct watched *w)
{
    assert_int_equal(ask(x, w), 0);
    return w->r.op.outcome == STORE_WAITS ? w->ask.row.id : 0;
}

static int decide_at(struct fixture *x, uint64_t id, enum request_verb verb,
                     const struct request_who *by, int64_t now, struct approval_row *out)
{
    struct store_approval step = {.verb = verb, .id = id, .who = *by, .reason = "no", .life = LIFE};
    struct store_op op = {.kind = STORE_APPROVAL, .time = now, .approval = &step};
    int rc;

    op.audit.action = verb == REQUEST_APPROVE ? AUDIT_APPROVE : AUDIT_DENY;
    op.audit.time = now;
    rc = store_do(x->s, &op);
    x->f = op.fault;
    if (out != NULL)
        *out = step.row;
    return rc;
}

static int approve(struct fixture *x, uint64_t id, const struct request_who *by)
{
    return decide_at(x, id, REQUEST_APPROVE, by, TEST_NOW, NULL);
}

static uint64_t count_waiting(struct fixture *x, int64_t now)
{
    uint64_t n;

    assert_int_equal(store_approvals_waiting(x->s, now, &n, &x->f), 0);
    return n;
}

static void what_waits_is_recorded_once_and_issues_nothing(void **state)
{
    struct approval_row row;
    struct watched a, again;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    watched_init(&a, &x, 1, "token:7");
    watched_init(&again, &x, 1, "token:7");
    assert_int_equal(waiting(&x, &a), 1);
    assert_int_equal(waiting(&x, &again), 1);
    assert_int_equal(count_waiting(&x, TEST_NOW), 1);
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    assert_int_equal(store_approval_get(x.s, 1, &row, &x.f), 0);
    assert_memory_equal(&row, &a.ask.row, sizeof(row));
    assert_int_equal(row.state, REQUEST_WAITING);
    struct store_stats stats;
    assert_int_equal(store_stats(x.s, &stats, &x.f), 0);
    assert_int_equal(stats.open_intents + stats.certificates, 0);
    assert_int_equal(stats.audit_size, 1);
    assert_clean(&x);
    request_free(&a.r), request_free(&again.r);
    fixture_remove(&x);
}

static void an_approval_is_one_certificate(void **state)
{
    struct watched a, again, other;
    struct approval_row row;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    watched_init(&a, &x, 1, "token:7");
    watched_init(&again, &x, 1, "token:7");
    watched_init(&other, &x, 2, "token:7");
    uint64_t id = waiting(&x, &a);
    assert_int_equal(approve(&x, id, &bob), 0);
    assert_int_equal(count_waiting(&x, TEST_NOW), 0);
    assert_int_equal(waiting(&x, &other), id + 1);
    assert_int_equal(waiting(&x, &a), 0);
    assert_int_equal(a.r.op.outcome, STORE_DONE);
    assert_int_equal(do_finish(&x, &a.r), 0);
    assert_int_equal(store_approval_get(x.s, id, &row, &x.f), 0);
    assert_int_equal(row.state, REQUEST_DONE);
    assert_memory_equal(&row.ref, &a.r.op.ref, sizeof(row.ref));
    /* another request key, the same approval: what it gave is given again */
    assert_int_equal(ask(&x, &again), 0);
    assert_int_equal(again.r.op.outcome, STORE_KNOWN);
    assert_memory_equal(&again.r.op.ref, &row.ref, sizeof(row.ref));
    assert_clean(&x);
    request_free(&a.r), request_free(&again.r), request_free(&other.r);
    fixture_remove(&x);
}

static void an_intent_that_is_given_up_leaves_the_approval(void **state)
{
    struct watched a, again;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    watched_init(&a, &x, 1, "token:7");
    watched_init(&again, &x, 1, "token:7");
    assert_int_equal(approve(&x, waiting(&x, &a), &bob), 0);
    assert_int_equal(waiting(&x, &a), 0);
    assert_int_equal(do_abandon(&x, &a.r), 0);
    assert_int_equal(waiting(&x, &again), 0);
    assert_int_equal(again.r.op.outcome, STORE_DONE);
    assert_int_equal(do_finish(&x, &again.r), 0);
    assert_clean(&x);
    request_free(&a.r), request_free(&again.r);
    fixture_remove(&x);
}

static void after_a_revocation_it_is_asked_for_anew(void **state)
{
    struct watched a, again;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    watched_init(&a, &x, 1, "token:7");
    watched_init(&again, &x, 1, "token:7");
    uint64_t id = waiting(&x, &a);
    assert_int_equal(approve(&x, id, &bob), 0);
    assert_int_equal(waiting(&x, &a), 0);
    assert_int_equal(do_finish(&x, &a.r), 0);
    assert_int_equal(do_revoke(&x, &a.r, 0), 0);
    assert_int_equal(waiting(&x, &again), id + 1);
    assert_clean(&x);
    request_free(&a.r), request_free(&again.r);
    fixture_remove(&x);
}

static void who_asks_or_stands_behind_it_does_not_approve(void **state)
{
    const struct request_who other_name = {"operator:eve", 1000}, other_uid = {"operator:alice", 5};
    struct watched a;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    watched_init(&a, &x, 1, "token:7");
    a.ask.row.behind = alice;
    uint64_t id = waiting(&x, &a);
    assert_int_equal(approve(&x, id, &alice), -FAULT_DENIED);
    assert_string_equal(x.f.rule, "request.second");
    assert_int_equal(approve(&x, id, &other_name), -FAULT_DENIED);
    assert_int_equal(approve(&x, id, &other_uid), -FAULT_DENIED);
    assert_int_equal(approve(&x, id, &bob), 0);
    assert_int_equal(approve(&x, id, &carol), -FAULT_CONFLICT);
    assert_string_equal(x.f.rule, "request.closed");
    assert_int_equal(approve(&x, id + 1, &carol), -FAULT_NOT_FOUND);
    request_free(&a.r);
    fixture_remove(&x);
}

static void two_are_two_people(void **state)
{
    const struct request_who again = {"operator:robert", 1001};
    struct watched a;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    watched_init(&a, &x, 1, "operator:alice");
    a.ask.row.asked.uid = 1000;
    a.ask.row.needed = 2;
    uint64_t id = waiting(&x, &a);
    assert_int_equal(approve(&x, id, &alice), -FAULT_DENIED);
    assert_int_equal(approve(&x, id, &bob), 0);
    assert_int_equal(waiting(&x, &a), id);
    assert_int_equal(a.ask.row.n_by, 1);
    assert_int_equal(approve(&x, id, &bob), -FAULT_DENIED);
    assert_string_equal(x.f.rule, "request.twice");
    assert_int_equal(approve(&x, id, &again), -FAULT_DENIED);
    assert_int_equal(approve(&x, id, &carol), 0);
    assert_int_equal(waiting(&x, &a), 0);
    request_free(&a.r);
    fixture_remove(&x);
}

static void a_denial_holds_until_it_expires(void **state)
{
    struct approval_row row;
    struct watched a;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    watched_init(&a, &x, 1, "token:7");
    a.ask.row.needed = 2;
    uint64_t id = waiting(&x, &a);
    assert_int_equal(approve(&x, id, &bob), 0);
    assert_int_equal(decide_at(&x, id, REQUEST_DENY, &alice, TEST_NOW + 10, &row), 0);
    assert_int_equal(row.expires, TEST_NOW + 10 + LIFE);
    assert_int_equal(row.n_by, 2);
    assert_int_equal(ask(&x, &a), -FAULT_DENIED);
    assert_string_equal(x.f.rule, "request.denied");
    assert_int_equal(approve(&x, id, &carol), -FAULT_CONFLICT);
    a.r.op.time = row.expires;
    a.ask.row.expires = row.expires + LIFE;
    assert_int_equal(waiting(&x, &a), id + 1);
    assert_int_equal(a.ask.row.n_by, 0);
    assert_clean(&x);
    request_free(&a.r);
    fixture_remove(&x);
}

static void what_expires_is_asked_for_anew_and_makes_room(void **state)
{
    struct watched a, b;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    watched_init(&a, &x, 1, "token:7");
    watched_init(&b, &x, 2, "token:7");
    a.ask.each = b.ask.each = 1;
    uint64_t id = waiting(&x, &a);
    assert_int_equal(ask(&x, &b), -FAULT_UNAVAILABLE);
    assert_string_equal(x.f.rule, "request.many");
    assert_int_equal(decide_at(&x, id, REQUEST_APPROVE, &bob, TEST_NOW + LIFE, NULL),
                     -FAULT_CONFLICT);
    assert_string_equal(x.f.rule, "request.expired");
    assert_int_equal(count_waiting(&x, TEST_NOW), 1);
    assert_int_equal(count_waiting(&x, TEST_NOW + LIFE), 0);
    b.r.op.time = TEST_NOW + LIFE;
    b.ask.row.expires = TEST_NOW + 2 * LIFE;
    assert_int_equal(waiting(&x, &b), id + 1);
    assert_int_equal(count_waiting(&x, TEST_NOW + LIFE), 1);
    struct approval_row row;
    assert_int_equal(store_approval_get(x.s, id, &row, &x.f), -FAULT_NOT_FOUND);
    assert_clean(&x);
    request_free(&a.r), request_free(&b.r);
    fixture_remove(&x);
}

static void an_approval_that_nobody_fetches_expires(void **state)
{
    struct watched a;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    watched_init(&a, &x, 1, "token:7");
    uint64_t id = waiting(&x, &a);
    assert_int_equal(approve(&x, id, &bob), 0);
    a.r.op.time = TEST_NOW + LIFE;
    a.ask.row.expires = TEST_NOW + 2 * LIFE;
    assert_int_equal(waiting(&x, &a), id + 1);
    assert_clean(&x);
    request_free(&a.r);
    fixture_remove(&x);
}

static void bounds_are_for_each_and_for_all(void **state)
{
    struct watched w;
    struct fixture x;
    char who[32];
    (void)state;

    fixture_open(&x, false);
    for (uint8_t i = 0; i < 12; i++) {
        (void)snprintf(who, sizeof(who), "token:%d", i / 4 + 1);
        watched_init(&w, &x, (uint8_t)(i + 1), who);
        w.ask.each = 3;
        w.ask.total = 8;
        assert_int_equal(ask(&x, &w), i % 4 == 3 || i > 9 ? -FAULT_UNAVAILABLE : 0);
        request_free(&w.r);
    }
    assert_int_equal(count_waiting(&x, TEST_NOW), 8);
    assert_clean(&x);
    fixture_remove(&x);
}

static int note_id(void *arg, const struct approval_row *r)
{
    uint64_t *last = arg;

    assert_true(r->id > *last);
    *last = r->id;
    return 0;
}

/* Thousands: each is recorded and found without a look at the others. */
static void thousands_wait(void **state)
{
    struct watched w;
    struct fixture x;
    uint64_t last = 0;
    (void)state;

    fixture_open(&x, false);
    watched_init(&w, &x, 0, "token:7");
    w.ask.each = w.ask.total = 5000;
    for (uint32_t i = 1; i <= 5000; i++) {
        memcpy(w.ask.row.key, &i, sizeof(i));
        assert_int_equal(waiting(&x, &w), i);
    }
    assert_int_equal(store_approvals(x.s, 100, note_id, &last, &x.f), 0);
    assert_int_equal(last, 5000);
    w.r.op.time = TEST_NOW + LIFE;
    w.ask.row.expires = TEST_NOW + 2 * LIFE;
    assert_int_equal(count_waiting(&x, TEST_NOW + LIFE), 4000);
    assert_int_equal(waiting(&x, &w), 5001);
    assert_clean(&x);
    request_free(&w.r);
    fixture_remove(&x);
}

/* Numbers go on over both kinds of requests. */
static void numbers_are_one_sequence(void **state)
{
    struct store_request two = {.verb = REQUEST_ADD, .content = slice_str("open it")};
    struct store_op op = {.kind = STORE_REQUEST, .time = TEST_NOW, .request = &two};
    struct watched a, b;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    watched_init(&a, &x, 1, "token:7");
    watched_init(&b, &x, 2, "token:7");
    assert_int_equal(waiting(&x, &a), 1);
    (void)snprintf(two.row.kind, sizeof(two.row.kind), "open");
    two.row.asked = alice;
    two.row.expires = TEST_NOW + LIFE;
    op.audit.action = AUDIT_REQUEST;
    assert_int_equal(store_do(x.s, &op), 0);
    assert_int_equal(two.row.id, 2);
    assert_int_equal(waiting(&x, &b), 3);
    assert_clean(&x);
    request_free(&a.r), request_free(&b.r);
    fixture_remove(&x);
}

static void a_restore_voids_what_was_approved_before(void **state)
{
    struct store_op op = {.kind = STORE_RESTORED, .time = TEST_NOW, .why = "test"};
    struct store_op gate = {.kind = STORE_GATE, .time = TEST_NOW + 1};
    struct watched a, b;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    watched_init(&a, &x, 1, "token:7");
    watched_init(&b, &x, 2, "token:7");
    assert_int_equal(approve(&x, waiting(&x, &a), &bob), 0);
    uint64_t id = waiting(&x, &b);
    op.audit.action = AUDIT_RESTORE;
    assert_int_equal(store_do(x.s, &op), 0);
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    gate.audit.action = AUDIT_OPEN;
    assert_int_equal(store_do(x.s, &gate), 0);
    assert_int_equal(approve(&x, id, &bob), -FAULT_CONFLICT);
    assert_string_equal(x.f.rule, "request.void");
    a.r.op.time = TEST_NOW + 2;
    assert_int_equal(waiting(&x, &a), id + 1);
    request_free(&a.r), request_free(&b.r);
    fixture_remove(&x);
}

/* Killed on either side of the commit that takes it, the approval is taken once or is there. */
static void a_crash_loses_no_approval(void **state)
{
    static const char *const steps[] = {"store.commit.before", "store.commit.after"};
    struct approval_row row;
    struct watched a;
    struct fixture x;
    char kill_at[64];
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        fixture_open(&x, true);
        watched_init(&a, &x, 1, "token:7");
        uint64_t id = waiting(&x, &a);
        assert_int_equal(approve(&x, id, &bob), 0);
        fixture_close(&x);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            (void)snprintf(kill_at, sizeof(kill_at), "test:%s:1", steps[i]);
            (void)setenv("CERCA_STEP_KILL", kill_at, 1);
            step_init("test");
            if (fixture_reopen(&x) == 0)
                (void)ask(&x, &a);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(fixture_reopen(&x), 0);
        assert_int_equal(store_approval_get(x.s, id, &row, &x.f), 0);
        assert_int_equal(row.state, i == 0 ? REQUEST_APPROVED : REQUEST_DONE);
        assert_int_equal(ask(&x, &a), 0);
        assert_int_equal(a.r.op.outcome, i == 0 ? STORE_DONE : STORE_KNOWN);
        assert_int_equal(do_finish(&x, &a.r), 0);
        assert_clean(&x);
        request_free(&a.r);
        fixture_remove(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_is_recorded_once_and_issues_nothing),
        cmocka_unit_test(an_approval_is_one_certificate),
        cmocka_unit_test(an_intent_that_is_given_up_leaves_the_approval),
        cmocka_unit_test(after_a_revocation_it_is_asked_for_anew),
        cmocka_unit_test(who_asks_or_stands_behind_it_does_not_approve),
        cmocka_unit_test(two_are_two_people),
        cmocka_unit_test(a_denial_holds_until_it_expires),
        cmocka_unit_test(what_expires_is_asked_for_anew_and_makes_room),
        cmocka_unit_test(an_approval_that_nobody_fetches_expires),
        cmocka_unit_test(bounds_are_for_each_and_for_all),
        cmocka_unit_test(thousands_wait),
        cmocka_unit_test(numbers_are_one_sequence),
        cmocka_unit_test(a_restore_voids_what_was_approved_before),
        cmocka_unit_test(a_crash_loses_no_approval),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
