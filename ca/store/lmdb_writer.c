/* The writer thread: takes all operations that wait into one transaction. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ca/store/store_lmdb.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "lib/step.h"

#define SPACE_EVERY_US 100000

struct group {
    struct store_op *op[STORE_GROUP_MAX];
    size_t n;
    struct write_txn w; /* kept here: too large for a stack frame */
    bool changed[STORE_GROUP_MAX];
};

static void step_before(const struct store_op *op)
{
    if (op->kind == STORE_RESERVE)
        STEP("store.reserve.before");
    else if (op->kind == STORE_FINISH)
        STEP("store.finish.before");
}

static void step_after(const struct store_op *op)
{
    if (op->kind == STORE_RESERVE)
        STEP("store.reserve.after");
    else if (op->kind == STORE_FINISH)
        STEP("store.finish.after");
}

bool space_full(struct store *s, uint64_t *free_bytes)
{
    struct statvfs v;
    uint64_t used = env_bytes(s->env) + derive_bytes(s);
    *free_bytes = UINT64_MAX;
    if (statvfs(s->dir, &v) == 0)
        *free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
    return *free_bytes < s->opt.free_watermark || (s->opt.quota != 0 && used > s->opt.quota);
}

static void space_check(struct store *s)
{
    uint64_t now = clock_mono_us(), free_bytes;
    /* While full, each time: whoever is told to come back may have made room. */
    if (!s->full && s->space_checked != 0 && now - s->space_checked < SPACE_EVERY_US)
        return;
    s->space_checked = now;
    bool full = space_full(s, &free_bytes);
    if (full && !s->full)
        log_error("store.full", "free", log_num((int64_t)free_bytes), NULL);
    if (!full && s->full)
        log_info("store.has-room", "free", log_num((int64_t)free_bytes), NULL);
    s->full = full;
}

void w_put(struct write_txn *w, enum durable_dbi d, const void *key, size_t n, unsigned flags)
{
    MDB_val k = val_of(key, n), v = val_of(w->row.p, w->row.n);
    if (w->rc != 0)
        return;
    w->rc = buf_failed(&w->row) ? MDB_BAD_VALSIZE : mdb_put(w->t, w->s->dbi[d], &k, &v, flags);
    w->dirty = true;
}

void w_put_value(struct write_txn *w, enum durable_dbi d, const void *key, size_t n,
                 struct slice value)
{
    MDB_val k = val_of(key, n), v = val_of(value.p, value.n);
    if (w->rc != 0)
        return;
    w->rc = mdb_put(w->t, w->s->dbi[d], &k, &v, 0);
    w->dirty = true;
}

void w_put_last(struct write_txn *w, enum durable_dbi d, const void *key, size_t n)
{
    w_put(w, d, key, n, MDB_APPEND);
    if (w->rc != MDB_KEYEXIST)
        return;
    w->rc = 0;
    w_put(w, d, key, n, 0);
}

void w_del(struct write_txn *w, enum durable_dbi d, const void *key, size_t n)
{
    MDB_val k = val_of(key, n);
    if (w->rc != 0)
        return;
    w->rc = mdb_del(w->t, w->s->dbi[d], &k, NULL);
    if (w->rc == MDB_NOTFOUND)
        w->rc = 0;
    else
        w->dirty = true;
}

struct buf *w_row(struct write_txn *w)
{
    buf_reset(&w->row);
    return &w->row;
}

static int group_begin(struct store *s, struct group *g)
{
    g->w.s = s;
    g->w.dirty = false;
    g->w.outbox = false;
    g->w.n_changes = 0;
    g->w.state = s->state;
    g->w.gate = s->gate;
    g->w.rc = mdb_txn_begin(s->env, NULL, 0, &g->w.t);
    if (g->w.rc != 0)
        return g->w.rc;
    keys_begin(&g->w);
    return 0;
}

/* Nobody knows what is on the disk now; the next start finds out. */
static _Noreturn void commit_failed(int rc)
{
    log_error("store.commit.failed", "error", mdb_strerror(rc), NULL);
    _exit(EXITCODE_STORE);
}

static void group_commit(struct store *s, struct group *g)
{
    struct write_txn *w = &g->w;
    STEP("store.commit.before");
    int rc = mdb_txn_commit(w->t);
    if (rc != 0)
        commit_failed(rc);
    STEP("store.commit.after");
    s->state = w->state;
    s->gate = w->gate;
    keys_commit(s);
    newest_commit(s, w);
    atomic_store(&s->change, s->state.change);
}

static void group_publish(struct store *s, struct group *g, struct store_op **ops, size_t n)
{
    struct fault f;
    fault_clear(&f);
    if (g->w.n_changes == 0)
        return;
    if (s->publish && s->publish(s->publish_arg, g->w.change, g->w.n_changes, &f) != 0) {
        log_fault(LOG_LEVEL_ERROR, "store.publish.failed", &f, NULL);
        for (size_t i = 0; i < n; i++) {
            if (!g->changed[i])
                continue;
            ops[i]->fault = f;
            ops[i]->result = -(int)f.code;
        }
    }
}

static void group_answer(struct store_op **ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        step_after(ops[i]);
        ops[i]->done(ops[i]);
    }
}

/* 0, or what LMDB said before the commit: then nothing has happened. */
static int group_try(struct store *s, struct group *g, struct store_op **ops, size_t n)
{
    struct write_txn *w = &g->w;
    if (group_begin(s, g) != 0)
        return w->rc;
    for (size_t i = 0; i < n && w->rc == 0; i++) {
        size_t before = w->n_changes;
        op_apply(w, ops[i]);
        g->changed[i] = w->n_changes > before;
    }
    if (w->rc == 0 && w->dirty) {
        keys_work(w);
        newest_work(w);
        w->state.last_commit = clock_guard_commit(&s->clock);
        row_state_put(w_row(w), &w->state);
        w_put(w, D_META, "state", 5, 0);
    }
    if (w->rc != 0 || !w->dirty) {
        mdb_txn_abort(w->t);
        keys_abort(s);
        if (w->rc != 0)
            return w->rc;
    } else {
        group_commit(s, g);
        group_publish(s, g, ops, n);
        derive_wake(s);
        if (w->outbox && s->on_outbox)
            s->on_outbox(s->on_outbox_arg);
    }
    group_answer(ops, n);
    return 0;
}

static void op_fail(struct store_op *op, int rc)
{
    fault_clear(&op->fault);
    op->result = store_fail(&op->fault, rc, "recording");
    log_fault(LOG_LEVEL_ERROR, "store.put.failed", &op->fault, NULL);
    op->done(op);
}

static void group_run(struct store *s, struct group *g)
{
    for (size_t i = 0; i < g->n; i++)
        step_before(g->op[i]);
    space_check(s);
    int rc = group_try(s, g, g->op, g->n);
    if (rc == 0)
        return;
    if (g->n == 1) {
        op_fail(g->op[0], rc);
        return;
    }
    for (size_t i = 0; i < g->n; i++) {
        rc = group_try(s, g, &g->op[i], 1);
        if (rc != 0)
            op_fail(g->op[i], rc);
    }
}

struct ordered {
    struct store_op *op;
    size_t submitted;
};

static int order_cmp(const void *pa, const void *pb)
{
    const struct ordered *a = pa, *b = pb;
    int c = memcmp(a->op->ref.serial, b->op->ref.serial, SERIAL_LEN);
    return c != 0 ? c : (a->submitted > b->submitted) - (a->submitted < b->submitted);
}

/* Serial order, so that rows go in where the tree ends and pages fill up. */
static void group_order(struct group *g)
{
    struct ordered o[STORE_GROUP_MAX];
    for (size_t i = 0; i < g->n; i++)
        o[i] = (struct ordered){g->op[i], i};
    qsort(o, g->n, sizeof(o[0]), order_cmp);
    for (size_t i = 0; i < g->n; i++)
        g->op[i] = o[i].op;
}

/* Waits; false when the store is closing and nothing is left. */
static bool group_take(struct store *s, struct group *g)
{
    size_t changes = 0;
    g->n = 0;
    pthread_mutex_lock(&s->queue_lock);
    while (!s->head && !s->stopping)
        pthread_cond_wait(&s->queue_ready, &s->queue_lock);
    while (s->head && g->n < STORE_GROUP_MAX) {
        changes += op_changes(s->head);
        if (changes > STORE_CHANGES_MAX)
            break;
        g->op[g->n++] = s->head;
        s->head = s->head->next;
    }
    if (!s->head)
        s->tail = NULL;
    pthread_mutex_unlock(&s->queue_lock);
    return g->n > 0;
}

/* A commit costs its pages and a sync, however many share it. Under load the next one
 * therefore waits a little, so that more share; a few requests at a time never wait. */
#define PACE_FROM 8 /* operations in the last commit */
#define PACE_US 2000

static void pace(size_t last, uint64_t begun)
{
    uint64_t took = clock_mono_us() - begun;
    if (last < PACE_FROM || took >= PACE_US)
        return;
    struct timespec rest = {.tv_nsec = (long)(PACE_US - took) * 1000};
    (void)nanosleep(&rest, NULL);
}

/* The next start reads what is only in memory now. A store that is full is left as it is. */
static void settle(struct store *s, struct group *g)
{
    struct write_txn *w = &g->w;
    space_check(s);
    for (int turn = 0; turn < 3 && !s->full; turn++) {
        if (group_begin(s, g) != 0)
            return;
        keys_settle(w);
        newest_work(w);
        if (w->rc != 0 || !w->dirty) {
            mdb_txn_abort(w->t);
            keys_abort(s);
            return;
        }
        group_commit(s, g);
    }
}

static void *writer_main(void *arg)
{
    struct store *s = arg;
    struct group *g = xcalloc(1, sizeof(*g));
    buf_init(&g->w.row, ROW_MAX);
    while (group_take(s, g)) {
        uint64_t begun = clock_mono_us();
        group_order(g);
        group_run(s, g);
        pace(g->n, begun);
    }
    settle(s, g);
    buf_free(&g->w.row);
    free(g);
    return NULL;
}

int writer_start(struct store *s, struct fault *f)
{
    space_check(s);
    int rc = pthread_create(&s->writer, NULL, writer_main, s);
    if (rc != 0)
        return fault_set(f, FAULT_INTERNAL, "store.thread", "No writer thread: %s", strerror(rc));
    s->writer_runs = true;
    return 0;
}

void writer_stop(struct store *s)
{
    if (!s->writer_runs)
        return;
    pthread_mutex_lock(&s->queue_lock);
    s->stopping = true;
    pthread_cond_signal(&s->queue_ready);
    pthread_mutex_unlock(&s->queue_lock);
    pthread_join(s->writer, NULL);
    s->writer_runs = false;
}

void store_submit(struct store *s, struct store_op *op)
{
    op->next = NULL;
    op->result = 0;
    op->outcome = STORE_DONE;
    fault_clear(&op->fault);
    if (!s->writer_runs) {
        op->result = fault_set(&op->fault, FAULT_UNAVAILABLE, "store.read-only",
                               "The store is open for reading only");
        op->done(op);
        return;
    }
    pthread_mutex_lock(&s->queue_lock);
    bool was_empty = s->head == NULL;
    if (s->tail)
        s->tail->next = op;
    else
        s->head = op;
    s->tail = op;
    if (was_empty)
        pthread_cond_signal(&s->queue_ready);
    pthread_mutex_unlock(&s->queue_lock);
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t ready;
    bool done;
};

static void wait_done(struct store_op *op)
{
    struct waiter *w = op->arg;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->ready);
    pthread_mutex_unlock(&w->lock);
}

int store_do(struct store *s, struct store_op *op)
{
    struct waiter w = {.done = false};
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.ready, NULL);
    op->done = wait_done;
    op->arg = &w;
    store_submit(s, op);
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.ready, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.ready);
    pthread_mutex_destroy(&w.lock);
    return op->result;
}
