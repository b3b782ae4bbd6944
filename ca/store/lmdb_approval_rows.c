/* Requests that wait for approval, as they are stored, and read (ca/store/approvals.h). */
#include <string.h>

#include "ca/store/approval_rows.h"
#include "lib/wire.h"

#define ROW_VERSION 1

struct approval_key approval_key(uint8_t tag, const void *p, size_t n)
{
    struct approval_key k = {n + 2, {APPROVAL_PREFIX, tag}};
    if (n > 0)
        memcpy(k.at + 2, p, n);
    return k;
}

struct approval_key approval_key_row(uint64_t id)
{
    uint8_t octets[8];
    number_put(id, octets);
    return approval_key(APPROVAL_ROW, octets, sizeof(octets));
}

/* ---- rows ---- */

static void who_put(struct buf *b, const struct request_who *w)
{
    wire_put_text(b, w->name);
    wire_put_u32(b, w->uid);
}

static void who_get(struct wire_in *w, struct request_who *out)
{
    wire_get_text(w, out->name, sizeof(out->name));
    out->uid = wire_get_u32(w);
}

void approval_row_put(struct buf *b, const struct approval_row *r)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_u8(b, (uint8_t)r->state);
    wire_put_i64(b, r->created);
    wire_put_i64(b, r->expires);
    wire_put_fixed(b, r->key, sizeof(r->key));
    who_put(b, &r->asked);
    who_put(b, &r->behind);
    wire_put_text(b, r->origin);
    wire_put_fixed(b, r->generation, sizeof(r->generation));
    wire_put_text(b, r->profile);
    wire_put_text(b, r->owner);
    wire_put_text(b, r->subject);
    wire_put_text(b, r->key_type);
    wire_put_fixed(b, r->spki_hash, sizeof(r->spki_hash));
    wire_put_bytes(b, slice_of(r->names, r->n_names));
    wire_put_u8(b, r->needed);
    wire_put_u8(b, r->n_by);
    for (size_t i = 0; i < r->n_by; i++) {
        who_put(b, &r->by[i].who);
        wire_put_i64(b, r->by[i].at);
    }
    wire_put_text(b, r->reason);
    wire_put_u8(b, r->has_ref);
    wire_put_fixed(b, r->ref.serial, sizeof(r->ref.serial));
    wire_put_u16(b, r->ref.issuer);
}

static void by_get(struct wire_in *w, struct approval_row *out)
{
    out->n_by = wire_get_u8(w);
    if (out->n_by > APPROVALS_BY_MAX)
        w->failed = true;
    for (size_t i = 0; !wire_failed(w) && i < out->n_by; i++) {
        who_get(w, &out->by[i].who);
        out->by[i].at = wire_get_i64(w);
    }
}

int approval_row_get(uint64_t id, struct slice s, struct approval_row *out)
{
    struct wire_in w;
    struct slice names;
    memset(out, 0, sizeof(*out));
    out->id = id;
    wire_in_init(&w, s);
    uint8_t version = wire_get_u8(&w);
    uint8_t state = wire_get_u8(&w);
    out->created = wire_get_i64(&w);
    out->expires = wire_get_i64(&w);
    wire_get_fixed(&w, out->key, sizeof(out->key));
    who_get(&w, &out->asked);
    who_get(&w, &out->behind);
    wire_get_text(&w, out->origin, sizeof(out->origin));
    wire_get_fixed(&w, out->generation, sizeof(out->generation));
    wire_get_text(&w, out->profile, sizeof(out->profile));
    wire_get_text(&w, out->owner, sizeof(out->owner));
    wire_get_text(&w, out->subject, sizeof(out->subject));
    wire_get_text(&w, out->key_type, sizeof(out->key_type));
    wire_get_fixed(&w, out->spki_hash, sizeof(out->spki_hash));
    names = wire_get_bytes(&w, sizeof(out->names));
    out->needed = wire_get_u8(&w);
    by_get(&w, out);
    wire_get_text(&w, out->reason, sizeof(out->reason));
    out->has_ref = wire_get_flag(&w);
    wire_get_fixed(&w, out->ref.serial, sizeof(out->ref.serial));
    out->ref.issuer = wire_get_u16(&w);
    if (!wire_in_done(&w) || version != ROW_VERSION || state < REQUEST_WAITING ||
        state > REQUEST_DENIED || state == REQUEST_FAILED || id == 0)
        return -1;
    if (names.n > 0)
        memcpy(out->names, names.p, names.n);
    out->n_names = names.n;
    out->state = (enum request_state)state;
    return 0;
}

bool approval_row_sound(struct slice key, struct slice row)
{
    struct approval_row r;
    if (key.n < 2)
        return false;
    switch (key.p[1]) {
    case APPROVAL_ROW:
        return key.n == 10 && approval_row_get(number_get(key.p + 2), row, &r) == 0;
    case APPROVAL_EXPIRY:
        return key.n == 18 && row.n == 0;
    case APPROVAL_KEY:
        return key.n == 34 && row.n == 8;
    case APPROVAL_TOTAL:
        return key.n == 2 && row.n == 16;
    case APPROVAL_REQUESTER:
        return key.n == 34 && row.n == 8 && number_get(row.p) > 0;
    default:
        return false;
    }
}

bool approval_row_expired(const struct approval_row *r, int64_t now)
{
    return r->expires <= now;
}

const char *approval_state_word(const struct approval_row *r, int64_t now)
{
    static const char *const words[] = {
        [REQUEST_WAITING] = "waiting",
        [REQUEST_APPROVED] = "approved",
        [REQUEST_DONE] = "done",
        [REQUEST_DENIED] = "denied",
    };
    bool open = r->state == REQUEST_WAITING || r->state == REQUEST_APPROVED;
    return open && approval_row_expired(r, now) ? "expired" : words[r->state];
}

/* ---- reading ---- */

int store_approval_get(struct store *s, uint64_t id, struct approval_row *out, struct fault *f)
{
    struct approval_key k = approval_key_row(id);
    struct slice v;
    MDB_txn *t;
    memset(out, 0, sizeof(*out));
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = row_get(t, s->dbi[D_REQUEST], k.at, k.n, &v);
    if (rc == MDB_NOTFOUND)
        rc = fault_set(f, FAULT_NOT_FOUND, "request.unknown", "There is no request %llu",
                       (unsigned long long)id);
    else if (rc == 0 && approval_row_get(id, v, out) != 0)
        rc = store_damaged(f, "request");
    else if (rc != 0)
        rc = store_fail(f, rc, "reading a request");
    read_end(s, t);
    return rc;
}

/* Those that waited and have expired, as far as they are looked at. */
static int count_expired(struct store *s, MDB_txn *t, int64_t now, uint64_t *n)
{
    struct approval_key from = approval_key(APPROVAL_EXPIRY, NULL, 0);
    MDB_val k = val_of(from.at, from.n), v;
    struct approval_row r;
    MDB_cursor *c;
    int rc = mdb_cursor_open(t, s->dbi[D_REQUEST], &c);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
    for (int i = 0; rc == 0 && i < APPROVALS_FORGOTTEN; i++) {
        const uint8_t *at = k.mv_data;
        struct slice row;
        if (k.mv_size != 18 || at[1] != APPROVAL_EXPIRY || number_get(at + 2) > (uint64_t)now)
            break;
        struct approval_key of = approval_key_row(number_get(at + 10));
        rc = row_get(t, s->dbi[D_REQUEST], of.at, of.n, &row);
        if (rc == 0 && approval_row_get(number_get(at + 10), row, &r) != 0)
            rc = MDB_CORRUPTED;
        *n += rc == 0 && r.state == REQUEST_WAITING;
        if (rc == 0)
            rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(c);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int store_approvals_waiting(struct store *s, int64_t now, uint64_t *n, struct fault *f)
{
    struct approval_key k = approval_key(APPROVAL_TOTAL, NULL, 0);
    uint64_t expired = 0;
    struct slice v;
    MDB_txn *t;
    *n = 0;
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = row_get(t, s->dbi[D_REQUEST], k.at, k.n, &v);
    if (rc == 0 && v.n == 16)
        *n = number_get(v.p + 8);
    if (rc == 0)
        rc = count_expired(s, t, now, &expired);
    *n -= expired < *n ? expired : *n;
    read_end(s, t);
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, "counting requests");
}

static int walk(MDB_cursor *c, uint64_t after, store_approval_each fn, void *arg)
{
    struct approval_key from = approval_key_row(after == UINT64_MAX ? after : after + 1);
    MDB_val k = val_of(from.at, from.n), v;
    struct approval_row r;
    int rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
    for (; rc == 0; rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
        const uint8_t *key = k.mv_data;
        if (k.mv_size != 10 || key[1] != APPROVAL_ROW)
            return 0;
        if (approval_row_get(number_get(key + 2), val_slice(v), &r) != 0)
            return MDB_CORRUPTED;
        if (fn(arg, &r) != 0)
            return 0;
    }
    return rc;
}

int store_approvals(struct store *s, uint64_t after, store_approval_each fn, void *arg,
                    struct fault *f)
{
    MDB_cursor *c;
    MDB_txn *t;
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(t, s->dbi[D_REQUEST], &c);
    if (rc == 0) {
        rc = walk(c, after, fn, arg);
        mdb_cursor_close(c);
    }
    read_end(s, t);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "request");
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, "reading requests");
}
