/* Puts are collected and sorted, so that each page of an index is touched once a batch. */
#include <stdlib.h>
#include <string.h>

#include "ca/store/index.h"

#define ARENA ((size_t)2 << 20)
#define PUTS 32768
/* the most that one certificate can need */
#define ONE_PUTS (SAN_MAX + 16)
#define ONE_ARENA ((size_t)ONE_PUTS * INDEX_KEY_MAX)

void batch_init(struct index_batch *b)
{
    b->arena = xcalloc(1, ARENA);
    b->put = xcalloc(PUTS, sizeof(b->put[0]));
    b->used = b->n = 0;
}

void batch_free(struct index_batch *b)
{
    free(b->arena);
    free(b->put);
    memset(b, 0, sizeof(*b));
}

bool batch_has_room(const struct index_batch *b)
{
    return ARENA - b->used >= ONE_ARENA && PUTS - b->n >= ONE_PUTS;
}

void batch_add(struct index_batch *b, enum index_dbi d, struct slice key, bool del)
{
    if (b->n == PUTS || key.n > ARENA - b->used)
        abort(); /* a caller forgot batch_has_room */
    uint8_t *p = b->arena + b->used;
    memcpy(p, key.p, key.n);
    b->put[b->n] = (struct index_put){slice_of(p, key.n), (uint32_t)b->n, (uint8_t)d, del};
    b->used += key.n;
    b->n++;
}

static void add_each(void *arg, enum index_dbi d, struct slice key)
{
    batch_add(arg, d, key, false);
}

void batch_add_view(struct index_batch *b, const struct cert_view *v, const struct cert_ref *ref)
{
    index_cert_keys(&v->cert, ref, add_each, b);
    index_state_keys(v, ref, add_each, b);
}

static int add_open(struct index_batch *b, struct store *s, MDB_txn *t, const struct cert_ref *ref)
{
    uint8_t key[ROW_REF];
    struct row_cert cert;
    struct slice row;
    ref_put(ref, key);
    int rc = row_get(t, s->dbi[D_CERT], key, sizeof(key), &row);
    if (rc == 0 && row_cert_get(row, &cert) == 0)
        index_cert_keys(&cert, ref, add_each, b);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* What others issued is finished when it comes. */
static int add_finished(struct index_batch *b, struct store *s, MDB_txn *t,
                        const struct cert_ref *ref)
{
    struct cert_view v;
    int rc = cert_view_get(s, t, ref, &v);
    if (rc != 0)
        return rc == MDB_NOTFOUND || rc == MDB_CORRUPTED ? 0 : rc;
    if (ref->issuer == STORE_FOREIGN)
        index_cert_keys(&v.cert, ref, add_each, b);
    index_finished_keys(&v, ref, add_each, b);
    return 0;
}

/* A durable row that is missing or does not decode has no entries here: the rest is to be listed
 * all the same, and store_check reports it. */
int batch_add_change(struct index_batch *b, struct store *s, MDB_txn *durable,
                     const struct store_change *c)
{
    uint8_t key[1 + ROW_REF];
    if (c->ref.issuer == STORE_ANNOTATED)
        return 0;
    switch (c->state) {
    case CERT_OPEN:
        return add_open(b, s, durable, &c->ref);
    case CERT_GOOD:
        if (c->reason == REASON_REMOVE_FROM_CRL)
            batch_add(b, X_STATUS, index_status_key(INDEX_HELD, &c->ref, key), true);
        return add_finished(b, s, durable, &c->ref);
    case CERT_HELD: /* by what was published before a restore, it may be finished with that */
        batch_add(b, X_STATUS, index_status_key(INDEX_HELD, &c->ref, key), false);
        return add_finished(b, s, durable, &c->ref);
    case CERT_REVOKED:
    case CERT_ABANDONED:
        batch_add(b, X_STATUS, index_status_key(INDEX_HELD, &c->ref, key), true);
        batch_add(b, X_STATUS, index_status_key(INDEX_REVOKED, &c->ref, key), false);
        return 0;
    }
    return MDB_CORRUPTED;
}
