/* The newest change of each issuer that CRLs tell of, so that a start need not look for it among
 * all. What is kept proves itself: up to which change it is the newest one. A process that knows
 * nothing of the row only leaves more to be looked at. */
#include <string.h>

#include "ca/store/store_lmdb.h"
#include "lib/wire.h"

#define ROW_VERSION 1
#define EVERY 8192 /* changes that a start reads at most, beside those of one commit */

static const char row_key[] = "newest-status";

bool store_change_tells(const struct store_change *c)
{
    return c->ref.issuer != STORE_FOREIGN && c->state != CERT_OPEN &&
           (c->state != CERT_GOOD || c->reason == REASON_REMOVE_FROM_CRL);
}

/* Where the number of an issuer is kept; all for whom there is no room have one together. */
static uint64_t *number_of(struct newest *n, uint16_t issuer)
{
    for (size_t i = 0; i < n->n; i++)
        if (n->issuer[i] == issuer)
            return &n->number[i];
    return &n->others;
}

static uint64_t *number_for(struct newest *n, uint16_t issuer)
{
    uint64_t *number = number_of(n, issuer);
    if (number != &n->others || n->n == NEWEST_ISSUERS)
        return number;
    n->issuer[n->n] = issuer;
    n->number[n->n] = 0;
    return &n->number[n->n++];
}

uint64_t store_newest_status(struct store *s, uint16_t issuer)
{
    pthread_mutex_lock(&s->queue_lock);
    uint64_t number = *number_of(&s->newest, issuer);
    pthread_mutex_unlock(&s->queue_lock);
    return number;
}

static bool sound(const struct newest *n, uint64_t change)
{
    for (size_t i = 0; i < n->n; i++)
        if (n->number[i] > n->upto)
            return false;
    return n->others <= n->upto && n->upto <= change;
}

static bool row_get_newest(struct slice row, struct newest *n)
{
    struct wire_in w;
    wire_in_init(&w, row);
    uint8_t version = wire_get_u8(&w);
    n->upto = wire_get_u64(&w);
    n->others = wire_get_u64(&w);
    n->n = wire_get_u16(&w);
    if (version != ROW_VERSION || n->n > NEWEST_ISSUERS)
        return false;
    for (size_t i = 0; i < n->n; i++) {
        n->issuer[i] = wire_get_u16(&w);
        n->number[i] = wire_get_u64(&w);
    }
    return wire_in_done(&w);
}

static void row_put_newest(struct buf *row, const struct newest *n)
{
    wire_put_u8(row, ROW_VERSION);
    wire_put_u64(row, n->upto);
    wire_put_u64(row, n->others);
    wire_put_u16(row, (uint16_t)n->n);
    for (size_t i = 0; i < n->n; i++) {
        wire_put_u16(row, n->issuer[i]);
        wire_put_u64(row, n->number[i]);
    }
}

/* Damaged, or of another sequence: as if it were not there. */
static void read_row(struct store *s, MDB_txn *t)
{
    struct slice v;
    memset(&s->newest, 0, sizeof(s->newest));
    if (row_get(t, s->dbi[D_META], row_key, sizeof(row_key) - 1, &v) != 0)
        return;
    if (!row_get_newest(v, &s->newest) || !sound(&s->newest, s->state.change))
        memset(&s->newest, 0, sizeof(s->newest));
}

int newest_load(struct store *s, MDB_txn *t)
{
    uint8_t from[8] = {0};
    MDB_cursor *c;
    MDB_val k = val_of(from, sizeof(from)), v;
    struct store_change change;
    read_row(s, t);
    number_put(s->newest.upto + 1, from);
    int rc = mdb_cursor_open(t, s->dbi[D_CHANGE], &c);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
    for (; rc == 0 && k.mv_size == 8; rc = mdb_cursor_get(c, &k, &v, MDB_NEXT))
        if (row_change_get(val_slice(v), &change) == 0 && store_change_tells(&change))
            *number_for(&s->newest, change.ref.issuer) = number_get(k.mv_data);
    mdb_cursor_close(c);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The writer alone changes what the store has, so that it may look at it as it is. */
void newest_work(struct write_txn *w)
{
    bool moved = false;
    w->newest = w->s->newest;
    for (size_t i = 0; i < w->n_changes; i++) {
        if (!store_change_tells(&w->change[i]))
            continue;
        *number_for(&w->newest, w->change[i].ref.issuer) = w->change[i].number;
        moved = true;
    }
    if (!moved && w->state.change - w->newest.upto < EVERY)
        return;
    w->newest.upto = w->state.change;
    row_put_newest(w_row(w), &w->newest);
    w_put(w, D_META, row_key, sizeof(row_key) - 1, 0);
}

void newest_commit(struct store *s, const struct write_txn *w)
{
    pthread_mutex_lock(&s->queue_lock);
    s->newest = w->newest;
    pthread_mutex_unlock(&s->queue_lock);
}
