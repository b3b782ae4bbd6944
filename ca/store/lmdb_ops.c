/*
 * What one operation does inside the write transaction: first it decides, reading only; then it
 * puts. A refusal puts nothing but its audit record.
 */
#include <string.h>

#include "ca/store/store_lmdb.h"
#include "lib/key.h"

/* A full disk refuses every request; one record a minute says so without filling it up. */
#define FULL_RECORD_EVERY 60

void audit_append(struct write_txn *w, const struct audit_event *e)
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
uint64_t change_append(struct write_txn *w, const struct store_op *op, const struct cert_ref *ref,
                       enum cert_state state, uint8_t reason, int64_t not_after)
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
bool w_found(struct write_txn *w, int rc)
{
    if (rc != 0 && rc != MDB_NOTFOUND)
        w->rc = rc;
    return rc == 0;
}

bool w_have(struct write_txn *w, enum durable_dbi d, const void *key, size_t n)
{
    struct slice v;
    return w_found(w, row_get(w->t, w->s->dbi[d], key, n, &v));
}

bool w_view(struct write_txn *w, const struct cert_ref *ref, struct cert_view *v)
{
    return w_found(w, cert_view_get(w->s, w->t, ref, v));
}

int store_unknown(struct fault *f)
{
    return fault_set(f, FAULT_NOT_FOUND, "serial.unknown", "No certificate has this serial");
}

/* The open row of a finish or an abandon. 0, 1 when the intent is not open, or a fault. */
static int open_intent(struct write_txn *w, struct store_op *op, struct row_open *open)
{
    uint8_t key[ROW_REF];
    struct slice row;
    struct cert_view v;
    memset(open, 0, sizeof(*open));
    ref_put(&op->ref, key);
    if (w_found(w, row_get(w->t, w->s->dbi[D_OPEN], key, sizeof(key), &row)))
        return row_open_get(row, open) == 0 ? 0 : store_damaged(&op->fault, "open intent");
    if (w->rc != 0)
        return 1;
    if (!w_view(w, &op->ref, &v))
        return store_unknown(&op->fault);
    op->outcome = STORE_NOT_OPEN;
    op->state = v.state;
    return 1;
}

static void replaced_put(struct write_txn *w, const struct cert_ref *by)
{
    struct cert_view v;
    uint8_t key[ROW_REF];
    if (!w_view(w, by, &v))
        return;
    ref_put(&v.cert.replaces, key);
    row_ref_put(w_row(w), by);
    w_put(w, D_REPLACED, key, sizeof(key), 0);
}

static int op_finish(struct write_txn *w, struct store_op *op)
{
    struct row_open open;
    struct row_sig sig = {.finished = op->time, .signature = op->signature};
    uint8_t key[ROW_REF];
    int rc = open_intent(w, op, &open);
    if (rc != 0) {
        if (rc == 1)
            w->event.action = AUDIT_DROP;
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

void status_put(struct write_txn *w, struct store_op *op, struct row_status *row, int64_t not_after)
{
    uint8_t key[ROW_REF];
    ref_put(&op->ref, key);
    row->change = change_append(w, op, &op->ref, row->state, row->reason, not_after);
    row->not_after = not_after;
    row_status_put(w_row(w), row);
    w_put(w, D_STATUS, key, sizeof(key), 0);
    w_del(w, D_OPEN, key, sizeof(key));
    op->state = row->state;
}

static int op_abandon(struct write_txn *w, struct store_op *op)
{
    struct row_open open;
    struct cert_view v;
    int rc = open_intent(w, op, &open);
    if (rc != 0) {
        w->record = rc < 0;
        return rc < 0 ? rc : 0;
    }
    if (!w_view(w, &op->ref, &v))
        return store_damaged(&op->fault, "open intent's certificate");
    token_give_back(w, v.cert.requester);
    struct row_status row = {.state = CERT_ABANDONED, .time = op->time};
    status_put(w, op, &row, open.not_after);
    return 0;
}

/* Refusals for want of space would use up what is kept for finishing and revoking; those of
 * a closed store come as often as somebody asks again. */
static bool refusal_recorded(struct write_txn *w, const struct store_op *op)
{
    if (op->fault.code != FAULT_FULL && op->fault.code != FAULT_UNAVAILABLE)
        return true;
    if (strncmp(op->fault.rule, "limit.", 6) == 0)
        return !w->limit_told;
    if (op->time - w->s->full_recorded < FULL_RECORD_EVERY)
        return false;
    w->s->full_recorded = op->time;
    return true;
}

static int foreign_refused(struct fault *f)
{
    return fault_set(f, FAULT_CONFLICT, "serial.foreign",
                     "This certificate was not issued here: its own CA alone can change its state");
}

/* The record alone. */
static int op_audit(struct write_txn *w, struct store_op *op)
{
    if (op->audit.action == AUDIT_BACKUP)
        backup_noted(w, op->time);
    return 0;
}

static int (*const functions[])(struct write_txn *w, struct store_op *op) = {
    [STORE_RESERVE] = op_reserve,
    [STORE_FINISH] = op_finish,
    [STORE_ABANDON] = op_abandon,
    [STORE_REVOKE] = op_revoke,
    [STORE_REQUEST] = op_request,
    [STORE_APPROVAL] = op_approval,
    [STORE_TOKEN] = op_token,
    [STORE_RELEASE] = op_release,
    [STORE_BLOCK] = op_block,
    [STORE_UNBLOCK] = op_unblock,
    [STORE_CHECKPOINT] = op_checkpoint,
    [STORE_PRUNE] = op_prune,
    [STORE_AUDIT] = op_audit,
    [STORE_GATE] = op_gate,
    [STORE_RESTORED] = op_restored,
    [STORE_SKIP] = op_skip,
    [STORE_CRL] = op_crl,
    [STORE_OUTBOX] = op_outbox,
    [STORE_ALERT] = op_alert,
    [STORE_MARK] = op_mark,
    [STORE_EXCEPT] = op_except,
    [STORE_CAMPAIGN] = op_campaign,
    [STORE_ATTEMPT] = op_attempt,
    [STORE_PUBLISHED] = op_published,
    [STORE_FOREIGN_ADD] = op_foreign,
    [STORE_ANNOTATE] = op_annotate,
    [STORE_REPORT] = op_report,
    [STORE_OBSERVE] = op_observe,
    [STORE_FORGET] = op_forget,
    [STORE_SCAN_JOB] = op_scan_job,
    [STORE_FILTER] = op_filter,
};
_Static_assert(sizeof(functions) / sizeof(functions[0]) == STORE_PRUNE + 1,
               "each kind has its own");

void op_apply(struct write_txn *w, struct store_op *op)
{
    w->event = op->audit;
    w->record = true;
    fault_clear(&op->fault);
    op->outcome = STORE_DONE;
    op->result = op->ref.issuer >= STORE_ANNOTATED ? foreign_refused(&op->fault)
                                                   : functions[op->kind](w, op);
    if (op->result < 0) {
        w->event.action = AUDIT_REFUSE;
        audit_set_fault(&w->event, &op->fault);
        w->record = refusal_recorded(w, op);
    }
    if (w->record && w->rc == 0)
        audit_append(w, &w->event);
}
