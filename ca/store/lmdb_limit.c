/* Counters of limits (ca/store/limits.h): kind and name -> start, length and count of the window.
 */
#include <string.h>

#include "ca/store/limits.h"
#include "ca/store/store_lmdb.h"
#include "lib/wire.h"

#define ROW_VERSION 1
#define KEY_MAX (1 + STORE_NAME_MAX)
#define TOLD ((uint32_t)1 << 31) /* in count: of this window a refusal is recorded */
#define FORGET_STEPS 2           /* rows looked at for each window that begins */

static size_t key_put(const struct store_limit *l, uint8_t out[KEY_MAX])
{
    size_t n = strnlen(l->name, STORE_NAME_MAX - 1);
    out[0] = (uint8_t)l->kind;
    memcpy(out + 1, l->name, n);
    return n + 1;
}

static void row_put(struct buf *b, const struct limit_row *r)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_i64(b, r->start);
    wire_put_i64(b, r->per);
    wire_put_u32(b, r->count | (r->told ? TOLD : 0));
}

static int row_get_limit(struct slice key, struct slice s, struct limit_row *out)
{
    struct wire_in w;
    memset(out, 0, sizeof(*out));
    wire_in_init(&w, s);
    uint8_t version = wire_get_u8(&w);
    out->start = wire_get_i64(&w);
    out->per = wire_get_i64(&w);
    out->count = wire_get_u32(&w);
    out->told = (out->count & TOLD) != 0;
    out->count &= ~TOLD;
    if (!wire_in_done(&w) || version != ROW_VERSION || key.n < 1 || key.n > STORE_NAME_MAX)
        return -1;
    out->kind = (enum store_limit_kind)key.p[0];
    memcpy(out->name, key.p + 1, key.n - 1);
    return 0;
}

bool limit_row_sound(struct slice key, struct slice row)
{
    struct limit_row r;
    return row_get_limit(key, row, &r) == 0 && r.count > 0;
}

/* The counter as it is now; of a window that is over, a new one that begins now. */
static int limit_load(struct write_txn *w, const struct store_limit *l, int64_t now,
                      struct limit_row *r, struct fault *f)
{
    uint8_t key[KEY_MAX];
    size_t n = key_put(l, key);
    struct slice row;
    *r = (struct limit_row){.kind = l->kind, .start = now};
    if (w_found(w, row_get(w->t, w->s->dbi[D_LIMIT], key, n, &row)) &&
        row_get_limit(slice_of(key, n), row, r) != 0)
        return store_damaged(f, "limit");
    if (r->start + l->per <= now)
        *r = (struct limit_row){.kind = l->kind, .start = now};
    r->per = l->per;
    return 0;
}

static int refuse(const struct store_limit *l, const struct limit_row *r, int64_t now,
                  struct fault *f)
{
    static const char *const rule[] = {[LIMIT_PROFILE] = "limit.profile",
                                       [LIMIT_REQUESTER] = "limit.requester",
                                       [LIMIT_IDENTITY] = "limit.identity"};
    int64_t wait = r->start + l->per - now;
    return fault_unavailable(f, wait < UINT32_MAX ? (uint32_t)wait : UINT32_MAX, rule[l->kind],
                             "%s%s has had the %u certificates that it may get in %lld s",
                             l->kind == LIMIT_IDENTITY ? "identity " : "", l->name, l->n,
                             (long long)l->per);
}

static void limit_save(struct write_txn *w, const struct store_limit *l, const struct limit_row *r)
{
    uint8_t key[KEY_MAX];
    size_t n = key_put(l, key);
    row_put(w_row(w), r);
    w_put(w, D_LIMIT, key, n, 0);
}

/* Who goes on asking gets one audit record a window, so that there are never more of them than
 * certificates. */
static void tell_once(struct write_txn *w, const struct store_limit *l, struct limit_row *r,
                      bool dry)
{
    w->limit_told = r->told || dry;
    if (w->limit_told)
        return;
    r->told = true;
    limit_save(w, l, r);
}

int reserve_limits(struct write_txn *w, struct store_op *op)
{
    for (size_t i = 0; i < op->intent.n_limits; i++) {
        const struct store_limit *l = &op->intent.limit[i];
        struct limit_row r;
        int rc = limit_load(w, l, op->time, &r, &op->fault);
        if (rc == 0 && r.count >= l->n) {
            rc = refuse(l, &r, op->time, &op->fault);
            tell_once(w, l, &r, op->intent.dry);
        }
        if (rc != 0 || w->rc != 0)
            return rc;
    }
    return 0;
}

/* A counter whose window is over says nothing: some go whenever another begins. */
static void forget_some(struct write_txn *w, int64_t now)
{
    struct store *s = w->s;
    for (int i = 0; i < FORGET_STEPS && w->rc == 0; i++) {
        struct limit_row r;
        MDB_cursor *c;
        MDB_val k = val_of(s->limit_forget, s->n_limit_forget), v;
        w->rc = mdb_cursor_open(w->t, s->dbi[D_LIMIT], &c);
        if (w->rc != 0)
            return;
        int rc = mdb_cursor_get(c, &k, &v, s->n_limit_forget > 0 ? MDB_SET_RANGE : MDB_FIRST);
        if (rc == 0 && slice_eq(val_slice(k), slice_of(s->limit_forget, s->n_limit_forget)))
            rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
        mdb_cursor_close(c);
        s->n_limit_forget = 0;
        if (!w_found(w, rc) || k.mv_size > sizeof(s->limit_forget))
            return;
        memcpy(s->limit_forget, k.mv_data, k.mv_size);
        s->n_limit_forget = k.mv_size;
        if (row_get_limit(val_slice(k), val_slice(v), &r) == 0 && r.start + r.per <= now)
            w_del(w, D_LIMIT, s->limit_forget, s->n_limit_forget);
    }
}

void reserve_limits_put(struct write_txn *w, struct store_op *op)
{
    for (size_t i = 0; i < op->intent.n_limits; i++) {
        const struct store_limit *l = &op->intent.limit[i];
        struct limit_row r;
        if (limit_load(w, l, op->time, &r, &op->fault) != 0 || w->rc != 0)
            return;
        if (r.count++ == 0)
            forget_some(w, op->time);
        limit_save(w, l, &r);
    }
}

int store_limits(struct store *s, store_limit_each fn, void *arg, struct fault *f)
{
    struct limit_row r;
    struct table_walk w;
    int rc = walk_begin(s, D_LIMIT, NULL, 0, &w, f);
    if (rc != 0)
        return rc;
    for (; w.rc == 0; walk_next(&w)) {
        w.rc = row_get_limit(val_slice(w.k), val_slice(w.v), &r) != 0 ? MDB_CORRUPTED : 0;
        if (w.rc != 0 || fn(arg, &r) != 0)
            break;
    }
    return walk_end(&w, "limit", f);
}
