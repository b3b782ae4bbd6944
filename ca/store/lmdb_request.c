/* Requests that wait for an operator's yes (ca/store/requests.h). Two rows each: the head, which
 * changes with every step, and the content, which never does. */
#include <stdio.h>
#include <string.h>

#include "ca/store/requests.h"
#include "ca/store/store_lmdb.h"
#include "lib/key.h"
#include "lib/wire.h"

#define ROW_VERSION 1
#define KEY_LEN 9
enum { KEY_HEAD = 0, KEY_CONTENT = 1 };

static void key_put(uint64_t id, uint8_t part, uint8_t out[KEY_LEN])
{
    number_put(id, out);
    out[8] = part;
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

static void head_put(struct buf *b, const struct request_row *r)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_text(b, r->kind);
    wire_put_u8(b, (uint8_t)r->state);
    wire_put_i64(b, r->created);
    wire_put_i64(b, r->expires);
    wire_put_fixed(b, r->sha256, sizeof(r->sha256));
    who_put(b, &r->asked);
    wire_put_text(b, r->origin);
    wire_put_fixed(b, r->generation, sizeof(r->generation));
    wire_put_text(b, r->text);
    who_put(b, &r->decided);
    wire_put_i64(b, r->decided_at);
    wire_put_text(b, r->result);
    wire_put_i64(b, r->ended);
}

static int head_get(uint64_t id, struct slice s, struct request_row *out)
{
    struct wire_in w;
    memset(out, 0, sizeof(*out));
    out->id = id;
    wire_in_init(&w, s);
    uint8_t version = wire_get_u8(&w);
    wire_get_text(&w, out->kind, sizeof(out->kind));
    uint8_t state = wire_get_u8(&w);
    out->created = wire_get_i64(&w);
    out->expires = wire_get_i64(&w);
    wire_get_fixed(&w, out->sha256, sizeof(out->sha256));
    who_get(&w, &out->asked);
    wire_get_text(&w, out->origin, sizeof(out->origin));
    wire_get_fixed(&w, out->generation, sizeof(out->generation));
    wire_get_text(&w, out->text, sizeof(out->text));
    who_get(&w, &out->decided);
    out->decided_at = wire_get_i64(&w);
    wire_get_text(&w, out->result, sizeof(out->result));
    out->ended = wire_get_i64(&w);
    if (!wire_in_done(&w) || version != ROW_VERSION || state < REQUEST_WAITING ||
        state > REQUEST_DENIED)
        return -1;
    out->state = (enum request_state)state;
    return 0;
}

bool request_row_sound(struct slice key, struct slice row)
{
    struct request_row r;
    if (key.n > 0 && key.p[0] == APPROVAL_PREFIX)
        return approval_row_sound(key, row);
    if (key.n != KEY_LEN || number_get(key.p) == 0)
        return false;
    if (key.p[8] == KEY_CONTENT)
        return row.n <= REQUEST_CONTENT_MAX;
    return key.p[8] == KEY_HEAD && head_get(number_get(key.p), row, &r) == 0;
}

bool request_expired(const struct request_row *r, int64_t now)
{
    return r->state == REQUEST_WAITING && r->expires <= now;
}

const char *request_state_word(const struct request_row *r, int64_t now)
{
    static const char *const words[] = {
        [REQUEST_WAITING] = "waiting", [REQUEST_APPROVED] = "approved", [REQUEST_DONE] = "done",
        [REQUEST_FAILED] = "failed",   [REQUEST_DENIED] = "denied",
    };
    return request_expired(r, now) ? "expired" : words[r->state];
}

static bool ended(const struct request_row *r, int64_t now)
{
    return r->state >= REQUEST_DONE || request_expired(r, now);
}

static void w_head(struct write_txn *w, const struct request_row *r)
{
    uint8_t key[KEY_LEN];
    key_put(r->id, KEY_HEAD, key);
    head_put(w_row(w), r);
    w_put(w, D_REQUEST, key, sizeof(key), 0);
}

/* ---- asking ---- */

/* What the table holds, seen in one walk: it is short and this is rare. */
struct survey {
    uint64_t last;   /* id */
    uint64_t oldest; /* id of the oldest ended one; 0: none */
    size_t waiting, over;
    bool same; /* `found` is the same request */
    struct request_row found;
};

static bool same_request(const struct request_row *a, const struct request_row *b)
{
    return a->state == REQUEST_WAITING && memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0 &&
           strcmp(a->kind, b->kind) == 0 && strcmp(a->asked.name, b->asked.name) == 0 &&
           a->asked.uid == b->asked.uid;
}

static void survey_row(struct survey *v, const struct request_row *r, const struct store_op *op)
{
    bool is_over = ended(r, op->time);
    v->last = r->id;
    v->over += is_over;
    v->waiting += !is_over;
    if (is_over && v->oldest == 0)
        v->oldest = r->id;
    if (!is_over && same_request(r, &op->request->row)) {
        v->same = true;
        v->found = *r;
    }
}

static void survey(struct write_txn *w, const struct store_op *op, struct survey *v)
{
    struct request_row r;
    MDB_cursor *c;
    MDB_val k, row;
    memset(v, 0, sizeof(*v));
    w->rc = mdb_cursor_open(w->t, w->s->dbi[D_REQUEST], &c);
    if (w->rc != 0)
        return;
    int rc = mdb_cursor_get(c, &k, &row, MDB_FIRST);
    for (; rc == 0; rc = mdb_cursor_get(c, &k, &row, MDB_NEXT)) {
        const uint8_t *key = k.mv_data;
        if (key[0] == APPROVAL_PREFIX)
            break;
        if (k.mv_size != KEY_LEN || key[8] != KEY_HEAD)
            continue;
        if (head_get(number_get(key), val_slice(row), &r) != 0) {
            rc = MDB_CORRUPTED;
            break;
        }
        survey_row(v, &r, op);
    }
    mdb_cursor_close(c);
    (void)w_found(w, rc);
}

uint64_t requests_last(struct write_txn *w)
{
    const uint8_t behind = APPROVAL_PREFIX;
    MDB_val k = val_of(&behind, 1), v;
    MDB_cursor *c;
    uint64_t last = 0;
    if (w->rc == 0)
        w->rc = mdb_cursor_open(w->t, w->s->dbi[D_REQUEST], &c);
    if (w->rc != 0)
        return 0;
    int rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
    rc = mdb_cursor_get(c, &k, &v, rc == 0 ? MDB_PREV : MDB_LAST);
    if (w_found(w, rc) && k.mv_size == KEY_LEN)
        last = number_get(k.mv_data);
    mdb_cursor_close(c);
    return last;
}

/* The highest id stays in the table: the next one is counted from it. */
static void forget_oldest(struct write_txn *w, const struct survey *v)
{
    uint8_t key[KEY_LEN];
    if (v->over < REQUESTS_KEPT)
        return;
    key_put(v->oldest, KEY_HEAD, key);
    w_del(w, D_REQUEST, key, sizeof(key));
    key_put(v->oldest, KEY_CONTENT, key);
    w_del(w, D_REQUEST, key, sizeof(key));
}

static void hash_request(struct store_request *q)
{
    sha256_two(slice_str(q->row.kind), q->content, q->row.sha256);
}

static int add_decide(struct write_txn *w, struct store_op *op, struct survey *v)
{
    if (op->request->content.n > REQUEST_CONTENT_MAX)
        return fault_set(&op->fault, FAULT_TOO_LARGE, "request.size",
                         "The request has more than %d octets", REQUEST_CONTENT_MAX);
    hash_request(op->request);
    survey(w, op, v);
    if (w->rc != 0 || v->same)
        return 0;
    if (w->s->full)
        return fault_unavailable(&op->fault, 30, "store.full", "The disk or the quota is full");
    if (v->waiting >= REQUESTS_WAITING_MAX)
        return fault_unavailable(&op->fault, 3600, "request.many",
                                 "%d requests wait already: approve or deny some",
                                 REQUESTS_WAITING_MAX);
    return 0;
}

static int request_add(struct write_txn *w, struct store_op *op)
{
    struct store_request *q = op->request;
    struct survey v;
    uint8_t key[KEY_LEN];
    int rc = add_decide(w, op, &v);
    if (rc != 0 || w->rc != 0)
        return rc;
    if (v.same) {
        q->row = v.found;
        op->outcome = STORE_KNOWN;
        return 0;
    }
    forget_oldest(w, &v);
    uint64_t others = approvals_last(w);
    q->row.id = (v.last > others ? v.last : others) + 1;
    q->row.state = REQUEST_WAITING;
    q->row.created = op->time;
    w_head(w, &q->row);
    key_put(q->row.id, KEY_CONTENT, key);
    w_put_value(w, D_REQUEST, key, sizeof(key), q->content);
    return 0;
}

/* ---- deciding and ending ---- */

static int unknown(struct fault *f, uint64_t id)
{
    return fault_set(f, FAULT_NOT_FOUND, "request.unknown", "There is no request %llu",
                     (unsigned long long)id);
}

static int closed(struct fault *f, const struct request_row *r, int64_t now)
{
    return fault_set(f, FAULT_CONFLICT, "request.closed", "Request %llu is %s already",
                     (unsigned long long)r->id, request_state_word(r, now));
}

static int request_load(struct write_txn *w, struct store_op *op, struct request_row *r)
{
    uint8_t key[KEY_LEN];
    struct slice row;
    uint64_t id = op->request->row.id;
    key_put(id, KEY_HEAD, key);
    if (!w_found(w, row_get(w->t, w->s->dbi[D_REQUEST], key, sizeof(key), &row)))
        return unknown(&op->fault, id);
    return head_get(id, row, r) == 0 ? 0 : store_damaged(&op->fault, "request");
}

/* Two people: neither under the same name nor as the same user of the host. */
static int approve_decide(const struct write_txn *w, struct store_op *op,
                          const struct request_row *r)
{
    int64_t restored_at = w->gate.restored_at;
    const struct request_who *by = &op->request->who;
    if (r->state != REQUEST_WAITING)
        return closed(&op->fault, r, op->time);
    if (request_expired(r, op->time))
        return fault_set(&op->fault, FAULT_CONFLICT, "request.expired",
                         "Request %llu has expired: it has to be asked for again",
                         (unsigned long long)r->id);
    if (restored_at != 0 && r->created <= restored_at)
        return fault_set(&op->fault, FAULT_CONFLICT, "request.void",
                         "Request %llu is older than this store's restore: it has to be asked for "
                         "again",
                         (unsigned long long)r->id);
    if (strcmp(by->name, r->asked.name) != 0 && by->uid != r->asked.uid)
        return 0;
    (void)fault_refuse(&op->fault, "request.second", "approver", slice_str(by->name),
                       "another operator than the one who asked");
    op->fault.code = FAULT_DENIED;
    return -FAULT_DENIED;
}

static int request_step(struct write_txn *w, struct store_op *op)
{
    struct store_request *q = op->request;
    struct request_row r;
    int rc = request_load(w, op, &r);
    if (rc != 0)
        return rc;
    if (q->verb == REQUEST_APPROVE)
        rc = approve_decide(w, op, &r);
    else if (r.state != (q->verb == REQUEST_DENY ? REQUEST_WAITING : REQUEST_APPROVED))
        rc = closed(&op->fault, &r, op->time);
    if (rc != 0)
        return rc;
    if (q->verb == REQUEST_END) {
        r.state = q->row.state;
    } else {
        r.state = q->verb == REQUEST_APPROVE ? REQUEST_APPROVED : REQUEST_DENIED;
        r.decided = q->who;
        r.decided_at = op->time;
    }
    r.ended = ended(&r, op->time) ? op->time : 0;
    memcpy(r.result, q->row.result, sizeof(r.result));
    w_head(w, &r);
    q->row = r;
    return 0;
}

int op_request(struct write_txn *w, struct store_op *op)
{
    char detail[sizeof(w->event.detail)];
    int rc = op->request->verb == REQUEST_ADD ? request_add(w, op) : request_step(w, op);
    w->record = op->outcome != STORE_KNOWN;
    memcpy(detail, w->event.detail, sizeof(detail));
    (void)snprintf(w->event.detail, sizeof(w->event.detail), "request %llu: %.224s",
                   (unsigned long long)op->request->row.id, detail);
    return rc;
}

/* ---- reading ---- */

/* What is carried out is what was asked for. */
static int content_get(struct store *s, MDB_txn *t, const struct request_row *r, struct buf *out)
{
    uint8_t key[KEY_LEN], hash[32];
    struct slice v;
    key_put(r->id, KEY_CONTENT, key);
    int rc = row_get(t, s->dbi[D_REQUEST], key, sizeof(key), &v);
    buf_reset(out);
    if (rc != 0)
        return rc;
    buf_put_slice(out, v);
    sha256_two(slice_str(r->kind), v, hash);
    return buf_failed(out) || memcmp(hash, r->sha256, sizeof(hash)) != 0 ? MDB_CORRUPTED : 0;
}

int store_request_get(struct store *s, uint64_t id, struct request_row *out, struct buf *content,
                      struct fault *f)
{
    uint8_t key[KEY_LEN];
    struct slice v;
    MDB_txn *t;
    memset(out, 0, sizeof(*out));
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    key_put(id, KEY_HEAD, key);
    rc = row_get(t, s->dbi[D_REQUEST], key, sizeof(key), &v);
    if (rc == MDB_NOTFOUND)
        rc = unknown(f, id);
    else if (rc == 0 && (head_get(id, v, out) != 0 ||
                         (content != NULL && content_get(s, t, out, content) != 0)))
        rc = store_damaged(f, "request");
    else if (rc != 0)
        rc = store_fail(f, rc, "reading a request");
    read_end(s, t);
    return rc;
}

int store_requests(struct store *s, uint64_t after, store_request_each fn, void *arg,
                   struct fault *f)
{
    struct request_row r;
    uint8_t from[KEY_LEN];
    MDB_cursor *c;
    MDB_txn *t;
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    key_put(after, UINT8_MAX, from);
    MDB_val k = val_of(from, sizeof(from)), v;
    rc = mdb_cursor_open(t, s->dbi[D_REQUEST], &c);
    if (rc == 0) {
        for (rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE); rc == 0;
             rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
            const uint8_t *key = k.mv_data;
            if (key[0] == APPROVAL_PREFIX)
                break;
            if (k.mv_size != KEY_LEN || key[8] != KEY_HEAD)
                continue;
            rc = head_get(number_get(key), val_slice(v), &r) != 0 ? MDB_CORRUPTED : 0;
            if (rc != 0 || fn(arg, &r) != 0)
                break;
        }
        mdb_cursor_close(c);
    }
    read_end(s, t);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "request");
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, "reading requests");
}
