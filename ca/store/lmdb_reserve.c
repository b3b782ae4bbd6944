/* Reserving: everything that depends on other requests is decided here, inside the write
 * transaction, before the intent's rows are put. */
#include <string.h>

#include "ca/store/store_lmdb.h"

bool request_key_expired(const struct store *s, const struct cert_view *v, int64_t now)
{
    if (v->state == CERT_OPEN)
        return false;
    int64_t end = v->has_sig ? v->sig.finished : v->status.time;
    return end + s->opt.request_key_life <= now;
}

/* 1: recorded already, `op->ref` says for what. */
static int reserve_request_key(struct write_txn *w, struct store_op *op)
{
    const struct store_intent *i = &op->intent;
    struct slice row;
    struct cert_ref ref;
    struct cert_view v;
    if (!i->has_request_key ||
        !w_found(w, row_get(w->t, w->s->dbi[D_REQKEY], i->request_key, 32, &row)))
        return 0;
    if (row_ref_get(row, &ref) != 0)
        return store_damaged(&op->fault, "request key");
    if (!w_view(w, &ref, &v))
        return store_damaged(&op->fault, "request key's certificate");
    if (request_key_expired(w->s, &v, op->time))
        return 0;
    if (memcmp(v.cert.content, i->content, sizeof(i->content)) != 0 ||
        strcmp(v.cert.requester, i->requester) != 0 || strcmp(v.cert.profile, i->profile) != 0)
        return fault_set(&op->fault, FAULT_CONFLICT, "request.key",
                         "This request key was used for a different request");
    op->ref = ref;
    op->state = v.state;
    return 1;
}

static int key_reused(struct fault *f, const uint8_t hash[32])
{
    char hex[65];
    hex_encode(slice_of(hash, 32), hex);
    return fault_refuse(f, "key.reuse", "key", slice_str(hex),
                        "a key that no certificate was issued for");
}

/* An intent given up under our own request key is our own earlier try. */
static bool own_retry(const struct store_intent *i, const struct cert_view *v)
{
    return v->state == CERT_ABANDONED && i->has_request_key && v->cert.has_request_key &&
           memcmp(v->cert.request_key, i->request_key, 32) == 0;
}

/* Does the row that an spki key names stand against the intent? */
static bool key_conflicts(struct write_txn *w, const struct store_intent *i, const uint8_t *key)
{
    struct cert_ref ref;
    struct cert_view v;
    ref_get(key + ROW_SPKI_HALF + 16, &ref);
    return w_view(w, &ref, &v) && memcmp(v.cert.spki_hash, i->spki_hash, 32) == 0 &&
           !own_retry(i, &v);
}

/* Rows of one key lie together, those of one identity within them, so that the same
 * identity's, which may be many, are passed over with one step. */
static int reserve_key_reuse(struct write_txn *w, struct store_op *op)
{
    const struct store_intent *i = &op->intent;
    uint8_t at[ROW_SPKI] = {0};
    MDB_cursor *c;
    if (i->key_reuse == KEY_REUSE_ALLOW || w->rc != 0)
        return 0;
    w->rc = mdb_cursor_open(w->t, w->s->dbi[D_SPKI], &c);
    if (w->rc != 0)
        return 0;
    memcpy(at, i->spki_hash, ROW_SPKI_HALF);
    MDB_val k = val_of(at, sizeof(at)), v;
    int rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
    bool conflict = false;
    while (rc == 0 && k.mv_size == ROW_SPKI && memcmp(k.mv_data, at, ROW_SPKI_HALF) == 0) {
        const uint8_t *key = k.mv_data;
        bool same = memcmp(key + ROW_SPKI_HALF, i->identity, 16) == 0;
        if (same && i->key_reuse == KEY_REUSE_SAME_IDENTITY) {
            memcpy(at, key, sizeof(at));
            memset(at + ROW_SPKI_HALF + 16, 0xff, ROW_REF);
            k = val_of(at, sizeof(at));
            rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
            continue;
        }
        conflict = key_conflicts(w, i, key);
        if (conflict)
            break;
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(c);
    (void)w_found(w, rc);
    return conflict ? key_reused(&op->fault, i->spki_hash) : 0;
}

static int reserve_full(struct write_txn *w, struct store_op *op)
{
    if (!w->s->full)
        return 0;
    fault_set(&op->fault, FAULT_FULL, "store.full",
              "The disk or the quota is full; issuing has stopped");
    op->fault.retry_after = 30;
    return -FAULT_FULL;
}

/* 0, 1 when the request is known, or the refusal. */
static int reserve_decide(struct write_txn *w, struct store_op *op)
{
    const struct store_intent *i = &op->intent;
    uint8_t key[ROW_REF];
    int rc = reserve_request_key(w, op);
    if (rc == 0)
        rc = gate_refuse(&w->gate, &op->fault);
    if (rc == 0)
        rc = reserve_full(w, op);
    if (rc != 0)
        return rc;
    ref_put(&op->ref, key);
    if (w_have(w, D_CERT, key, sizeof(key)))
        return fault_set(&op->fault, FAULT_INTERNAL, "serial.unique",
                         "This serial number is taken");
    if (w_have(w, D_BLOCKED, i->spki_hash, 32))
        return fault_refuse(&op->fault, "key.blocked", "key", SLICE_NONE,
                            "a key that is not blocked");
    if (w_have(w, D_BLOCKED_ID, i->identity, sizeof(i->identity)))
        return fault_refuse(
            &op->fault, "identity.blocked", "subject", SLICE_NONE,
            "a subject and names that were not blocked when their certificate was revoked");
    if (i->has_replaces) {
        ref_put(&i->replaces, key);
        if (!w_have(w, D_CERT, key, sizeof(key)))
            return fault_set(&op->fault, FAULT_NOT_FOUND, "replaces.unknown",
                             "The certificate to be replaced is not known");
    }
    return reserve_key_reuse(w, op);
}

static void reserve_put(struct write_txn *w, struct store_op *op)
{
    const struct store_intent *i = &op->intent;
    uint8_t key[ROW_REF], spki[ROW_SPKI];
    uint64_t tick = serial_tick(op->ref.serial);
    struct row_open open = {op->time, i->not_after, i->has_replaces};
    uint64_t change = change_append(w, op, &op->ref, CERT_OPEN, 0, i->not_after);
    ref_put(&op->ref, key);
    row_cert_put(w_row(w), i, op->time, change);
    w_put_last(w, D_CERT, key, sizeof(key));
    row_open_put(w_row(w), &open);
    w_put(w, D_OPEN, key, sizeof(key), 0);
    spki_key_put(i->spki_hash, i->identity, &op->ref, spki);
    (void)w_row(w);
    w_put(w, D_SPKI, spki, sizeof(spki), 0);
    if (i->has_request_key) {
        row_ref_put(w_row(w), &op->ref);
        w_put(w, D_REQKEY, i->request_key, 32, 0);
    }
    if (tick > w->state.tick)
        w->state.tick = tick;
    op->state = CERT_OPEN;
}

int op_reserve(struct write_txn *w, struct store_op *op, bool *record)
{
    int rc = reserve_decide(w, op);
    if (rc == 1) {
        op->outcome = STORE_KNOWN;
        *record = false;
        return 0;
    }
    if (rc == 0 && w->rc == 0)
        reserve_put(w, op);
    return rc;
}
