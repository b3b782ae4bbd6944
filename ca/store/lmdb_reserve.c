/* Reserving: everything that depends on other requests is decided here, inside the write
 * transaction, before the intent's rows are put. */
#include <stdio.h>
#include <string.h>

#include "ca/store/approvals.h"
#include "ca/store/store_lmdb.h"

/* What a request key was used for, if that still counts. */
struct known {
    struct write_txn *w;
    const struct store_op *op;
    bool found, damaged;
    struct cert_ref ref;
    struct cert_view v;
};

/* An intent that was given up does not count: its retry gets a new serial. A key past its life may
 * have been used again: then the newest use is meant. */
static int known_each(void *arg, const uint8_t entry[RUN_ENTRY])
{
    struct known *k = arg;
    struct cert_ref ref;
    struct cert_view v;
    ref_get(entry + RUN_REF, &ref);
    k->damaged = !w_view(k->w, &ref, &v);
    if (k->damaged)
        return -1;
    if (v.state == CERT_ABANDONED || request_key_expired(k->w->s, &v, k->op->time) ||
        (k->found && v.cert.change < k->v.cert.change))
        return 0;
    k->found = true;
    k->ref = ref;
    k->v = v;
    return 0;
}

static int find_known(struct known *k, struct store_op *op)
{
    struct write_txn *w = k->w;
    if (!op->intent.has_request_key || w->rc != 0)
        return 0;
    int rc = runs_find(&w->s->reqkeys, w->t, op->intent.request_key, known_each, k);
    if (w->rc == 0)
        w->rc = rc;
    k->found = k->found && w->rc == 0;
    return k->damaged ? store_damaged(&op->fault, "request key's certificate") : 0;
}

/* 1: recorded already, `op->ref` says for what. What has ended otherwise is not superseded. */
static int reserve_request_key(struct write_txn *w, struct store_op *op, struct known *k)
{
    const struct store_intent *i = &op->intent;
    *k = (struct known){.w = w, .op = op};
    int rc = find_known(k, op);
    if (i->anew)
        k->found = k->found && (k->v.state == CERT_GOOD || k->v.state == CERT_OPEN);
    if (rc != 0 || !k->found || i->anew)
        return rc;
    if (memcmp(k->v.cert.content, i->content, sizeof(i->content)) != 0 ||
        strcmp(k->v.cert.requester, i->requester) != 0 ||
        strcmp(k->v.cert.profile, i->profile) != 0)
        return fault_set(&op->fault, FAULT_CONFLICT, "request.key",
                         "This request key was used for a different request");
    op->ref = k->ref;
    op->state = k->v.state;
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

struct reuse {
    struct write_txn *w;
    const struct store_intent *i;
    bool conflict;
};

/* Entries of one key lie together, those of one identity within them, so that the same
 * identity's, which may be many, are passed over with one step. */
static int reuse_each(void *arg, const uint8_t entry[RUN_ENTRY])
{
    struct reuse *u = arg;
    struct cert_ref ref;
    struct cert_view v;
    bool same = memcmp(entry + ROW_SPKI_HALF, u->i->identity, 16) == 0;
    if (same && u->i->key_reuse == KEY_REUSE_SAME_IDENTITY)
        return RUN_REF;
    ref_get(entry + RUN_REF, &ref);
    if (ref.issuer == STORE_FOREIGN) /* whoever moves here from another CA may keep the key */
        return 0;
    u->conflict = w_view(u->w, &ref, &v) && memcmp(v.cert.spki_hash, u->i->spki_hash, 32) == 0 &&
                  !own_retry(u->i, &v);
    return u->conflict || u->w->rc != 0 ? -1 : 0;
}

static int reserve_key_reuse(struct write_txn *w, struct store_op *op)
{
    struct reuse u = {.w = w, .i = &op->intent};
    if (u.i->key_reuse == KEY_REUSE_ALLOW || w->rc != 0)
        return 0;
    int rc = runs_find(&w->s->keys, w->t, u.i->spki_hash, reuse_each, &u);
    if (w->rc == 0)
        w->rc = rc;
    return u.conflict ? key_reused(&op->fault, u.i->spki_hash) : 0;
}

int store_full(struct fault *f)
{
    fault_set(f, FAULT_FULL, "store.full", "The disk or the quota is full; issuing has stopped");
    f->retry_after = 30;
    return -FAULT_FULL;
}

/* 0, 1 when the request is known, 2 or 3 as of reserve_approval, or the refusal. `old`: what is
 * superseded, if it was found. */
static int reserve_decide(struct write_txn *w, struct store_op *op, struct known *old)
{
    const struct store_intent *i = &op->intent;
    uint8_t key[ROW_REF];
    int rc = reserve_request_key(w, op, old);
    if (rc == 0)
        rc = reserve_approved_before(w, op);
    if (rc == 0)
        rc = gate_refuse(&w->gate, &op->fault);
    if (rc == 0)
        rc = w->s->full ? store_full(&op->fault) : 0;
    if (rc == 0)
        rc = reserve_token(w, op, old->found);
    if (rc == 0)
        rc = reserve_limits(w, op);
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
            "an identity that is not blocked; cerca block list shows those that are");
    if (i->has_replaces) {
        ref_put(&i->replaces, key);
        if (!w_have(w, D_CERT, key, sizeof(key)))
            return fault_set(&op->fault, FAULT_NOT_FOUND, "replaces.unknown",
                             "The certificate to be replaced is not known");
    }
    rc = reserve_key_reuse(w, op);
    return rc == 0 ? reserve_approval(w, op, old->found) : rc;
}

static void entries_add(struct write_txn *w, const struct store_op *op)
{
    const struct store_intent *i = &op->intent;
    uint8_t entry[RUN_ENTRY];
    key_entry_put(i->spki_hash, i->identity, &op->ref, entry);
    if (w->rc == 0)
        w->rc = runs_add(&w->s->keys, entry);
    if (!i->has_request_key || w->rc != 0)
        return;
    reqkey_entry_put(i->request_key, &op->ref, entry);
    w->rc = runs_add(&w->s->reqkeys, entry);
}

/* The key of the one before is lost. */
static void supersede_put(struct write_txn *w, const struct store_op *op, const struct known *old)
{
    bool open = old->v.state == CERT_OPEN;
    struct row_status row = {.state = open ? CERT_ABANDONED : CERT_REVOKED,
                             .reason = open ? 0 : REASON_SUPERSEDED,
                             .time = op->time};
    struct store_op ended = {.ref = old->ref, .time = op->time};
    struct audit_event e = op->audit;
    status_put(w, &ended, &row, old->v.cert.not_after);
    e.action = open ? AUDIT_ABANDON : AUDIT_REVOKE;
    memcpy(e.serial, old->ref.serial, SERIAL_LEN);
    e.issuer = old->ref.issuer;
    (void)snprintf(e.detail, sizeof(e.detail), "superseded: asked for again, with a new key");
    audit_append(w, &e);
}

static void reserve_put(struct write_txn *w, struct store_op *op, const struct known *old)
{
    struct store_intent with = op->intent, *i = &with;
    uint8_t key[ROW_REF];
    if (old->found)
        supersede_put(w, op, old);
    if (old->found && old->v.state == CERT_GOOD && !i->has_replaces) {
        i->has_replaces = true;
        i->replaces = old->ref;
    }
    uint64_t tick = serial_tick(op->ref.serial);
    struct row_open open = {op->time, i->not_after, i->has_replaces};
    uint64_t change = change_append(w, op, &op->ref, CERT_OPEN, 0, i->not_after);
    ref_put(&op->ref, key);
    row_cert_put(w_row(w), i, op->time, change);
    w_put_last(w, D_CERT, key, sizeof(key));
    row_open_put(w_row(w), &open);
    w_put(w, D_OPEN, key, sizeof(key), 0);
    entries_add(w, op);
    if (!old->found)
        reserve_token_put(w, op);
    reserve_limits_put(w, op);
    reserve_approval_put(w, op);
    if (tick > w->state.tick)
        w->state.tick = tick;
    op->state = CERT_OPEN;
}

/* No intent: the record says instead that it waits, the first time. */
static int waits(struct write_txn *w, struct store_op *op, bool is_new)
{
    op->outcome = STORE_WAITS;
    w->record = is_new;
    w->event.action = AUDIT_REQUEST;
    w->event.has_serial = false;
    memset(w->event.serial, 0, sizeof(w->event.serial));
    w->event.issuer = 0;
    (void)snprintf(w->event.detail, sizeof(w->event.detail), "waits for approval");
    approval_audit(&op->intent.approval->row, &w->event);
    return 0;
}

int op_reserve(struct write_txn *w, struct store_op *op)
{
    struct known old;
    int rc = reserve_decide(w, op, &old);
    if (rc >= 0 && op->intent.dry) {
        op->outcome = rc > 1 ? STORE_WAITS : STORE_DONE;
        w->record = false;
        return 0;
    }
    if (rc == 2 || rc == 3)
        return waits(w, op, rc == 2);
    if (rc == 1) {
        op->outcome = STORE_KNOWN;
        w->record = false;
        return 0;
    }
    if (rc == 0 && w->rc == 0 && op->intent.approval != NULL)
        approval_audit(&op->intent.approval->row, &w->event);
    if (rc == 0 && w->rc == 0)
        reserve_put(w, op, &old);
    return rc;
}
