/*
 * What one operation does inside the write transaction: first it decides, reading only; then it
 * puts. A refusal puts nothing but its audit record.
 */
#include <string.h>

#include "ca/store/store_lmdb.h"
#include "lib/key.h"

/* A full disk refuses every request; one record a minute says so without filling it up. */
#define FULL_RECORD_EVERY 60

static void audit_append(struct write_txn *w, const struct audit_event *e)
{
    struct buf record;
    uint8_t salt[AUDIT_SALT], leaf[32], key[8];
    buf_init(&record, AUDIT_RECORD_MAX);
    audit_put(&record, e);
    random_bytes(salt, sizeof(salt));
    struct buf *row = w_row(w);
    buf_put(row, salt, sizeof(salt));
    buf_put_slice(row, buf_slice(&record));
    if (buf_failed(&record))
        row->failed = true;
    number_put(w->state.audit.size, key);
    w_put(w, D_AUDIT, key, sizeof(key), MDB_APPEND);
    merkle_leaf(slice_of(salt, sizeof(salt)), buf_slice(&record), leaf);
    merkle_add(&w->state.audit, leaf);
    buf_free(&record);
}

/* Gives the change its number. */
static uint64_t change_append(struct write_txn *w, const struct store_op *op,
                              const struct cert_ref *ref, enum cert_state state, uint8_t reason,
                              int64_t not_after)
{
    uint8_t key[8];
    struct store_change *c = &w->change[w->n_changes++];
    *c = (struct store_change){.number = ++w->state.change,
                               .ref = *ref,
                               .state = state,
                               .reason = reason,
                               .time = op->time,
                               .not_after = not_after};
    number_put(c->number, key);
    row_change_put(w_row(w), c);
    w_put(w, D_CHANGE, key, sizeof(key), MDB_APPEND);
    return c->number;
}

/* What LMDB says about a read: found, not found (false), or stuck to the transaction. */
static bool found(struct write_txn *w, int rc)
{
    if (rc != 0 && rc != MDB_NOTFOUND)
        w->rc = rc;
    return rc == 0;
}

static bool have(struct write_txn *w, enum durable_dbi d, const void *key, size_t n)
{
    struct slice v;
    return found(w, row_get(w->t, w->s->dbi[d], key, n, &v));
}

static bool view(struct write_txn *w, const struct cert_ref *ref, struct cert_view *v)
{
    return found(w, cert_view_get(w->s, w->t, ref, v));
}

static int unknown(struct fault *f)
{
    return fault_set(f, FAULT_NOT_FOUND, "serial.unknown", "No certificate has this serial");
}

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
        !found(w, row_get(w->t, w->s->dbi[D_REQKEY], i->request_key, 32, &row)))
        return 0;
    if (row_ref_get(row, &ref) != 0)
        return store_damaged(&op->fault, "request key");
    if (!view(w, &ref, &v))
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
    return view(w, &ref, &v) && memcmp(v.cert.spki_hash, i->spki_hash, 32) == 0 &&
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
    (void)found(w, rc);
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
        rc = reserve_full(w, op);
    if (rc != 0)
        return rc;
    ref_put(&op->ref, key);
    if (have(w, D_CERT, key, sizeof(key)))
        return fault_set(&op->fault, FAULT_INTERNAL, "serial.unique",
                         "This serial number is taken");
    if (have(w, D_BLOCKED, i->spki_hash, 32))
        return fault_refuse(&op->fault, "key.blocked", "key", SLICE_NONE,
                            "a key that is not blocked");
    if (i->has_replaces) {
        ref_put(&i->replaces, key);
        if (!have(w, D_CERT, key, sizeof(key)))
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

static int op_reserve(struct write_txn *w, struct store_op *op, bool *record)
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

/* The open row of a finish or an abandon. 0, 1 when the intent is not open, or a fault. */
static int open_intent(struct write_txn *w, struct store_op *op, struct row_open *open)
{
    uint8_t key[ROW_REF];
    struct slice row;
    struct cert_view v;
    ref_put(&op->ref, key);
    if (found(w, row_get(w->t, w->s->dbi[D_OPEN], key, sizeof(key), &row)))
        return row_open_get(row, open) == 0 ? 0 : store_damaged(&op->fault, "open intent");
    if (w->rc != 0)
        return 1;
    if (!view(w, &op->ref, &v))
        return unknown(&op->fault);
    op->outcome = STORE_NOT_OPEN;
    op->state = v.state;
    return 1;
}

static void replaced_put(struct write_txn *w, const struct cert_ref *by)
{
    struct cert_view v;
    uint8_t key[ROW_REF];
    if (!view(w, by, &v))
        return;
    ref_put(&v.cert.replaces, key);
    row_ref_put(w_row(w), by);
    w_put(w, D_REPLACED, key, sizeof(key), 0);
}

static int op_finish(struct write_txn *w, struct store_op *op, struct audit_event *e)
{
    struct row_open open;
    struct row_sig sig = {.finished = op->time, .signature = op->signature};
    uint8_t key[ROW_REF];
    int rc = open_intent(w, op, &open);
    if (rc != 0) {
        if (rc == 1)
            e->action = AUDIT_DROP;
        return rc < 0 ? rc : 0;
    }
    ref_put(&op->ref, key);
    if (open.has_replaces)
        replaced_put(w, &op->ref);
    sig.change = change_append(w, op, &op->ref, CERT_GOOD, 0, open.not_after);
    memcpy(sig.fingerprint, op->fingerprint, sizeof(sig.fingerprint));
    row_sig_put(w_row(w), &sig);
    w_put_last(w, D_SIG, key, sizeof(key));
    w_del(w, D_OPEN, key, sizeof(key));
    op->state = CERT_GOOD;
    return 0;
}

static void status_put(struct write_txn *w, struct store_op *op, enum cert_state state,
                       uint8_t reason, int64_t not_after)
{
    uint8_t key[ROW_REF];
    struct row_status row = {.state = state, .reason = reason, .time = op->time};
    ref_put(&op->ref, key);
    row.change = change_append(w, op, &op->ref, state, reason, not_after);
    row_status_put(w_row(w), &row);
    w_put(w, D_STATUS, key, sizeof(key), 0);
    w_del(w, D_OPEN, key, sizeof(key));
    op->state = state;
}

static int op_abandon(struct write_txn *w, struct store_op *op, bool *record)
{
    struct row_open open;
    struct cert_view v;
    int rc = open_intent(w, op, &open);
    if (rc != 0) {
        *record = rc < 0;
        return rc < 0 ? rc : 0;
    }
    if (!view(w, &op->ref, &v))
        return store_damaged(&op->fault, "open intent's certificate");
    /* A retry of the same request must get a new serial. */
    if (v.cert.has_request_key)
        w_del(w, D_REQKEY, v.cert.request_key, 32);
    status_put(w, op, CERT_ABANDONED, 0, open.not_after);
    return 0;
}

/* RFC 5280 5.3.1: 7 is not used, 8 (removeFromCRL) undoes a hold. */
static bool reason_valid(uint8_t reason)
{
    return reason <= 10 && reason != 7 && reason != 8;
}

#define REASON_HOLD 6

static int revoke_decide(struct store_op *op, const struct cert_view *v)
{
    bool hold = op->reason == REASON_HOLD;
    if (!reason_valid(op->reason))
        return fault_set(&op->fault, FAULT_MALFORMED, "revoke.reason",
                         "%u is no reason to revoke for", op->reason);
    if (hold && v->state == CERT_OPEN)
        return fault_set(&op->fault, FAULT_CONFLICT, "revoke.open",
                         "What is not issued yet cannot be put on hold");
    if (v->state == CERT_OPEN || v->state == CERT_GOOD || (v->state == CERT_HELD && !hold))
        return 0;
    op->state = v->state;
    return fault_set(&op->fault, FAULT_CONFLICT, "revoke.already",
                     "The certificate is revoked or on hold already");
}

static int op_revoke(struct write_txn *w, struct store_op *op)
{
    struct cert_view v;
    if (!view(w, &op->ref, &v))
        return unknown(&op->fault);
    int rc = revoke_decide(op, &v);
    if (rc != 0)
        return rc;
    status_put(w, op, op->reason == REASON_HOLD ? CERT_HELD : CERT_REVOKED, op->reason,
               v.cert.not_after);
    return 0;
}

/* Refusals for want of space would use up what is kept for finishing and revoking. */
static bool refusal_recorded(struct write_txn *w, const struct store_op *op)
{
    if (op->fault.code != FAULT_FULL)
        return true;
    if (op->time - w->s->full_recorded < FULL_RECORD_EVERY)
        return false;
    w->s->full_recorded = op->time;
    return true;
}

void op_apply(struct write_txn *w, struct store_op *op)
{
    struct audit_event e = op->audit;
    bool record = true;
    int rc = 0;
    fault_clear(&op->fault);
    op->outcome = STORE_DONE;
    switch (op->kind) {
    case STORE_RESERVE:
        rc = op_reserve(w, op, &record);
        break;
    case STORE_FINISH:
        rc = op_finish(w, op, &e);
        break;
    case STORE_ABANDON:
        rc = op_abandon(w, op, &record);
        break;
    case STORE_REVOKE:
        rc = op_revoke(w, op);
        break;
    case STORE_AUDIT:
        break;
    }
    op->result = rc;
    if (rc < 0) {
        e.action = AUDIT_REFUSE;
        audit_set_fault(&e, &op->fault);
        record = refusal_recorded(w, op);
    }
    if (record && w->rc == 0)
        audit_append(w, &e);
}
