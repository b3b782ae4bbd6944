/* Two operators: what is asked for is recorded and not done; another operator's yes is recorded
 * before it is done, once. The kinds here only count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/approval/approval.h"
#include "lib/clock.h"
#include "lib/loop.h"
#include "lib/step.h"
#include "tests/unit/store_help.h"

enum manner { DO, FAIL, NOT_NOW, NEVER_END };

struct world {
    struct fixture x;
    struct conf conf;
    struct loop *loop;
    struct approval *approval;
    enum manner manner;
    unsigned runs, answers;
    char content[64], by[64]; /* of the last run */
    struct request_row row;   /* of the last answer */
    struct fault fault;
};

static const struct requester alice = {
    .name = "operator:alice", .role = ROLE_ADMIN, .uid = 1000, .origin = "admin pid=1"};
static const struct requester bob = {
    .name = "operator:bob", .role = ROLE_ADMIN, .uid = 1001, .origin = "admin pid=2"};

static int describe(void *arg, struct slice content, char out[APPROVAL_TEXT_MAX], struct fault *f)
{
    (void)arg;
    if (content.n == 0)
        return fault_set(f, FAULT_MALFORMED, "test.empty", "nothing to do");
    (void)snprintf(out, APPROVAL_TEXT_MAX, "do %zu octets", content.n);
    return 0;
}

static void run(void *arg, const struct approval_kind *kind, const struct requester *by,
                struct slice content, struct approval_run *r)
{
    struct world *w = arg;
    struct fault f;

    (void)kind;
    w->runs++;
    assert_true(content.n < sizeof(w->content));
    memset(w->content, 0, sizeof(w->content));
    memcpy(w->content, content.p, content.n);
    (void)snprintf(w->by, sizeof(w->by), "%s", by->name);
    fault_clear(&f);
    if (w->manner == FAIL)
        (void)fault_set(&f, FAULT_POLICY, "test.no", "it cannot be done");
    if (w->manner == NOT_NOW)
        (void)fault_unavailable(&f, 5, "test.later", "not now");
    if (w->manner == NEVER_END)
        loop_stop(w->loop);
    else
        approval_ran(r, f.code != FAULT_NONE ? &f : NULL);
}

static bool is_dry_run(struct slice content)
{
    return slice_is(content, "dry run");
}

static const struct approval_kind again = {"open", TWO_OPEN, true, is_dry_run, describe, run};
static const struct approval_kind once = {"ca-install", TWO_CA_INSTALL, false, NULL, describe, run};
static const struct approval_kind *const kinds[] = {&again, &once, NULL};

static void start(struct world *w)
{
    struct approval_parts parts = {&w->conf, w->loop, w->x.s, kinds, w};

    w->approval = approval_new(&parts);
}

static void setup(struct world *w)
{
    memset(w, 0, sizeof(*w));
    fixture_open(&w->x, false);
    w->conf.two_operators = TWO_OPEN | TWO_CA_INSTALL;
    w->conf.request_life = 86400;
    w->loop = loop_new();
    start(w);
}

static void teardown(struct world *w)
{
    store_stop(w->x.s);
    approval_free(w->approval);
    assert_clean(&w->x);
    fixture_remove(&w->x);
    loop_free(w->loop);
}

/* As after a crash: what did not end is forgotten by this process. */
static void restart(struct world *w)
{
    store_stop(w->x.s);
    approval_free(w->approval);
    fixture_close(&w->x);
    loop_free(w->loop);
    w->loop = loop_new();
    assert_int_equal(fixture_reopen(&w->x), 0);
    start(w);
}

static void on_reply(void *arg, const struct request_row *row, const struct fault *f)
{
    struct world *w = arg;

    assert_true((row == NULL) != (f == NULL));
    w->answers++;
    memset(&w->row, 0, sizeof(w->row));
    fault_clear(&w->fault);
    if (row != NULL)
        w->row = *row;
    if (f != NULL)
        w->fault = *f;
    loop_stop(w->loop);
}

/* The number of the request, or 0. */
static uint64_t ask(struct world *w, const struct approval_kind *kind, const struct requester *who,
                    const char *content)
{
    approval_ask(w->approval, kind, who, slice_str(content), on_reply, w);
    if (approval_busy(w->approval) > 0)
        loop_run(w->loop);
    return w->fault.code == FAULT_PENDING ? strtoull(w->fault.value, NULL, 10) : 0;
}

static void approve(struct world *w, uint64_t id, const struct requester *who)
{
    approval_approve(w->approval, id, who, on_reply, w);
    loop_run(w->loop);
}

static void deny(struct world *w, uint64_t id, const struct requester *who, const char *reason)
{
    approval_deny(w->approval, id, who, reason, on_reply, w);
    loop_run(w->loop);
}

static void assert_state(struct world *w, uint64_t id, const char *state)
{
    struct request_row row;
    struct fault f;

    fault_clear(&f);
    assert_int_equal(store_request_get(w->x.s, id, &row, NULL, &f), 0);
    assert_string_equal(request_state_word(&row, clock_now()), state);
}

static int keep_event(void *arg, uint64_t index, struct slice salt, struct slice record)
{
    struct audit_event e;

    (void)index;
    (void)salt;
    assert_int_equal(audit_get(record, &e), 0);
    buf_printf(arg, "%s %s%s%s%s%s\n", e.actor, audit_action_name(e.action), e.rule[0] ? " " : "",
               e.rule, e.detail[0] ? ": " : "", e.detail);
    return 0;
}

static void assert_audit(struct world *w, const char *want)
{
    struct buf b;

    buf_init(&b, 65536);
    assert_int_equal(store_audit(w->x.s, STORE_LOG_NOW, 0, 1000, keep_event, &b, &w->x.f), 0);
    assert_string_equal(buf_cstr(&b), want);
    buf_free(&b);
}

/* ---- */

static void only_what_the_configuration_names_needs_two(void **state)
{
    struct world w;
    (void)state;
    setup(&w);
    assert_true(approval_needed(w.approval, &again, slice_str("x")));
    assert_false(approval_needed(w.approval, &again, slice_str("dry run")));
    assert_true(approval_needed(w.approval, &once, slice_str("dry run")));
    w.conf.two_operators = TWO_CA_INSTALL;
    assert_false(approval_needed(w.approval, &again, slice_str("x")));
    teardown(&w);
}

static void asking_records_it_and_does_nothing(void **state)
{
    struct world w;
    (void)state;
    setup(&w);
    assert_int_equal(ask(&w, &again, &alice, "seven"), 1);
    assert_string_equal(w.fault.rule, "request.pending");
    assert_non_null(strstr(w.fault.text, "cerca request approve 1"));
    assert_int_equal(w.runs, 0);
    assert_int_equal(ask(&w, &again, &alice, "eight"), 2);
    restart(&w);
    assert_state(&w, 1, "waiting");
    assert_audit(&w, "operator:alice request: request 1: open: do 5 octets\n"
                     "operator:alice request: request 2: open: do 5 octets\n");
    teardown(&w);
}

static void content_that_cannot_be_carried_out_is_not_recorded(void **state)
{
    struct world w;
    char *large = xcalloc(1, REQUEST_CONTENT_MAX + 2);
    (void)state;
    setup(&w);
    assert_int_equal(ask(&w, &again, &alice, ""), 0);
    assert_string_equal(w.fault.rule, "test.empty");
    memset(large, 'x', REQUEST_CONTENT_MAX + 1);
    assert_int_equal(ask(&w, &again, &alice, large), 0);
    assert_string_equal(w.fault.rule, "request.size");
    large[REQUEST_CONTENT_MAX] = '\0';
    assert_int_equal(ask(&w, &again, &alice, large), 1);
    free(large);
    teardown(&w);
}

static void who_asked_cannot_approve_under_any_name(void **state)
{
    struct world w;
    struct requester same_uid = bob, same_name = alice;
    (void)state;
    setup(&w);
    same_uid.uid = alice.uid;
    same_name.uid = 4711;
    assert_int_equal(ask(&w, &again, &alice, "x"), 1);
    const struct requester *const who[] = {&alice, &same_uid, &same_name};
    for (size_t i = 0; i < 3; i++) {
        approve(&w, 1, who[i]);
        assert_int_equal(w.fault.code, FAULT_DENIED);
        assert_string_equal(w.fault.rule, "request.second");
    }
    assert_int_equal(w.runs, 0);
    assert_state(&w, 1, "waiting");
    assert_audit(&w, "operator:alice request: request 1: open: do 1 octets\n"
                     "operator:alice refuse request.second: request 1: approved\n"
                     "operator:bob refuse request.second: request 1: approved\n"
                     "operator:alice refuse request.second: request 1: approved\n");
    teardown(&w);
}

static void what_another_approves_is_done_once_with_the_recorded_content(void **state)
{
    struct world w;
    (void)state;
    setup(&w);
    assert_int_equal(ask(&w, &again, &alice, "the content"), 1);
    restart(&w);
    approve(&w, 1, &bob);
    assert_int_equal(w.fault.code, FAULT_NONE);
    assert_int_equal(w.row.state, REQUEST_DONE);
    assert_string_equal(w.row.decided.name, "operator:bob");
    assert_int_equal(w.runs, 1);
    assert_string_equal(w.content, "the content");
    assert_string_equal(w.by, "operator:bob");
    approve(&w, 1, &bob);
    assert_string_equal(w.fault.rule, "request.closed");
    restart(&w);
    approval_resume(w.approval);
    assert_int_equal(w.runs, 1);
    assert_audit(&w, "operator:alice request: request 1: open: do 11 octets\n"
                     "operator:bob approve: request 1: approved\n"
                     "operator:bob request: request 1: done\n"
                     "operator:bob refuse request.closed: request 1: approved\n");
    teardown(&w);
}

static void two_approvals_at_once_do_it_once(void **state)
{
    struct world w;
    (void)state;
    setup(&w);
    assert_int_equal(ask(&w, &again, &alice, "x"), 1);
    w.answers = 0;
    approval_approve(w.approval, 1, &bob, on_reply, &w);
    approval_approve(w.approval, 1, &bob, on_reply, &w);
    while (w.answers < 2)
        loop_run(w.loop);
    assert_int_equal(w.runs, 1);
    assert_state(&w, 1, "done");
    teardown(&w);
}

static void a_denied_request_is_never_done(void **state)
{
    struct world w;
    (void)state;
    setup(&w);
    assert_int_equal(ask(&w, &again, &alice, "x"), 1);
    deny(&w, 1, &bob, "not announced");
    assert_int_equal(w.row.state, REQUEST_DENIED);
    assert_string_equal(w.row.result, "not announced");
    approve(&w, 1, &bob);
    assert_string_equal(w.fault.rule, "request.closed");
    deny(&w, 1, &bob, "");
    assert_string_equal(w.fault.rule, "request.closed");
    assert_int_equal(w.runs, 0);
    teardown(&w);
}

static void an_operator_may_withdraw_what_they_asked_for(void **state)
{
    struct world w;
    (void)state;
    setup(&w);
    assert_int_equal(ask(&w, &again, &alice, "x"), 1);
    deny(&w, 1, &alice, "my mistake");
    assert_state(&w, 1, "denied");
    teardown(&w);
}

static void an_expired_request_is_not_approved(void **state)
{
    struct world w;
    (void)state;
    setup(&w);
    w.conf.request_life = 0;
    assert_int_equal(ask(&w, &again, &alice, "x"), 1);
    approve(&w, 1, &bob);
    assert_string_equal(w.fault.rule, "request.expired");
    assert_state(&w, 1, "expired");
    assert_int_equal(w.runs, 0);
    assert_int_equal(ask(&w, &again, &alice, "x"), 2); /* not the same any more */
    teardown(&w);
}

static void an_unknown_number_is_refused(void **state)
{
    struct world w;
    (void)state;
    setup(&w);
    approve(&w, 1, &bob);
    assert_int_equal(w.fault.code, FAULT_NOT_FOUND);
    approve(&w, UINT64_MAX, &bob);
    assert_string_equal(w.fault.rule, "request.unknown");
    deny(&w, 0, &bob, "");
    assert_string_equal(w.fault.rule, "request.unknown");
    teardown(&w);
}

static void asking_again_gives_the_same_number_to_the_same_operator(void **state)
{
    struct world w;
    (void)state;
    setup(&w);
    assert_int_equal(ask(&w, &again, &alice, "x"), 1);
    assert_int_equal(ask(&w, &again, &alice, "x"), 1);
    assert_int_equal(ask(&w, &again, &bob, "x"), 2);
    assert_int_equal(ask(&w, &once, &alice, "x"), 3);
    teardown(&w);
}

static void what_fails_is_told_and_what_cannot_be_now_waits_again(void **state)
{
    struct world w;
    (void)state;
    setup(&w);
    assert_int_equal(ask(&w, &again, &alice, "x"), 1);
    w.manner = NOT_NOW;
    approve(&w, 1, &bob);
    assert_string_equal(w.fault.rule, "test.later");
    assert_state(&w, 1, "waiting");
    w.manner = FAIL;
    approve(&w, 1, &bob);
    assert_string_equal(w.fault.rule, "test.no");
    assert_state(&w, 1, "failed");
    assert_int_equal(w.runs, 2);
    teardown(&w);
}

static void no_more_wait_than_the_bound(void **state)
{
    struct world w;
    char content[16];
    (void)state;
    setup(&w);
    for (unsigned i = 0; i < REQUESTS_WAITING_MAX; i++) {
        (void)snprintf(content, sizeof(content), "%u", i);
        assert_int_equal(ask(&w, &again, &alice, content), i + 1);
    }
    assert_int_equal(ask(&w, &again, &alice, "one more"), 0);
    assert_string_equal(w.fault.rule, "request.many");
    deny(&w, 17, &bob, "");
    assert_int_equal(ask(&w, &again, &alice, "one more"), REQUESTS_WAITING_MAX + 1);
    teardown(&w);
}

static int count(void *arg, const struct request_row *r)
{
    (void)r;
    ++*(size_t *)arg;
    return 0;
}

static void ended_ones_are_forgotten_past_the_bound_but_no_number_comes_twice(void **state)
{
    struct world w;
    size_t n = 0;
    (void)state;
    setup(&w);
    w.conf.request_life = 0; /* over at once */
    for (unsigned i = 0; i < REQUESTS_KEPT + 10; i++)
        assert_int_equal(ask(&w, &again, &alice, "x"), i + 1);
    assert_int_equal(store_requests(w.x.s, 0, count, &n, &w.x.f), 0);
    assert_int_equal(n, REQUESTS_KEPT);
    teardown(&w);
}

/* ---- crashes ---- */

static void what_did_not_end_is_taken_up_or_reported_at_the_start(void **state)
{
    struct world w;
    struct request_row row;
    (void)state;
    setup(&w);
    assert_int_equal(ask(&w, &again, &alice, "x"), 1);
    assert_int_equal(ask(&w, &once, &alice, "y"), 2);
    w.manner = NEVER_END;
    approve(&w, 1, &bob);
    approve(&w, 2, &bob);
    assert_int_equal(w.runs, 2);
    restart(&w);
    w.manner = DO;
    approval_resume(w.approval);
    assert_int_equal(w.runs, 3); /* the repeatable one */
    assert_string_equal(w.content, "x");
    assert_string_equal(w.by, "operator:bob");
    restart(&w); /* ends what was submitted */
    assert_state(&w, 1, "done");
    assert_state(&w, 2, "failed");
    assert_int_equal(store_request_get(w.x.s, 2, &row, NULL, &w.x.f), 0);
    assert_non_null(strstr(row.result, "interrupted"));
    approval_resume(w.approval);
    assert_int_equal(w.runs, 3);
    teardown(&w);
}

/* Asks and approves in a process that is killed at a step. */
static void killed_at(struct world *w, const char *order)
{
    int status;
    pid_t pid;

    fixture_close(&w->x);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (setenv("CERCA_STEP_KILL", order, 1) != 0 || fixture_reopen(&w->x) != 0)
            _exit(1);
        step_init("test");
        w->loop = loop_new();
        start(w);
        if (ask(w, &again, &alice, "x") != 1)
            _exit(2);
        approve(w, 1, &bob);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(fixture_reopen(&w->x), 0);
    w->loop = loop_new();
    start(w);
}

static void a_kill_between_approval_and_end_loses_nothing(void **state)
{
    static const char *const orders[] = {"test:approval.approved:1", "test:approval.ran:1",
                                         "test:store.commit.before:3"};
    (void)state;
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct world w;

        memset(&w, 0, sizeof(w));
        fixture_open(&w.x, true);
        w.conf.two_operators = TWO_OPEN;
        w.conf.request_life = 86400;
        killed_at(&w, orders[i]);
        assert_state(&w, 1, "approved");
        approval_resume(w.approval);
        assert_int_equal(w.runs, 1);
        restart(&w);
        assert_state(&w, 1, "done");
        teardown(&w);
    }
}

static void a_kill_before_the_approval_is_durable_leaves_it_waiting(void **state)
{
    struct world w;
    (void)state;
    memset(&w, 0, sizeof(w));
    fixture_open(&w.x, true);
    w.conf.two_operators = TWO_OPEN;
    w.conf.request_life = 86400;
    killed_at(&w, "test:store.commit.before:2");
    assert_state(&w, 1, "waiting");
    approval_resume(w.approval);
    assert_int_equal(w.runs, 0);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_the_configuration_names_needs_two),
        cmocka_unit_test(asking_records_it_and_does_nothing),
        cmocka_unit_test(content_that_cannot_be_carried_out_is_not_recorded),
        cmocka_unit_test(who_asked_cannot_approve_under_any_name),
        cmocka_unit_test(what_another_approves_is_done_once_with_the_recorded_content),
        cmocka_unit_test(two_approvals_at_once_do_it_once),
        cmocka_unit_test(a_denied_request_is_never_done),
        cmocka_unit_test(an_operator_may_withdraw_what_they_asked_for),
        cmocka_unit_test(an_expired_request_is_not_approved),
        cmocka_unit_test(an_unknown_number_is_refused),
        cmocka_unit_test(asking_again_gives_the_same_number_to_the_same_operator),
        cmocka_unit_test(what_fails_is_told_and_what_cannot_be_now_waits_again),
        cmocka_unit_test(no_more_wait_than_the_bound),
        cmocka_unit_test(ended_ones_are_forgotten_past_the_bound_but_no_number_comes_twice),
        cmocka_unit_test(what_did_not_end_is_taken_up_or_reported_at_the_start),
        cmocka_unit_test(a_kill_between_approval_and_end_loses_nothing),
        cmocka_unit_test(a_kill_before_the_approval_is_durable_leaves_it_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
