/* The inventory beside our own certificates: each foreign row against its DER, its key, its change
 * and the table by which it is found again, and back. */
#include <string.h>

#include "ca/store/check.h"
#include "ca/store/inventory.h"
#include "lib/cert.h"

static bool agrees(const struct row_foreign *r)
{
    struct anycert c;
    struct fault f;
    uint8_t fingerprint[32], spki[32], names[SAN_IDENTITY];
    fault_clear(&f);
    if (anycert_parse(r->der, &c, &f) != 0)
        return false;
    cert_fingerprint(r->der, fingerprint);
    sha256(c.spki, spki);
    anycert_names_id(&c, names);
    return memcmp(fingerprint, r->fingerprint, sizeof(fingerprint)) == 0 &&
           memcmp(spki, r->spki_hash, sizeof(spki)) == 0 &&
           memcmp(names, r->identity, sizeof(names)) == 0 && c.not_before == r->not_before &&
           c.not_after == r->not_after;
}

void check_foreign(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    uint8_t ref_key[ROW_REF];
    struct row_foreign r;
    struct row_seen seen;
    struct cert_view v;
    struct cert_ref ref;
    struct slice s;
    if (key.n != 8 || row_foreign_get(row, &r) != 0 || foreign_view(row, &v) != 0 || !agrees(&r)) {
        check_finding(c, "foreign.row", "A foreign certificate does not agree with its row");
        return;
    }
    uint64_t number = number_get(key.p);
    foreign_ref(number, &ref);
    ref_put(&ref, ref_key);
    if (row_get(t, c->s->dbi[D_SEEN], r.fingerprint, ROW_SEEN, &s) != 0 ||
        row_seen_get(s, &seen) != 0 || seen.number != number)
        check_finding(c, "foreign.seen", "Foreign certificate %lu is not found by its fingerprint",
                      (unsigned long)number);
    check_keys(c, t, ref_key, &v);
    check_newest(c, t, ref_key, &v);
}

void check_seen(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    uint8_t number[8];
    struct row_foreign r;
    struct row_seen seen;
    struct slice s;
    if (key.n == ROW_SEEN && row_seen_get(row, &seen) == 0) {
        number_put(seen.number, number);
        if (seen.number == 0 ||
            (row_get(t, c->s->dbi[D_FOREIGN], number, 8, &s) == 0 && row_foreign_get(s, &r) == 0 &&
             memcmp(r.fingerprint, key.p, ROW_SEEN) == 0))
            return;
    }
    check_finding(c, "seen.orphan", "What was seen is not the certificate of its number");
}

void check_annotation(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    (void)t;
    if (!annotation_row_sound(key, row))
        check_finding(c, "annotation.row", "An annotation does not decode");
}

void check_filter(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    (void)t;
    if (!filter_row_sound(key, row))
        check_finding(c, "filter.row", "A saved filter does not decode");
}

void check_installation(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    (void)t;
    if (!installation_row_sound(key, row))
        check_finding(c, "installation.row", "What an agent told does not decode");
}

void check_place(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    if (!place_row_sound(c->s, t, key, row))
        check_finding(c, "place.row", "A certificate is at a place that nobody told of");
}

void check_observation(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    (void)t;
    if (!observation_row_sound(key, row))
        check_finding(c, "observation.row",
                      "What a scan saw does not decode, or stands under another's key");
}

void check_scan_job(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    (void)t;
    if (!scan_job_row_sound(key, row))
        check_finding(c, "scanjob.row", "How far a scan is does not decode");
}
