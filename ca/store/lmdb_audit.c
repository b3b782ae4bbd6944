/* The audit log: reading it, its checkpoints, and dropping the details of what is old. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ca/store/store_lmdb.h"
#include "lib/merkle.h"
#include "lib/wire.h"

#define CHECKPOINT_VERSION 1
#define NOTE_OCTETS_MAX 16384

bool audit_row_get(struct slice row, struct slice *salt, struct slice *record)
{
    *salt = SLICE_NONE;
    *record = row;
    if (row.n == AUDIT_ROW_PRUNED)
        return true;
    if (row.n < AUDIT_SALT)
        return false;
    *salt = slice_of(row.p, AUDIT_SALT);
    *record = slice_of(row.p + AUDIT_SALT, row.n - AUDIT_SALT);
    return true;
}

/* ---- which log ---- */

/* NULL: the one in force. */
static const struct old_log *old_log(const struct store *s, int64_t log)
{
    for (size_t i = 0; i < s->n_old; i++)
        if (s->old[i].log == log && log != s->log)
            return &s->old[i];
    return NULL;
}

static int unknown_log(const struct store *s, int64_t log, struct fault *f)
{
    struct buf names;
    buf_init(&names, 2048);
    for (size_t i = 0; i < s->n_old; i++)
        buf_printf(&names, "%" PRId64 ", ", s->old[i].log);
    (void)fault_set(f, FAULT_NOT_FOUND, "audit.log",
                    "There is no audit log %" PRId64 "; there are %s%" PRId64 " (in force)", log,
                    buf_cstr(&names), s->log);
    buf_free(&names);
    return -FAULT_NOT_FOUND;
}

int store_log(struct store *s, int64_t log, uint64_t *size, struct fault *f)
{
    const struct old_log *old = old_log(s, log);
    struct store_stats stats;
    *size = 0;
    if (old) {
        *size = old->size;
        return 0;
    }
    if (log != STORE_LOG_NOW && log != s->log)
        return unknown_log(s, log, f);
    int rc = store_stats(s, &stats, f);
    *size = stats.audit_size;
    return rc;
}

static MDB_dbi records_of(const struct store *s, int64_t log)
{
    const struct old_log *old = old_log(s, log);
    return old ? old->audit : s->dbi[D_AUDIT];
}

static MDB_dbi checkpoints_of(const struct store *s, int64_t log)
{
    const struct old_log *old = old_log(s, log);
    return old ? old->checkpoints : s->dbi[D_CHECKPOINT];
}

/* ---- reading ---- */

static int each_record(MDB_cursor *c, uint64_t first, size_t max, store_audit_each fn, void *arg)
{
    uint8_t key[8];
    MDB_val k, v;
    struct slice salt, record;
    number_put(first, key);
    k = val_of(key, sizeof(key));
    int rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
    for (size_t i = 0; i < max && rc == 0; i++) {
        if (k.mv_size != 8 || !audit_row_get(val_slice(v), &salt, &record))
            return MDB_CORRUPTED;
        if (fn(arg, number_get(k.mv_data), salt, record) != 0)
            return 0;
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    return rc;
}

static int read_done(int rc, const char *what, struct fault *f)
{
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, what);
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, what);
}

int store_audit(struct store *s, int64_t log, uint64_t first, size_t max, store_audit_each fn,
                void *arg, struct fault *f)
{
    MDB_cursor *c;
    MDB_txn *t;
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(t, records_of(s, log), &c);
    if (rc == 0) {
        rc = each_record(c, first, max, fn, arg);
        mdb_cursor_close(c);
    }
    read_end(s, t);
    return read_done(rc, "audit record", f);
}

static int time_of(MDB_txn *t, MDB_dbi records, uint64_t index, int64_t *out)
{
    struct slice row, salt, record;
    struct audit_event e;
    uint8_t key[8];
    number_put(index, key);
    *out = INT64_MIN;
    int rc = row_get(t, records, key, sizeof(key), &row);
    if (rc != 0 || row.n == AUDIT_ROW_PRUNED)
        return rc;
    if (!audit_row_get(row, &salt, &record) || audit_get(record, &e) != 0)
        return MDB_CORRUPTED;
    *out = e.time;
    return 0;
}

int store_audit_since(struct store *s, int64_t log, int64_t time, uint64_t *index, struct fault *f)
{
    uint64_t low = 0, high;
    MDB_txn *t;
    *index = 0;
    int rc = store_log(s, log, &high, f);
    if (rc == 0)
        rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    while (rc == 0 && low < high) {
        uint64_t middle = low + (high - low) / 2;
        int64_t at;
        rc = time_of(t, records_of(s, log), middle, &at);
        if (at < time)
            low = middle + 1;
        else
            high = middle;
    }
    read_end(s, t);
    *index = low;
    return read_done(rc, "audit record", f);
}

/* ---- checkpoints ---- */

void row_checkpoint_put(struct buf *b, const struct store_checkpoint *c)
{
    wire_put_u8(b, CHECKPOINT_VERSION);
    wire_put_i64(b, c->time);
    wire_put_bytes(b, c->note);
    wire_put_bytes(b, c->keys);
}

int row_checkpoint_get(struct slice s, struct store_checkpoint *out)
{
    struct wire_in w;
    wire_in_init(&w, s);
    uint8_t version = wire_get_u8(&w);
    out->time = wire_get_i64(&w);
    out->note = wire_get_bytes(&w, NOTE_OCTETS_MAX);
    out->keys = wire_get_bytes(&w, NOTE_OCTETS_MAX);
    return wire_in_done(&w) && version == CHECKPOINT_VERSION ? 0 : -1;
}

static int each_checkpoint(MDB_cursor *c, uint64_t least, store_checkpoint_each fn, void *arg)
{
    struct store_checkpoint out;
    uint8_t key[8];
    MDB_val k, v;
    number_put(least, key);
    k = val_of(key, sizeof(key));
    int rc = mdb_cursor_get(c, &k, &v, least == UINT64_MAX ? MDB_LAST : MDB_SET_RANGE);
    while (rc == 0) {
        if (k.mv_size != 8 || row_checkpoint_get(val_slice(v), &out) != 0)
            return MDB_CORRUPTED;
        out.size = number_get(k.mv_data);
        if (fn(arg, &out) > 0)
            return 0;
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    return rc;
}

int checkpoints_in(struct store *s, MDB_dbi dbi, uint64_t least, store_checkpoint_each fn,
                   void *arg, struct fault *f)
{
    MDB_cursor *c;
    MDB_txn *t;
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(t, dbi, &c);
    if (rc == 0) {
        rc = each_checkpoint(c, least, fn, arg);
        mdb_cursor_close(c);
    }
    read_end(s, t);
    return read_done(rc, "checkpoint", f);
}

int store_checkpoints(struct store *s, int64_t log, uint64_t least, store_checkpoint_each fn,
                      void *arg, struct fault *f)
{
    return checkpoints_in(s, checkpoints_of(s, log), least, fn, arg, f);
}

int op_checkpoint(struct write_txn *w, struct store_op *op)
{
    const struct store_checkpoint c = {.time = op->time, .note = op->note, .keys = op->keys};
    uint8_t key[8];
    number_put(op->size, key);
    row_checkpoint_put(w_row(w), &c);
    w_put(w, D_CHECKPOINT, key, sizeof(key), 0);
    return 0;
}

/* ---- pruning ---- */

/* One a log: a restore begins another. */
static size_t pruned_key(int64_t log, char out[32])
{
    return (size_t)snprintf(out, 32, "pruned.%" PRId64, log);
}

int audit_pruned(struct store *s, MDB_txn *t, int64_t log, uint64_t *out)
{
    char name[32];
    struct slice v;
    size_t n = pruned_key(log, name);
    int rc = row_get(t, s->dbi[D_META], name, n, &v);
    *out = 0;
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc == 0 && v.n != 8)
        return MDB_CORRUPTED;
    if (rc == 0)
        *out = number_get(v.p);
    return rc;
}

/* Nothing is pruned that no checkpoint covers. */
static uint64_t covered(struct write_txn *w)
{
    MDB_cursor *c;
    MDB_val k = {0, NULL}, v;
    uint64_t size = 0;
    if (!w_found(w, mdb_cursor_open(w->t, w->s->dbi[D_CHECKPOINT], &c)))
        return 0;
    if (w_found(w, mdb_cursor_get(c, &k, &v, MDB_LAST)) && k.mv_size == 8)
        size = number_get(k.mv_data);
    mdb_cursor_close(c);
    return size;
}

static void prune_record(struct write_txn *w, uint64_t index)
{
    struct slice row, salt, record;
    uint8_t key[8], data[32];
    number_put(index, key);
    if (!w_found(w, row_get(w->t, w->s->dbi[D_AUDIT], key, sizeof(key), &row)) ||
        row.n == AUDIT_ROW_PRUNED || !audit_row_get(row, &salt, &record))
        return;
    merkle_data(salt, record, data);
    buf_put(w_row(w), data, sizeof(data));
    w_put(w, D_AUDIT, key, sizeof(key), 0);
}

int op_prune(struct write_txn *w, struct store_op *op)
{
    uint64_t from, to = covered(w);
    char name[32];
    uint8_t key[8];
    if (op->until < to)
        to = op->until;
    w->record = false;
    if (!w_found(w, audit_pruned(w->s, w->t, w->gate.audit_log, &from)))
        return 0;
    op->until = from;
    if (from >= to)
        return 0;
    if (to - from > STORE_PRUNE_SLICE)
        to = from + STORE_PRUNE_SLICE;
    for (uint64_t i = from; i < to && w->rc == 0; i++)
        prune_record(w, i);
    number_put(to, key);
    buf_put(w_row(w), key, sizeof(key));
    w_put(w, D_META, name, pruned_key(w->gate.audit_log, name), 0);
    (void)snprintf(w->event.detail, sizeof(w->event.detail), "records %" PRIu64 " to %" PRIu64,
                   from, to - 1);
    op->until = to;
    w->record = true;
    return 0;
}
