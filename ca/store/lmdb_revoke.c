/* Revoking, putting on hold, releasing: decided and put inside the write transaction. */
#include "ca/store/store_lmdb.h"

/* RFC 5280 5.3.1: 7 is not used, 8 (removeFromCRL) undoes a hold. */
static bool reason_valid(uint8_t reason)
{
    return reason <= 10 && reason != 7 && reason != REASON_REMOVE_FROM_CRL;
}

static bool may_become(const struct cert_view *v, uint8_t reason)
{
    switch (v->state) {
    case CERT_OPEN:
    case CERT_GOOD:
        return true;
    case CERT_HELD:
        return reason != REASON_CERTIFICATE_HOLD;
    case CERT_REVOKED: /* a key may turn out to be lost after its certificate was superseded */
        return reason == REASON_KEY_COMPROMISE && v->status.reason != REASON_KEY_COMPROMISE;
    case CERT_ABANDONED:
    default:
        return false;
    }
}

static int revoke_decide(struct store_op *op, const struct cert_view *v)
{
    if (!reason_valid(op->reason))
        return fault_set(&op->fault, FAULT_MALFORMED, "revoke.reason",
                         "%u is no reason to revoke for", op->reason);
    /* RFC 5280 5.3.2: when the key was, or is suspected to have been, compromised */
    if (op->invalidity > op->time)
        return fault_set(&op->fault, FAULT_POLICY, "revoke.invalidity",
                         "The invalidity date lies in the future");
    if (op->reason == REASON_CERTIFICATE_HOLD && v->state == CERT_OPEN)
        return fault_set(&op->fault, FAULT_CONFLICT, "revoke.open",
                         "What is not issued yet cannot be put on hold");
    if (may_become(v, op->reason))
        return 0;
    op->state = v->state;
    return fault_set(&op->fault, FAULT_CONFLICT, "revoke.already", "The certificate is %s already",
                     v->state == CERT_HELD ? "on hold" : "revoked");
}

void key_block(struct write_txn *w, const struct store_op *op, enum durable_dbi d,
               const uint8_t *key, size_t n)
{
    if (w_have(w, d, key, n))
        return;
    row_ref_put(w_row(w), &op->ref);
    w_put(w, d, key, n, 0);
}

int op_revoke(struct write_txn *w, struct store_op *op)
{
    struct cert_view v;
    struct row_status row = {.reason = op->reason, .time = op->time, .invalidity = op->invalidity};
    if (!w_view(w, &op->ref, &v))
        return store_unknown(&op->fault);
    int rc = revoke_decide(op, &v);
    if (rc != 0)
        return rc;
    row.state = op->reason == REASON_CERTIFICATE_HOLD ? CERT_HELD : CERT_REVOKED;
    if (v.state == CERT_REVOKED)
        row.time = v.status.time;
    if (row.invalidity == 0)
        row.invalidity = v.status.invalidity;
    if (op->reason == REASON_KEY_COMPROMISE || op->reason == REASON_CA_COMPROMISE)
        key_block(w, op, D_BLOCKED, v.cert.spki_hash, sizeof(v.cert.spki_hash));
    if (op->block_identity)
        key_block(w, op, D_BLOCKED_ID, v.cert.identity, sizeof(v.cert.identity));
    status_put(w, op, &row, v.cert.not_after);
    return 0;
}

int op_release(struct write_txn *w, struct store_op *op)
{
    struct cert_view v;
    struct row_status row = {
        .state = CERT_GOOD, .reason = REASON_REMOVE_FROM_CRL, .time = op->time};
    if (!w_view(w, &op->ref, &v))
        return store_unknown(&op->fault);
    op->state = v.state;
    if (v.state != CERT_HELD)
        return fault_set(&op->fault, FAULT_CONFLICT, "release.held",
                         "Only what is on hold can be released; this certificate is not");
    /* Another certificate of the key may have been revoked meanwhile (RFC 5280 5.3.1). */
    if (w_have(w, D_BLOCKED, v.cert.spki_hash, sizeof(v.cert.spki_hash)))
        return fault_set(&op->fault, FAULT_CONFLICT, "release.key",
                         "Its key was revoked for keyCompromise with another certificate: revoke "
                         "this one too");
    status_put(w, op, &row, v.cert.not_after);
    return 0;
}
