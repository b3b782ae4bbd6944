/*
 * Schema 1 had a table of rows for keys (the entry, no value) and one for request keys (request
 * key -> version || ref). Both are sorted already: each becomes one run.
 */
#include <string.h>

#include "ca/store/migrate.h"

#define RUNS_A_SLICE 8 /* of level 0, in entries */

/* Schema 1's state row: version || change || tick || last commit || prune || Merkle tree. */
#define STATE_HEAD 25
#define STATE_PRUNE 8

static int state_read(struct store *s, MDB_txn *t, struct slice *row, uint64_t *change)
{
    int rc = row_get(t, s->dbi[D_META], "state", 5, row);
    if (rc == 0 && (row->n < STATE_HEAD + STATE_PRUNE || row->p[0] != 1))
        rc = MDB_CORRUPTED;
    *change = rc == 0 ? number_get(row->p + 1) : 0;
    return rc;
}

static int state_write(struct store *s, MDB_txn *t)
{
    struct buf row;
    struct slice old;
    uint64_t change;
    MDB_val k = val_of("state", 5);
    int rc = state_read(s, t, &old, &change);
    if (rc != 0)
        return rc;
    buf_init(&row, ROW_MAX);
    buf_put_u8(&row, 2);
    buf_put(&row, old.p + 1, STATE_HEAD - 1);
    buf_put(&row, old.p + STATE_HEAD + STATE_PRUNE, old.n - STATE_HEAD - STATE_PRUNE);
    MDB_val v = val_of(row.p, row.n);
    rc = buf_failed(&row) ? MDB_BAD_VALSIZE : mdb_put(t, s->dbi[D_META], &k, &v, 0);
    buf_free(&row);
    return rc;
}

/* The entry of an old row: its key, and a ref behind the version octet of its value. */
static int entry_of(MDB_val k, MDB_val v, uint8_t out[RUN_ENTRY])
{
    size_t rest = RUN_ENTRY - k.mv_size;
    if (k.mv_size > RUN_ENTRY || (rest > 0 && v.mv_size != rest + 1))
        return MDB_CORRUPTED;
    memcpy(out, k.mv_data, k.mv_size);
    if (rest > 0)
        memcpy(out + k.mv_size, (const uint8_t *)v.mv_data + 1, rest);
    return 0;
}

/* At most n rows, behind the last that the run has. */
static int copy_rows(MDB_cursor *from, MDB_cursor *to, size_t n, bool *end)
{
    uint8_t entry[RUN_ENTRY];
    MDB_val k, v, none = {0, NULL};
    int rc = mdb_cursor_get(to, &k, &v, MDB_LAST);
    if (rc == 0) {
        memcpy(entry, k.mv_data, RUN_ENTRY);
        k = val_of(entry, RUN_ENTRY);
        rc = mdb_cursor_get(from, &k, &v, MDB_SET_RANGE);
        if (rc == 0 && k.mv_size == RUN_ENTRY && memcmp(k.mv_data, entry, RUN_ENTRY) == 0)
            rc = mdb_cursor_get(from, &k, &v, MDB_NEXT);
    } else if (rc == MDB_NOTFOUND) {
        rc = mdb_cursor_get(from, &k, &v, MDB_FIRST);
    }
    for (; rc == 0 && n > 0; n--) {
        rc = entry_of(k, v, entry);
        k = val_of(entry, RUN_ENTRY);
        if (rc == 0)
            rc = mdb_cursor_put(to, &k, &none, MDB_APPEND);
        if (rc == 0)
            rc = mdb_cursor_get(from, &k, &v, MDB_NEXT);
    }
    *end = rc == MDB_NOTFOUND;
    return *end ? 0 : rc;
}

static int copy_slice(struct runs *r, MDB_txn *t, MDB_dbi old, MDB_dbi run, bool *end)
{
    MDB_cursor *from, *to;
    int rc = mdb_cursor_open(t, old, &from);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(t, run, &to);
    if (rc == 0) {
        rc = copy_rows(from, to, RUNS_A_SLICE * r->entries, end);
        mdb_cursor_close(to);
    }
    mdb_cursor_close(from);
    return rc;
}

/* Where a run of so many entries belongs. */
static size_t level_of(const struct runs *r, size_t n)
{
    size_t level = 0;
    for (size_t most = r->entries; n > most && level + 1 < RUN_LEVELS; most *= RUN_FAN)
        level++;
    return level;
}

static int table_slice(struct runs *r, MDB_txn *t, const char *table, uint64_t change, bool *end)
{
    MDB_dbi old;
    MDB_stat st;
    int rc = mdb_dbi_open(t, table, 0, &old);
    if (rc == 0)
        rc = mdb_stat(t, old, &st);
    if (rc != 0)
        return rc;
    size_t level = level_of(r, st.ms_entries);
    struct run_slot *slot = &r->next.slot[level][0];
    r->next = r->dir;
    *end = st.ms_entries == 0;
    if (!*end) {
        rc = copy_slice(r, t, old, r->dbi[level][0], end);
        *slot = (struct run_slot){.state = *end ? RUN_COMPLETE : RUN_FILLING, .upto = change};
    }
    if (*end)
        r->next.upto = change;
    return rc == 0 ? run_dir_put(r, t) : rc;
}

static int old_drop(MDB_txn *t, const char *table)
{
    MDB_dbi old;
    int rc = mdb_dbi_open(t, table, 0, &old);
    return rc == 0 ? mdb_drop(t, old, 1) : rc;
}

int migrate_keys(struct store *s, MDB_txn *t, bool *done)
{
    struct slice state;
    uint64_t change;
    bool end = false;
    *done = false;
    int rc = state_read(s, t, &state, &change);
    if (rc == 0)
        rc = keys_open(s, t, true);
    if (rc == 0)
        rc = table_slice(&s->keys, t, "spki", change, &end);
    if (rc == 0 && end)
        rc = table_slice(&s->reqkeys, t, "reqkey", change, &end);
    if (rc != 0 || !end)
        return rc;
    rc = state_write(s, t);
    if (rc == 0)
        rc = old_drop(t, "spki");
    if (rc == 0)
        rc = old_drop(t, "reqkey");
    *done = rc == 0;
    return rc;
}
