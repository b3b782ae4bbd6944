/* Transactions: the pool of readers, and how LMDB's answers become ours. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/store_lmdb.h"

/* A group of 64 operations, and 32 changes in the indexes of a million certificates, stay below. */
#define WARM_PAGES 160
#define WARM_ROW 1900 /* two a page */

int store_fail(struct fault *f, int rc, const char *what)
{
    if (rc == ENOSPC || rc == EDQUOT || rc == MDB_MAP_FULL) {
        fault_set(f, FAULT_FULL, "store.full", "No room: %s: %s", what, mdb_strerror(rc));
        f->retry_after = 30;
        return -FAULT_FULL;
    }
    return fault_set(f, FAULT_INTERNAL, "store.lmdb", "%s: %s", what, mdb_strerror(rc));
}

int store_damaged(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_INTERNAL, "store.damaged", "A stored %s does not decode", what);
}

MDB_val val_of(const void *p, size_t n)
{
    union {
        const void *in;
        void *out; /* LMDB's type is shared by keys that it only reads */
    } u = {.in = p};
    return (MDB_val){n, u.out};
}

struct slice val_slice(MDB_val v)
{
    return slice_of(v.mv_data, v.mv_size);
}

uint64_t env_bytes(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat st;
    if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &st) != 0)
        return 0;
    return ((uint64_t)info.me_last_pgno + 1) * st.ms_psize;
}

void env_warm(MDB_env *env, MDB_dbi dbi)
{
    uint8_t key[12], row[WARM_ROW] = {0};
    MDB_txn *t;
    int rc = mdb_txn_begin(env, NULL, 0, &t);
    if (rc != 0)
        return; /* the first transaction that is needed says why */
    memset(key, 0xff, sizeof(key));
    for (uint16_t i = 0; i < WARM_PAGES * 2 && rc == 0; i++) {
        key[10] = (uint8_t)(i >> 8);
        key[11] = (uint8_t)i;
        MDB_val k = val_of(key, sizeof(key)), v = val_of(row, sizeof(row));
        rc = mdb_put(t, dbi, &k, &v, MDB_APPEND);
    }
    mdb_txn_abort(t);
}

char *store_path(const char *dir, const char *name)
{
    size_t n = strlen(dir) + strlen(name) + 2;
    char *path = xcalloc(1, n);
    (void)snprintf(path, n, "%s/%s", dir, name);
    return path;
}

static MDB_txn *pool_pop(struct read_pool *p)
{
    MDB_txn *t = NULL;
    pthread_mutex_lock(&p->lock);
    if (p->n > 0)
        t = p->idle[--p->n];
    pthread_mutex_unlock(&p->lock);
    return t;
}

int read_begin(struct store *s, MDB_txn **out, struct fault *f)
{
    *out = NULL;
    MDB_txn *t = pool_pop(&s->pool);
    int rc = t ? mdb_txn_renew(t) : mdb_txn_begin(s->env, NULL, MDB_RDONLY, &t);
    if (rc != 0) {
        if (t)
            mdb_txn_abort(t);
        return store_fail(f, rc, "read transaction");
    }
    *out = t;
    return 0;
}

void read_end(struct store *s, MDB_txn *t)
{
    if (!t)
        return;
    mdb_txn_reset(t);
    pthread_mutex_lock(&s->pool.lock);
    if (s->pool.n < READ_POOL_MAX) {
        s->pool.idle[s->pool.n++] = t;
        t = NULL;
    }
    pthread_mutex_unlock(&s->pool.lock);
    if (t)
        mdb_txn_abort(t);
}

void read_pool_free(struct read_pool *p)
{
    while (p->n > 0)
        mdb_txn_abort(p->idle[--p->n]);
}

int row_get(MDB_txn *t, MDB_dbi dbi, const void *key, size_t n, struct slice *out)
{
    MDB_val k = val_of(key, n), v;
    int rc = mdb_get(t, dbi, &k, &v);
    *out = rc == 0 ? val_slice(v) : SLICE_NONE;
    return rc;
}

static int view_extra(struct store *s, MDB_txn *t, const uint8_t *key, struct cert_view *out)
{
    struct slice v;
    int rc = row_get(t, s->dbi[D_SIG], key, ROW_REF, &v);
    if (rc == 0) {
        if (row_sig_get(v, &out->sig) != 0)
            return MDB_CORRUPTED;
        out->has_sig = true;
        out->state = CERT_GOOD;
        out->change = out->sig.change;
    } else if (rc != MDB_NOTFOUND) {
        return rc;
    }
    rc = row_get(t, s->dbi[D_STATUS], key, ROW_REF, &v);
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc != 0)
        return rc;
    if (row_status_get(v, &out->status) != 0)
        return MDB_CORRUPTED;
    out->has_status = true;
    out->state = out->status.state;
    out->change = out->status.change;
    return 0;
}

int cert_view_get(struct store *s, MDB_txn *t, const struct cert_ref *ref, struct cert_view *out)
{
    uint8_t key[ROW_REF];
    struct slice v;
    memset(out, 0, sizeof(*out));
    ref_put(ref, key);
    if (ref->issuer == STORE_FOREIGN) {
        int got = row_get(t, s->dbi[D_FOREIGN], key + SERIAL_LEN - 8, 8, &v);
        return got == 0 ? foreign_view(v, out) : got;
    }
    int rc = row_get(t, s->dbi[D_CERT], key, sizeof(key), &v);
    if (rc != 0)
        return rc;
    if (row_cert_get(v, &out->cert) != 0)
        return MDB_CORRUPTED;
    out->state = CERT_OPEN;
    out->change = out->cert.change;
    return view_extra(s, t, key, out);
}

void cert_view_change(const struct cert_view *v, const struct cert_ref *ref,
                      struct store_change *out)
{
    memset(out, 0, sizeof(*out));
    out->number = v->change;
    out->ref = *ref;
    out->state = v->state;
    out->not_after = v->cert.not_after;
    out->time = v->cert.created;
    if (v->has_sig)
        out->time = v->sig.finished;
    if (v->has_status) {
        out->time = v->status.time;
        out->reason = v->status.reason;
    }
}
