/* Indexes against rows, both ways. A row that changed after the indexes' watermark is passed by. */
#include <string.h>

#include "ca/store/check.h"
#include "ca/store/inventory.h"

#define SLICE_ENTRIES 500

struct expect {
    struct check *c;
    const uint8_t *ref;
    enum index_dbi dbi; /* when looking for one entry */
    struct slice key;
    bool found;
};

static void entry_exists(void *arg, enum index_dbi d, struct slice key)
{
    struct expect *e = arg;
    struct slice v;
    if (row_get(e->c->index.index, e->c->index.env->dbi[d], key.p, key.n, &v) != 0)
        check_finding(e->c, "index.missing", "The index by %s does not have %s", index_name[d],
                      check_ref(e->ref));
}

static void entry_is(void *arg, enum index_dbi d, struct slice key)
{
    struct expect *e = arg;
    if (d == e->dbi && slice_eq(key, e->key))
        e->found = true;
}

static void check_row_entries(struct check *c, struct slice key)
{
    struct cert_ref ref;
    struct cert_view v;
    uint8_t of[ROW_REF];
    struct expect e = {.c = c, .ref = of};
    if (key.n == 8)
        foreign_ref(number_get(key.p), &ref);
    else if (key.n == ROW_REF)
        ref_get(key.p, &ref);
    else
        return;
    ref_put(&ref, of);
    if (cert_view_get(c->s, c->index.durable, &ref, &v) != 0 || v.change > c->applied)
        return;
    index_cert_keys(&v.cert, &ref, entry_exists, &e);
    index_state_keys(&v, &ref, entry_exists, &e);
}

static void check_entry(struct check *c, enum index_dbi d, struct slice key)
{
    struct cert_ref ref;
    struct cert_view v;
    struct expect e = {.c = c, .dbi = d, .key = key};
    if (key.n >= ROW_REF) {
        ref_get(key.p + key.n - ROW_REF, &ref);
        int rc = cert_view_get(c->s, c->index.durable, &ref, &v);
        if (rc == MDB_CORRUPTED || (rc == 0 && v.change > c->applied))
            return;
        if (rc == 0) {
            index_cert_keys(&v.cert, &ref, entry_is, &e);
            index_state_keys(&v, &ref, entry_is, &e);
        }
    }
    if (!e.found)
        check_finding(c, "index.orphan", "The index by %s has an entry too many: %s", index_name[d],
                      key.n >= ROW_REF ? check_ref(key.p + key.n - ROW_REF) : "not a serial");
}

/* What is walked beside the indexes: the rows of ours, and those of others. */
#define ROWS_OURS X_COUNT
#define ROWS_FOREIGN (X_COUNT + 1)

static bool is_rows(int d)
{
    return d >= X_COUNT;
}

static MDB_dbi rows_dbi(const struct check *c, int d)
{
    return c->s->dbi[d == ROWS_FOREIGN ? D_FOREIGN : D_CERT];
}

static const char *what(int d)
{
    if (is_rows(d))
        return d == ROWS_FOREIGN ? "indexed foreign rows" : "indexed rows";
    return index_name[d];
}

/* One slice of a table. */
static int slice_walk(struct check *c, int d, struct buf *at, uint64_t *done)
{
    MDB_cursor *cur;
    MDB_val k = val_of(at->p, at->n), v;
    bool rows = is_rows(d);
    int rc = mdb_cursor_open(rows ? c->index.durable : c->index.index,
                             rows ? rows_dbi(c, d) : c->index.env->dbi[d], &cur);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(cur, &k, &v, at->n ? MDB_SET_RANGE : MDB_FIRST);
    if (rc == 0 && at->n && slice_eq(val_slice(k), buf_slice(at)))
        rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
    for (size_t i = 0; rc == 0 && i < SLICE_ENTRIES; i++, ++*done) {
        if (rows)
            check_row_entries(c, val_slice(k));
        else
            check_entry(c, (enum index_dbi)d, val_slice(k));
        buf_reset(at);
        buf_put_slice(at, val_slice(k));
        rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cur);
    return rc;
}

static uint64_t entries(struct check *c, int d)
{
    MDB_stat st;
    int rc = is_rows(d) ? mdb_stat(c->index.durable, rows_dbi(c, d), &st)
                        : mdb_stat(c->index.index, c->index.env->dbi[d], &st);
    return rc == 0 ? st.ms_entries : 0;
}

/* 0, 1 when there are no indexes to look at, or a fault. */
static int table_walk(struct check *c, int d, struct fault *f)
{
    uint64_t done = 0;
    struct buf at;
    int rc = 0;
    buf_init(&at, INDEX_KEY_MAX);
    while (rc == 0) {
        if (index_read_begin(c->s, false, &c->index, f) != 0) {
            buf_free(&at);
            return f->code == FAULT_UNAVAILABLE ? 1 : -(int)f->code;
        }
        uint64_t total = entries(c, d);
        rc = index_applied(c->index.env, c->index.index, &c->applied);
        if (rc == 0)
            rc = slice_walk(c, d, &at, &done);
        index_read_end(&c->index);
        if (check_progress(c, what(d), done, total, f) != 0) {
            buf_free(&at);
            return -(int)f->code;
        }
    }
    buf_free(&at);
    if (rc == MDB_NOTFOUND)
        return 0;
    check_finding(c, "index.damaged", "The index by %s cannot be read: %s", what(d),
                  mdb_strerror(rc));
    return 1;
}

/* What is wrong here can be made anew from the rows. */
int check_indexes(struct check *c, struct fault *f)
{
    uint64_t before = c->findings;
    int rc = table_walk(c, ROWS_OURS, f);
    if (rc == 0)
        rc = table_walk(c, ROWS_FOREIGN, f);
    for (int d = X_EXPIRY; d < X_META && rc == 0; d++)
        rc = table_walk(c, d, f);
    if (c->findings > before && !c->s->opt.read_only)
        index_damaged(c->s, MDB_CORRUPTED);
    return rc > 0 ? 0 : rc;
}
