/* An index of runs against a plain list, with runs so short that every level is used. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lmdb.h>

#include <cmocka.h>

#include "ca/store/runs.h"
#include "lib/key.h"
#include "tests/unit/store_help.h"

#define ENTRIES 8
#define GROUP 16
#define HASHED 16
#define MAX 6000

struct world {
    char dir[64];
    MDB_env *env;
    MDB_dbi meta;
    struct runs r;
    unsigned seed;
    size_t n;        /* committed */
    uint64_t change; /* likewise */
    uint8_t entry[MAX][RUN_ENTRY];
    uint64_t of[MAX]; /* the change of each */
};

static size_t draw(struct world *w)
{
    w->seed = w->seed * 1103515245u + 12345u;
    return w->seed >> 16;
}

static MDB_txn *begin(struct world *w, unsigned flags)
{
    MDB_txn *t;
    assert_int_equal(mdb_txn_begin(w->env, NULL, flags, &t), 0);
    return t;
}

/* As a process that starts: the tables, then what is not in them. */
static void start(struct world *w)
{
    assert_int_equal(mdb_env_create(&w->env), 0);
    assert_int_equal(mdb_env_set_maxdbs(w->env, RUN_TABLES + 1), 0);
    assert_int_equal(mdb_env_set_mapsize(w->env, (size_t)1 << 28), 0);
    assert_int_equal(mdb_env_open(w->env, w->dir, MDB_NOSYNC, 0600), 0);
    runs_init(&w->r, "test", HASHED, ENTRIES, GROUP);
    MDB_txn *t = begin(w, 0);
    assert_int_equal(mdb_dbi_open(t, "meta", MDB_CREATE, &w->meta), 0);
    assert_int_equal(runs_open(&w->r, t, w->meta, true), 0);
    assert_int_equal(mdb_txn_commit(t), 0);
    for (size_t i = 0; i < w->n; i++)
        assert_int_equal(runs_load(&w->r, w->of[i], w->entry[i]), 0);
    runs_loaded(&w->r);
}

static void stop(struct world *w)
{
    runs_free(&w->r);
    mdb_env_close(w->env);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    w->seed = 7;
    (void)snprintf(w->dir, sizeof(w->dir), "/tmp/cerca-runs-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    start(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    stop(w);
    remove_tree(w->dir);
    free(w);
    return 0;
}

static void entry_make(struct world *w, size_t i)
{
    size_t earlier = draw(w) % MAX;
    random_bytes(w->entry[i], RUN_ENTRY);
    if (earlier < i) /* several of one key */
        memcpy(w->entry[i], w->entry[earlier], HASHED);
}

struct seen {
    const uint8_t *want;
    size_t n, all;
};

static int see(void *arg, const uint8_t entry[RUN_ENTRY])
{
    struct seen *s = arg;
    s->all++;
    s->n += memcmp(entry, s->want, RUN_ENTRY) == 0;
    return 0;
}

static size_t times_found(struct world *w, MDB_txn *t, const uint8_t *entry)
{
    struct seen s = {.want = entry};
    assert_int_equal(runs_find(&w->r, t, entry, see, &s), 0);
    return s.n;
}

/* One transaction of n entries, which sees its own, and of as many changes, and others. */
static void add_beside(struct world *w, size_t n, size_t others, bool commit)
{
    MDB_txn *t = begin(w, 0);
    runs_begin(&w->r);
    for (size_t i = w->n; i < w->n + n; i++) {
        entry_make(w, i);
        w->of[i] = w->change + (i - w->n) + 1;
        assert_int_equal(runs_add(&w->r, w->entry[i]), 0);
        assert_int_equal(times_found(w, t, w->entry[i]), 1);
    }
    assert_int_equal(runs_work(&w->r, t, w->change + n + others), 0);
    if (!commit) {
        mdb_txn_abort(t);
        runs_abort(&w->r);
        return;
    }
    assert_int_equal(mdb_txn_commit(t), 0);
    runs_commit(&w->r);
    w->n += n;
    w->change += n + others;
}

static void add(struct world *w, size_t n, bool commit)
{
    add_beside(w, n, 0, commit);
}

static void all_are_found_once(struct world *w)
{
    uint8_t other[RUN_ENTRY];
    MDB_txn *t = begin(w, MDB_RDONLY);
    runs_begin(&w->r);
    for (size_t i = 0; i < w->n; i++)
        assert_int_equal(times_found(w, t, w->entry[i]), 1);
    random_bytes(other, sizeof(other));
    assert_int_equal(times_found(w, t, other), 0);
    mdb_txn_abort(t);
}

static size_t count(const struct world *w, size_t level, enum run_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < RUN_SLOTS; i++)
        n += w->r.dir.slot[level][i].state == state;
    return n;
}

static void whatever_was_added_is_found_once_through_flushes_and_merges(void **state)
{
    struct world *w = *state;
    for (int round = 0; w->n < 3000; round++) {
        add(w, 1 + draw(w) % GROUP, true);
        assert_true(w->r.active.n < ENTRIES + 2 * GROUP);
        if (round % 40 == 0)
            all_are_found_once(w);
    }
    all_are_found_once(w);
    assert_true(count(w, 2, RUN_COMPLETE) + count(w, 3, RUN_COMPLETE) > 0);
}

static void one_at_a_time_as_well(void **state)
{
    struct world *w = *state;
    while (w->n < 1500) {
        add(w, 1, true);
        for (size_t level = 0; level < RUN_LEVELS; level++)
            assert_true(count(w, level, RUN_EMPTY) > 0);
    }
    all_are_found_once(w);
}

static void what_is_aborted_was_never_there(void **state)
{
    struct world *w = *state;
    while (w->n < 1000) {
        bool commit = draw(w) % 3 != 0;
        size_t n = 1 + draw(w) % GROUP;
        add(w, n, commit);
        if (!commit) {
            MDB_txn *t = begin(w, MDB_RDONLY);
            runs_begin(&w->r);
            assert_int_equal(times_found(w, t, w->entry[w->n]), 0);
            mdb_txn_abort(t);
        }
    }
    all_are_found_once(w);
}

static void a_start_after_any_transaction_finds_the_same(void **state)
{
    struct world *w = *state;
    while (w->n < 1200) {
        add(w, 1 + draw(w) % GROUP, true);
        stop(w);
        start(w);
        if (draw(w) % 8 == 0)
            all_are_found_once(w);
    }
    all_are_found_once(w);
}

/* Imports, revocations and annotations have no request key, for example. */
static void changes_without_entries_leave_little_to_read_at_a_start(void **state)
{
    struct world *w = *state;
    add(w, 3 * ENTRIES, true);
    for (int round = 0; round < 4000; round++) {
        size_t n = draw(w) % 16 == 0 ? 1 + draw(w) % 4 : 0;
        add_beside(w, n, draw(w) % GROUP, true);
        if (round > 16)
            assert_true(w->change - w->r.dir.upto <= RUN_LAG * ENTRIES + 4 * GROUP);
        for (size_t level = 0; level < RUN_LEVELS; level++)
            assert_true(count(w, level, RUN_EMPTY) > 0);
        if (draw(w) % 64 == 0) {
            stop(w);
            start(w);
        }
    }
    all_are_found_once(w);
}

struct walked {
    size_t n, runs; /* the last `runs` are of runs, in order */
    uint8_t entry[2 * MAX][RUN_ENTRY];
};

static int keep(void *arg, const uint8_t entry[RUN_ENTRY])
{
    struct walked *x = arg;
    assert_true(x->n < 2 * MAX);
    memcpy(x->entry[x->n++], entry, RUN_ENTRY);
    return 0;
}

/* A slice, from behind the last one's last; false: that was the end. */
static bool walk_on(struct world *w, struct walked *x, size_t max)
{
    MDB_txn *t = begin(w, MDB_RDONLY);
    size_t before = x->n;
    const uint8_t *last = x->runs > 0 ? x->entry[x->n - 1] : NULL;
    assert_int_equal(runs_walk(&w->r, t, last, max, keep, x), 0);
    mdb_txn_abort(t);
    for (size_t i = before; i < x->n; i++, x->runs++)
        assert_true(x->runs == 0 || memcmp(x->entry[i - 1], x->entry[i], RUN_ENTRY) < 0);
    return x->n - before == max;
}

static bool was_met(const struct walked *x, const uint8_t *entry)
{
    for (size_t i = 0; i < x->n; i++)
        if (memcmp(x->entry[i], entry, RUN_ENTRY) == 0)
            return true;
    return false;
}

/* While more comes, some of it is taken back, and runs are merged and dropped. */
static void a_walk_meets_all_that_was_there_and_runs_in_order(void **state)
{
    struct world *w = *state;
    struct walked *x = calloc(1, sizeof(*x));
    assert_non_null(x);
    for (size_t round = 0; round < 30; round++) {
        size_t there = w->n;
        memset(x, 0, sizeof(*x));
        runs_recent(&w->r, keep, x);
        while (walk_on(w, x, 1 + draw(w) % 40))
            add(w, 1 + draw(w) % 4, draw(w) % 4 != 0);
        for (size_t i = 0; i < there; i++)
            assert_true(was_met(x, w->entry[i]));
        for (int i = 0; i < 4; i++)
            add(w, 1 + draw(w) % GROUP, true);
        if (round % 4 == 0) { /* as after a kill: the memory is made again of what was committed */
            stop(w);
            start(w);
        }
    }
    assert_true(count(w, 2, RUN_COMPLETE) + count(w, 3, RUN_COMPLETE) > 0);
    free(x);
}

static void settle(struct world *w, bool commit)
{
    MDB_txn *t = begin(w, 0);
    runs_begin(&w->r);
    assert_int_equal(runs_settle(&w->r, t, w->change), 0);
    if (!commit) {
        mdb_txn_abort(t);
        runs_abort(&w->r);
        return;
    }
    assert_int_equal(mdb_txn_commit(t), 0);
    runs_commit(&w->r);
}

/* Ended at any length, and now and then killed in the middle of the end. */
static void what_an_end_has_written_out_no_start_reads(void **state)
{
    struct world *w = *state;
    size_t nothing = 0, ends = 0;
    while (w->n < 2000) {
        size_t all = 3;
        for (size_t i = draw(w) % 12; i > 0; i--)
            add_beside(w, 1 + draw(w) % 6, draw(w) % 4, true);
        if (draw(w) % 4 == 0)
            all = draw(w) % 3;
        for (size_t turn = 0; turn < all; turn++)
            settle(w, true);
        settle(w, false);
        stop(w);
        start(w);
        ends += all == 3;
        nothing += all == 3 && w->r.active.n + w->r.frozen.n <= ENTRIES / RUN_SHORT;
        for (size_t level = 0; level < RUN_LEVELS; level++)
            assert_true(count(w, level, RUN_EMPTY) > 0);
        if (draw(w) % 16 == 0)
            all_are_found_once(w);
    }
    all_are_found_once(w);
    assert_true(nothing > ends / 2); /* else there was no room for short runs */
}

struct reader {
    struct world *w;
    atomic_size_t committed;
    atomic_bool stop;
    atomic_size_t looked;
    size_t missed;
};

static void *read_on(void *arg)
{
    struct reader *r = arg;
    struct world *w = r->w;
    unsigned seed = 1;
    while (!atomic_load(&r->stop)) {
        size_t n = atomic_load(&r->committed);
        seed = seed * 1103515245u + 12345u;
        if (n == 0)
            continue;
        const uint8_t *want = w->entry[(seed >> 16) % 2 == 0 ? n - 1 : (seed >> 16) % n];
        uint8_t from[RUN_ENTRY] = {0};
        struct seen s = {.want = want};
        MDB_txn *t;
        memcpy(from, want, HASHED);
        runs_find_recent(&w->r, from, see, &s);
        (void)sched_yield(); /* whatever happens in between */
        if (mdb_txn_begin(w->env, NULL, MDB_RDONLY, &t) != 0 ||
            runs_find_from(&w->r, t, from, see, &s) != 0)
            r->missed++;
        mdb_txn_abort(t);
        r->missed += s.n == 0;
        atomic_fetch_add(&r->looked, 1);
    }
    return NULL;
}

static void another_thread_finds_all_that_is_committed_while_more_comes(void **state)
{
    struct world *w = *state;
    struct reader r = {.w = w};
    pthread_t thread;
    size_t rounds = 0;
    assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
    while (w->n < MAX - GROUP) {
        add_beside(w, 1 + draw(w) % GROUP, draw(w) % 2, draw(w) % 8 != 0);
        atomic_store(&r.committed, w->n);
        /* On a busy machine the reader might not even begin before all is written. */
        for (rounds++; atomic_load(&r.looked) < rounds;)
            (void)sched_yield();
    }
    atomic_store(&r.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(r.looked > 100);
    assert_int_equal(r.missed, 0);
}

static int one_of_a_group(void *arg, const uint8_t entry[RUN_ENTRY])
{
    struct seen *s = arg;
    s->all += memcmp(entry, s->want, 32) == 0;
    return 32;
}

static void entries_of_a_group_are_passed_over_in_one_step(void **state)
{
    struct world *w = *state;
    uint8_t group[RUN_ENTRY];
    struct seen s = {.want = group};
    random_bytes(group, sizeof(group));
    MDB_txn *t = begin(w, 0);
    runs_begin(&w->r);
    for (uint8_t i = 0; i < ENTRIES; i++) {
        group[RUN_ENTRY - 1] = i;
        assert_int_equal(runs_add(&w->r, group), 0);
        w->of[w->n] = ++w->change;
        memcpy(w->entry[w->n++], group, RUN_ENTRY);
    }
    assert_int_equal(runs_work(&w->r, t, w->change), 0);
    assert_int_equal(mdb_txn_commit(t), 0);
    runs_commit(&w->r);
    for (int i = 0; i < 4; i++)
        add(w, 2, true);
    assert_int_equal(count(w, 0, RUN_COMPLETE), 1);
    t = begin(w, MDB_RDONLY);
    runs_begin(&w->r);
    assert_int_equal(runs_find(&w->r, t, group, one_of_a_group, &s), 0);
    assert_int_equal(s.all, 1);
    mdb_txn_abort(t);
}

static bool over_before(void *arg, uint64_t ended)
{
    return ended < *(uint64_t *)arg;
}

static void expire(struct world *w, uint64_t open, uint64_t now, uint64_t before)
{
    MDB_txn *t = begin(w, 0);
    runs_begin(&w->r);
    runs_expire(&w->r, open, now, over_before, &before);
    entry_make(w, w->n);
    w->of[w->n] = ++w->change;
    assert_int_equal(runs_add(&w->r, w->entry[w->n++]), 0);
    assert_int_equal(runs_work(&w->r, t, w->change), 0);
    assert_int_equal(mdb_txn_commit(t), 0);
    runs_commit(&w->r);
}

static size_t complete(const struct world *w)
{
    size_t n = 0;
    for (size_t level = 0; level < RUN_LEVELS; level++)
        n += count(w, level, RUN_COMPLETE);
    return n;
}

static void runs_past_their_life_are_dropped_whole_and_open_ones_are_not(void **state)
{
    struct world *w = *state;
    while (w->n < 400)
        add(w, 4, true);
    size_t before = complete(w);
    uint64_t upto = w->r.dir.upto;
    expire(w, 0, 500, UINT64_MAX); /* something of each is open */
    assert_true(complete(w) >= before);
    expire(w, upto, 500, 500); /* all has ended, by change 500, which is not past its life */
    assert_true(complete(w) >= before);
    expire(w, upto, 600, 501); /* and now it is */
    for (int i = 0; i < 40; i++)
        add(w, 1, true);
    MDB_txn *t = begin(w, MDB_RDONLY);
    size_t left = 0;
    runs_begin(&w->r);
    for (size_t i = 0; i < upto; i++)
        left += times_found(w, t, w->entry[i]);
    mdb_txn_abort(t);
    /* what was being merged meanwhile is left for later */
    assert_true(left < upto / 2);
    for (size_t i = upto; i < w->n; i++) {
        t = begin(w, MDB_RDONLY);
        runs_begin(&w->r);
        assert_int_equal(times_found(w, t, w->entry[i]), 1);
        mdb_txn_abort(t);
    }
}

static void a_directory_that_does_not_decode_is_refused(void **state)
{
    struct world *w = *state;
    struct run_dir d;
    MDB_val k = {4, (void *)(uintptr_t) "test"}, v = {5, (void *)(uintptr_t) "noise"};
    MDB_txn *t = begin(w, 0);
    assert_int_equal(mdb_put(t, w->meta, &k, &v, 0), 0);
    assert_int_equal(run_dir_get(&w->r, t, &d), MDB_CORRUPTED);
    mdb_txn_abort(t);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(whatever_was_added_is_found_once_through_flushes_and_merges),
        T(one_at_a_time_as_well),
        T(what_is_aborted_was_never_there),
        T(a_start_after_any_transaction_finds_the_same),
        T(changes_without_entries_leave_little_to_read_at_a_start),
        T(a_walk_meets_all_that_was_there_and_runs_in_order),
        T(what_an_end_has_written_out_no_start_reads),
        T(another_thread_finds_all_that_is_committed_while_more_comes),
        T(entries_of_a_group_are_passed_over_in_one_step),
        T(runs_past_their_life_are_dropped_whole_and_open_ones_are_not),
        T(a_directory_that_does_not_decode_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
