/* Rebuilding the indexes beside the old ones, from the certificate rows, while serving. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ca/store/index.h"
#include "ca/store/inventory.h"
#include "lib/log.h"

#define SLICE_ROWS 1000 /* in one read transaction */

static uint64_t count_certificates(struct store *s)
{
    struct store_stats st;
    struct fault f;
    return store_stats(s, &st, &f) == 0 ? st.certificates + st.foreign : 0;
}

static void progress(struct derive *d, bool rebuilding, uint64_t done, uint64_t total)
{
    pthread_mutex_lock(&d->lock);
    d->rebuilding = rebuilding;
    d->rebuild_done = done;
    d->rebuild_total = total;
    pthread_cond_broadcast(&d->moved);
    pthread_mutex_unlock(&d->lock);
}

/* The tables of certificates: ours, and those of others. */
struct table {
    enum durable_dbi dbi;
    size_t key; /* octets */
};
static const struct table table[] = {{D_CERT, ROW_REF}, {D_FOREIGN, 8}};
#define TABLES (sizeof(table) / sizeof(table[0]))

static void ref_of(const struct table *of, const uint8_t *key, struct cert_ref *out)
{
    if (of->dbi == D_FOREIGN)
        foreign_ref(number_get(key), out);
    else
        ref_get(key, out);
}

/* The next rows behind `at`, into the batch. 0, MDB_NOTFOUND at the end, or another LMDB code. */
static int slice_read(struct derive *d, const struct table *of, MDB_txn *t, uint8_t at[ROW_REF],
                      uint64_t *done)
{
    struct store *s = d->s;
    MDB_cursor *c;
    int rc = mdb_cursor_open(t, s->dbi[of->dbi], &c);
    if (rc != 0)
        return rc;
    MDB_val k = val_of(at, of->key), v;
    rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
    if (rc == 0 && k.mv_size == of->key && memcmp(k.mv_data, at, of->key) == 0)
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    for (size_t i = 0; rc == 0 && i < SLICE_ROWS && batch_has_room(&d->batch); i++) {
        struct cert_ref ref;
        struct cert_view view;
        memcpy(at, k.mv_data, of->key);
        ref_of(of, at, &ref);
        rc = cert_view_get(s, t, &ref, &view);
        if (rc == 0)
            batch_add_view(&d->batch, &view, &ref);
        else if (rc != MDB_CORRUPTED) /* that one is store_check's to report */
            break;
        ++*done;
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(c);
    return rc;
}

static int fill_of(struct derive *d, struct index_env *e, const struct table *of, uint64_t *done,
                   uint64_t total)
{
    uint8_t at[ROW_REF] = {0};
    int rc = 0;
    while (rc == 0) {
        struct fault f;
        MDB_txn *t;
        progress(d, true, *done, total);
        if (derive_stopping(d))
            return ECANCELED;
        if (read_begin(d->s, &t, &f) != 0)
            return ENOMEM;
        rc = slice_read(d, of, t, at, done);
        read_end(d->s, t);
        if (rc == 0 || rc == MDB_NOTFOUND) {
            int put = index_apply(d->s, e, &d->batch, 0);
            rc = put != 0 ? put : rc;
        }
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int fill(struct derive *d, struct index_env *e)
{
    uint64_t done = 0, total = count_certificates(d->s);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < TABLES; i++)
        rc = fill_of(d, e, &table[i], &done, total);
    return rc;
}

/* Readers are kept out for as long as the renames take. */
static int switch_to(struct derive *d, struct index_env *e)
{
    int rc = 0;
    pthread_rwlock_wrlock(&d->env_lock);
    index_close(d->env);
    d->env = NULL;
    index_remove(d->old_dir);
    if (rename(d->dir, d->old_dir) != 0 && errno != ENOENT)
        rc = errno;
    else if (rename(d->new_dir, d->dir) != 0)
        rc = errno;
    if (rc == 0)
        d->env = e;
    pthread_rwlock_unlock(&d->env_lock);
    index_remove(d->old_dir);
    return rc;
}

static int build(struct derive *d, struct index_env *e, uint64_t start)
{
    int rc = fill(d, e);
    if (rc != 0)
        return rc;
    /* What changed while we read is applied again, in order; every put can be repeated. */
    e->applied = start;
    rc = derive_follow(d, e);
    if (rc == 0)
        rc = index_apply(d->s, e, &d->batch, e->applied);
    if (rc == 0)
        rc = mdb_env_sync(e->env, 1);
    return rc == 0 ? switch_to(d, e) : rc;
}

int derive_rebuild(struct derive *d)
{
    struct index_env *e;
    uint64_t start = atomic_load(&d->s->change);
    log_info("store.index.rebuild", "change", log_num((int64_t)start), NULL);
    progress(d, true, 0, 0);
    int rc = index_create(d->s, d->new_dir, &e);
    if (rc != 0)
        return rc;
    rc = build(d, e, start);
    d->batch.n = d->batch.used = 0;
    if (rc != 0) {
        index_close(e);
        return rc;
    }
    pthread_mutex_lock(&d->lock);
    d->bad = false;
    atomic_store(&d->applied, e->applied);
    pthread_mutex_unlock(&d->lock);
    progress(d, false, 0, 0);
    log_info("store.index.rebuilt", "change", log_num((int64_t)e->applied), NULL);
    return 0;
}
