/* store_check: every table, row by row, each row against those that have to agree with it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ca/store/check.h"
#include "lib/cert.h"

#define SLICE_ROWS 500

void check_finding(struct check *c, const char *rule, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    c->findings++;
    if (c->r->finding)
        c->r->finding(c->r->arg, rule, text);
}

const char *check_ref(const uint8_t key[ROW_REF])
{
    static _Thread_local char text[64];
    char hex[2 * SERIAL_LEN + 1];
    hex_encode(slice_of(key, SERIAL_LEN), hex);
    (void)snprintf(text, sizeof(text), "serial %s of issuer %d", hex,
                   (key[SERIAL_LEN] << 8) | key[SERIAL_LEN + 1]);
    return text;
}

static int state_get(struct store *s, MDB_txn *t, struct row_state *out)
{
    struct slice v;
    int rc = row_get(t, s->dbi[D_META], "state", 5, &v);
    if (rc == 0 && row_state_get(v, out) != 0)
        rc = MDB_CORRUPTED;
    return rc;
}

/* As of the slice that begins. */
static int end_get(struct check *c, MDB_txn *t)
{
    int rc = state_get(c->s, t, &c->end);
    if (rc == 0)
        rc = run_dir_get(&c->s->keys, t, &c->keys);
    return rc == 0 ? run_dir_get(&c->s->reqkeys, t, &c->reqkeys) : rc;
}

/* Rows behind `at` in one short transaction. 0, MDB_NOTFOUND at the end, or another code. */
static int scan_slice(struct check *c, MDB_txn *t, MDB_dbi dbi, struct buf *at, check_row fn,
                      uint64_t *done)
{
    MDB_cursor *cur;
    MDB_val k = val_of(at->p, at->n), v;
    int rc = mdb_cursor_open(t, dbi, &cur);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(cur, &k, &v, at->n ? MDB_SET_RANGE : MDB_FIRST);
    if (rc == 0 && at->n && slice_eq(val_slice(k), buf_slice(at)))
        rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
    for (size_t i = 0; rc == 0 && i < SLICE_ROWS; i++) {
        fn(c, t, val_slice(k), val_slice(v));
        buf_reset(at);
        buf_put_slice(at, val_slice(k));
        ++*done;
        rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cur);
    return rc;
}

int check_progress(struct check *c, const char *what, uint64_t done, uint64_t total,
                   struct fault *f)
{
    if (!c->r->progress || c->r->progress(c->r->arg, what, done, total > done ? total : done))
        return 0;
    return fault_unavailable(f, 1, "check.stopped", "the check was stopped");
}

int check_scan(struct check *c, MDB_dbi dbi, const char *what, check_row fn, struct fault *f)
{
    uint64_t done = 0;
    struct buf at;
    int rc = 0;
    buf_init(&at, INDEX_KEY_MAX);
    while (rc == 0) {
        MDB_txn *t;
        MDB_stat st = {0};
        int begun = read_begin(c->s, &t, f);
        if (begun != 0) {
            buf_free(&at);
            return begun;
        }
        rc = mdb_stat(t, dbi, &st);
        if (rc == 0)
            rc = end_get(c, t);
        if (rc == 0)
            rc = scan_slice(c, t, dbi, &at, fn, &done);
        read_end(c->s, t);
        if (check_progress(c, what, done, st.ms_entries, f) != 0) {
            buf_free(&at);
            return -(int)f->code;
        }
    }
    buf_free(&at);
    return rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, what);
}

static bool orphan(struct check *c, MDB_txn *t, struct slice key, const char *rule,
                   struct row_cert *cert)
{
    if (check_cert_known(c, t, key, cert))
        return false;
    check_finding(c, rule, "A row has no certificate: %s",
                  key.n == ROW_REF ? check_ref(key.p) : "not a serial");
    return true;
}

static void check_sig(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    struct row_cert cert;
    struct row_sig sig;
    struct buf der;
    uint8_t fingerprint[32];
    if (orphan(c, t, key, "sig.orphan", &cert))
        return;
    int rc = row_sig_get(row, &sig);
    if (rc == 0 && sig.signature.n == 0 && c->gate.n_restores > 0)
        return; /* lost: finished after the backup was made */
    if (rc != 0 || sig.signature.n == 0) {
        check_finding(c, "sig.row", "A signature row does not decode: %s", check_ref(key.p));
        return;
    }
    buf_init(&der, ROW_MAX + SIGNATURE_MAX);
    cert_assemble(&der, cert.tbs, cert.alg, sig.signature);
    cert_fingerprint(buf_slice(&der), fingerprint);
    if (buf_failed(&der) || memcmp(fingerprint, sig.fingerprint, sizeof(fingerprint)) != 0)
        check_finding(c, "sig.fingerprint", "The fingerprint is of another certificate: %s",
                      check_ref(key.p));
    buf_free(&der);
}

static void check_status(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    struct row_cert cert;
    struct row_status status;
    if (orphan(c, t, key, "status.orphan", &cert))
        return;
    if (row_status_get(row, &status) != 0)
        check_finding(c, "status.row", "A status row does not decode: %s", check_ref(key.p));
}

static void check_open(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    struct row_cert cert;
    struct row_open open;
    if (orphan(c, t, key, "open.orphan", &cert))
        return;
    if (row_open_get(row, &open) != 0 || open.created != cert.created ||
        open.not_after != cert.not_after || open.has_replaces != cert.has_replaces)
        check_finding(c, "open.row", "An open intent disagrees with its certificate row: %s",
                      check_ref(key.p));
}

static void check_blocked(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    uint8_t ref_key[ROW_REF];
    struct row_cert cert;
    struct cert_ref ref;
    if (row_ref_get(row, &ref) == 0) {
        ref_put(&ref, ref_key);
        if (check_cert_known(c, t, slice_of(ref_key, ROW_REF), &cert) &&
            (slice_eq(key, slice_of(cert.spki_hash, sizeof(cert.spki_hash))) ||
             slice_eq(key, slice_of(cert.identity, sizeof(cert.identity)))))
            return;
    }
    check_finding(c, "blocked.orphan",
                  "What is blocked is not of the certificate that it was blocked with");
}

static void check_replaced(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    uint8_t by_key[ROW_REF], replaces[ROW_REF];
    struct row_cert cert;
    struct cert_ref by;
    if (orphan(c, t, key, "replaced.orphan", &cert))
        return;
    if (row_ref_get(row, &by) == 0) {
        ref_put(&by, by_key);
        if (check_cert_known(c, t, slice_of(by_key, ROW_REF), &cert) && cert.has_replaces) {
            ref_put(&cert.replaces, replaces);
            if (memcmp(replaces, key.p, ROW_REF) == 0)
                return;
        }
    }
    check_finding(c, "replaced.orphan", "What replaces a certificate does not say so: %s",
                  check_ref(key.p));
}

static void check_request(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    (void)t;
    if (!request_row_sound(key, row))
        check_finding(c, "request.row", "A request for approval does not decode");
}

static void check_token(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    (void)t;
    if (!token_row_sound(key, row))
        check_finding(c, "token.row", "A token does not decode");
}

static void check_alert(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    (void)t;
    if (!alert_row_sound(key, row))
        check_finding(c, "alert.row", "An alert does not decode, or stands under another's key");
}

static void check_exception(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    (void)t;
    if (!exception_row_sound(key, row))
        check_finding(c, "exception.row", "An exception does not decode");
}

static void check_campaign(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    (void)t;
    if (!campaign_row_sound(key, row))
        check_finding(c, "campaign.row", "A campaign does not decode");
}

static void check_attempt(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    (void)t;
    if (!attempt_row_sound(key, row))
        check_finding(c, "attempt.row", "A refused renewal does not decode");
}

static void check_outbox(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    if (!outbox_row_sound(c->s, t, key, row))
        check_finding(c, "outbox.row", "A row of the outbox does not decode or stands alone");
}

static void check_limit(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    (void)t;
    if (!limit_row_sound(key, row))
        check_finding(c, "limit.row", "A counter of a limit does not decode");
}

/* Between a backup and its restore numbers were given that nobody knows any more. */
static bool hole_of_restore(const struct check *c, uint64_t number)
{
    for (size_t i = 0; i < c->gate.n_skips; i++)
        if (c->gate.skip[i].from == c->next - 1 && c->gate.skip[i].to == number - 1)
            return true;
    return false;
}

static void check_change(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    struct store_change change = {0};
    struct row_cert cert;
    uint8_t ref[ROW_REF];
    uint64_t number = key.n == 8 ? number_get(key.p) : 0;
    if (number != c->next && !hole_of_restore(c, number))
        check_finding(c, "change.hole", "Change %lu is followed by %lu",
                      (unsigned long)(c->next - 1), (unsigned long)number);
    c->next = number + 1;
    if (row_change_get(row, &change) != 0) {
        check_finding(c, "change.row", "Change %lu does not decode", (unsigned long)number);
        return;
    }
    if (change.ref.issuer == STORE_ANNOTATED)
        return; /* which may be gone again */
    ref_put(&change.ref, ref);
    (void)orphan(c, t, slice_of(ref, ROW_REF), "change.orphan", &cert);
}

static int check_changes(struct check *c, struct fault *f)
{
    c->next = 1;
    int rc = check_scan(c, c->s->dbi[D_CHANGE], "changes", check_change, f);
    if (rc == 0 && c->next != c->end.change + 1 && !hole_of_restore(c, c->end.change + 1))
        check_finding(c, "change.hole", "The newest change is %lu, not %lu",
                      (unsigned long)(c->next - 1), (unsigned long)c->end.change);
    return rc;
}

static int check_certs(struct check *c, struct fault *f)
{
    int rc = check_scan(c, c->s->dbi[D_CERT], "certificates", check_cert, f);
    if (rc == 0 && c->tick > c->end.tick)
        check_finding(c, "serial.tick", "A serial is newer than the newest recorded");
    return rc;
}

static int check_begin(struct check *c, struct fault *f)
{
    MDB_txn *t;
    int rc = read_begin(c->s, &t, f);
    if (rc != 0)
        return rc;
    rc = state_get(c->s, t, &c->begin);
    if (rc == 0)
        rc = gate_read(c->s, t, &c->gate);
    read_end(c->s, t);
    return rc == 0 ? 0 : store_fail(f, rc, "reading the state");
}

int store_check(struct store *s, const struct store_check_report *r, uint64_t *findings,
                struct fault *f)
{
    static const struct {
        enum durable_dbi dbi;
        const char *what;
        check_row fn;
    } table[] = {
        {D_SIG, "signatures", check_sig},
        {D_STATUS, "statuses", check_status},
        {D_OPEN, "intents", check_open},
        {D_REPLACED, "replacements", check_replaced},
        {D_BLOCKED, "blocked keys", check_blocked},
        {D_BLOCKED_ID, "blocked names", check_blocked},
        {D_REQUEST, "requests", check_request},
        {D_TOKEN, "tokens", check_token},
        {D_LIMIT, "limits", check_limit},
        {D_OUTBOX, "notices", check_outbox},
        {D_ALERT, "alerts", check_alert},
        {D_EXCEPTION, "exceptions", check_exception},
        {D_CAMPAIGN, "campaigns", check_campaign},
        {D_ATTEMPT, "refused renewals", check_attempt},
        {D_FOREIGN, "foreign certificates", check_foreign},
        {D_SEEN, "certificates seen", check_seen},
        {D_IDENTITY, "annotations", check_annotation},
        {D_FILTER, "filters", check_filter},
        {D_INSTALLATION, "installations", check_installation},
        {D_PLACE, "places", check_place},
        {D_OBSERVATION, "observations", check_observation},
        {D_SCAN_JOB, "scans", check_scan_job},
    };
    struct check c = {.s = s, .r = r};
    *findings = 0;
    int rc = check_begin(&c, f);
    if (rc == 0)
        rc = check_certs(&c, f);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]) && rc == 0; i++)
        rc = check_scan(&c, s->dbi[table[i].dbi], table[i].what, table[i].fn, f);
    if (rc == 0)
        rc = check_runs(&c, f);
    if (rc == 0)
        rc = check_changes(&c, f);
    if (rc == 0)
        rc = check_logs(&c, f);
    if (rc == 0)
        rc = check_indexes(&c, f);
    *findings = c.findings;
    return rc;
}
