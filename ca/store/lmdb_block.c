/* Identities that are blocked and let go again by themselves, and what all is blocked. */
#include <string.h>

#include "ca/store/store_lmdb.h"

#define IDENTITY sizeof(((struct store_op *)NULL)->identity)

int op_block(struct write_txn *w, struct store_op *op)
{
    struct cert_view v;
    if (!w_view(w, &op->ref, &v))
        return store_unknown(&op->fault);
    if (w_have(w, D_BLOCKED_ID, v.cert.identity, sizeof(v.cert.identity)))
        return fault_set(&op->fault, FAULT_CONFLICT, "block.already",
                         "Its subject and names are blocked already");
    key_block(w, op, D_BLOCKED_ID, v.cert.identity, sizeof(v.cert.identity));
    identity_changed(w, op, v.cert.identity);
    return 0;
}

int op_unblock(struct write_txn *w, struct store_op *op)
{
    struct slice row;
    if (!w_found(w, row_get(w->t, w->s->dbi[D_BLOCKED_ID], op->identity, IDENTITY, &row)))
        return fault_set(&op->fault, FAULT_NOT_FOUND, "block.unknown",
                         "No subject and names are blocked under this identity");
    if (row_ref_get(row, &op->ref) != 0)
        return store_damaged(&op->fault, "blocked identity");
    w->event.has_serial = true;
    w->event.issuer = op->ref.issuer;
    memcpy(w->event.serial, op->ref.serial, sizeof(w->event.serial));
    w_del(w, D_BLOCKED_ID, op->identity, IDENTITY);
    identity_changed(w, op, op->identity);
    return 0;
}

/* ---- reading ---- */

/* 0 at the end of the table, 1 when fn has enough, or the library's fault. */
static int each_blocked(struct store *s, MDB_txn *t, const struct store_block *after,
                        struct store_block *b, store_block_each fn, void *arg)
{
    enum durable_dbi d = b->identity ? D_BLOCKED_ID : D_BLOCKED;
    size_t n = b->identity ? IDENTITY : sizeof(b->id);
    bool behind = after != NULL && after->identity == b->identity;
    MDB_val k = val_of(b->id, n), v;
    MDB_cursor *c;
    int rc = mdb_cursor_open(t, s->dbi[d], &c);
    if (rc != 0)
        return rc;
    if (behind)
        memcpy(b->id, after->id, n);
    rc = mdb_cursor_get(c, &k, &v, behind ? MDB_SET_RANGE : MDB_FIRST);
    if (rc == 0 && behind && k.mv_size == n && memcmp(k.mv_data, after->id, n) == 0)
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    for (; rc == 0; rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
        if (k.mv_size != n || row_ref_get(val_slice(v), &b->by) != 0)
            rc = MDB_CORRUPTED;
        else
            memcpy(b->id, k.mv_data, n);
        if (rc != 0 || fn(arg, b) != 0)
            break;
    }
    mdb_cursor_close(c);
    return rc == 0 ? 1 : rc == MDB_NOTFOUND ? 0 : rc;
}

int store_blocks(struct store *s, const struct store_block *after, store_block_each fn, void *arg,
                 struct fault *f)
{
    struct store_block b = {.identity = after != NULL && after->identity};
    MDB_txn *t;
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = each_blocked(s, t, after, &b, fn, arg);
    if (rc == 0 && !b.identity) {
        b = (struct store_block){.identity = true};
        rc = each_blocked(s, t, after, &b, fn, arg);
    }
    read_end(s, t);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "what is blocked");
    return rc == 0 || rc == 1 ? 0 : store_fail(f, rc, "reading what is blocked");
}

int store_identity_blocked(struct store *s, const uint8_t identity[IDENTITY_LEN], bool *blocked,
                           struct fault *f)
{
    struct slice row;
    MDB_txn *t;
    int rc = read_begin(s, &t, f);
    *blocked = false;
    if (rc != 0)
        return rc;
    rc = row_get(t, s->dbi[D_BLOCKED_ID], identity, IDENTITY_LEN, &row);
    read_end(s, t);
    *blocked = rc == 0;
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, "reading what is blocked");
}
