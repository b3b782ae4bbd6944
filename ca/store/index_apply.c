/* Writing the derived environment: a batch at a time, and sealing it at a clean stop. */
#include <stdlib.h>

#include "ca/store/index.h"

static int put_cmp(const void *pa, const void *pb)
{
    const struct index_put *a = pa, *b = pb;
    int c = a->dbi - b->dbi;
    if (c == 0)
        c = slice_cmp(a->key, b->key);
    return c != 0 ? c : (a->seq > b->seq) - (a->seq < b->seq);
}

static int put_one(MDB_cursor *c, const struct index_put *p)
{
    MDB_val k = val_of(p->key.p, p->key.n), v = val_of("", 0);
    int rc =
        p->del ? mdb_cursor_get(c, &k, &v, MDB_SET) : mdb_cursor_put(c, &k, &v, MDB_NOOVERWRITE);
    if (p->del && rc == 0)
        rc = mdb_cursor_del(c, 0);
    return rc == MDB_NOTFOUND || rc == MDB_KEYEXIST ? 0 : rc;
}

static int put_all(struct index_env *e, MDB_txn *t, const struct index_batch *b)
{
    MDB_cursor *c = NULL;
    int rc = 0;
    for (size_t i = 0; i < b->n && rc == 0; i++) {
        if (i == 0 || b->put[i].dbi != b->put[i - 1].dbi) {
            if (c)
                mdb_cursor_close(c);
            c = NULL;
            rc = mdb_cursor_open(t, e->dbi[b->put[i].dbi], &c);
        }
        if (rc == 0)
            rc = put_one(c, &b->put[i]);
    }
    if (c)
        mdb_cursor_close(c);
    return rc;
}

int index_apply(struct store *s, struct index_env *e, struct index_batch *b, uint64_t applied)
{
    MDB_txn *t;
    qsort(b->put, b->n, sizeof(b->put[0]), put_cmp);
    index_enter(e);
    int rc = mdb_txn_begin(e->env, NULL, 0, &t);
    if (rc == 0) {
        rc = put_all(e, t, b);
        if (rc == 0)
            rc = index_meta_put(s, e, t, applied, false);
        if (rc == 0)
            rc = mdb_txn_commit(t);
        else
            mdb_txn_abort(t);
    }
    index_leave(e);
    if (rc == 0)
        e->applied = applied;
    b->n = b->used = 0;
    return rc;
}

int index_seal(struct store *s, struct index_env *e)
{
    MDB_txn *t;
    int rc = mdb_env_sync(e->env, 1);
    if (rc == 0)
        rc = mdb_txn_begin(e->env, NULL, 0, &t);
    if (rc != 0)
        return rc;
    rc = index_meta_put(s, e, t, e->applied, true);
    if (rc == 0)
        rc = mdb_txn_commit(t);
    else
        mdb_txn_abort(t);
    if (rc == 0)
        rc = mdb_env_sync(e->env, 1);
    if (rc == 0)
        index_trusted(e);
    return rc;
}
