/* What scans have seen. */
#include "ca/store/observations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/installation_rows.h"
#include "lib/wire.h"

#define ROW_VERSION 2

void observation_key(const struct observation *o, uint8_t out[OBSERVATION_KEY])
{
    uint8_t hash[32];
    struct buf b;

    buf_init(&b, 1024);
    wire_put_text(&b, o->host);
    wire_put_text(&b, o->address);
    wire_put_u16(&b, o->port);
    wire_put_u8(&b, (uint8_t)o->starttls);
    wire_put_text(&b, o->sni);
    sha256(buf_slice(&b), hash);
    memcpy(out, hash, OBSERVATION_KEY);
    buf_free(&b);
}

/* ---- rows ---- */

static void row_put(struct buf *b, const struct observation *o)
{
    uint8_t ref[ROW_REF];

    wire_put_u8(b, ROW_VERSION);
    wire_put_text(b, o->host);
    wire_put_text(b, o->address);
    wire_put_u16(b, o->port);
    wire_put_u8(b, (uint8_t)o->starttls);
    wire_put_text(b, o->sni);
    wire_put_i64(b, o->first);
    wire_put_i64(b, o->last);
    wire_put_u8(b, (uint8_t)o->outcome);
    wire_put_u8(b, (uint8_t)o->stage);
    wire_put_text(b, o->detail);
    wire_put_u8(b, o->has_alert);
    wire_put_u8(b, o->alert);
    wire_put_u32(b, o->flaws);
    wire_put_u8(b, o->offered);
    wire_put_u8(b, o->has_chosen);
    wire_put_u8(b, o->demands_client);
    wire_put_u8(b, o->stapled);
    wire_put_u8(b, o->version);
    wire_put_u16(b, o->suite);
    wire_put_u8(b, o->n_chain);
    wire_put_u8(b, o->has_certificate);
    ref_put(&o->ref, ref);
    if (o->has_certificate) {
        wire_put_fixed(b, o->fingerprint, sizeof(o->fingerprint));
        wire_put_fixed(b, o->identity, sizeof(o->identity));
        wire_put_fixed(b, ref, sizeof(ref));
        wire_put_i64(b, o->served);
    }
    wire_put_text(b, o->by);
    wire_put_u8(b, o->proved);
}

static void get_certificate(struct wire_in *w, struct observation *o)
{
    uint8_t ref[ROW_REF];

    o->has_certificate = wire_get_flag(w);
    if (!o->has_certificate)
        return;
    wire_get_fixed(w, o->fingerprint, sizeof(o->fingerprint));
    wire_get_fixed(w, o->identity, sizeof(o->identity));
    wire_get_fixed(w, ref, sizeof(ref));
    ref_get(ref, &o->ref);
    o->served = wire_get_i64(w);
}

int row_observation_get(struct slice row, struct observation *o)
{
    struct wire_in w;
    uint8_t version;

    memset(o, 0, sizeof(*o));
    wire_in_init(&w, row);
    version = wire_get_u8(&w);
    wire_get_text(&w, o->host, sizeof(o->host));
    wire_get_text(&w, o->address, sizeof(o->address));
    o->port = wire_get_u16(&w);
    o->starttls = (enum scan_starttls)wire_get_u8(&w);
    wire_get_text(&w, o->sni, sizeof(o->sni));
    o->first = wire_get_i64(&w);
    o->last = wire_get_i64(&w);
    o->outcome = (enum scan_outcome)wire_get_u8(&w);
    o->stage = (enum scan_stage)wire_get_u8(&w);
    wire_get_text(&w, o->detail, sizeof(o->detail));
    o->has_alert = wire_get_flag(&w);
    o->alert = wire_get_u8(&w);
    o->flaws = wire_get_u32(&w);
    o->offered = wire_get_u8(&w);
    o->has_chosen = wire_get_flag(&w);
    o->demands_client = wire_get_flag(&w);
    o->stapled = wire_get_flag(&w);
    o->version = wire_get_u8(&w);
    o->suite = wire_get_u16(&w);
    o->n_chain = wire_get_u8(&w);
    get_certificate(&w, o);
    wire_get_text(&w, o->by, sizeof(o->by));
    o->proved = version == 1 ? o->served == o->last : wire_get_flag(&w);
    return wire_in_done(&w) && (version == 1 || version == ROW_VERSION) ? 0 : MDB_CORRUPTED;
}

/* ---- a look ---- */

static void place(struct write_txn *w, const uint8_t key[OBSERVATION_KEY],
                  const struct observation *o, bool there)
{
    struct row_place value = {.ref = o->ref};
    struct row_key k;

    memcpy(value.fingerprint, o->fingerprint, sizeof(value.fingerprint));
    place_key(o->identity, PLACE_SERVED, slice_of(key, OBSERVATION_KEY), &k);
    if (!there) {
        w_del(w, D_PLACE, k.at, k.n);
        return;
    }
    row_place_put(w_row(w), &value);
    w_put(w, D_PLACE, k.at, k.n, 0);
}

static bool take_leaf(struct write_txn *w, const struct foreign *leaf,
                      const struct observation *was, struct observation *o)
{
    struct cert_view v;

    if (leaf->der.n == 0 || leaf->outcome == FOREIGN_MALFORMED || !w_view(w, &leaf->ref, &v))
        return false;
    o->has_certificate = true;
    o->ref = leaf->ref;
    memcpy(o->fingerprint, v.sig.fingerprint, sizeof(o->fingerprint));
    if (o->proved)
        o->served = o->last;
    else if (was->has_certificate &&
             memcmp(was->fingerprint, o->fingerprint, sizeof(o->fingerprint)) == 0)
        o->served = was->served;
    memcpy(o->identity, v.cert.identity, sizeof(o->identity));
    return true;
}

/* Where nothing is served now, what was last served is still known. */
static void keep_certificate(const struct observation *was, struct observation *o)
{
    o->has_certificate = was->has_certificate;
    memcpy(o->fingerprint, was->fingerprint, sizeof(o->fingerprint));
    memcpy(o->identity, was->identity, sizeof(o->identity));
    o->ref = was->ref;
    o->served = was->served;
}

static bool is_news(const struct observation *was, const struct observation *o)
{
    return was->outcome != o->outcome || was->proved != o->proved ||
           (was->n_chain > 0) != (o->n_chain > 0) || was->flaws != o->flaws ||
           was->has_certificate != o->has_certificate ||
           memcmp(was->fingerprint, o->fingerprint, sizeof(o->fingerprint)) != 0;
}

/* A retired or superseded one that is served goes by when it was looked at, so that is news too. */
static void look(struct write_txn *w, const struct store_op *op, struct observation *o,
                 const struct foreign *leaf)
{
    uint8_t key[OBSERVATION_KEY];
    struct observation was;
    struct slice v;
    bool there;

    observation_key(o, key);
    memset(&was, 0, sizeof(was));
    there = w_found(w, row_get(w->t, w->s->dbi[D_OBSERVATION], key, sizeof(key), &v));
    if (there)
        w->rc = row_observation_get(v, &was);
    if (w->rc != 0 || was.last > o->last) /* an older look, told late */
        return;
    o->first = there ? was.first : o->last;
    if (!take_leaf(w, leaf, &was, o) && there)
        keep_certificate(&was, o);
    if (was.has_certificate &&
        (!o->has_certificate || memcmp(was.identity, o->identity, IDENTITY_LEN) != 0)) {
        place(w, key, &was, false);
        identity_changed(w, op, was.identity);
    }
    if (o->has_certificate && is_news(&was, o)) {
        place(w, key, o, true);
        identity_changed(w, op, o->identity);
    }
    row_put(w_row(w), o);
    w_put(w, D_OBSERVATION, key, sizeof(key), 0);
}

/* The leaves that there are, in a row, for the inventory; and back. */
static int add_leaves(struct write_txn *w, struct store_op *op)
{
    struct store_observe *q = op->observe;
    struct foreign *item = xcalloc(q->n, sizeof(*item));
    struct store_foreign add = {.source = SOURCE_SCANNED, .by = q->by, .item = item};
    int rc = 0;

    for (size_t i = 0; i < q->n; i++)
        if (q->leaf[i].der.n > 0)
            item[add.n++] = q->leaf[i];
    op->foreign = &add;
    if (add.n > 0)
        rc = op_foreign(w, op);
    add.n = 0;
    for (size_t i = 0; rc == 0 && i < q->n; i++)
        if (q->leaf[i].der.n > 0)
            q->leaf[i] = item[add.n++];
    q->fresh = add.added;
    op->foreign = NULL;
    free(item);
    return rc;
}

int op_observe(struct write_txn *w, struct store_op *op)
{
    struct store_observe *q = op->observe;
    int rc;

    q->fresh = 0;
    if (q->n == 0 || q->n > STORE_OBSERVE_MAX)
        return fault_set(&op->fault, FAULT_MALFORMED, "observe.count",
                         "1 to %d looks are taken at once", STORE_OBSERVE_MAX);
    if (w->s->full)
        return store_full(&op->fault);
    rc = add_leaves(w, op);
    for (size_t i = 0; rc == 0 && w->rc == 0 && i < q->n; i++)
        look(w, op, &q->row[i], &q->leaf[i]);
    w->record = rc != 0 || q->fresh > 0;
    return rc;
}

static void forget(struct write_txn *w, const struct store_op *op,
                   const uint8_t key[OBSERVATION_KEY])
{
    struct observation o;
    struct slice v;

    if (!w_found(w, row_get(w->t, w->s->dbi[D_OBSERVATION], key, OBSERVATION_KEY, &v)))
        return;
    w->rc = row_observation_get(v, &o);
    if (w->rc != 0 || o.last >= op->forget->before)
        return;
    if (o.has_certificate) {
        place(w, key, &o, false);
        identity_changed(w, op, o.identity);
    }
    w_del(w, D_OBSERVATION, key, OBSERVATION_KEY);
    op->forget->dropped++;
}

int op_forget(struct write_txn *w, struct store_op *op)
{
    w->record = false;
    op->forget->dropped = 0;
    if (op->forget->n == 0 || op->forget->n > STORE_FORGET_MAX)
        return fault_set(&op->fault, FAULT_MALFORMED, "observe.count",
                         "1 to %d targets are forgotten at once", STORE_FORGET_MAX);
    for (size_t i = 0; w->rc == 0 && i < op->forget->n; i++)
        forget(w, op, op->forget->key[i]);
    return 0;
}

/* ---- reading ---- */

int store_observations(struct store *s, const uint8_t after[OBSERVATION_KEY], size_t max,
                       store_observation_each fn, void *arg, struct fault *f)
{
    struct observation o;
    struct table_walk w;
    int rc = walk_behind(s, D_OBSERVATION, after, after ? OBSERVATION_KEY : 0, &w, f);

    if (rc != 0)
        return rc;
    for (; w.rc == 0 && max > 0; walk_next(&w), max--) {
        w.rc = w.k.mv_size == OBSERVATION_KEY ? row_observation_get(val_slice(w.v), &o)
                                              : MDB_CORRUPTED;
        if (w.rc != 0 || fn(arg, w.k.mv_data, &o) != 0)
            break;
    }
    return walk_end(&w, "observation", f);
}

bool observation_row_sound(struct slice key, struct slice row)
{
    uint8_t hash[OBSERVATION_KEY];
    struct observation o;

    if (row_observation_get(row, &o) != 0)
        return false;
    observation_key(&o, hash);
    return slice_eq(key, slice_of(hash, sizeof(hash)));
}
