/* One certificate row against its TBS and against every row that has to agree with it. */
#include <string.h>

#include "ca/store/check.h"
#include "lib/cert.h"
#include "lib/clock.h"

/* Serials are taken before their intents are committed; more disorder than this is none of that. */
#define TIME_SLACK 600

static bool have(struct check *c, MDB_txn *t, enum durable_dbi d, const void *key, size_t n,
                 struct slice *row)
{
    return row_get(t, c->s->dbi[d], key, n, row) == 0;
}

static bool serial_equals(struct slice magnitude, const uint8_t *serial)
{
    return slice_eq(magnitude, slice_of(serial, SERIAL_LEN));
}

static void check_tbs(struct check *c, const uint8_t *key, const struct row_cert *row)
{
    struct cert tbs;
    struct fault f;
    uint8_t hash[32];
    if (row->tbs.n == 0 && c->gate.n_restores > 0)
        return; /* lost: only its serial is known */
    fault_clear(&f);
    if (tbs_parse(row->tbs, &tbs, &f) != 0) {
        check_finding(c, "cert.tbs", "The TBSCertificate does not parse (%s): %s", f.rule,
                      check_ref(key));
        return;
    }
    spki_hash(&tbs.key, hash);
    if (!serial_equals(tbs.serial, key) || tbs.tbs_alg != row->alg ||
        tbs.not_before != row->not_before || tbs.not_after != row->not_after ||
        memcmp(hash, row->spki_hash, sizeof(hash)) != 0)
        check_finding(c, "cert.tbs", "The TBSCertificate disagrees with its row: %s",
                      check_ref(key));
}

/* Serials grow with time: one tick each, and time does not go back. */
static void check_order(struct check *c, const uint8_t *key, const struct row_cert *row)
{
    uint64_t tick = serial_tick(key);
    if ((key[0] & 0xc0) != 0x40)
        check_finding(c, "serial.form", "The serial does not begin with the bits 01: %s",
                      check_ref(key));
    if (tick <= c->tick && c->tick != 0)
        check_finding(c, "serial.unique", "Two serials share a tick: %s", check_ref(key));
    if (row->created < c->created - TIME_SLACK)
        check_finding(c, "serial.time", "An older serial was recorded later: %s", check_ref(key));
    c->tick = tick;
    if (row->created > c->created)
        c->created = row->created;
}

static void check_state(struct check *c, MDB_txn *t, const uint8_t *key, const struct cert_view *v)
{
    struct slice row;
    bool open = have(c, t, D_OPEN, key, ROW_REF, &row);
    if (v->state == CERT_OPEN && !open)
        check_finding(c, "sig.missing", "Neither open nor signed nor given up: %s", check_ref(key));
    if (v->state != CERT_OPEN && open)
        check_finding(c, "open.stale", "Closed, but still among the open intents: %s",
                      check_ref(key));
    if (v->state == CERT_HELD && !v->has_sig)
        check_finding(c, "sig.missing", "On hold, but not signed: %s", check_ref(key));
    if (v->state == CERT_ABANDONED && v->has_sig)
        check_finding(c, "sig.unexpected", "Given up, but signed: %s", check_ref(key));
}

void check_newest(struct check *c, MDB_txn *t, const uint8_t *key, const struct cert_view *v)
{
    struct store_change change = {0};
    struct slice row;
    uint8_t number[8], ref[ROW_REF];
    number_put(v->change, number);
    if (have(c, t, D_CHANGE, number, sizeof(number), &row) && row_change_get(row, &change) == 0) {
        ref_put(&change.ref, ref);
        if (memcmp(ref, key, ROW_REF) == 0 && change.state == v->state &&
            change.not_after == v->cert.not_after)
            return;
    }
    check_finding(c, "change.missing", "Its newest change of state has no number: %s",
                  check_ref(key));
}

static void check_others(struct check *c, MDB_txn *t, const uint8_t *key, const struct cert_view *v)
{
    struct slice row;
    uint8_t replaces[ROW_REF];
    if (!have(c, t, D_ISSUER, key + SERIAL_LEN, 2, &row))
        check_finding(c, "issuer.unknown", "No such issuer: %s", check_ref(key));
    if (!v->cert.has_replaces || !v->has_sig)
        return;
    ref_put(&v->cert.replaces, replaces);
    if (!have(c, t, D_REPLACED, replaces, ROW_REF, &row))
        check_finding(c, "replaced.missing", "What it replaced does not say so: %s",
                      check_ref(key));
}

bool check_cert_known(struct check *c, MDB_txn *t, struct slice ref, struct row_cert *out)
{
    struct slice row;
    struct cert_view v;
    memset(out, 0, sizeof(*out));
    if (ref.n == ROW_REF && ((ref.p[SERIAL_LEN] << 8) | ref.p[SERIAL_LEN + 1]) == STORE_FOREIGN) {
        bool known =
            have(c, t, D_FOREIGN, ref.p + SERIAL_LEN - 8, 8, &row) && foreign_view(row, &v) == 0;
        if (known)
            *out = v.cert;
        return known;
    }
    return ref.n == ROW_REF && have(c, t, D_CERT, ref.p, ROW_REF, &row) &&
           row_cert_get(row, out) == 0;
}

void check_cert(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    struct row_cert cert;
    struct cert_view v;
    struct cert_ref ref;
    if (key.n != ROW_REF || row_cert_get(row, &cert) != 0) {
        check_finding(c, "cert.row", "A certificate row does not decode: %s",
                      key.n == ROW_REF ? check_ref(key.p) : "not a serial");
        return;
    }
    check_order(c, key.p, &cert);
    check_tbs(c, key.p, &cert);
    ref_get(key.p, &ref);
    if (cert_view_get(c->s, t, &ref, &v) != 0)
        return; /* found again where its signature and status rows are walked */
    check_state(c, t, key.p, &v);
    check_keys(c, t, key.p, &v);
    check_newest(c, t, key.p, &v);
    check_others(c, t, key.p, &v);
}
