/* Killed at every step of a commit: what was acknowledged is there, the rest is consistent. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/log.h"
#include "lib/step.h"
#include "tests/unit/store_help.h"

#define ROUNDS 12

/* What the child reports through a pipe, one record for each answer it got. */
struct answer {
    struct cert_ref ref;
    uint8_t request_key[32];
    enum cert_state state;
};

static void tell(int fd, const struct request *r)
{
    struct answer a = {.ref = r->op.ref, .state = r->op.state};
    memcpy(a.request_key, r->op.intent.request_key, sizeof(a.request_key));
    if (write(fd, &a, sizeof(a)) != (ssize_t)sizeof(a))
        _exit(3);
}

static _Noreturn void child(struct fixture *x, const char *order, int fd)
{
    log_open("store-test", LOG_LEVEL_ERROR);
    if (setenv("CERCA_STEP_KILL", order, 1) != 0)
        _exit(1);
    step_init("store-test");
    if (fixture_reopen(x) != 0)
        _exit(1);
    for (int i = 0; i < ROUNDS; i++) {
        struct request r;
        request_init(&r, x, "host.example.com");
        if (do_reserve(x, &r) != 0)
            _exit(2);
        tell(fd, &r);
        if ((i % 4 == 3 ? do_abandon(x, &r) : do_finish(x, &r)) != 0)
            _exit(2);
        tell(fd, &r);
        if (i % 4 == 2) {
            if (do_revoke(x, &r, 4) != 0)
                _exit(2);
            tell(fd, &r);
        }
        request_free(&r);
    }
    _exit(0);
}

/* A later state than the last acknowledged one may have been committed unacknowledged. */
static bool not_before(enum cert_state now, enum cert_state acknowledged)
{
    if (acknowledged == CERT_OPEN)
        return true;
    if (acknowledged == CERT_GOOD)
        return now == CERT_GOOD || now == CERT_REVOKED;
    return now == acknowledged;
}

/* Its key serves nothing else, and its request is known unless it was given up. */
static void nothing_is_forgotten(struct fixture *x, const struct cert_row *row)
{
    struct request r;
    request_init(&r, x, "host.example.com");
    memcpy(r.op.intent.spki_hash, row->spki_hash, 32);
    assert_int_equal(do_reserve(x, &r), -FAULT_POLICY);
    assert_string_equal(r.op.fault.rule, "key.reuse");
    memcpy(r.op.intent.request_key, row->request_key, 32);
    memcpy(r.op.intent.content, row->content, 32);
    if (row->state != CERT_ABANDONED) {
        assert_int_equal(do_reserve(x, &r), 0);
        assert_int_equal(r.op.outcome, STORE_KNOWN);
        assert_memory_equal(r.op.ref.serial, row->ref.serial, SERIAL_LEN);
    }
    request_free(&r);
}

static size_t check_answers(struct fixture *x, int fd)
{
    struct answer a;
    size_t n = 0;
    while (read(fd, &a, sizeof(a)) == (ssize_t)sizeof(a)) {
        struct cert_row row;
        must_get(x, &a.ref, &row);
        assert_true(not_before(row.state, a.state));
        nothing_is_forgotten(x, &row);
        cert_row_free(&row);
        n++;
    }
    return n;
}

/* A retry of what is still open gets the very certificate; then all is closed. */
static void finish_what_is_open(struct fixture *x)
{
    struct cert_ref open[ROUNDS];
    size_t n;
    assert_int_equal(store_open_intents(x->s, INT64_MAX, open, ROUNDS, &n, &x->f), 0);
    assert_true(n <= 1);
    for (size_t i = 0; i < n; i++) {
        struct request again;
        struct cert_row row;
        must_get(x, &open[i], &row);
        request_init(&again, x, "host.example.com");
        memcpy(again.op.intent.request_key, row.request_key, 32);
        memcpy(again.op.intent.content, row.content, 32);
        assert_int_equal(do_reserve(x, &again), 0);
        assert_int_equal(again.op.outcome, STORE_KNOWN);
        assert_memory_equal(again.op.ref.serial, open[i].serial, SERIAL_LEN);
        buf_reset(&again.tbs);
        buf_put_slice(&again.tbs, row.tbs);
        assert_int_equal(do_finish(x, &again), 0);
        assert_int_equal(again.op.outcome, STORE_DONE);
        request_free(&again);
        cert_row_free(&row);
    }
}

static void killed_at(struct fixture *x, const char *step, int nth, bool answered)
{
    char order[96];
    int fd[2], status;
    (void)snprintf(order, sizeof(order), "store-test:%s:%d", step, nth);
    fixture_close(x);
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    if (pid == 0)
        child(x, order, fd[1]);
    (void)close(fd[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(fixture_reopen(x), 0);
    assert_true(check_answers(x, fd[0]) > 0 || !answered);
    assert_clean(x);
    finish_what_is_open(x);
    assert_clean(x);
    (void)close(fd[0]);
}

static void a_kill_at_any_step_loses_nothing_acknowledged(void **state)
{
    static const char *const step[] = {"store.reserve.before", "store.reserve.after",
                                       "store.finish.before",  "store.finish.after",
                                       "store.commit.before",  "store.commit.after"};
    static const int nth[] = {1, 2, 5, 8};
    struct fixture x;
    (void)state;
    for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
        fixture_open(&x, true);
        for (size_t k = 0; k < sizeof(nth) / sizeof(nth[0]); k++)
            killed_at(&x, step[i], nth[k], nth[k] > 1);
        fixture_remove(&x);
    }
}

/* Runs of two: what is issued pays for flushes and merges of several levels. */
static void a_kill_while_keys_are_written_out_or_merged_forgets_none(void **state)
{
    static const char *const step[] = {"store.run.flush", "store.run.flushed", "store.run.merge",
                                       "store.run.merged", "store.run.buried"};
    struct fixture x;
    (void)state;
    for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
        fixture_open(&x, true);
        x.o.run_entries = 2;
        for (int round = 0; round < 12; round++)
            killed_at(&x, step[i], 1, false);
        fixture_remove(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_at_any_step_loses_nothing_acknowledged),
        cmocka_unit_test(a_kill_while_keys_are_written_out_or_merged_forgets_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
