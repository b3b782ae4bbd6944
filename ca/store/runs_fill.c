/* Filling runs, a slice at a time: from memory, or from the runs of the level below. */
#include <string.h>

#include "ca/store/runs.h"
#include "lib/step.h"

static MDB_val entry_val(uint8_t entry[RUN_ENTRY])
{
    return (MDB_val){RUN_ENTRY, entry};
}

/* The run that grows: where its last slice ended. */
struct target {
    MDB_cursor *c;
    bool has_last;
    uint8_t last[RUN_ENTRY];
};

static int target_open(MDB_txn *t, MDB_dbi dbi, struct target *out)
{
    MDB_val k, v;
    out->has_last = false;
    int rc = mdb_cursor_open(t, dbi, &out->c);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(out->c, &k, &v, MDB_LAST);
    if (rc == 0 && k.mv_size != RUN_ENTRY)
        rc = MDB_CORRUPTED;
    if (rc == 0) {
        out->has_last = true;
        memcpy(out->last, k.mv_data, RUN_ENTRY);
    }
    if (rc == 0 || rc == MDB_NOTFOUND)
        return 0;
    mdb_cursor_close(out->c);
    return rc;
}

static int target_put(struct target *o, const uint8_t *entry)
{
    uint8_t copy[RUN_ENTRY]; /* what LMDB gave points into pages that a put may move */
    MDB_val none = {0, NULL};
    memcpy(copy, entry, RUN_ENTRY);
    MDB_val k = entry_val(copy);
    return mdb_cursor_put(o->c, &k, &none, MDB_APPEND);
}

/* Another slice of the memory that is being written out. */
static int flush(struct runs *r, MDB_txn *t, size_t slot, size_t n)
{
    struct target o;
    struct run_slot *s = &r->next.slot[0][slot];
    int rc = target_open(t, r->dbi[0][slot], &o);
    if (rc != 0)
        return rc;
    size_t i = o.has_last ? run_mem_behind(&r->frozen, o.last) : 0;
    for (; rc == 0 && n > 0 && i < r->frozen.n; i++, n--)
        rc = target_put(&o, run_mem_at(&r->frozen, i));
    mdb_cursor_close(o.c);
    if (rc != 0 || i < r->frozen.n) {
        STEP("store.run.flush");
        return rc;
    }
    s->state = RUN_COMPLETE;
    r->next.upto = s->upto;
    r->moved = true;
    STEP("store.run.flushed");
    return 0;
}

static int merge_some(struct run_inputs *in, struct target *o, size_t n, bool *end)
{
    int rc = 0;
    *end = false;
    for (; rc == 0 && n > 0; n--) {
        size_t i = run_input_least(in);
        *end = i == in->n;
        if (*end)
            return 0;
        rc = target_put(o, in->at[i]);
        if (rc == 0)
            rc = run_input_next(in, i);
    }
    return rc;
}

static void merged(struct runs *r, size_t level, struct run_slot *s)
{
    struct run_slot *below = r->next.slot[level - 1];
    for (size_t i = 0; i < RUN_SLOTS; i++)
        if ((s->inputs & (1u << i)) != 0)
            below[i].state = RUN_DEAD;
    s->inputs = 0;
    s->state = RUN_COMPLETE;
    r->moved = true;
}

static int merge(struct runs *r, MDB_txn *t, size_t level, size_t slot, size_t n)
{
    struct target o;
    struct run_inputs in = {.n = 0};
    struct run_slot *s = &r->next.slot[level][slot];
    bool end = false;
    int rc = target_open(t, r->dbi[level][slot], &o);
    if (rc != 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < RUN_SLOTS; i++)
        if ((s->inputs & (1u << i)) != 0)
            rc = run_input_open(&in, t, r->dbi[level - 1][i], o.has_last ? o.last : NULL);
    if (rc == 0)
        rc = merge_some(&in, &o, n, &end);
    run_inputs_close(&in);
    mdb_cursor_close(o.c);
    STEP("store.run.merge");
    if (rc == 0 && end) {
        merged(r, level, s);
        STEP("store.run.merged");
    }
    return rc;
}

int run_fill(struct runs *r, MDB_txn *t, size_t n)
{
    int rc = 0;
    for (size_t level = 0; rc == 0 && level < RUN_LEVELS; level++) {
        int slot = run_filling(&r->next, level);
        if (slot < 0)
            continue;
        if (level == 0)
            rc = flush(r, t, (size_t)slot, n);
        else
            rc = merge(r, t, level, (size_t)slot, n);
    }
    return rc;
}

int run_flush(struct runs *r, MDB_txn *t)
{
    int slot = run_filling(&r->next, 0);
    return slot < 0 ? 0 : flush(r, t, (size_t)slot, SIZE_MAX);
}

int run_bury(struct runs *r, MDB_txn *t, size_t n)
{
    for (size_t i = 0; n > 0 && i < RUN_TABLES; i++) {
        struct run_slot *s = &r->next.slot[i / RUN_SLOTS][i % RUN_SLOTS];
        if (s->state != RUN_DEAD)
            continue;
        int rc = mdb_drop(t, r->dbi[i / RUN_SLOTS][i % RUN_SLOTS], 0);
        if (rc != 0)
            return rc;
        *s = (struct run_slot){.state = RUN_EMPTY};
        r->moved = true;
        n--;
        STEP("store.run.buried");
    }
    return 0;
}
