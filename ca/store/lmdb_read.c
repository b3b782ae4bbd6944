/* Reads by key and walks in short transactions. */
#include <string.h>

#include "ca/store/store_lmdb.h"

void cert_row_init(struct cert_row *r)
{
    memset(r, 0, sizeof(*r));
    buf_init(&r->bytes, ROW_MAX + SIGNATURE_MAX);
}

void cert_row_free(struct cert_row *r)
{
    if (r)
        buf_free(&r->bytes);
}

int cert_row_der(const struct cert_row *r, struct buf *out)
{
    if (r->der.n > 0) {
        buf_put_slice(out, r->der);
        return buf_failed(out) ? -FAULT_TOO_LARGE : 0;
    }
    if (r->signature.n == 0)
        return -FAULT_NOT_FOUND;
    cert_assemble(out, r->tbs, r->alg, r->signature);
    return buf_failed(out) ? -FAULT_TOO_LARGE : 0;
}

static void row_copy_names(struct cert_row *out, const struct row_cert *c)
{
    memcpy(out->profile, c->profile, sizeof(out->profile));
    memcpy(out->requester, c->requester, sizeof(out->requester));
    memcpy(out->owner, c->owner, sizeof(out->owner));
    memcpy(out->spki_hash, c->spki_hash, sizeof(out->spki_hash));
    memcpy(out->identity, c->identity, sizeof(out->identity));
    memcpy(out->generation, c->generation, sizeof(out->generation));
    memcpy(out->request_key, c->request_key, sizeof(out->request_key));
    memcpy(out->content, c->content, sizeof(out->content));
}

/* A slice of the row, as one of its copy. */
static struct slice moved(struct slice part, struct slice whole, const uint8_t *copy)
{
    return slice_of(copy + (part.p - whole.p), part.n);
}

static int row_copy_foreign(struct cert_row *out, const struct cert_view *v)
{
    buf_reset(&out->bytes);
    buf_put_slice(&out->bytes, v->der);
    if (buf_failed(&out->bytes))
        return -1;
    out->der = buf_slice(&out->bytes);
    out->tbs = moved(v->cert.tbs, v->der, out->der.p);
    out->signature = moved(v->sig.signature, v->der, out->der.p);
    out->told = v->told;
    out->stranger = v->stranger;
    memcpy(out->origin, v->origin.p, v->origin.n);
    out->origin[v->origin.n] = 0;
    return 0;
}

static int row_copy_bytes(struct cert_row *out, const struct cert_view *v)
{
    out->der = SLICE_NONE;
    out->origin[0] = 0;
    out->told = IMPORT_NOT_TOLD;
    out->stranger = false;
    if (v->source != SOURCE_ISSUED)
        return row_copy_foreign(out, v);
    buf_reset(&out->bytes);
    buf_put_slice(&out->bytes, v->cert.tbs);
    buf_put_slice(&out->bytes, v->sig.signature);
    if (buf_failed(&out->bytes))
        return -1;
    out->tbs = slice_of(out->bytes.p, v->cert.tbs.n);
    out->signature = v->sig.signature.n == 0
                         ? SLICE_NONE
                         : slice_of(out->bytes.p + v->cert.tbs.n, v->sig.signature.n);
    return 0;
}

static void row_copy(struct cert_row *out, const struct cert_view *v, const struct cert_ref *ref)
{
    out->ref = *ref;
    out->state = v->state;
    out->alg = v->cert.alg;
    out->not_before = v->cert.not_before;
    out->not_after = v->cert.not_after;
    out->created = v->cert.created;
    out->finished = v->has_sig ? v->sig.finished : 0;
    bool revoked = v->has_status && v->state != CERT_GOOD;
    out->revoked_at = revoked ? v->status.time : 0;
    out->reason = revoked ? v->status.reason : 0;
    out->invalidity = v->status.invalidity;
    out->has_request_key = v->cert.has_request_key;
    out->has_replaces = v->cert.has_replaces;
    out->replaces = v->cert.replaces;
    out->change = v->change;
    out->source = v->source;
    memcpy(out->fingerprint, v->sig.fingerprint, sizeof(out->fingerprint));
    row_copy_names(out, &v->cert);
}

static int row_replaced_by(struct store *s, MDB_txn *t, const struct cert_ref *ref,
                           struct cert_row *out)
{
    uint8_t key[ROW_REF];
    struct slice v;
    memset(&out->replaced_by, 0, sizeof(out->replaced_by));
    ref_put(ref, key);
    int rc = row_get(t, s->dbi[D_REPLACED], key, sizeof(key), &v);
    out->has_replaced_by = rc == 0;
    if (rc == 0 && row_ref_get(v, &out->replaced_by) != 0)
        return MDB_CORRUPTED;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int cert_row_fill(struct store *s, MDB_txn *t, const struct cert_ref *ref, struct cert_row *out,
                  struct fault *f)
{
    struct cert_view v;
    int rc = cert_view_get(s, t, ref, &v);
    if (rc == 0)
        rc = row_replaced_by(s, t, ref, out);
    if (rc == 0)
        rc = seen_get(s, t, v.sig.fingerprint, &out->last_seen);
    if (rc == MDB_NOTFOUND)
        return fault_set(f, FAULT_NOT_FOUND, "serial.unknown", "No certificate has this serial");
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "certificate row");
    if (rc != 0)
        return store_fail(f, rc, "reading a certificate");
    row_copy(out, &v, ref);
    return row_copy_bytes(out, &v) == 0 ? 0 : store_damaged(f, "certificate row");
}

int store_get(struct store *s, const struct cert_ref *ref, struct cert_row *out, struct fault *f)
{
    MDB_txn *t;
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = cert_row_fill(s, t, ref, out, f);
    read_end(s, t);
    return rc;
}

int walk_begin(struct store *s, enum durable_dbi d, const void *from, size_t n,
               struct table_walk *w, struct fault *f)
{
    memset(w, 0, sizeof(*w));
    w->s = s;
    int rc = read_begin(s, &w->t, f);
    if (rc != 0)
        return rc;
    w->rc = mdb_cursor_open(w->t, s->dbi[d], &w->c);
    if (w->rc != 0)
        return 0;
    w->k = val_of(from, n);
    w->rc = mdb_cursor_get(w->c, &w->k, &w->v, n ? MDB_SET_RANGE : MDB_FIRST);
    return 0;
}

int walk_behind(struct store *s, enum durable_dbi d, const void *after, size_t n,
                struct table_walk *w, struct fault *f)
{
    int rc = walk_begin(s, d, after, n, w, f);
    if (rc == 0 && w->rc == 0 && n > 0 && slice_eq(val_slice(w->k), slice_of(after, n)))
        walk_next(w);
    return rc;
}

void walk_next(struct table_walk *w)
{
    w->rc = mdb_cursor_get(w->c, &w->k, &w->v, MDB_NEXT);
}

int walk_end(struct table_walk *w, const char *what, struct fault *f)
{
    if (w->c)
        mdb_cursor_close(w->c);
    read_end(w->s, w->t);
    if (w->rc == MDB_CORRUPTED)
        return store_damaged(f, what);
    return w->rc == 0 || w->rc == MDB_NOTFOUND ? 0 : store_fail(f, w->rc, what);
}

static bool walk_at_ref(const struct table_walk *w, struct cert_ref *ref)
{
    if (w->rc != 0 || w->k.mv_size != ROW_REF)
        return false;
    ref_get(w->k.mv_data, ref);
    return true;
}

int store_find_serial(struct store *s, const uint8_t serial[SERIAL_LEN], struct cert_ref *out,
                      size_t max, size_t *n, struct fault *f)
{
    struct table_walk w;
    *n = 0;
    int rc = walk_begin(s, D_CERT, serial, SERIAL_LEN, &w, f);
    if (rc != 0)
        return rc;
    for (; *n < max && walk_at_ref(&w, &out[*n]); walk_next(&w)) {
        if (memcmp(out[*n].serial, serial, SERIAL_LEN) != 0)
            break;
        ++*n;
    }
    rc = walk_end(&w, "certificate row", f);
    if (rc == 0 && *n == 0)
        return fault_set(f, FAULT_NOT_FOUND, "serial.unknown", "No certificate has this serial");
    return rc;
}

int store_open_intents(struct store *s, int64_t before, struct cert_ref *out, size_t max, size_t *n,
                       struct fault *f)
{
    struct table_walk w;
    struct row_open open;
    *n = 0;
    int rc = walk_begin(s, D_OPEN, NULL, 0, &w, f);
    if (rc != 0)
        return rc;
    for (; *n < max && walk_at_ref(&w, &out[*n]); walk_next(&w)) {
        if (row_open_get(val_slice(w.v), &open) != 0) {
            w.rc = MDB_CORRUPTED;
            break;
        }
        if (open.created < before)
            ++*n;
    }
    return walk_end(&w, "open intent", f);
}

int store_changes_since(struct store *s, uint64_t after, struct store_change *out, size_t max,
                        size_t *n, struct fault *f)
{
    struct table_walk w;
    uint8_t key[8];
    *n = 0;
    if (after == UINT64_MAX)
        return 0;
    number_put(after + 1, key);
    int rc = walk_begin(s, D_CHANGE, key, sizeof(key), &w, f);
    if (rc != 0)
        return rc;
    for (; *n < max && w.rc == 0; walk_next(&w)) {
        if (w.k.mv_size != 8 || row_change_get(val_slice(w.v), &out[*n]) != 0) {
            w.rc = MDB_CORRUPTED;
            break;
        }
        out[(*n)++].number = number_get(w.k.mv_data);
    }
    return walk_end(&w, "change", f);
}

/* Open intents are passed over, but no more of them than this in one transaction's slice. */
#define STATES_STEPS_MAX 20000

int store_states(struct store *s, const struct cert_ref *after, struct store_change *out,
                 size_t max, size_t *n, struct fault *f)
{
    struct table_walk w;
    struct cert_ref ref;
    struct cert_view v;
    uint8_t key[ROW_REF] = {0};
    *n = 0;
    if (after)
        ref_put(after, key);
    int rc = walk_behind(s, D_CERT, key, after ? sizeof(key) : 0, &w, f);
    if (rc != 0)
        return rc;
    for (size_t i = 0; *n < max && walk_at_ref(&w, &ref); walk_next(&w), i++) {
        if (i >= STATES_STEPS_MAX && *n > 0)
            break;
        w.rc = cert_view_get(s, w.t, &ref, &v);
        if (w.rc != 0)
            break;
        if (v.state != CERT_OPEN)
            cert_view_change(&v, &ref, &out[(*n)++]);
    }
    return walk_end(&w, "certificate row", f);
}
