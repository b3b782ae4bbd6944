#include "ca/store/runs.h"

#include <stdio.h>
#include <string.h>

void runs_init(struct runs *r, const char *name, size_t hashed, size_t entries, size_t group)
{
    memset(r, 0, sizeof(*r));
    r->name = name;
    r->hashed = hashed;
    r->entries = entries;
    r->group = group;
    run_mem_init(&r->active, entries + 3 * group, hashed);
    run_mem_init(&r->frozen, entries + 3 * group, hashed);
    pthread_mutex_init(&r->lock, NULL);
}

void runs_free(struct runs *r)
{
    run_mem_free(&r->active);
    run_mem_free(&r->frozen);
    pthread_mutex_destroy(&r->lock);
}

int runs_open(struct runs *r, MDB_txn *t, MDB_dbi meta, bool create)
{
    int rc = 0;
    r->meta = meta;
    for (size_t i = 0; rc == 0 && i < RUN_TABLES; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "%s-%zu-%zu", r->name, i / RUN_SLOTS, i % RUN_SLOTS);
        rc = mdb_dbi_open(t, name, create ? MDB_CREATE : 0, &r->dbi[i / RUN_SLOTS][i % RUN_SLOTS]);
    }
    if (rc == 0)
        rc = run_dir_get(r, t, &r->dir);
    return rc;
}

int runs_load(struct runs *r, uint64_t change, const uint8_t entry[RUN_ENTRY])
{
    int slot = run_filling(&r->dir, 0);
    bool frozen = slot >= 0 && change <= r->dir.slot[0][slot].upto;
    if (change <= r->dir.upto)
        return 0;
    return run_mem_add(frozen ? &r->frozen : &r->active, entry) ? 0 : MDB_CORRUPTED;
}

void runs_loaded(struct runs *r)
{
    run_mem_sort(&r->frozen);
}

void runs_begin(struct runs *r)
{
    r->next = r->dir;
    r->moved = false;
    r->mark = r->active.n;
    r->next_due = r->due;
    r->next_worked = r->worked;
}

int runs_add(struct runs *r, const uint8_t entry[RUN_ENTRY])
{
    pthread_mutex_lock(&r->lock);
    bool added = run_mem_add(&r->active, entry);
    pthread_mutex_unlock(&r->lock);
    return added ? 0 : MDB_TXN_FULL;
}

/* In one run, in order. */
static int find_in(MDB_txn *t, MDB_dbi dbi, struct slice from, size_t hashed, run_each fn,
                   void *arg, bool *more)
{
    uint8_t at[RUN_ENTRY];
    MDB_cursor *c;
    MDB_val k = {from.n, at}, v;
    int rc = mdb_cursor_open(t, dbi, &c);
    if (rc != 0)
        return rc;
    memcpy(at, from.p, from.n);
    rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
    while (rc == 0 && k.mv_size == RUN_ENTRY && memcmp(k.mv_data, from.p, hashed) == 0) {
        int step = fn(arg, k.mv_data);
        *more = step >= 0;
        if (step < 0)
            break;
        if (step > 0) {
            memset(at, 0xff, sizeof(at));
            memcpy(at, k.mv_data, (size_t)step);
            k = (MDB_val){sizeof(at), at};
        }
        rc = mdb_cursor_get(c, &k, &v, step > 0 ? MDB_SET_RANGE : MDB_NEXT);
    }
    mdb_cursor_close(c);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* `from`: at least the `hashed` octets, at most an entry. */
static int find_durable(const struct runs *r, MDB_txn *t, const struct run_dir *dir,
                        struct slice from, run_each fn, void *arg, bool *more)
{
    int rc = 0;
    *more = true;
    for (size_t i = 0; rc == 0 && *more && i < RUN_TABLES; i++) {
        size_t level = i / RUN_SLOTS, slot = i % RUN_SLOTS;
        if (dir->slot[level][slot].state == RUN_COMPLETE)
            rc = find_in(t, r->dbi[level][slot], from, r->hashed, fn, arg, more);
    }
    return rc;
}

int runs_find_durable(const struct runs *r, MDB_txn *t, const struct run_dir *dir,
                      const uint8_t *prefix, run_each fn, void *arg, bool *more)
{
    return find_durable(r, t, dir, slice_of(prefix, r->hashed), fn, arg, more);
}

void runs_find_recent(struct runs *r, const uint8_t from[RUN_ENTRY], run_each fn, void *arg)
{
    pthread_mutex_lock(&r->lock);
    if (run_mem_find(&r->active, from, fn, arg))
        (void)run_mem_find(&r->frozen, from, fn, arg);
    pthread_mutex_unlock(&r->lock);
}

void runs_recent(struct runs *r, run_each fn, void *arg)
{
    pthread_mutex_lock(&r->lock);
    if (run_mem_each(&r->active, fn, arg))
        (void)run_mem_each(&r->frozen, fn, arg);
    pthread_mutex_unlock(&r->lock);
}

int runs_find_from(const struct runs *r, MDB_txn *t, const uint8_t from[RUN_ENTRY], run_each fn,
                   void *arg)
{
    struct run_dir dir;
    bool more;
    int rc = run_dir_get(r, t, &dir);
    return rc == 0 ? find_durable(r, t, &dir, slice_of(from, RUN_ENTRY), fn, arg, &more) : rc;
}

int runs_find(struct runs *r, MDB_txn *t, const uint8_t *prefix, run_each fn, void *arg)
{
    bool more;
    if (!run_mem_find(&r->active, prefix, fn, arg) || !run_mem_find(&r->frozen, prefix, fn, arg))
        return 0;
    return runs_find_durable(r, t, &r->next, prefix, fn, arg, &more);
}

/* All that is in memory is to be written out; the two tables are exchanged after the commit. */
static void freeze(struct runs *r, uint64_t change, size_t entries, uint64_t lag)
{
    int slot = run_empty(&r->next, 0);
    bool lags = change - r->next.upto >= lag;
    if ((r->active.n < entries && !lags) || slot < 0 || run_filling(&r->dir, 0) >= 0)
        return;
    if (r->active.n > 0)
        r->next.slot[0][slot] = (struct run_slot){.state = RUN_FILLING, .upto = change};
    else
        r->next.upto = change;
    r->moved = true;
}

/* Entries of work that this transaction pays for. A restore moves the numbers of changes on. */
static size_t pay(struct runs *r, uint64_t change)
{
    uint64_t changes = r->worked == 0 ? 0 : change - r->worked;
    size_t added = RUN_PACE * (r->active.n - r->mark);
    r->next_worked = change;
    if (changes > r->group)
        changes = r->group;
    return added > changes ? added : (size_t)changes;
}

int runs_work(struct runs *r, MDB_txn *t, uint64_t change)
{
    /* Slots never run out at an even pace; should they, this waits rather than fails. */
    bool late = r->active.n >= r->entries + r->group;
    int rc = 0;
    r->next_due += pay(r, change);
    if (late || r->next_due >= r->entries / 32) {
        run_merges_begin(r);
        rc = run_fill(r, t, late ? SIZE_MAX : r->next_due);
        if (rc == 0)
            rc = run_bury(r, t, late ? RUN_TABLES : 1);
        r->next_due = 0;
    }
    if (rc != 0)
        return rc;
    freeze(r, change, r->entries, RUN_LAG * r->entries);
    return r->moved ? run_dir_put(r, t) : 0;
}

/* Shorter runs are merged as soon as longer ones, so there has to be room for those that come. */
static bool has_room(const struct run_dir *d)
{
    size_t n = 0;
    for (size_t i = 0; i < RUN_SLOTS; i++)
        n += d->slot[0][i].state == RUN_EMPTY;
    return n >= RUN_SLOTS / 2;
}

int runs_settle(struct runs *r, MDB_txn *t, uint64_t change)
{
    int rc = 0;
    if (run_filling(&r->next, 0) >= 0)
        rc = run_flush(r, t);
    else if (has_room(&r->next))
        freeze(r, change, r->entries / RUN_SHORT + 1, r->entries);
    return rc == 0 && r->moved ? run_dir_put(r, t) : rc;
}

void runs_commit(struct runs *r)
{
    bool was = run_filling(&r->dir, 0) >= 0, is = run_filling(&r->next, 0) >= 0;
    pthread_mutex_lock(&r->lock);
    if (was && !is)
        run_mem_clear(&r->frozen);
    if (!was && is) {
        struct run_mem empty = r->frozen;
        r->frozen = r->active;
        r->active = empty;
    }
    pthread_mutex_unlock(&r->lock);
    if (!was && is)
        run_mem_sort(&r->frozen);
    r->dir = r->next;
    r->due = r->next_due;
    r->worked = r->next_worked;
}

void runs_abort(struct runs *r)
{
    pthread_mutex_lock(&r->lock);
    run_mem_back_to(&r->active, r->mark);
    pthread_mutex_unlock(&r->lock);
}
