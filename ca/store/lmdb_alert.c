/* Alerts (ca/store/alerts.h): their rows, and steps with what they tell. */
#include <string.h>

#include "ca/store/alerts.h"
#include "ca/store/store_lmdb.h"
#include "lib/wire.h"

#define ROW_VERSION 1

/* ---- the row ---- */

static void alert_put(struct buf *b, const struct alert *a)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_text(b, a->rule);
    wire_put_text(b, a->subject);
    wire_put_text(b, a->name);
    wire_put_u8(b, a->has_identity);
    wire_put_fixed(b, a->identity, sizeof(a->identity));
    wire_put_u8(b, (uint8_t)a->state);
    wire_put_u8(b, (uint8_t)a->severity);
    wire_put_i64(b, a->epoch);
    wire_put_u32(b, a->told);
    wire_put_u32(b, a->times);
    wire_put_i64(b, a->first_seen);
    wire_put_i64(b, a->last_seen);
    wire_put_i64(b, a->resolved);
    wire_put_i64(b, a->deadline);
    wire_put_u8(b, (uint8_t)a->level);
    wire_put_i64(b, a->notified);
    wire_put_i64(b, a->next);
    wire_put_text(b, a->by);
    wire_put_i64(b, a->acknowledged);
    wire_put_u8(b, (uint8_t)a->acknowledged_at);
    wire_put_text(b, a->note);
    wire_put_text(b, a->owner);
    wire_put_text(b, a->contact);
    wire_put_text(b, a->summary);
}

static bool in_range(const struct alert *a)
{
    return a->state >= ALERT_RAISED && a->state <= ALERT_MARK && a->severity <= SEVERITY_CRITICAL &&
           (a->state == ALERT_MARK || a->severity >= SEVERITY_INFO) && a->level <= ALERT_SECURITY &&
           a->acknowledged_at <= SEVERITY_CRITICAL;
}

static int alert_get(struct slice s, struct alert *a)
{
    struct wire_in w;

    memset(a, 0, sizeof(*a));
    wire_in_init(&w, s);
    if (wire_get_u8(&w) != ROW_VERSION)
        return -1;
    wire_get_text(&w, a->rule, sizeof(a->rule));
    wire_get_text(&w, a->subject, sizeof(a->subject));
    wire_get_text(&w, a->name, sizeof(a->name));
    a->has_identity = wire_get_flag(&w);
    wire_get_fixed(&w, a->identity, sizeof(a->identity));
    a->state = (enum alert_state)wire_get_u8(&w);
    a->severity = (enum severity)wire_get_u8(&w);
    a->epoch = wire_get_i64(&w);
    a->told = wire_get_u32(&w);
    a->times = wire_get_u32(&w);
    a->first_seen = wire_get_i64(&w);
    a->last_seen = wire_get_i64(&w);
    a->resolved = wire_get_i64(&w);
    a->deadline = wire_get_i64(&w);
    a->level = (enum alert_level)wire_get_u8(&w);
    a->notified = wire_get_i64(&w);
    a->next = wire_get_i64(&w);
    wire_get_text(&w, a->by, sizeof(a->by));
    a->acknowledged = wire_get_i64(&w);
    a->acknowledged_at = (enum severity)wire_get_u8(&w);
    wire_get_text(&w, a->note, sizeof(a->note));
    wire_get_text(&w, a->owner, sizeof(a->owner));
    wire_get_text(&w, a->contact, sizeof(a->contact));
    wire_get_text(&w, a->summary, sizeof(a->summary));
    return wire_in_done(&w) && in_range(a) ? 0 : -1;
}

bool alert_row_sound(struct slice key, struct slice row)
{
    uint8_t wanted[ALERT_KEY];
    struct alert a;

    if (alert_get(row, &a) != 0)
        return false;
    alert_key(a.rule, a.subject, wanted);
    return slice_eq(key, slice_of(wanted, sizeof(wanted)));
}

/* ---- steps ---- */

/* False when there is none, or when the transaction has failed. */
static bool alert_load(struct write_txn *w, const uint8_t key[ALERT_KEY], struct alert *out)
{
    struct slice row;

    if (!w_found(w, row_get(w->t, w->s->dbi[D_ALERT], key, ALERT_KEY, &row)))
        return false;
    if (alert_get(row, out) != 0)
        w->rc = MDB_CORRUPTED;
    return w->rc == 0;
}

static void w_alert(struct write_txn *w, const uint8_t key[ALERT_KEY], const struct alert *a)
{
    alert_put(w_row(w), a);
    w_put(w, D_ALERT, key, ALERT_KEY, 0);
}

static int unknown(struct fault *f)
{
    return fault_set(f, FAULT_NOT_FOUND, "alert.unknown", "There is no such alert");
}

static bool by_operator(enum alert_verb v)
{
    return v == ALERT_ACKNOWLEDGE || v == ALERT_UNACKNOWLEDGE;
}

static int operator_may(const struct alert *was, struct fault *f)
{
    if (was == NULL || was->state == ALERT_MARK)
        return unknown(f);
    if (was->state != ALERT_RESOLVED)
        return 0;
    return fault_set(f, FAULT_CONFLICT, "alert.resolved", "This alert is resolved");
}

int op_alert(struct write_txn *w, struct store_op *op)
{
    struct store_alert *q = op->alert;
    struct outbox_notice notice;
    struct alert_outcome o;
    struct alert was;
    bool known;
    int rc;

    w->record = by_operator(q->in.verb);
    q->in.now = op->time;
    if (q->in.verb == ALERT_SEEN)
        alert_key(q->in.seen->rule, q->in.seen->subject, q->key);
    known = alert_load(w, q->key, &was);
    if (w->rc != 0)
        return 0;
    rc = w->record ? operator_may(known ? &was : NULL, &op->fault) : 0;
    if (rc != 0)
        return rc;
    alert_step(q->times, known ? &was : NULL, &q->in, &o);
    q->row = o.alert;
    q->told = o.tell;
    if (!o.changed) {
        op->outcome = STORE_SAME;
        w->record = false;
        return 0;
    }
    w_alert(w, q->key, &o.alert);
    if (!o.tell)
        return 0;
    memset(&notice, 0, sizeof(notice));
    q->notice(q->arg, &o, &notice);
    notice.notice.has_key = true;
    memcpy(notice.notice.key, q->key, ALERT_KEY);
    outbox_append(w, &notice, o.after);
    return 0;
}

int op_mark(struct write_txn *w, struct store_op *op)
{
    const struct alert *mark = op->mark->mark;
    uint8_t key[ALERT_KEY];
    struct alert was;

    w->record = false;
    alert_key(mark->rule, mark->subject, key);
    if ((alert_load(w, key, &was) && was.epoch >= mark->epoch) || w->rc != 0) {
        op->outcome = STORE_SAME;
        return 0;
    }
    w_alert(w, key, mark);
    for (size_t i = 0; i < op->mark->n; i++)
        outbox_append(w, &op->mark->notice[i], op->time);
    return 0;
}

/* ---- reading ---- */

int store_alert_get(struct store *s, const uint8_t key[ALERT_KEY], struct alert *out,
                    struct fault *f)
{
    struct slice row;
    MDB_txn *t;
    int rc = read_begin(s, &t, f);

    if (rc != 0)
        return rc;
    rc = row_get(t, s->dbi[D_ALERT], key, ALERT_KEY, &row);
    if (rc == 0 && alert_get(row, out) != 0)
        rc = MDB_CORRUPTED;
    read_end(s, t);
    if (rc == MDB_NOTFOUND)
        return unknown(f);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "alert");
    return rc == 0 ? 0 : store_fail(f, rc, "reading an alert");
}

/* 0, MDB_NOTFOUND at the end, or another code. */
static int next_row(MDB_cursor *c, MDB_val *k, MDB_val *v, const uint8_t *after, size_t done)
{
    int rc;

    if (done > 0)
        return mdb_cursor_get(c, k, v, MDB_NEXT);
    if (after == NULL)
        return mdb_cursor_get(c, k, v, MDB_FIRST);
    *k = val_of(after, ALERT_KEY);
    rc = mdb_cursor_get(c, k, v, MDB_SET_RANGE);
    if (rc == 0 && k->mv_size == ALERT_KEY && memcmp(k->mv_data, after, ALERT_KEY) == 0)
        rc = mdb_cursor_get(c, k, v, MDB_NEXT);
    return rc;
}

static int walk(MDB_cursor *c, const uint8_t *after, size_t max, store_alert_each fn, void *arg,
                uint8_t at[ALERT_KEY], size_t *n)
{
    struct alert a;
    MDB_val k, v;
    int rc = 0;

    while (*n < max) {
        rc = next_row(c, &k, &v, after, *n);
        if (rc != 0)
            return rc;
        if (k.mv_size != ALERT_KEY || alert_get(val_slice(v), &a) != 0)
            return MDB_CORRUPTED;
        ++*n;
        memcpy(at, k.mv_data, ALERT_KEY);
        if (a.state != ALERT_MARK && fn(arg, at, &a) != 0)
            break;
    }
    return 0;
}

int store_alerts(struct store *s, const uint8_t after[ALERT_KEY], size_t max, store_alert_each fn,
                 void *arg, uint8_t at[ALERT_KEY], size_t *n, struct fault *f)
{
    MDB_cursor *c;
    MDB_txn *t;
    int rc = read_begin(s, &t, f);

    *n = 0;
    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(t, s->dbi[D_ALERT], &c);
    if (rc == 0) {
        rc = walk(c, after, max, fn, arg, at, n);
        mdb_cursor_close(c);
    }
    read_end(s, t);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "alert");
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, "reading alerts");
}
