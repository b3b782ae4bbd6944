/*
 * An index of entries that come in random order, written in long sorted runs, so that its cost
 * does not grow with its size: in one large tree nearly every entry would dirty a page of its own.
 *
 *   memory   the newest entries (runs_mem.h). Nothing writes them down: they follow from
 *            the change sequence behind `upto`, and are read back from there at start.
 *   level 0  runs of as many entries as the memory holds before it is written out
 *   level N  runs made of RUN_FAN runs of level N-1 each, then dropped
 *
 * Each run is a table of its own: written once in key order (full pages), emptied at once. An
 * entry is a key of RUN_ENTRY octets with no value; it is unique and never changes.
 *
 * Writing out and merging are done in slices, inside the transactions that add entries and paid for
 * by these: RUN_PACE entries of each level for each entry that is added. So a level's merge is
 * done before a quarter of the next one's runs is there, slots never run out, no
 * transaction is long, and a process that is killed finds whole slices: a slice goes on behind the
 * last key of the run that it fills.
 *
 * Changes without an entry pay for an entry of work each, and when `upto` lies RUN_LAG times as
 * many changes back as a run has entries, what is in memory is written out as a shorter run:
 * so a start reads a bounded number of changes, whatever they are.
 *
 * The writer thread alone calls these, but for run_dir_get, runs_find_durable, runs_find_from and
 * runs_walk, which any thread calls with a read transaction, and runs_find_recent and runs_recent.
 * Functions return 0 or an LMDB code.
 */
#ifndef CA_STORE_RUNS_H
#define CA_STORE_RUNS_H

#include <lmdb.h>
#include <pthread.h>

#include "ca/store/runs_mem.h"

#define RUN_LEVELS 8
#define RUN_SLOTS 8 /* a level: those being merged, those that come meanwhile */
#define RUN_FAN 4
#define RUN_PACE 4
#define RUN_LAG 4
#define RUN_SHORT 8      /* an end writes out what is longer than such a part of a run */
#define RUN_ENTRIES 8192 /* of a run of level 0 */
#define RUN_TABLES (RUN_LEVELS * RUN_SLOTS)

enum run_state {
    RUN_EMPTY = 0,
    RUN_FILLING = 1,
    RUN_COMPLETE = 2,
    RUN_DEAD = 3, /* merged or past its life; to be emptied */
};

struct run_slot {
    enum run_state state;
    uint8_t inputs; /* filling: the slots of the level below, a bit each */
    uint64_t upto;  /* no entry belongs to a later change than this */
    uint64_t ended; /* by this change, what its entries belong to had come to an end; 0: not yet */
};

/* What is where; one row of the meta table. */
struct run_dir {
    uint64_t upto; /* the runs hold every entry of the changes up to here */
    struct run_slot slot[RUN_LEVELS][RUN_SLOTS];
};

struct runs {
    const char *name;
    size_t entries, group; /* of a run of level 0; of one transaction at most */
    size_t hashed;         /* octets by which entries are looked for */
    MDB_dbi meta;
    MDB_dbi dbi[RUN_LEVELS][RUN_SLOTS];
    struct run_dir dir;           /* as of the last commit */
    struct run_dir next;          /* as of the transaction under way */
    bool moved;                   /* next is not dir */
    struct run_mem active;        /* entries are added here */
    struct run_mem frozen;        /* sorted, being written out */
    size_t mark;                  /* entries in active when the transaction began */
    size_t due, next_due;         /* entries of work that are paid for */
    uint64_t worked, next_worked; /* the newest change then; 0: not since the start */
    pthread_mutex_t lock;         /* over what moves in memory, for runs_find_recent */
};

void runs_init(struct runs *r, const char *name, size_t hashed, size_t entries, size_t group);
void runs_free(struct runs *r);
/* Opens the tables, making them if `create`, and reads the directory. */
int runs_open(struct runs *r, MDB_txn *t, MDB_dbi meta, bool create) WARN_UNUSED;
/* The entry of a change behind dir.upto, in their order, before the first transaction. */
int runs_load(struct runs *r, uint64_t change, const uint8_t entry[RUN_ENTRY]) WARN_UNUSED;
void runs_loaded(struct runs *r);

void runs_begin(struct runs *r);
int runs_add(struct runs *r, const uint8_t entry[RUN_ENTRY]) WARN_UNUSED;
/* Every entry that begins with the `hashed` octets at `prefix`, in no order. */
int runs_find(struct runs *r, MDB_txn *t, const uint8_t *prefix, run_each fn,
              void *arg) WARN_UNUSED;
/* Any thread, and the writer goes on: those that begin with the same `hashed` octets as `from`, of
 * the memory; and those in runs, of each in order from `from` on. With a transaction that is begun
 * between the two none is missed that was committed before; some may come twice, and some may not
 * be committed yet. */
void runs_find_recent(struct runs *r, const uint8_t from[RUN_ENTRY], run_each fn, void *arg);
int runs_find_from(const struct runs *r, MDB_txn *t, const uint8_t from[RUN_ENTRY], run_each fn,
                   void *arg) WARN_UNUSED;
/* The same threads: every entry of the memory, in no order, and at most `max` of those in runs,
 * all in order, from behind `after` (NULL: from the first). Less than 0 of `fn` ends it. */
void runs_recent(struct runs *r, run_each fn, void *arg);
int runs_walk(const struct runs *r, MDB_txn *t, const uint8_t *after, size_t max, run_each fn,
              void *arg) WARN_UNUSED;
/* The work that is due, after the last entry; `change` is the newest change so far. */
int runs_work(struct runs *r, MDB_txn *t, uint64_t change) WARN_UNUSED;
/* In place of the work, without an entry, in a transaction of its own: writes out what is in memory
 * where that is worth it, so that the next start has nothing to read. Three of them do all of it.
 */
int runs_settle(struct runs *r, MDB_txn *t, uint64_t change) WARN_UNUSED;
/* Gives up runs whose life is over: no more entry of theirs is to be found. What entries up to
 * change `closed` belong to had come to an end by change `now`, the newest one; `over` says whether
 * what had ended by a change is past its life. Before the first entry of a transaction. */
typedef bool (*run_over)(void *arg, uint64_t ended);
void runs_expire(struct runs *r, uint64_t closed, uint64_t now, run_over over, void *arg);
/* After the commit, or the abort. */
void runs_commit(struct runs *r);
void runs_abort(struct runs *r);

int run_dir_get(const struct runs *r, MDB_txn *t, struct run_dir *out) WARN_UNUSED;
/* Those in complete runs. *more is false when fn wants no more. */
int runs_find_durable(const struct runs *r, MDB_txn *t, const struct run_dir *dir,
                      const uint8_t *prefix, run_each fn, void *arg, bool *more) WARN_UNUSED;

/* --- the parts (runs_dir.c, runs_fill.c, runs_merge.c) --- */

/* The slot of a level that is being filled, or that is empty; -1: none. */
int run_filling(const struct run_dir *d, size_t level);
int run_empty(const struct run_dir *d, size_t level);
int run_dir_put(const struct runs *r, MDB_txn *t) WARN_UNUSED;
/* Starts the merges that have enough runs. */
void run_merges_begin(struct runs *r);
/* At most `n` entries of each level, what is merged at the lowest first. */
int run_fill(struct runs *r, MDB_txn *t, size_t n) WARN_UNUSED;
/* Runs that are read as one, each at its first entry that was not taken yet. */
struct run_inputs {
    size_t n;
    MDB_cursor *c[RUN_TABLES];
    const uint8_t *at[RUN_TABLES]; /* NULL: at its end */
};
/* One more, from behind `after`; NULL: from its first entry. */
int run_input_open(struct run_inputs *in, MDB_txn *t, MDB_dbi dbi,
                   const uint8_t *after) WARN_UNUSED;
int run_input_next(struct run_inputs *in, size_t i) WARN_UNUSED;
/* The one with the least entry; in->n when all are at their end. */
size_t run_input_least(const struct run_inputs *in);
void run_inputs_close(struct run_inputs *in);
/* All of what is being written out from memory. */
int run_flush(struct runs *r, MDB_txn *t) WARN_UNUSED;
/* Empties at most `n` dead runs. */
int run_bury(struct runs *r, MDB_txn *t, size_t n) WARN_UNUSED;

#endif
