/* The directory of an index of runs, and which runs are merged. */
#include <string.h>

#include "ca/store/runs.h"
#include "lib/wire.h"

#define DIR_VERSION 1
#define DIR_MAX 4096

int run_dir_put(const struct runs *r, MDB_txn *t)
{
    struct buf row;
    buf_init(&row, DIR_MAX);
    wire_put_u8(&row, DIR_VERSION);
    wire_put_u64(&row, r->next.upto);
    for (size_t i = 0; i < RUN_TABLES; i++) {
        const struct run_slot *s = &r->next.slot[i / RUN_SLOTS][i % RUN_SLOTS];
        wire_put_u8(&row, (uint8_t)s->state);
        wire_put_u8(&row, s->inputs);
        wire_put_u64(&row, s->upto);
        wire_put_u64(&row, s->ended);
    }
    MDB_val k = {strlen(r->name), (void *)(uintptr_t)r->name}, v = {row.n, row.p};
    int rc = buf_failed(&row) ? MDB_BAD_VALSIZE : mdb_put(t, r->meta, &k, &v, 0);
    buf_free(&row);
    return rc;
}

static bool slot_sound(const struct run_dir *d, size_t level, const struct run_slot *s)
{
    if (s->state > RUN_DEAD || (s->inputs != 0 && (level == 0 || s->state != RUN_FILLING)))
        return false;
    for (size_t i = 0; i < RUN_SLOTS; i++)
        if ((s->inputs & (1u << i)) != 0 && d->slot[level - 1][i].state != RUN_COMPLETE)
            return false;
    return true;
}

int run_dir_get(const struct runs *r, MDB_txn *t, struct run_dir *out)
{
    struct wire_in w;
    MDB_val k = {strlen(r->name), (void *)(uintptr_t)r->name}, v;
    memset(out, 0, sizeof(*out));
    int rc = mdb_get(t, r->meta, &k, &v);
    if (rc != 0)
        return rc == MDB_NOTFOUND ? 0 : rc;
    wire_in_init(&w, slice_of(v.mv_data, v.mv_size));
    if (wire_get_u8(&w) != DIR_VERSION)
        return MDB_CORRUPTED;
    out->upto = wire_get_u64(&w);
    for (size_t i = 0; i < RUN_TABLES; i++) {
        struct run_slot *s = &out->slot[i / RUN_SLOTS][i % RUN_SLOTS];
        s->state = (enum run_state)wire_get_u8(&w);
        s->inputs = wire_get_u8(&w);
        s->upto = wire_get_u64(&w);
        s->ended = wire_get_u64(&w);
        if (!slot_sound(out, i / RUN_SLOTS, s))
            return MDB_CORRUPTED;
    }
    return wire_in_done(&w) ? 0 : MDB_CORRUPTED;
}

static int slot_in(const struct run_dir *d, size_t level, enum run_state state)
{
    for (int i = 0; i < RUN_SLOTS; i++)
        if (d->slot[level][i].state == state)
            return i;
    return -1;
}

int run_filling(const struct run_dir *d, size_t level)
{
    return slot_in(d, level, RUN_FILLING);
}

int run_empty(const struct run_dir *d, size_t level)
{
    return slot_in(d, level, RUN_EMPTY);
}

/* The oldest run of a level that is not in `taken`; -1: none. */
static int oldest(const struct run_dir *d, size_t level, unsigned taken)
{
    int best = -1;
    for (int i = 0; i < RUN_SLOTS; i++) {
        const struct run_slot *s = &d->slot[level][i];
        if (s->state == RUN_COMPLETE && (taken & (1u << i)) == 0 &&
            (best < 0 || s->upto < d->slot[level][best].upto))
            best = i;
    }
    return best;
}

/* The oldest RUN_FAN runs of the level as one of the next. */
static void merge_begin(struct runs *r, size_t level)
{
    struct run_dir *d = &r->next;
    struct run_slot merged = {.state = RUN_FILLING};
    int to = run_empty(d, level + 1);
    if (to < 0 || run_filling(d, level + 1) >= 0)
        return;
    for (int n = 0; n < RUN_FAN; n++) {
        int i = oldest(d, level, merged.inputs);
        if (i < 0)
            return;
        const struct run_slot *s = &d->slot[level][i];
        merged.inputs = (uint8_t)(merged.inputs | (1u << i));
        merged.upto = s->upto; /* the newest comes last */
    }
    d->slot[level + 1][to] = merged;
    r->moved = true;
}

void run_merges_begin(struct runs *r)
{
    for (size_t level = 0; level + 1 < RUN_LEVELS; level++)
        merge_begin(r, level);
}

static bool being_merged(const struct run_dir *d, size_t level, size_t slot)
{
    int to = level + 1 < RUN_LEVELS ? run_filling(d, level + 1) : -1;
    return to >= 0 && (d->slot[level + 1][to].inputs & (1u << slot)) != 0;
}

void runs_expire(struct runs *r, uint64_t closed, uint64_t now, run_over over, void *arg)
{
    for (size_t i = 0; i < RUN_TABLES; i++) {
        size_t level = i / RUN_SLOTS, slot = i % RUN_SLOTS;
        struct run_slot *s = &r->next.slot[level][slot];
        if (s->state != RUN_COMPLETE || being_merged(&r->next, level, slot))
            continue;
        if (s->ended == 0 && s->upto <= closed) {
            s->ended = now;
            r->moved = true;
        }
        if (s->ended != 0 && over(arg, s->ended)) {
            s->state = RUN_DEAD;
            r->moved = true;
        }
    }
}
