#include "ca/store/campaigns.h"

#include <stdlib.h>
#include <string.h>

#include "ca/store/store_lmdb.h"
#include "lib/wire.h"

#define ROW_VERSION 1

static void campaign_put(struct buf *b, const struct campaign *c)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_text(b, c->name);
    wire_put_text(b, c->what.profile);
    wire_put_text(b, c->what.owner);
    wire_put_text(b, c->what.issuer);
    wire_put_text(b, c->what.key_type);
    wire_put_text(b, c->what.algorithm);
    wire_put_u32(b, c->count);
    wire_put_u32(b, c->rate);
    wire_put_i64(b, c->per);
    wire_put_i64(b, c->created);
    wire_put_i64(b, c->start);
    wire_put_u8(b, (uint8_t)c->state);
    wire_put_i64(b, c->paused);
    wire_put_text(b, c->by);
    wire_put_text(b, c->reason);
}

static int campaign_get(struct slice s, struct campaign *c)
{
    struct wire_in w;
    uint8_t version;

    memset(c, 0, sizeof(*c));
    wire_in_init(&w, s);
    version = wire_get_u8(&w);
    wire_get_text(&w, c->name, sizeof(c->name));
    wire_get_text(&w, c->what.profile, sizeof(c->what.profile));
    wire_get_text(&w, c->what.owner, sizeof(c->what.owner));
    wire_get_text(&w, c->what.issuer, sizeof(c->what.issuer));
    wire_get_text(&w, c->what.key_type, sizeof(c->what.key_type));
    wire_get_text(&w, c->what.algorithm, sizeof(c->what.algorithm));
    c->count = wire_get_u32(&w);
    c->rate = wire_get_u32(&w);
    c->per = wire_get_i64(&w);
    c->created = wire_get_i64(&w);
    c->start = wire_get_i64(&w);
    c->state = (enum campaign_state)wire_get_u8(&w);
    c->paused = wire_get_i64(&w);
    wire_get_text(&w, c->by, sizeof(c->by));
    wire_get_text(&w, c->reason, sizeof(c->reason));
    return wire_in_done(&w) && version == ROW_VERSION && campaign_sound(c) ? 0 : -1;
}

bool campaign_row_sound(struct slice key, struct slice row)
{
    struct campaign c;

    return campaign_get(row, &c) == 0 && slice_is(key, c.name);
}

/* ---- reading ---- */

static int read_all(struct store *s, MDB_txn *t, struct campaign *out, size_t *n)
{
    MDB_cursor *c;
    MDB_val k, v;
    int rc = mdb_cursor_open(t, s->dbi[D_CAMPAIGN], &c);

    *n = 0;
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(c, &k, &v, MDB_FIRST);
    while (rc == 0 && *n < CAMPAIGNS_MAX) {
        if (campaign_get(val_slice(v), &out[*n]) != 0)
            rc = MDB_CORRUPTED;
        ++*n;
        if (rc == 0)
            rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(c);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int store_campaigns(struct store *s, struct campaign out[CAMPAIGNS_MAX], size_t *n, struct fault *f)
{
    MDB_txn *t;
    int rc = read_begin(s, &t, f);

    *n = 0;
    if (rc != 0)
        return rc;
    rc = read_all(s, t, out, n);
    read_end(s, t);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "campaign");
    return rc == 0 ? 0 : store_fail(f, rc, "reading campaigns");
}

/* ---- changing ---- */

struct have {
    size_t n;
    struct campaign row[CAMPAIGNS_MAX];
};

static struct campaign *find(struct have *h, const char *name)
{
    for (size_t i = 0; i < h->n; i++)
        if (strcmp(h->row[i].name, name) == 0)
            return &h->row[i];
    return NULL;
}

static struct campaign *oldest_cancelled(struct have *h)
{
    struct campaign *oldest = NULL;

    for (size_t i = 0; i < h->n; i++)
        if (h->row[i].state == CAMPAIGN_CANCELLED &&
            (oldest == NULL || h->row[i].created < oldest->created))
            oldest = &h->row[i];
    return oldest;
}

/* Makes room. */
static int create(struct write_txn *w, struct have *h, const struct campaign *c, struct fault *f)
{
    struct campaign *there = find(h, c->name);

    if (there != NULL && there->state != CAMPAIGN_CANCELLED)
        return fault_set(f, FAULT_CONFLICT, "campaign.known",
                         "There is a campaign of this name: cancel it, or take another name");
    if (there == NULL && h->n == CAMPAIGNS_MAX) {
        there = oldest_cancelled(h);
        if (there == NULL)
            return fault_set(f, FAULT_TOO_LARGE, "campaign.many",
                             "There are %d campaigns already: cancel some", CAMPAIGNS_MAX);
        w_del(w, D_CAMPAIGN, there->name, strlen(there->name));
    }
    return 0;
}

static int change(struct have *h, struct store_op *op)
{
    struct store_campaign *q = op->campaign;
    struct campaign *there = find(h, q->row.name);

    if (there == NULL)
        return fault_set(&op->fault, FAULT_NOT_FOUND, "campaign.unknown",
                         "There is no campaign of this name");
    if (!campaign_change(there, q->verb, op->time))
        return fault_set(&op->fault, FAULT_CONFLICT, "campaign.state", "The campaign is %s",
                         campaign_state_word(there->state));
    q->row = *there;
    return 0;
}

int op_campaign(struct write_txn *w, struct store_op *op)
{
    struct store_campaign *q = op->campaign;
    struct have *h = xcalloc(1, sizeof(*h));
    int rc = 0;

    w->rc = read_all(w->s, w->t, h->row, &h->n);
    if (w->rc == 0)
        rc = q->verb == CAMPAIGN_CREATE ? create(w, h, &q->row, &op->fault) : change(h, op);
    if (w->rc == 0 && rc == 0) {
        campaign_put(w_row(w), &q->row);
        w_put(w, D_CAMPAIGN, q->row.name, strlen(q->row.name), 0);
    }
    free(h);
    return rc;
}
