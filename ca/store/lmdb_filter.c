/* Filters of lists that operators keep under a name: one row each. */
#include <stdlib.h>
#include <string.h>

#include "ca/store/inventory.h"
#include "ca/store/store_lmdb.h"

#define ROW_VERSION 1

static int row_read(struct slice key, struct slice row, struct saved_filter *out)
{
    struct wire_in w;
    wire_in_init(&w, row);
    uint8_t version = wire_get_u8(&w);
    saved_filter_get(&w, out);
    return wire_in_done(&w) && version == ROW_VERSION && slice_is(key, out->name) ? 0
                                                                                  : MDB_CORRUPTED;
}

bool filter_row_sound(struct slice key, struct slice row)
{
    struct saved_filter f;
    return row_read(key, row, &f) == 0;
}

static int unknown(struct fault *f, const char *name)
{
    return fault_set(f, FAULT_NOT_FOUND, "filter.unknown", "No filter is saved as \"%.63s\"", name);
}

int op_filter(struct write_txn *w, struct store_op *op)
{
    const struct saved_filter *f = op->filter;
    size_t n = strlen(f->name);
    bool have = w_have(w, D_FILTER, f->name, n);
    MDB_stat st = {0};
    if (w->rc != 0)
        return 0;
    if (f->remove) {
        if (!have)
            return unknown(&op->fault, f->name);
        w_del(w, D_FILTER, f->name, n);
        return 0;
    }
    if (w->s->full)
        return store_full(&op->fault);
    w->rc = mdb_stat(w->t, w->s->dbi[D_FILTER], &st);
    if (!have && st.ms_entries >= FILTERS_MAX)
        return fault_set(&op->fault, FAULT_CONFLICT, "filter.many",
                         "%d filters are saved already: remove some", FILTERS_MAX);
    struct buf *row = w_row(w);
    wire_put_u8(row, ROW_VERSION);
    saved_filter_put(row, f);
    w_put(w, D_FILTER, f->name, n, 0);
    return 0;
}

int store_filter_get(struct store *s, const char *name, struct saved_filter *out, struct fault *f)
{
    MDB_txn *t;
    struct slice v;
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = name[0] == 0 ? MDB_NOTFOUND : row_get(t, s->dbi[D_FILTER], name, strlen(name), &v);
    if (rc == 0)
        rc = row_read(slice_str(name), v, out);
    read_end(s, t);
    if (rc == MDB_NOTFOUND)
        return unknown(f, name);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "filter");
    return rc == 0 ? 0 : store_fail(f, rc, "reading a filter");
}

int store_filters(struct store *s, const char *after, store_filter_each fn, void *arg,
                  struct fault *f)
{
    struct saved_filter *row;
    struct table_walk w;
    int rc = walk_behind(s, D_FILTER, after, strlen(after), &w, f);
    if (rc != 0)
        return rc;
    row = xcalloc(1, sizeof(*row));
    for (; w.rc == 0; walk_next(&w)) {
        w.rc = row_read(val_slice(w.k), val_slice(w.v), row);
        if (w.rc != 0 || fn(arg, row) != 0)
            break;
    }
    free(row);
    return walk_end(&w, "filter", f);
}
