/* Exceptions from findings (ca/store/alerts.h). Few: they are walked whole. */
#include <string.h>

#include "ca/store/alerts.h"
#include "ca/store/store_lmdb.h"
#include "lib/wire.h"

#define ROW_VERSION 1
#define KEY_MAX                                                                                    \
    (sizeof(((struct exception *)NULL)->rule) + sizeof(((struct exception *)NULL)->subject))

static size_t key_put(const struct exception *e, uint8_t out[KEY_MAX])
{
    size_t rule = strlen(e->rule) + 1, subject = strlen(e->subject);

    memcpy(out, e->rule, rule);
    memcpy(out + rule, e->subject, subject);
    return rule + subject;
}

static void exception_put(struct buf *b, const struct exception *e)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_text(b, e->rule);
    wire_put_text(b, e->subject);
    wire_put_i64(b, e->created);
    wire_put_i64(b, e->until);
    wire_put_text(b, e->by);
    wire_put_text(b, e->approver);
    wire_put_text(b, e->reason);
}

static int exception_get(struct slice s, struct exception *e)
{
    struct wire_in w;
    uint8_t version;

    memset(e, 0, sizeof(*e));
    wire_in_init(&w, s);
    version = wire_get_u8(&w);
    wire_get_text(&w, e->rule, sizeof(e->rule));
    wire_get_text(&w, e->subject, sizeof(e->subject));
    e->created = wire_get_i64(&w);
    e->until = wire_get_i64(&w);
    wire_get_text(&w, e->by, sizeof(e->by));
    wire_get_text(&w, e->approver, sizeof(e->approver));
    wire_get_text(&w, e->reason, sizeof(e->reason));
    return wire_in_done(&w) && version == ROW_VERSION ? 0 : -1;
}

bool exception_row_sound(struct slice key, struct slice row)
{
    uint8_t wanted[KEY_MAX];
    struct exception e;

    return exception_get(row, &e) == 0 && slice_eq(key, slice_of(wanted, key_put(&e, wanted)));
}

int op_except(struct write_txn *w, struct store_op *op)
{
    const struct exception *e = &op->except->row;
    uint8_t key[KEY_MAX];
    size_t n = key_put(e, key);
    bool have = w_have(w, D_EXCEPTION, key, n);
    MDB_stat st = {0};

    if (w->rc == 0)
        w->rc = mdb_stat(w->t, w->s->dbi[D_EXCEPTION], &st);
    if (w->rc != 0)
        return 0;
    if (e->until == 0 && !have)
        return fault_set(&op->fault, FAULT_NOT_FOUND, "exception.unknown",
                         "There is no such exception");
    if (e->until != 0 && !have && st.ms_entries >= EXCEPTIONS_MAX)
        return fault_set(&op->fault, FAULT_TOO_LARGE, "exception.many",
                         "There are %d exceptions already: take some back", EXCEPTIONS_MAX);
    if (e->until == 0) {
        w_del(w, D_EXCEPTION, key, n);
        return 0;
    }
    exception_put(w_row(w), e);
    w_put(w, D_EXCEPTION, key, n, 0);
    return 0;
}

int store_exceptions(struct store *s, const struct exception *after, store_exception_each fn,
                     void *arg, struct fault *f)
{
    uint8_t key[KEY_MAX];
    struct exception e;
    struct table_walk w;
    int rc = walk_behind(s, D_EXCEPTION, key, after == NULL ? 0 : key_put(after, key), &w, f);

    if (rc != 0)
        return rc;
    for (; w.rc == 0; walk_next(&w)) {
        w.rc = exception_get(val_slice(w.v), &e) != 0 ? MDB_CORRUPTED : 0;
        if (w.rc != 0 || fn(arg, &e) != 0)
            break;
    }
    return walk_end(&w, "exception", f);
}

/* ---- the newest backup: a row of the meta table ---- */

static const char backup_name[] = "backup";

void backup_noted(struct write_txn *w, int64_t time)
{
    wire_put_i64(w_row(w), time);
    w_put(w, D_META, backup_name, sizeof(backup_name) - 1, 0);
}

int store_backup_time(struct store *s, int64_t *out, struct fault *f)
{
    struct wire_in w;
    struct slice row;
    MDB_txn *t;
    int rc = read_begin(s, &t, f);

    *out = 0;
    if (rc != 0)
        return rc;
    rc = row_get(t, s->dbi[D_META], backup_name, sizeof(backup_name) - 1, &row);
    if (rc == 0) {
        wire_in_init(&w, row);
        *out = wire_get_i64(&w);
        rc = wire_in_done(&w) ? 0 : MDB_CORRUPTED;
    }
    read_end(s, t);
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, "reading when the backup was");
}
