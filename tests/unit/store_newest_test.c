/* The newest change of each issuer that CRLs tell of, against a look at all changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/store/store_lmdb.h"
#include "tests/unit/store_help.h"

#define ISSUERS (NEWEST_ISSUERS + 3)

struct world {
    struct fixture x;
    uint16_t issuer[ISSUERS];
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    fixture_open(&w->x, false);
    for (uint8_t i = 0; i < ISSUERS; i++) {
        uint8_t hash[32] = {1, i};
        char name[32];
        (void)snprintf(name, sizeof(name), "issuer-%u", i);
        assert_int_equal(store_issuer_add(w->x.s, name, hash, &w->issuer[i], &w->x.f), 0);
    }
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    assert_clean(&w->x);
    fixture_remove(&w->x);
    free(w);
    return 0;
}

static uint64_t by_all_changes(struct fixture *x, uint16_t issuer)
{
    struct store_change c[64];
    uint64_t after = 0, newest = 0;
    size_t n;
    do {
        assert_int_equal(store_changes_since(x->s, after, c, 64, &n, &x->f), 0);
        for (size_t i = 0; i < n; i++)
            if (c[i].ref.issuer == issuer && store_change_tells(&c[i]))
                newest = c[i].number;
        after = n > 0 ? c[n - 1].number : after;
    } while (n > 0);
    return newest;
}

/* Where there is no room for an issuer, a later change of another may be told. */
static void all_agree(struct world *w)
{
    size_t exact = 0;
    for (size_t i = 0; i < ISSUERS; i++) {
        uint64_t want = by_all_changes(&w->x, w->issuer[i]);
        uint64_t told = store_newest_status(w->x.s, w->issuer[i]);
        assert_true(told >= want);
        exact += told == want;
    }
    assert_true(exact >= NEWEST_ISSUERS);
}

static void revoke_one(struct world *w, uint16_t issuer, bool release)
{
    struct request r;
    w->x.issuer = issuer;
    request_init(&r, &w->x, "host.example.com");
    issue(&w->x, &r);
    assert_int_equal(do_revoke(&w->x, &r, release ? REASON_CERTIFICATE_HOLD : REASON_SUPERSEDED),
                     0);
    if (release)
        assert_int_equal(do_release(&w->x, &r), 0);
    request_free(&r);
}

static void issue_some(struct world *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct request r;
        request_init(&r, &w->x, "host.example.com");
        issue(&w->x, &r);
        request_free(&r);
    }
}

static void start_again(struct world *w)
{
    fixture_close(&w->x);
    assert_int_equal(fixture_reopen(&w->x), 0);
}

static void it_is_that_of_the_issuer_also_after_a_start(void **state)
{
    struct world *w = *state;
    issue_some(w, 3);
    assert_int_equal(store_newest_status(w->x.s, w->issuer[0]), 0);
    revoke_one(w, w->issuer[0], false);
    revoke_one(w, w->issuer[1], true);
    all_agree(w);
    assert_int_not_equal(store_newest_status(w->x.s, w->issuer[0]),
                         store_newest_status(w->x.s, w->issuer[1]));
    issue_some(w, 3);
    start_again(w);
    all_agree(w);
}

static void more_issuers_than_there_is_room_for_miss_nothing(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < ISSUERS; i++)
        revoke_one(w, w->issuer[i], i % 5 == 0);
    all_agree(w);
    start_again(w);
    all_agree(w);
    revoke_one(w, w->issuer[ISSUERS - 1], false);
    all_agree(w);
}

/* As an earlier version leaves it: changes that the row knows nothing of, or no row. */
static void set_row(struct world *w, const void *row, size_t n)
{
    MDB_txn *t;
    MDB_val k = val_of("newest-status", 13), v = val_of(row, n);
    assert_int_equal(mdb_txn_begin(w->x.s->env, NULL, 0, &t), 0);
    if (n > 0)
        assert_int_equal(mdb_put(t, w->x.s->dbi[D_META], &k, &v, 0), 0);
    else
        assert_int_equal(mdb_del(t, w->x.s->dbi[D_META], &k, NULL), 0);
    assert_int_equal(mdb_txn_commit(t), 0);
}

static size_t get_row(struct world *w, uint8_t out[1024])
{
    struct slice v;
    MDB_txn *t;
    assert_int_equal(read_begin(w->x.s, &t, &w->x.f), 0);
    assert_int_equal(row_get(t, w->x.s->dbi[D_META], "newest-status", 13, &v), 0);
    assert_true(v.n <= 1024);
    memcpy(out, v.p, v.n);
    read_end(w->x.s, t);
    return v.n;
}

static void a_row_that_is_old_damaged_or_absent_misleads_nobody(void **state)
{
    static const uint8_t noise[5] = {1, 2, 3, 4, 5};
    struct world *w = *state;
    uint8_t old[1024], bad[1024];
    size_t n;
    revoke_one(w, w->issuer[0], false);
    n = get_row(w, old);
    revoke_one(w, w->issuer[0], false);
    revoke_one(w, w->issuer[1], false);
    set_row(w, old, n);
    start_again(w);
    all_agree(w);
    set_row(w, noise, sizeof(noise));
    start_again(w);
    all_agree(w);
    memcpy(bad, old, n);
    memset(bad + 1, 0xff, 8); /* known further than there are changes */
    set_row(w, bad, n);
    start_again(w);
    all_agree(w);
    revoke_one(w, w->issuer[2], false); /* so that there is one */
    set_row(w, NULL, 0);
    start_again(w);
    all_agree(w);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(it_is_that_of_the_issuer_also_after_a_start),
        T(more_issuers_than_there_is_room_for_miss_nothing),
        T(a_row_that_is_old_damaged_or_absent_misleads_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
