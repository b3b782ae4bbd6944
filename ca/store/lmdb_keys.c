/* The two indexes of runs: whose key is whose, and which request made what. Their entries follow
 * from the certificate rows. */
#include <string.h>

#include "ca/store/store_lmdb.h"

#define KEYS_HASHED ROW_SPKI_HALF
#define REQKEYS_HASHED 32

void key_entry_put(const uint8_t hash[32], const uint8_t identity[16], const struct cert_ref *ref,
                   uint8_t out[RUN_ENTRY])
{
    memcpy(out, hash, ROW_SPKI_HALF);
    memcpy(out + ROW_SPKI_HALF, identity, 16);
    ref_put(ref, out + RUN_REF);
}

void reqkey_entry_put(const uint8_t key[32], const struct cert_ref *ref, uint8_t out[RUN_ENTRY])
{
    memcpy(out, key, 32);
    ref_put(ref, out + RUN_REF);
}

void keys_init(struct store *s)
{
    size_t n = s->opt.run_entries ? s->opt.run_entries : RUN_ENTRIES;
    runs_init(&s->keys, "key", KEYS_HASHED, n, STORE_CHANGES_MAX);
    runs_init(&s->reqkeys, "reqkey", REQKEYS_HASHED, n, STORE_GROUP_MAX);
}

void keys_free(struct store *s)
{
    runs_free(&s->keys);
    runs_free(&s->reqkeys);
}

int keys_open(struct store *s, MDB_txn *t, bool create)
{
    int rc = runs_open(&s->keys, t, s->dbi[D_META], create);
    return rc == 0 ? runs_open(&s->reqkeys, t, s->dbi[D_META], create) : rc;
}

/* What is damaged has no entries: store_check reports it. Nor has what a restore knows only the
 * serial of. */
static int load_foreign(struct store *s, MDB_txn *t, uint64_t number, const struct cert_ref *ref)
{
    uint8_t entry[RUN_ENTRY];
    struct cert_view v;
    if (number <= s->keys.dir.upto)
        return 0;
    int rc = cert_view_get(s, t, ref, &v);
    if (rc != 0)
        return rc == MDB_NOTFOUND || rc == MDB_CORRUPTED ? 0 : rc;
    key_entry_put(v.cert.spki_hash, v.cert.identity, ref, entry);
    return runs_load(&s->keys, number, entry);
}

static int load_change(struct store *s, MDB_txn *t, uint64_t number, struct slice row)
{
    uint8_t key[ROW_REF], entry[RUN_ENTRY];
    struct store_change c;
    struct row_cert cert;
    struct slice v;
    if (row_change_get(row, &c) != 0)
        return 0;
    if (c.ref.issuer == STORE_FOREIGN)
        return load_foreign(s, t, number, &c.ref);
    if (c.state != CERT_OPEN)
        return 0;
    ref_put(&c.ref, key);
    int rc = row_get(t, s->dbi[D_CERT], key, sizeof(key), &v);
    if (rc != 0 || row_cert_get(v, &cert) != 0)
        return rc == MDB_NOTFOUND ? 0 : rc;
    if (cert.tbs.n == 0)
        return 0;
    key_entry_put(cert.spki_hash, cert.identity, &c.ref, entry);
    rc = runs_load(&s->keys, number, entry);
    if (rc != 0 || !cert.has_request_key)
        return rc;
    reqkey_entry_put(cert.request_key, &c.ref, entry);
    return runs_load(&s->reqkeys, number, entry);
}

int keys_load(struct store *s, MDB_txn *t)
{
    uint64_t upto = s->keys.dir.upto;
    uint8_t from[8] = {0};
    MDB_cursor *c;
    MDB_val k = val_of(from, sizeof(from)), v;
    if (s->reqkeys.dir.upto < upto)
        upto = s->reqkeys.dir.upto;
    number_put(upto + 1, from);
    int rc = mdb_cursor_open(t, s->dbi[D_CHANGE], &c);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
    while (rc == 0 && k.mv_size == 8) {
        rc = load_change(s, t, number_get(k.mv_data), val_slice(v));
        if (rc == 0)
            rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(c);
    runs_loaded(&s->keys);
    runs_loaded(&s->reqkeys);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The first KEY_LIST_MAX behind `after`, kept sorted. */
static int list_each(void *arg, const uint8_t entry[RUN_ENTRY])
{
    struct key_list *l = arg;
    size_t at = l->n;
    if (memcmp(entry, l->after, RUN_ENTRY) <= 0)
        return 0;
    while (at > 0 && memcmp(entry, l->entry[at - 1], RUN_ENTRY) < 0)
        at--;
    if (at == KEY_LIST_MAX)
        return KEYS_HASHED; /* what follows in this run lies behind too */
    if (at > 0 && memcmp(entry, l->entry[at - 1], RUN_ENTRY) == 0)
        return 0;
    if (l->n < KEY_LIST_MAX)
        l->n++;
    memmove(l->entry[at + 1], l->entry[at], (l->n - 1 - at) * RUN_ENTRY);
    memcpy(l->entry[at], entry, RUN_ENTRY);
    return 0;
}

int keys_list(struct store *s, struct key_list *l, MDB_txn **t, struct fault *f)
{
    l->n = 0;
    runs_find_recent(&s->keys, l->after, list_each, l);
    int rc = read_begin(s, t, f);
    int found = rc == 0 ? runs_find_from(&s->keys, *t, l->after, list_each, l) : 0;
    if (found != 0) {
        read_end(s, *t);
        *t = NULL;
        rc = store_fail(f, found, "looking for a key");
    }
    return rc;
}

void keys_begin(struct write_txn *w)
{
    runs_begin(&w->s->keys);
    runs_begin(&w->s->reqkeys);
    reqkeys_expire(w);
}

void keys_work(struct write_txn *w)
{
    w->rc = runs_work(&w->s->keys, w->t, w->state.change);
    if (w->rc == 0)
        w->rc = runs_work(&w->s->reqkeys, w->t, w->state.change);
}

void keys_settle(struct write_txn *w)
{
    w->rc = runs_settle(&w->s->keys, w->t, w->state.change);
    if (w->rc == 0)
        w->rc = runs_settle(&w->s->reqkeys, w->t, w->state.change);
    w->dirty = w->s->keys.moved || w->s->reqkeys.moved;
}

void keys_commit(struct store *s)
{
    runs_commit(&s->keys);
    runs_commit(&s->reqkeys);
}

void keys_abort(struct store *s)
{
    runs_abort(&s->keys);
    runs_abort(&s->reqkeys);
}
