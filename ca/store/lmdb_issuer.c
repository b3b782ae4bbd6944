/* Issuers: few rows, written by whoever adds one, in a transaction of its own. */
#include <string.h>

#include "ca/store/store_lmdb.h"
#include "lib/cert.h"

static void issuer_init(struct store_issuer *i)
{
    memset(i, 0, sizeof(*i));
    buf_init(&i->bytes, CERT_MAX + 512);
}

static int issuer_put(struct store *s, MDB_txn *t, uint16_t number, const char *name,
                      const uint8_t spki_hash[32], struct slice der)
{
    uint8_t key[2] = {(uint8_t)(number >> 8), (uint8_t)(number & 0xff)};
    struct buf row;
    buf_init(&row, CERT_MAX + 512);
    row_issuer_put(&row, name, spki_hash, der);
    MDB_val k = val_of(key, sizeof(key)), v = val_of(row.p, row.n);
    int rc = buf_failed(&row) ? MDB_BAD_VALSIZE : mdb_put(t, s->dbi[D_ISSUER], &k, &v, 0);
    buf_free(&row);
    return rc;
}

/* Calls fn for each until it says other than 0. */
static int issuers_walk(struct store *s, MDB_txn *t, store_issuer_each fn, void *arg, int *said)
{
    struct store_issuer i;
    MDB_cursor *c;
    MDB_val k, v;
    *said = 0;
    int rc = mdb_cursor_open(t, s->dbi[D_ISSUER], &c);
    if (rc != 0)
        return rc;
    issuer_init(&i);
    rc = mdb_cursor_get(c, &k, &v, MDB_FIRST);
    while (rc == 0 && *said == 0) {
        const uint8_t *p = k.mv_data;
        if (k.mv_size != 2 || row_issuer_get(val_slice(v), &i) != 0) {
            rc = MDB_CORRUPTED;
            break;
        }
        i.number = (uint16_t)((p[0] << 8) | p[1]);
        *said = fn(arg, &i);
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(c);
    buf_free(&i.bytes);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

struct search {
    const char *name;
    const uint8_t *spki_hash;
    uint16_t newest, found;
};

static int search_each(void *arg, const struct store_issuer *i)
{
    struct search *q = arg;
    q->newest = i->number;
    if (strcmp(i->name, q->name) != 0 || memcmp(i->spki_hash, q->spki_hash, 32) != 0)
        return 0;
    q->found = i->number;
    return 1;
}

int store_issuer_add(struct store *s, const char *name, const uint8_t spki_hash[32],
                     uint16_t *number, struct fault *f)
{
    struct search q = {.name = name, .spki_hash = spki_hash};
    MDB_txn *t;
    int said;
    *number = 0;
    int rc = mdb_txn_begin(s->env, NULL, 0, &t);
    if (rc != 0)
        return store_fail(f, rc, "adding an issuer");
    rc = issuers_walk(s, t, search_each, &q, &said);
    if (rc == 0 && q.found == 0)
        rc = q.newest + 1 >= STORE_ANNOTATED
                 ? MDB_MAP_FULL
                 : issuer_put(s, t, (uint16_t)(q.newest + 1), name, spki_hash, SLICE_NONE);
    if (rc != 0 || q.found != 0)
        mdb_txn_abort(t);
    else
        rc = mdb_txn_commit(t);
    if (rc != 0)
        return store_fail(f, rc, "adding an issuer");
    *number = q.found != 0 ? q.found : (uint16_t)(q.newest + 1);
    return 0;
}

int store_issuer_set_certificate(struct store *s, uint16_t number, struct slice der,
                                 struct fault *f)
{
    uint8_t key[2] = {(uint8_t)(number >> 8), (uint8_t)(number & 0xff)};
    struct store_issuer i;
    struct slice row;
    MDB_txn *t;
    int rc = mdb_txn_begin(s->env, NULL, 0, &t);
    if (rc != 0)
        return store_fail(f, rc, "recording an issuer's certificate");
    issuer_init(&i);
    rc = row_get(t, s->dbi[D_ISSUER], key, sizeof(key), &row);
    if (rc == 0 && row_issuer_get(row, &i) != 0)
        rc = MDB_CORRUPTED;
    if (rc == 0)
        rc = issuer_put(s, t, number, i.name, i.spki_hash, der);
    if (rc == 0)
        rc = mdb_txn_commit(t);
    else
        mdb_txn_abort(t);
    buf_free(&i.bytes);
    if (rc == MDB_NOTFOUND)
        return fault_set(f, FAULT_NOT_FOUND, "issuer.unknown", "No issuer has number %u", number);
    return rc == 0 ? 0 : store_fail(f, rc, "recording an issuer's certificate");
}

int store_issuers(struct store *s, store_issuer_each fn, void *arg, struct fault *f)
{
    MDB_txn *t;
    int said;
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = issuers_walk(s, t, fn, arg, &said);
    read_end(s, t);
    return rc == 0 ? 0 : store_fail(f, rc, "reading the issuers");
}
