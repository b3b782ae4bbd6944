/* The keys in use and the request keys: every entry of the runs against its certificate, and
 * back. What is still in memory needs no check: it is made of the certificate rows. */
#include <string.h>

#include "ca/store/check.h"

static void check_key(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    struct row_cert cert;
    (void)row;
    if (key.n == RUN_ENTRY && check_cert_known(c, t, slice_of(key.p + RUN_REF, ROW_REF), &cert) &&
        memcmp(cert.spki_hash, key.p, ROW_SPKI_HALF) == 0 &&
        memcmp(cert.identity, key.p + ROW_SPKI_HALF, 16) == 0)
        return;
    check_finding(c, "spki.orphan", "A key row names a certificate that does not have that key");
}

static void check_request(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    struct row_cert cert;
    (void)row;
    if (key.n == RUN_ENTRY && check_cert_known(c, t, slice_of(key.p + RUN_REF, ROW_REF), &cert) &&
        cert.has_request_key && memcmp(cert.request_key, key.p, 32) == 0)
        return;
    check_finding(c, "reqkey.orphan", "A request key names a certificate that it did not make");
}

static int check_index_runs(struct check *c, const struct runs *r, const struct run_dir *dir,
                            const char *what, check_row fn, struct fault *f)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < RUN_TABLES; i++) {
        size_t level = i / RUN_SLOTS, slot = i % RUN_SLOTS;
        if (dir->slot[level][slot].state != RUN_EMPTY)
            rc = check_scan(c, r->dbi[level][slot], what, fn, f);
    }
    return rc;
}

int check_runs(struct check *c, struct fault *f)
{
    int rc = check_index_runs(c, &c->s->keys, &c->keys, "keys", check_key, f);
    if (rc != 0)
        return rc;
    return check_index_runs(c, &c->s->reqkeys, &c->reqkeys, "request keys", check_request, f);
}

struct wanted {
    const uint8_t *entry;
    bool found;
};

static int wanted_each(void *arg, const uint8_t entry[RUN_ENTRY])
{
    struct wanted *w = arg;
    w->found = memcmp(entry, w->entry, RUN_ENTRY) == 0;
    return w->found ? -1 : 0;
}

static bool in_runs(const struct runs *r, MDB_txn *t, const struct run_dir *dir,
                    const uint8_t entry[RUN_ENTRY])
{
    struct wanted w = {.entry = entry};
    bool more;
    return runs_find_durable(r, t, dir, entry, wanted_each, &w, &more) == 0 && w.found;
}

void check_keys(struct check *c, MDB_txn *t, const uint8_t *key, const struct cert_view *v)
{
    uint8_t entry[RUN_ENTRY];
    struct cert_ref ref;
    if (v->cert.tbs.n == 0)
        return; /* lost, or found already */
    ref_get(key, &ref);
    key_entry_put(v->cert.spki_hash, v->cert.identity, &ref, entry);
    if (v->cert.change <= c->keys.upto && !in_runs(&c->s->keys, t, &c->keys, entry))
        check_finding(c, "spki.missing", "Not among the keys in use: %s", check_ref(key));
    if (v->state != CERT_OPEN || !v->cert.has_request_key)
        return;
    reqkey_entry_put(v->cert.request_key, &ref, entry);
    if (v->cert.change <= c->reqkeys.upto && !in_runs(&c->s->reqkeys, t, &c->reqkeys, entry))
        check_finding(c, "reqkey.missing", "An open intent's request key is not recorded: %s",
                      check_ref(key));
}
