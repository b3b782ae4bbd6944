/*
 * The writer under load and under failure: groups, faults of single puts, failed commits, full
 * disks, the lock. LMDB's own functions are replaced at link time where they have to fail.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lmdb.h>

#include <cmocka.h>

#include "lib/exitcode.h"
#include "lib/log.h"
#include "tests/unit/store_help.h"

static _Atomic unsigned commits;
static _Atomic int commit_error;
static const uint8_t *bad_key; /* a put of a key that begins so fails */
static size_t bad_key_n;

int mdb_txn_commit(MDB_txn *txn)
{
    int (*real)(MDB_txn *) = (int (*)(MDB_txn *))dlsym(RTLD_NEXT, "mdb_txn_commit");
    commits++;
    return commit_error ? commit_error : real(txn);
}

int mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags)
{
    int (*real)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned) =
        (int (*)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *, unsigned))dlsym(RTLD_NEXT, "mdb_put");
    if (bad_key && key->mv_size >= bad_key_n && memcmp(key->mv_data, bad_key, bad_key_n) == 0)
        return MDB_MAP_FULL;
    return real(txn, dbi, key, data, flags);
}

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));
    fixture_open(x, true);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    bad_key = NULL;
    fixture_remove(*state);
    free(*state);
    return 0;
}

/* --- many at once --- */

#define THREADS 8
#define EACH 100

static void *issue_many(void *arg)
{
    struct fixture *x = arg;
    for (int i = 0; i < EACH; i++) {
        struct request r;
        request_init(&r, x, "host.example.com");
        issue(x, &r);
        request_free(&r);
    }
    return NULL;
}

static void threads_that_issue_at_once_lose_nothing(void **state)
{
    struct fixture *x = *state;
    pthread_t t[THREADS];
    struct store_stats st;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, issue_many, x), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    assert_int_equal(store_stats(x->s, &st, &x->f), 0);
    assert_int_equal(st.certificates, THREADS * EACH);
    assert_int_equal(st.open_intents, 0);
    assert_int_equal(st.change, 2 * THREADS * EACH);
    assert_int_equal(st.audit_size, 2 * THREADS * EACH);
    assert_clean(x);
}

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool entered, open;
    unsigned done;
};

/* Holds the writer thread until the test has queued what it wants grouped. */
static void hold(struct store_op *op)
{
    struct gate *g = op->arg;
    pthread_mutex_lock(&g->lock);
    g->entered = true;
    pthread_cond_broadcast(&g->moved);
    while (!g->open)
        pthread_cond_wait(&g->moved, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void count_done(struct store_op *op)
{
    struct gate *g = op->arg;
    pthread_mutex_lock(&g->lock);
    g->done++;
    pthread_cond_broadcast(&g->moved);
    pthread_mutex_unlock(&g->lock);
}

/* Has `n` reserves wait in the queue together, and returns when all are answered. */
static void submit_together(struct fixture *x, struct request *r, size_t n)
{
    struct gate g = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
    struct store_op first = {.kind = STORE_AUDIT, .audit = {.action = AUDIT_START}};
    first.done = hold;
    first.arg = &g;
    store_submit(x->s, &first);
    pthread_mutex_lock(&g.lock);
    while (!g.entered)
        pthread_cond_wait(&g.moved, &g.lock);
    commits = 0;
    for (size_t i = 0; i < n; i++) {
        r[i].op.kind = STORE_RESERVE;
        r[i].op.audit.action = AUDIT_INTENT;
        r[i].op.done = count_done;
        r[i].op.arg = &g;
        store_submit(x->s, &r[i].op);
    }
    g.open = true;
    pthread_cond_broadcast(&g.moved);
    while (g.done < n)
        pthread_cond_wait(&g.moved, &g.lock);
    pthread_mutex_unlock(&g.lock);
}

static void what_waits_together_is_committed_together(void **state)
{
    struct fixture *x = *state;
    struct request r[32];
    fixture_close(x);
    x->o.no_derive = true; /* its commits would be counted too */
    assert_int_equal(fixture_reopen(x), 0);
    for (size_t i = 0; i < 32; i++)
        request_init(&r[i], x, "host.example.com");
    submit_together(x, r, 32);
    assert_int_equal(commits, 1);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(r[i].op.result, 0);
        request_free(&r[i]);
    }
    assert_clean(x);
}

static void what_depends_on_another_of_the_same_group_is_decided_right(void **state)
{
    struct fixture *x = *state;
    struct request r[3];
    for (size_t i = 0; i < 3; i++)
        request_init(&r[i], x, "host.example.com");
    memcpy(r[1].op.intent.request_key, r[0].op.intent.request_key, 32);
    memcpy(r[1].op.intent.content, r[0].op.intent.content, 32);
    memcpy(r[2].spki, r[0].spki, sizeof(r[2].spki));
    request_draft(&r[2], "host.example.com");
    submit_together(x, r, 3);
    assert_int_equal(r[0].op.outcome, STORE_DONE);
    assert_int_equal(r[1].op.outcome, STORE_KNOWN);
    assert_memory_equal(r[1].op.ref.serial, r[0].op.ref.serial, SERIAL_LEN);
    assert_int_equal(r[2].op.result, -FAULT_POLICY);
    assert_string_equal(r[2].op.fault.rule, "key.reuse");
    assert_clean(x);
    for (size_t i = 0; i < 3; i++)
        request_free(&r[i]);
}

/* --- failures --- */

static void a_put_that_fails_fails_its_own_request_only(void **state)
{
    struct fixture *x = *state;
    struct request r[5];
    struct cert_row row;
    for (size_t i = 0; i < 5; i++)
        request_init(&r[i], x, "host.example.com");
    bad_key = r[2].op.ref.serial;
    bad_key_n = SERIAL_LEN;
    submit_together(x, r, 5);
    bad_key = NULL;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(r[i].op.result, i == 2 ? -FAULT_FULL : 0);
        cert_row_init(&row);
        assert_int_equal(store_get(x->s, &r[i].op.ref, &row, &x->f), i == 2 ? -FAULT_NOT_FOUND : 0);
        cert_row_free(&row);
    }
    assert_int_equal(r[2].op.fault.retry_after, 30);
    assert_clean(x);
    assert_int_equal(do_reserve(x, &r[2]), 0);
    for (size_t i = 0; i < 5; i++)
        request_free(&r[i]);
}

static int exit_status(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_failed_commit_ends_the_process_and_the_next_start_recovers(void **state)
{
    struct fixture *x = *state;
    struct request r;
    fixture_close(x);
    request_init(&r, x, "host.example.com");
    pid_t pid = fork();
    if (pid == 0) {
        log_open("store-test", LOG_LEVEL_ERROR);
        if (fixture_reopen(x) != 0)
            _exit(1);
        commit_error = EIO;
        (void)do_reserve(x, &r);
        _exit(0);
    }
    assert_int_equal(exit_status(pid), EXITCODE_STORE);
    assert_int_equal(fixture_reopen(x), 0);
    assert_clean(x);
    assert_int_equal(do_reserve(x, &r), 0);
    request_free(&r);
}

/* A file that may not grow: the kernel refuses the write in the middle of a commit. */
static void a_disk_that_refuses_writes_loses_nothing_acknowledged(void **state)
{
    struct fixture *x = *state;
    int answered[2];
    uint32_t n = 0;
    struct store_stats st;
    fixture_close(x);
    assert_int_equal(pipe(answered), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit = {512 * 1024, 512 * 1024};
        log_open("store-test", LOG_LEVEL_ERROR);
        (void)signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || fixture_reopen(x) != 0)
            _exit(1);
        for (;;) {
            struct request r;
            request_init(&r, x, "host.example.com");
            if (do_reserve(x, &r) != 0 || do_finish(x, &r) != 0 || write(answered[1], "x", 1) != 1)
                _exit(2);
            request_free(&r);
        }
    }
    (void)close(answered[1]);
    char c;
    while (read(answered[0], &c, 1) == 1)
        n++;
    (void)close(answered[0]);
    assert_int_equal(exit_status(pid), EXITCODE_STORE);
    assert_true(n > 0);
    assert_int_equal(fixture_reopen(x), 0);
    assert_int_equal(store_stats(x->s, &st, &x->f), 0);
    assert_true(st.certificates - st.open_intents >= n);
    assert_clean(x);
    struct request r;
    request_init(&r, x, "host.example.com");
    issue(x, &r);
    request_free(&r);
}

static void fill_to_the_quota(struct fixture *x, struct request *last)
{
    int rc = 0;
    for (int i = 0; i < 100000 && rc == 0; i++) {
        request_init(last, x, "host.example.com");
        rc = do_reserve(x, last);
        if (rc == 0)
            request_free(last);
    }
    assert_int_equal(rc, -FAULT_FULL);
}

static void past_the_quota_issuing_stops_and_the_rest_works(void **state)
{
    struct fixture *x = *state;
    struct request open, good, last;
    struct store_stats st, later;
    struct cert_ref ref;
    request_init(&open, x, "open.example.com");
    request_init(&good, x, "good.example.com");
    assert_int_equal(do_reserve(x, &open), 0);
    issue(x, &good);
    fixture_close(x);
    x->o.quota = 1 << 20;
    x->o.no_sync = true;
    assert_int_equal(fixture_reopen(x), 0);
    fill_to_the_quota(x, &last);
    assert_string_equal(last.op.fault.rule, "store.full");
    assert_int_equal(last.op.fault.retry_after, 30);
    assert_int_equal(store_stats(x->s, &st, &x->f), 0);
    assert_true(st.full);
    assert_int_equal(do_reserve(x, &last), -FAULT_FULL);
    assert_int_equal(store_stats(x->s, &later, &x->f), 0);
    assert_int_equal(later.audit_size, st.audit_size); /* refusals do not fill the rest up */
    assert_int_equal(do_finish(x, &open), 0);
    assert_int_equal(open.op.outcome, STORE_DONE);
    assert_int_equal(do_revoke(x, &good, 1), 0);
    ref = good.op.ref; /* what is recorded already is still answered */
    assert_int_equal(do_reserve(x, &good), 0);
    assert_int_equal(good.op.outcome, STORE_KNOWN);
    assert_memory_equal(good.op.ref.serial, ref.serial, SERIAL_LEN);
    fixture_close(x);
    x->o.quota = 1ULL << 40;
    assert_int_equal(fixture_reopen(x), 0);
    assert_int_equal(do_reserve(x, &last), 0);
    assert_clean(x);
    request_free(&open);
    request_free(&good);
    request_free(&last);
}

static void below_the_free_space_watermark_issuing_stops(void **state)
{
    struct fixture *x = *state;
    struct request r;
    fixture_close(x);
    x->o.free_watermark = UINT64_MAX;
    assert_int_equal(fixture_reopen(x), 0);
    request_init(&r, x, "host.example.com");
    assert_int_equal(do_reserve(x, &r), -FAULT_FULL);
    assert_string_equal(r.op.fault.rule, "store.full");
    request_free(&r);
}

static void a_second_process_is_told_who_has_the_store(void **state)
{
    struct fixture *x = *state;
    struct fixture other = *x;
    char pid[16];
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_int_equal(fixture_reopen(&other), -FAULT_CONFLICT);
    assert_string_equal(other.f.rule, "store.lock");
    assert_non_null(strstr(other.f.text, pid));
    other.o.read_only = true;
    assert_int_equal(fixture_reopen(&other), -FAULT_CONFLICT);
}

static void a_stopped_store_can_be_read_and_checked_without_a_write(void **state)
{
    struct fixture *x = *state;
    struct request r;
    struct cert_row row;
    request_init(&r, x, "host.example.com");
    issue(x, &r);
    fixture_close(x);
    x->o.read_only = true;
    assert_int_equal(fixture_reopen(x), 0);
    must_get(x, &r.op.ref, &row);
    assert_clean(x);
    assert_int_equal(do_revoke(x, &r, 1), -FAULT_UNAVAILABLE);
    assert_string_equal(r.op.fault.rule, "store.read-only");
    cert_row_free(&row);
    request_free(&r);
}

static void a_store_of_another_schema_is_refused(void **state)
{
    struct fixture *x = *state;
    char path[128];
    MDB_env *env;
    MDB_txn *t;
    MDB_dbi dbi;
    uint8_t schema[4] = {0, 0, 0, STORE_SCHEMA + 1};
    MDB_val k = {6, (void *)"schema"}, v = {4, schema};
    fixture_close(x);
    fixture_path(x, "durable", path);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 1), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &t), 0);
    assert_int_equal(mdb_dbi_open(t, "meta", 0, &dbi), 0);
    assert_int_equal(mdb_put(t, dbi, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(t), 0);
    mdb_env_close(env);
    assert_int_equal(fixture_reopen(x), -FAULT_CONFLICT);
    assert_string_equal(x->f.rule, "store.schema");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(threads_that_issue_at_once_lose_nothing),
        T(what_waits_together_is_committed_together),
        T(what_depends_on_another_of_the_same_group_is_decided_right),
        T(a_put_that_fails_fails_its_own_request_only),
        T(a_failed_commit_ends_the_process_and_the_next_start_recovers),
        T(a_disk_that_refuses_writes_loses_nothing_acknowledged),
        T(past_the_quota_issuing_stops_and_the_rest_works),
        T(below_the_free_space_watermark_issuing_stops),
        T(a_second_process_is_told_who_has_the_store),
        T(a_stopped_store_can_be_read_and_checked_without_a_write),
        T(a_store_of_another_schema_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
