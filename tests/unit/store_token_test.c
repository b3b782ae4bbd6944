/* Tokens in the store: a use is taken with the intent, in one commit, and never twice. */
#include <pthread.h>
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

#include "ca/store/tokens.h"
#include "lib/step.h"
#include "tests/unit/store_help.h"

static int do_token(struct fixture *x, struct store_token *t, enum token_verb verb, int64_t now)
{
    struct store_op op = {.kind = STORE_TOKEN, .time = now, .token = t};

    t->verb = verb;
    op.audit.action = verb == TOKEN_CREATE ? AUDIT_TOKEN_CREATE : AUDIT_TOKEN_REVOKE;
    op.audit.time = now;
    int rc = store_do(x->s, &op);
    x->f = op.fault;
    return rc;
}

static uint64_t make_token(struct fixture *x, uint32_t uses, int64_t life)
{
    struct store_token t = {.row.info = {.uses = uses, .expires = TEST_NOW + life}};

    snprintf(t.row.info.profile, sizeof(t.row.info.profile), "tls-server");
    t.row.info.names.n = 1;
    snprintf(t.row.info.names.item[0], TOKEN_PATTERN_MAX, "dns:.example.com");
    assert_int_equal(do_token(x, &t, TOKEN_CREATE, TEST_NOW), 0);
    return t.row.info.id;
}

static uint32_t left(struct fixture *x, uint64_t id)
{
    struct token_row t;

    assert_int_equal(store_token_get(x->s, id, &t, &x->f), 0);
    return t.info.left;
}

/* A fresh request with this token. */
static void with_token(struct request *r, struct fixture *x, uint64_t token, char requester[64])
{
    request_init(r, x, "a.example.com");
    token_requester(token, requester);
    r->op.intent.token = token;
    r->op.intent.requester = requester;
}

static void a_token_comes_back_as_it_was_made(void **state)
{
    struct store_token t = {.row.info = {.uses = 7, .expires = TEST_NOW + 60}};
    struct token_row row;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    memset(t.row.hash, 9, sizeof(t.row.hash));
    t.row.info.names.n = TOKEN_PATTERNS_MAX;
    for (uint32_t i = 0; i < TOKEN_PATTERNS_MAX; i++)
        memset(t.row.info.names.item[i], 'x', TOKEN_PATTERN_MAX - 1);
    snprintf(t.row.info.sid, sizeof(t.row.info.sid), "S-1-5-21-1-2-3-1104");
    snprintf(t.row.info.created_by, sizeof(t.row.info.created_by), "operator:alice");
    assert_int_equal(do_token(&x, &t, TOKEN_CREATE, TEST_NOW), 0);
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    assert_int_equal(store_token_get(x.s, t.row.info.id, &row, &x.f), 0);
    assert_memory_equal(&row, &t.row, sizeof(row));
    assert_int_equal(row.info.left, 7);
    assert_clean(&x);
    fixture_remove(&x);
}

static void a_use_is_taken_with_the_intent_until_none_is_left(void **state)
{
    struct request a, b, c;
    char who[64];
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    uint64_t id = make_token(&x, 2, 3600);
    with_token(&a, &x, id, who);
    with_token(&b, &x, id, who);
    with_token(&c, &x, id, who);
    assert_int_equal(do_reserve(&x, &a), 0);
    assert_int_equal(left(&x, id), 1);
    assert_int_equal(do_reserve(&x, &b), 0);
    assert_int_equal(left(&x, id), 0);
    assert_int_equal(do_reserve(&x, &c), -FAULT_DENIED);
    assert_string_equal(c.op.fault.rule, "token.used");
    assert_int_equal(left(&x, id), 0);
    assert_clean(&x);
    request_free(&a), request_free(&b), request_free(&c);
    fixture_remove(&x);
}

static void the_same_request_again_takes_no_use(void **state)
{
    struct request a, again;
    char who[64];
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    uint64_t id = make_token(&x, 1, 3600);
    with_token(&a, &x, id, who);
    issue(&x, &a);
    with_token(&again, &x, id, who);
    memcpy(again.op.intent.request_key, a.op.intent.request_key, 32);
    memcpy(again.op.intent.content, a.op.intent.content, 32);
    assert_int_equal(do_reserve(&x, &again), 0);
    assert_int_equal(again.op.outcome, STORE_KNOWN);
    assert_memory_equal(&again.op.ref, &a.op.ref, sizeof(a.op.ref));
    assert_int_equal(left(&x, id), 0);
    request_free(&a), request_free(&again);
    fixture_remove(&x);
}

static enum cert_state state_of(struct fixture *x, const struct cert_ref *ref, uint8_t *reason)
{
    struct cert_row row;

    cert_row_init(&row);
    must_get(x, ref, &row);
    *reason = row.reason;
    enum cert_state state = row.state;
    cert_row_free(&row);
    return state;
}

static void anew(struct request *r, struct fixture *x, uint64_t token, char requester[64],
                 const struct request *before)
{
    with_token(r, x, token, requester);
    r->op.intent.anew = true;
    if (before != NULL)
        memcpy(r->op.intent.request_key, before->op.intent.request_key, 32);
}

/* Of a request whose key is made for it each time. */
static void what_is_asked_for_anew_supersedes_and_keeps_the_use(void **state)
{
    struct request a, b, c, d;
    struct cert_row row;
    uint8_t reason;
    char who[64];
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    uint64_t id = make_token(&x, 1, 3600);
    anew(&a, &x, id, who, NULL);
    anew(&b, &x, id, who, &a);
    anew(&c, &x, id, who, &a);
    anew(&d, &x, id, who, NULL);
    issue(&x, &a);
    assert_int_equal(do_reserve(&x, &b), 0);
    assert_int_equal(b.op.outcome, STORE_DONE);
    assert_int_equal(state_of(&x, &a.op.ref, &reason), CERT_REVOKED);
    assert_int_equal(reason, 4); /* superseded, RFC 5280 5.3.1 */
    assert_int_equal(left(&x, id), 0);
    assert_int_equal(do_reserve(&x, &c), 0); /* b is open */
    assert_int_equal(state_of(&x, &b.op.ref, &reason), CERT_ABANDONED);
    assert_int_equal(do_finish(&x, &b), 0);
    assert_int_equal(b.op.outcome, STORE_NOT_OPEN);
    assert_int_equal(left(&x, id), 0);
    assert_int_equal(do_abandon(&x, &c), 0);
    assert_int_equal(left(&x, id), 1); /* that one use, once */
    assert_clean(&x);
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    memcpy(d.op.intent.request_key, a.op.intent.request_key, 32);
    issue(&x, &d);
    assert_int_equal(left(&x, id), 0);
    assert_int_equal(state_of(&x, &d.op.ref, &reason), CERT_GOOD);
    cert_row_init(&row);
    must_get(&x, &d.op.ref, &row);
    assert_false(row.has_replaces); /* what it follows was given up */
    cert_row_free(&row);
    assert_clean(&x);
    request_free(&a), request_free(&b), request_free(&c), request_free(&d);
    fixture_remove(&x);
}

static void what_was_revoked_or_held_is_not_superseded(void **state)
{
    static const uint8_t reasons[] = {1, 6}; /* keyCompromise, certificateHold */
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    for (size_t i = 0; i < sizeof(reasons); i++) {
        struct request a, b;
        uint8_t reason;
        char who[64];
        uint64_t id = make_token(&x, 1, 3600);

        anew(&a, &x, id, who, NULL);
        anew(&b, &x, id, who, &a);
        issue(&x, &a);
        assert_int_equal(do_revoke(&x, &a, reasons[i]), 0);
        assert_int_equal(do_reserve(&x, &b), -FAULT_DENIED); /* a new request: a use of its own */
        assert_string_equal(b.op.fault.rule, "token.used");
        (void)state_of(&x, &a.op.ref, &reason);
        assert_int_equal(reason, reasons[i]);
        request_free(&a), request_free(&b);
    }
    assert_clean(&x);
    fixture_remove(&x);
}

struct both {
    pthread_mutex_t lock;
    pthread_cond_t ready;
    unsigned done;
};

static void one_is_done(struct store_op *op)
{
    struct both *b = op->arg;

    pthread_mutex_lock(&b->lock);
    b->done++;
    pthread_cond_signal(&b->ready);
    pthread_mutex_unlock(&b->lock);
}

static void of_many_at_once_exactly_one_gets_the_last_use(void **state)
{
    enum { MANY = 8 };
    struct both both = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    struct request r[MANY];
    char who[64];
    struct fixture x;
    unsigned won = 0;
    (void)state;

    fixture_open(&x, false);
    uint64_t id = make_token(&x, 1, 3600);
    for (int i = 0; i < MANY; i++) {
        with_token(&r[i], &x, id, who);
        r[i].op.kind = STORE_RESERVE;
        r[i].op.time = TEST_NOW;
        r[i].op.audit.action = AUDIT_INTENT;
        r[i].op.done = one_is_done;
        r[i].op.arg = &both;
    }
    for (int i = 0; i < MANY; i++)
        store_submit(x.s, &r[i].op);
    pthread_mutex_lock(&both.lock);
    while (both.done < MANY)
        pthread_cond_wait(&both.ready, &both.lock);
    pthread_mutex_unlock(&both.lock);
    for (int i = 0; i < MANY; i++) {
        won += r[i].op.result == 0;
        if (r[i].op.result != 0)
            assert_string_equal(r[i].op.fault.rule, "token.used");
        request_free(&r[i]);
    }
    assert_int_equal(won, 1);
    assert_int_equal(left(&x, id), 0);
    assert_clean(&x);
    fixture_remove(&x);
}

static void expired_revoked_and_unknown_tokens_are_refused(void **state)
{
    struct store_token t = {0};
    struct request r;
    char who[64];
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    uint64_t expired = make_token(&x, 1, 0), revoked = make_token(&x, 1, 3600);
    t.row.info.id = revoked;
    assert_int_equal(do_token(&x, &t, TOKEN_REVOKE, TEST_NOW), 0);
    assert_int_equal(do_token(&x, &t, TOKEN_REVOKE, TEST_NOW), -FAULT_CONFLICT);
    const struct {
        uint64_t id;
        const char *rule;
    } cases[] = {{expired, "token.expired"}, {revoked, "token.revoked"}, {99, "token.unknown"}};
    for (size_t i = 0; i < 3; i++) {
        with_token(&r, &x, cases[i].id, who);
        assert_true(do_reserve(&x, &r) < 0);
        assert_string_equal(r.op.fault.rule, cases[i].rule);
        request_free(&r);
    }
    t.row.info.id = 99;
    assert_int_equal(do_token(&x, &t, TOKEN_REVOKE, TEST_NOW), -FAULT_NOT_FOUND);
    fixture_remove(&x);
}

static void a_token_older_than_a_restore_is_void(void **state)
{
    struct token_row t = {.info = {.uses = 1, .left = 1, .created = 1000, .expires = 5000}};
    struct fault f;
    (void)state;

    fault_clear(&f);
    assert_int_equal(token_usable(&t, 0, 2000, &f), 0);
    assert_int_equal(token_usable(&t, 999, 2000, &f), 0);
    assert_int_equal(token_usable(&t, 1000, 2000, &f), -FAULT_DENIED);
    assert_string_equal(f.rule, "token.void");
}

static void an_abandoned_intent_gives_its_use_back(void **state)
{
    struct request r, operator_s;
    char who[64];
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    uint64_t id = make_token(&x, 1, 3600);
    with_token(&r, &x, id, who);
    assert_int_equal(do_reserve(&x, &r), 0);
    request_init(&operator_s, &x, "b.example.com");
    assert_int_equal(do_reserve(&x, &operator_s), 0);
    assert_int_equal(do_abandon(&x, &operator_s), 0);
    assert_int_equal(left(&x, id), 0);
    assert_int_equal(do_abandon(&x, &r), 0);
    assert_int_equal(left(&x, id), 1);
    assert_int_equal(do_abandon(&x, &r), 0);
    assert_int_equal(left(&x, id), 1);
    request_free(&r), request_free(&operator_s);
    fixture_remove(&x);
}

static void a_kill_takes_both_use_and_intent_or_neither(void **state)
{
    static const struct {
        const char *order;
        uint32_t left;
    } cases[] = {{"test:store.commit.before:1", 1}, {"test:store.commit.after:1", 0}};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct store_stats st;
        struct fixture x;
        struct request r;
        char who[64];
        int status;

        fixture_open(&x, true);
        uint64_t id = make_token(&x, 1, 3600);
        with_token(&r, &x, id, who);
        fixture_close(&x);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            if (setenv("CERCA_STEP_KILL", cases[i].order, 1) != 0)
                _exit(1);
            step_init("test");
            _exit(fixture_reopen(&x) == 0 && do_reserve(&x, &r) == 0 ? 0 : 2);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(fixture_reopen(&x), 0);
        assert_int_equal(left(&x, id), cases[i].left);
        assert_int_equal(store_stats(x.s, &st, &x.f), 0);
        assert_int_equal(st.open_intents, 1 - cases[i].left);
        request_free(&r);
        fixture_remove(&x);
    }
}

static int count(void *arg, const struct token_row *t)
{
    (void)t;
    ++*(unsigned *)arg;
    return 0;
}

static void tokens_that_ended_long_ago_are_forgotten_and_no_number_comes_twice(void **state)
{
    struct store_token t = {.row.info = {.uses = 1}};
    struct fixture x;
    unsigned n = 0;
    (void)state;

    fixture_open(&x, false);
    for (int i = 0; i < 50; i++)
        assert_int_equal(make_token(&x, 1, 60), i + 1);
    t.row.info.expires = TEST_NOW + 2 * TOKEN_KEPT;
    for (int i = 50; i < 70; i++) {
        assert_int_equal(do_token(&x, &t, TOKEN_CREATE, TEST_NOW + TOKEN_KEPT + 61), 0);
        assert_int_equal(t.row.info.id, i + 1);
    }
    assert_int_equal(store_tokens(x.s, 0, count, &n, &x.f), 0);
    assert_true(n >= 20 && n <= 28);
    assert_clean(&x);
    fixture_remove(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_comes_back_as_it_was_made),
        cmocka_unit_test(a_use_is_taken_with_the_intent_until_none_is_left),
        cmocka_unit_test(the_same_request_again_takes_no_use),
        cmocka_unit_test(what_is_asked_for_anew_supersedes_and_keeps_the_use),
        cmocka_unit_test(what_was_revoked_or_held_is_not_superseded),
        cmocka_unit_test(of_many_at_once_exactly_one_gets_the_last_use),
        cmocka_unit_test(expired_revoked_and_unknown_tokens_are_refused),
        cmocka_unit_test(a_token_older_than_a_restore_is_void),
        cmocka_unit_test(an_abandoned_intent_gives_its_use_back),
        cmocka_unit_test(a_kill_takes_both_use_and_intent_or_neither),
        cmocka_unit_test(tokens_that_ended_long_ago_are_forgotten_and_no_number_comes_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
