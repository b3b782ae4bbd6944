/* Certificates that others issued: rows by number, found again by half their fingerprint. */
#include <stdio.h>
#include <string.h>

#include "ca/store/installations.h"
#include "ca/store/store_lmdb.h"
#include "lib/cert.h"
#include "lib/der.h"

void foreign_ref(uint64_t number, struct cert_ref *out)
{
    memset(out, 0, sizeof(*out));
    number_put(number, out->serial + SERIAL_LEN - 8);
    out->issuer = STORE_FOREIGN;
}

uint64_t foreign_number(const struct cert_ref *ref)
{
    return ref->issuer == STORE_FOREIGN ? number_get(ref->serial + SERIAL_LEN - 8) : 0;
}

/* ---- reading ---- */

/* The parts of a certificate, which was parsed when it was added. */
static int parts(struct slice der, struct slice *tbs, enum sig_alg *alg, struct slice *signature)
{
    struct slice seq;
    *alg = SIG_NONE;
    if (der_get(&der, DER_SEQUENCE, &seq) != 0 || der_get_whole(&seq, DER_SEQUENCE, tbs) != 0)
        return MDB_CORRUPTED;
    if (sig_alg_get(&seq, alg) != 0 && der_get_any(&seq, NULL, NULL, NULL) != 0)
        return MDB_CORRUPTED;
    return der_get_bit_octets(&seq, signature) == 0 ? 0 : MDB_CORRUPTED;
}

static enum cert_state told_state(const struct import_status *told)
{
    if (told->told != IMPORT_REVOKED)
        return CERT_GOOD;
    return told->reason == REASON_CERTIFICATE_HOLD ? CERT_HELD : CERT_REVOKED;
}

int foreign_view(struct slice row, struct cert_view *out)
{
    struct row_foreign r;
    memset(out, 0, sizeof(*out));
    if (row_foreign_get(row, &r) != 0)
        return MDB_CORRUPTED;
    struct row_cert *c = &out->cert;
    c->created = out->sig.finished = r.created;
    c->not_before = r.not_before;
    c->not_after = r.not_after;
    c->change = out->sig.change = out->change = r.change;
    memcpy(c->spki_hash, r.spki_hash, sizeof(c->spki_hash));
    memcpy(c->identity, r.identity, sizeof(c->identity));
    memcpy(c->requester, r.by, sizeof(c->requester));
    memcpy(out->sig.fingerprint, r.fingerprint, sizeof(out->sig.fingerprint));
    out->has_sig = true;
    out->state = CERT_GOOD;
    if (r.told.told == IMPORT_REVOKED) {
        out->state = told_state(&r.told);
        out->has_status = true;
        out->status = (struct row_status){.state = out->state,
                                          .reason = r.told.reason,
                                          .time = r.told.time,
                                          .change = r.told_change,
                                          .not_after = r.not_after};
    }
    if (r.told_change != 0)
        out->change = r.told_change;
    out->told = r.told.told;
    out->stranger = r.stranger;
    out->source = r.source;
    out->der = r.der;
    out->origin = r.origin;
    return parts(r.der, &c->tbs, &c->alg, &out->sig.signature);
}

static int seen_row(struct store *s, MDB_txn *t, const uint8_t fingerprint[32],
                    struct row_seen *out)
{
    struct slice v;
    memset(out, 0, sizeof(*out));
    int rc = row_get(t, s->dbi[D_SEEN], fingerprint, ROW_SEEN, &v);
    return rc == 0 && row_seen_get(v, out) != 0 ? MDB_CORRUPTED : rc;
}

int seen_get(struct store *s, MDB_txn *t, const uint8_t fingerprint[32], int64_t *out)
{
    struct row_seen seen;
    int rc = seen_row(s, t, fingerprint, &seen);
    *out = seen.time;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* ---- adding ---- */

/* Is it one of ours? Its serial finds it, its fingerprint says so. */
static bool issued_here(struct write_txn *w, const struct anycert *c, const uint8_t fingerprint[32],
                        struct cert_ref *ref)
{
    MDB_cursor *cur;
    bool found = false;
    if (c->serial.n != SERIAL_LEN)
        return false;
    w->rc = mdb_cursor_open(w->t, w->s->dbi[D_CERT], &cur);
    if (w->rc != 0)
        return false;
    MDB_val k = val_of(c->serial.p, SERIAL_LEN), v;
    int rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
    while (rc == 0 && !found && k.mv_size == ROW_REF &&
           memcmp(k.mv_data, c->serial.p, SERIAL_LEN) == 0) {
        struct row_sig sig;
        struct slice row;
        ref_get(k.mv_data, ref);
        found = row_get(w->t, w->s->dbi[D_SIG], k.mv_data, ROW_REF, &row) == 0 &&
                row_sig_get(row, &sig) == 0 && memcmp(sig.fingerprint, fingerprint, 32) == 0;
        if (!found)
            rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cur);
    (void)w_found(w, rc);
    return found;
}

static uint64_t newest_number(struct write_txn *w)
{
    MDB_cursor *c;
    MDB_val k, v;
    uint64_t n = 0;
    if (w->rc == 0)
        w->rc = mdb_cursor_open(w->t, w->s->dbi[D_FOREIGN], &c);
    if (w->rc != 0)
        return 0;
    if (w_found(w, mdb_cursor_get(c, &k, &v, MDB_LAST)) && k.mv_size == 8)
        n = number_get(k.mv_data);
    mdb_cursor_close(c);
    return n;
}

static void seen_put(struct write_txn *w, const uint8_t fingerprint[32], uint64_t number,
                     int64_t time)
{
    const struct row_seen seen = {number, time};
    row_seen_put(w_row(w), &seen);
    w_put(w, D_SEEN, fingerprint, ROW_SEEN, 0);
}

/* An origin comes from file names and hosts: no more of it than fits, and no half character. */
static struct slice origin_cut(const char *origin)
{
    size_t n = origin ? strnlen(origin, STORE_ORIGIN_MAX - 1) : 0;
    if (n == STORE_ORIGIN_MAX - 1)
        while (n > 0 && ((uint8_t)origin[n] & 0xc0) == 0x80)
            n--;
    return slice_of(origin, n);
}

static void record_stranger(struct write_txn *w, const struct store_op *op,
                            const struct foreign *item, const uint8_t fingerprint[32])
{
    struct audit_event e = op->audit;
    char hex[65];
    hex_encode(slice_of(fingerprint, 32), hex);
    e.action = AUDIT_STRANGER;
    e.issuer = item->stranger;
    (void)snprintf(e.detail, sizeof(e.detail),
                   "SHA-256 %s, signed by issuer %u of ours, not issued here", hex,
                   (unsigned)item->stranger);
    audit_append(w, &e);
}

static void put_new(struct write_txn *w, const struct store_op *op, struct foreign *item,
                    const struct anycert *c, struct row_foreign *row, uint64_t number)
{
    uint8_t key[8], names[SAN_IDENTITY], entry[RUN_ENTRY];
    foreign_ref(number, &item->ref);
    anycert_names_id(c, names);
    memcpy(row->identity, names, sizeof(row->identity));
    row->source = op->foreign->source;
    row->created = op->time;
    row->not_before = c->not_before;
    row->not_after = c->not_after;
    row->origin = origin_cut(item->origin);
    row->der = item->der;
    (void)snprintf(row->by, sizeof(row->by), "%s", op->foreign->by ? op->foreign->by : "");
    sha256(c->spki, row->spki_hash);
    row->told = item->told;
    row->stranger = item->stranger != 0;
    if (row->stranger)
        record_stranger(w, op, item, row->fingerprint);
    row->change = change_append(w, op, &item->ref, CERT_GOOD, 0, c->not_after);
    if (item->told.told == IMPORT_REVOKED)
        row->told_change = change_append(w, op, &item->ref, told_state(&item->told),
                                         item->told.reason, c->not_after);
    number_put(number, key);
    row_foreign_put(w_row(w), row);
    w_put_last(w, D_FOREIGN, key, sizeof(key));
    seen_put(w, row->fingerprint, number, op->time);
    key_entry_put(row->spki_hash, row->identity, &item->ref, entry);
    if (w->rc == 0)
        w->rc = runs_add(&w->s->keys, entry);
}

/* Is that news? Revoked stays revoked; what is on hold is released or revoked; nothing is known
 * better by not being told. */
static bool is_news(const struct import_status *known, const struct import_status *told)
{
    if (told->told == IMPORT_NOT_TOLD || told_state(known) == CERT_REVOKED)
        return false;
    return told->told != known->told || told->reason != known->reason || told->time != known->time;
}

static void tell(struct write_txn *w, const struct store_op *op, const struct foreign *item,
                 struct row_foreign *row)
{
    enum cert_state from = told_state(&row->told), to = told_state(&item->told);
    row->told = item->told;
    if (from != to)
        row->told_change = change_append(
            w, op, &item->ref, to, to == CERT_GOOD ? REASON_REMOVE_FROM_CRL : item->told.reason,
            row->not_after);
}

/* The row of one that is known, when something was told that it does not say. What it points to is
 * copied, since it is put anew. */
static void update_row(struct write_txn *w, const struct store_op *op, const struct foreign *item,
                       uint64_t number)
{
    uint8_t key[8];
    struct row_foreign row;
    struct slice v;
    struct buf copy;
    number_put(number, key);
    if (!w_found(w, row_get(w->t, w->s->dbi[D_FOREIGN], key, sizeof(key), &v)))
        return;
    if (row_foreign_get(v, &row) != 0) {
        w->rc = MDB_CORRUPTED;
        return;
    }
    bool news = is_news(&row.told, &item->told);
    bool told_of = row.source == SOURCE_SCANNED && op->foreign->source == SOURCE_IMPORTED;
    if (!news && !told_of && (row.stranger || item->stranger == 0))
        return;
    buf_init(&copy, ROW_MAX);
    buf_put_slice(&copy, v);
    if (row_foreign_get(buf_slice(&copy), &row) != 0)
        w->rc = MDB_CORRUPTED;
    if (!row.stranger && item->stranger != 0)
        record_stranger(w, op, item, row.fingerprint);
    row.stranger = row.stranger || item->stranger != 0;
    if (news)
        tell(w, op, item, &row);
    if (told_of) {
        row.source = SOURCE_IMPORTED;
        identity_changed(w, op, row.identity);
    }
    row_foreign_put(w_row(w), &row);
    w_put(w, D_FOREIGN, key, sizeof(key), 0);
    buf_free(&copy);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void add_one(struct write_txn *w, const struct store_op *op, struct foreign *item,
                    uint64_t *number)
{
    struct row_foreign row = {.created = 0};
    struct row_seen seen;
    struct anycert c;
    struct fault f;
    fault_clear(&f);
    memset(&item->ref, 0, sizeof(item->ref));
    item->outcome = FOREIGN_MALFORMED;
    if (anycert_parse(item->der, &c, &f) != 0)
        return;
    cert_fingerprint(item->der, row.fingerprint);
    bool known = w_found(w, seen_row(w->s, w->t, row.fingerprint, &seen)) && seen.number != 0;
    if (w->rc != 0)
        return;
    if (known) {
        item->outcome = FOREIGN_SEEN;
        foreign_ref(seen.number, &item->ref);
        update_row(w, op, item, seen.number);
        seen_put(w, row.fingerprint, seen.number, later(op->time, seen.time));
    } else if (issued_here(w, &c, row.fingerprint, &item->ref)) {
        item->outcome = FOREIGN_ISSUED;
        seen_put(w, row.fingerprint, 0, later(op->time, seen.time));
    } else {
        item->outcome = FOREIGN_ADDED;
        put_new(w, op, item, &c, &row, ++*number);
    }
}

static void count(struct store_foreign *a, enum foreign_outcome outcome)
{
    a->added += outcome == FOREIGN_ADDED;
    a->seen += outcome == FOREIGN_SEEN;
    a->issued += outcome == FOREIGN_ISSUED;
    a->malformed += outcome == FOREIGN_MALFORMED;
}

int op_foreign(struct write_txn *w, struct store_op *op)
{
    struct store_foreign *a = op->foreign;
    char detail[sizeof(w->event.detail)];
    a->added = a->seen = a->issued = a->malformed = 0;
    if (a->n == 0 || a->n > STORE_FOREIGN_MAX)
        return fault_set(&op->fault, FAULT_MALFORMED, "foreign.count",
                         "1 to %d certificates are added at once", STORE_FOREIGN_MAX);
    if (w->s->full)
        return store_full(&op->fault);
    size_t before = w->n_changes;
    uint64_t number = newest_number(w);
    for (size_t i = 0; i < a->n && w->rc == 0; i++) {
        add_one(w, op, &a->item[i], &number);
        count(a, a->item[i].outcome);
    }
    a->changes = w->n_changes - before;
    memcpy(detail, w->event.detail, sizeof(detail));
    (void)snprintf(w->event.detail, sizeof(w->event.detail),
                   "added %zu, seen again %zu, issued here %zu%s%.180s", a->added, a->seen,
                   a->issued, detail[0] ? ": " : "", detail);
    return 0;
}

size_t op_changes(const struct store_op *op)
{
    if (op->kind == STORE_FOREIGN_ADD && op->foreign->n <= STORE_FOREIGN_MAX)
        return 2 * op->foreign->n; /* it came; it was revoked */
    if (op->kind == STORE_REPORT)  /* of the agent; of what is and was there */
        return 1 + 2 * op->report->n + 3 * op->report->n_found;
    if (op->kind == STORE_FORGET) /* what was there */
        return op->forget->n;
    if (op->kind == STORE_OBSERVE) /* it came; what was and is there */
        return 4 * op->observe->n;
    return 2;
}
