/* The indexer: one thread that follows the change sequence, and the way in for readers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/store/index.h"
#include "ca/store/inventory.h"
#include "lib/clock.h"
#include "lib/log.h"

/* One batch. LMDB keeps as much memory as the pages that one dirtied, for ever, and the more pages
 * a tree has, the fewer entries share one: with few entries, the growth ends early. */
#define CHANGES_MAX 32
/* Larger batches touch each page less often; who lists does not wait for this. */
#define PAUSE_US 1000000
#define WAIT_US 2000000
#define RETRY_US 5000000

static struct timespec at_mono(uint64_t us)
{
    return (struct timespec){.tv_sec = (time_t)(us / 1000000),
                             .tv_nsec = (long)(us % 1000000) * 1000};
}

bool derive_stopping(struct derive *d)
{
    pthread_mutex_lock(&d->lock);
    bool stopping = d->stopping;
    pthread_mutex_unlock(&d->lock);
    return stopping;
}

static void moved(struct derive *d, uint64_t applied)
{
    pthread_mutex_lock(&d->lock);
    atomic_store(&d->applied, applied);
    if (applied >= d->awaited) {
        d->awaited = UINT64_MAX; /* whoever waits for more says so again */
        pthread_cond_broadcast(&d->moved);
    }
    pthread_mutex_unlock(&d->lock);
}

/* As many of the changes as the batch has room for; their number in *n. */
static int batch_fill(struct derive *d, const struct store_change *c, size_t *n)
{
    struct fault f;
    MDB_txn *t;
    size_t i = 0;
    int rc = 0;
    if (read_begin(d->s, &t, &f) != 0)
        return ENOMEM;
    for (; i < *n && rc == 0 && batch_has_room(&d->batch); i++)
        rc = batch_add_change(&d->batch, d->s, t, &c[i]);
    read_end(d->s, t);
    *n = i;
    return rc;
}

int derive_follow(struct derive *d, struct index_env *e)
{
    struct store_change *c = xcalloc(CHANGES_MAX, sizeof(*c));
    struct fault f;
    int rc = 0;
    while (rc == 0 && e->applied < atomic_load(&d->s->change)) {
        size_t n;
        if (store_changes_since(d->s, e->applied, c, CHANGES_MAX, &n, &f) != 0 || n == 0) {
            rc = EIO;
            break;
        }
        rc = batch_fill(d, c, &n);
        if (rc == 0)
            rc = index_apply(d->s, e, &d->batch, c[n - 1].number);
        if (rc == 0 && e == d->env)
            moved(d, e->applied);
    }
    d->batch.n = d->batch.used = 0;
    free(c);
    return rc;
}

static bool behind(struct derive *d)
{
    return atomic_load(&d->applied) < atomic_load(&d->s->change);
}

/* Sleeps until there is work: at once when somebody waits, else after a pause. */
static void derive_sleep(struct derive *d, uint64_t last)
{
    struct timespec until = at_mono(last + PAUSE_US);
    pthread_mutex_lock(&d->lock);
    while (!d->stopping && !d->bad) {
        if (behind(d) && (d->waiters > 0 || clock_mono_us() >= last + PAUSE_US))
            break;
        if (behind(d)) {
            (void)pthread_cond_timedwait(&d->wake, &d->lock, &until);
            continue;
        }
        atomic_store(&d->idle, true);
        if (!behind(d))
            pthread_cond_wait(&d->wake, &d->lock);
        atomic_store(&d->idle, false);
    }
    pthread_mutex_unlock(&d->lock);
}

static void derive_pause(struct derive *d)
{
    struct timespec until = at_mono(clock_mono_us() + RETRY_US);
    int rc = 0;
    pthread_mutex_lock(&d->lock);
    while (!d->stopping && rc == 0)
        rc = pthread_cond_timedwait(&d->wake, &d->lock, &until);
    pthread_mutex_unlock(&d->lock);
}

static bool needs_rebuild(struct derive *d)
{
    pthread_mutex_lock(&d->lock);
    bool needs = d->bad || !d->env;
    pthread_mutex_unlock(&d->lock);
    return needs;
}

static void mark_bad(struct derive *d, int rc)
{
    log_error("store.index.damaged", "error", mdb_strerror(rc), NULL);
    pthread_mutex_lock(&d->lock);
    d->bad = true;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
}

static void *derive_main(void *arg)
{
    struct derive *d = arg;
    int rc;
    for (;;) {
        uint64_t now = clock_mono_us();
        if (needs_rebuild(d)) {
            rc = derive_rebuild(d);
            if (rc != 0 && rc != ECANCELED) {
                log_error("store.index.rebuild-failed", "error", mdb_strerror(rc), NULL);
                derive_pause(d);
            }
        } else if ((rc = derive_follow(d, d->env)) != 0) {
            mark_bad(d, rc);
        }
        if (derive_stopping(d))
            break;
        if (!needs_rebuild(d))
            derive_sleep(d, now);
    }
    return NULL;
}

void derive_wake(struct store *s)
{
    struct derive *d = s->derive;
    if (!d || !atomic_load(&d->idle))
        return;
    pthread_mutex_lock(&d->lock);
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
}

static struct derive *derive_new(struct store *s)
{
    struct derive *d = xcalloc(1, sizeof(*d));
    pthread_condattr_t mono;
    pthread_rwlockattr_t fair;
    d->s = s;
    d->dir = store_path(s->dir, "derived");
    d->new_dir = store_path(s->dir, "derived.new");
    d->old_dir = store_path(s->dir, "derived.old");
    d->awaited = UINT64_MAX;
    batch_init(&d->batch);
    pthread_mutex_init(&d->lock, NULL);
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_cond_init(&d->wake, &mono);
    pthread_cond_init(&d->moved, &mono);
    pthread_condattr_destroy(&mono);
    pthread_rwlockattr_init(&fair);
    pthread_rwlockattr_setkind_np(&fair, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&d->env_lock, &fair);
    pthread_rwlockattr_destroy(&fair);
    return d;
}

int derive_start(struct store *s, struct fault *f)
{
    struct derive *d = s->derive = derive_new(s);
    if (s->opt.read_only) {
        d->env = index_open_readonly(s, d->dir);
        atomic_store(&d->applied, d->env ? d->env->applied : 0);
        return 0;
    }
    d->env = index_open(s, d->dir);
    if (d->env)
        atomic_store(&d->applied, d->env->applied);
    else if (atomic_load(&s->change) == 0 && derive_rebuild(d) != 0)
        return fault_set(f, FAULT_INTERNAL, "store.index", "Cannot make the indexes in %s", d->dir);
    d->rebuilding = d->env == NULL;
    int rc = pthread_create(&d->thread, NULL, derive_main, d);
    if (rc != 0)
        return fault_set(f, FAULT_INTERNAL, "store.thread", "No index thread: %s", strerror(rc));
    d->runs = true;
    return 0;
}

static void derive_join(struct derive *d)
{
    pthread_mutex_lock(&d->lock);
    d->stopping = true;
    pthread_cond_broadcast(&d->wake);
    pthread_cond_broadcast(&d->moved);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    if (!d->env || d->bad)
        return;
    int rc = derive_follow(d, d->env);
    if (rc == 0)
        rc = index_seal(d->s, d->env);
    if (rc != 0)
        log_warn("store.index.not-sealed", "error", mdb_strerror(rc), NULL);
}

void derive_stop(struct store *s)
{
    struct derive *d = s->derive;
    if (!d)
        return;
    if (d->runs)
        derive_join(d);
    index_close(d->env);
    batch_free(&d->batch);
    pthread_rwlock_destroy(&d->env_lock);
    pthread_cond_destroy(&d->wake);
    pthread_cond_destroy(&d->moved);
    pthread_mutex_destroy(&d->lock);
    free(d->dir);
    free(d->new_dir);
    free(d->old_dir);
    free(d);
    s->derive = NULL;
}

static int not_ready(struct derive *d, struct fault *f)
{
    uint64_t percent = d->rebuild_total ? d->rebuild_done * 100 / d->rebuild_total : 0;
    if (d->rebuilding || d->bad)
        return fault_unavailable(f, 5, "store.index", "The indexes are being rebuilt: %d %%",
                                 (int)(percent > 100 ? 100 : percent));
    return fault_unavailable(
        f, 1, "store.index", "The indexes are %lu changes behind",
        (unsigned long)(atomic_load(&d->s->change) - atomic_load(&d->applied)));
}

/* Until all that is committed now is applied. */
static int derive_wait(struct derive *d, struct fault *f)
{
    uint64_t want = atomic_load(&d->s->change);
    struct timespec until = at_mono(clock_mono_us() + WAIT_US);
    int rc = 0;
    pthread_mutex_lock(&d->lock);
    d->waiters++;
    pthread_cond_signal(&d->wake);
    while (rc == 0 && !d->stopping && !d->rebuilding && !d->bad && d->applied < want) {
        if (want < d->awaited)
            d->awaited = want;
        rc = pthread_cond_timedwait(&d->moved, &d->lock, &until);
    }
    d->waiters--;
    rc = d->rebuilding || d->bad || d->applied < want ? not_ready(d, f) : 0;
    pthread_mutex_unlock(&d->lock);
    return rc;
}

static int no_indexes(struct fault *f)
{
    return fault_unavailable(f, 0, "store.index", "This program keeps no indexes");
}

int store_indexed(struct store *s, uint64_t *change, struct fault *f)
{
    struct derive *d = s->derive;
    *change = 0;
    if (!d)
        return no_indexes(f);
    pthread_mutex_lock(&d->lock);
    *change = atomic_load(&d->applied);
    int rc = d->rebuilding || d->bad ? not_ready(d, f) : 0;
    pthread_mutex_unlock(&d->lock);
    return rc;
}

int store_index_wait(struct store *s, struct fault *f)
{
    struct derive *d = s->derive;
    if (!d)
        return no_indexes(f);
    return d->runs ? derive_wait(d, f) : 0;
}

int index_read_begin(struct store *s, bool fresh, struct index_read *r, struct fault *f)
{
    struct derive *d = s->derive;
    *r = (struct index_read){.s = s};
    if (!d)
        return no_indexes(f);
    int rc = fresh ? store_index_wait(s, f) : 0;
    if (rc != 0)
        return rc;
    pthread_rwlock_rdlock(&d->env_lock);
    r->env = d->env;
    if (!r->env) {
        pthread_rwlock_unlock(&d->env_lock);
        return fault_unavailable(f, 5, "store.index", "The indexes are being rebuilt");
    }
    index_enter(r->env);
    rc = mdb_txn_begin(r->env->env, NULL, MDB_RDONLY, &r->index);
    rc = rc != 0 ? index_fail(s, rc, f) : read_begin(s, &r->durable, f);
    if (rc != 0)
        index_read_end(r);
    return rc;
}

void index_read_end(struct index_read *r)
{
    if (!r->env)
        return;
    read_end(r->s, r->durable);
    if (r->index)
        mdb_txn_abort(r->index);
    index_leave(r->env);
    pthread_rwlock_unlock(&r->s->derive->env_lock);
    *r = (struct index_read){.s = r->s};
}

void index_damaged(struct store *s, int rc)
{
    if (rc != MDB_READERS_FULL && rc != ENOMEM)
        mark_bad(s->derive, rc);
}

int index_fail(struct store *s, int rc, struct fault *f)
{
    index_damaged(s, rc);
    return fault_unavailable(f, 5, "store.index", "The indexes cannot be read: %s",
                             mdb_strerror(rc));
}

uint64_t derive_bytes(struct store *s)
{
    struct derive *d = s->derive;
    uint64_t n = 0;
    if (!d)
        return 0;
    pthread_rwlock_rdlock(&d->env_lock);
    if (d->env)
        n = env_bytes(d->env->env);
    pthread_rwlock_unlock(&d->env_lock);
    return n;
}

void derive_stats(struct store *s, struct store_stats *out)
{
    struct derive *d = s->derive;
    if (!d)
        return;
    out->derived_bytes = derive_bytes(s);
    pthread_mutex_lock(&d->lock);
    out->derived_change = atomic_load(&d->applied);
    out->rebuilding = d->rebuilding || d->bad;
    pthread_mutex_unlock(&d->lock);
}
