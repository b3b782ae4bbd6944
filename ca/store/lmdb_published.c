/*
 * After a restore: what the lost part of the store had published is taken over, as far as it
 * can be known. A row only ever becomes worse: good, held, revoked.
 */
#include <string.h>

#include "ca/store/store_lmdb.h"
#include "lib/clock.h"

/* RFC 5280 4.1.2.5: 99991231235959Z, no well-defined end. Nobody knows when the lost certificate
 * ends, so that it is never taken off a CRL. */
#define NO_END INT64_C(253402300799)

static struct store_restore *counts(struct write_txn *w)
{
    return &w->gate.restore[w->gate.n_restores - 1];
}

/* An empty signature: there is one, but not here. */
static void lost_signature_put(struct write_txn *w, const struct store_op *op, uint64_t change)
{
    uint8_t key[ROW_REF];
    struct row_sig sig = {.finished = op->time, .change = change};
    ref_put(&op->ref, key);
    row_sig_put(w_row(w), &sig);
    w_put(w, D_SIG, key, sizeof(key), 0);
}

static void status_take(struct write_txn *w, struct store_op *op, int64_t not_after)
{
    struct row_status row = {.state = op->published.state, .reason = op->reason, .time = op->time};
    status_put(w, op, &row, not_after);
}

/* An open intent that was finished after the backup. */
static void close_intent(struct write_txn *w, struct store_op *op, int64_t not_after)
{
    uint8_t key[ROW_REF];
    if (op->published.state == CERT_REVOKED) {
        status_take(w, op, not_after);
        return;
    }
    ref_put(&op->ref, key);
    if (op->published.state == CERT_HELD) {
        status_take(w, op, not_after);
        lost_signature_put(w, op, w->state.change);
        return;
    }
    lost_signature_put(w, op, change_append(w, op, &op->ref, CERT_GOOD, 0, not_after));
    w_del(w, D_OPEN, key, sizeof(key));
    op->state = CERT_GOOD;
}

/* Serials have the time in front: that is when it was issued. */
static void lost_put(struct write_txn *w, struct store_op *op)
{
    struct store_intent i = {
        .profile = "", .requester = "", .owner = "", .alg = SIG_NONE, .not_after = NO_END};
    uint64_t tick = serial_tick(op->ref.serial);
    uint8_t key[ROW_REF];
    uint64_t change = change_append(w, op, &op->ref, CERT_OPEN, 0, NO_END);
    ref_put(&op->ref, key);
    i.not_before = (int64_t)(tick / CLOCK_TICKS_PER_SECOND);
    row_cert_put(w_row(w), &i, i.not_before, change);
    w_put(w, D_CERT, key, sizeof(key), 0);
    if (tick > w->state.tick)
        w->state.tick = tick;
    counts(w)->lost++;
    close_intent(w, op, NO_END);
}

static void block_lost_key(struct write_txn *w, const struct store_op *op,
                           const struct cert_view *v)
{
    if (op->published.state == CERT_REVOKED && op->reason == REASON_KEY_COMPROMISE)
        key_block(w, op, D_BLOCKED, v->cert.spki_hash, sizeof(v->cert.spki_hash));
}

static bool status_is_news(struct write_txn *w, const struct store_op *op,
                           const struct cert_view *v)
{
    enum cert_state there = op->published.state;
    if (v->state == CERT_HELD && there == CERT_GOOD)
        counts(w)->kept_held++; /* the caller tells only what was published after the backup */
    if (v->state == CERT_GOOD)
        return there == CERT_HELD || there == CERT_REVOKED;
    return v->state == CERT_HELD && there == CERT_REVOKED;
}

static void count_status(struct write_txn *w, enum cert_state state)
{
    counts(w)->revoked += state == CERT_REVOKED;
    counts(w)->held += state == CERT_HELD;
}

static bool applied(struct write_txn *w, struct store_op *op)
{
    struct cert_view v;
    if (!w_view(w, &op->ref, &v)) {
        if (w->rc == 0)
            lost_put(w, op);
        return true;
    }
    block_lost_key(w, op, &v);
    if (v.state == CERT_OPEN) {
        counts(w)->signatures++;
        close_intent(w, op, v.cert.not_after);
        return true;
    }
    if (!status_is_news(w, op, &v))
        return false;
    status_take(w, op, v.cert.not_after);
    return true;
}

int op_published(struct write_txn *w, struct store_op *op)
{
    uint32_t kept;
    if (!w->gate.closed || !w->gate.restored || w->gate.n_restores == 0)
        return fault_set(&op->fault, FAULT_CONFLICT, "restore.state",
                         "The store is not closed since a restore");
    kept = counts(w)->kept_held;
    w->record = applied(w, op);
    if (w->record)
        count_status(w, op->published.state);
    else
        op->outcome = STORE_SAME;
    if (w->rc == 0 && (w->record || counts(w)->kept_held != kept))
        gate_put(w);
    return 0;
}
