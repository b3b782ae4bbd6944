/* Request keys: which use counts, and when the disk forgets them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/store/store_lmdb.h"
#include "tests/unit/store_help.h"

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));
    fixture_open(x, false);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

static void the_newest_use_of_a_request_key_counts(void **state)
{
    struct fixture *x = *state;
    struct request a, b;
    request_init(&a, x, "a.example.com");
    request_init(&b, x, "b.example.com");
    issue(x, &a);
    memcpy(b.op.intent.request_key, a.op.intent.request_key, 32);
    b.op.time = TEST_NOW + 600;
    issue(x, &b);
    struct cert_ref used = b.op.ref;
    b.op.time = TEST_NOW + 1; /* a clock that went back: the first use is in its life again */
    assert_int_equal(do_reserve(x, &b), 0);
    assert_int_equal(b.op.outcome, STORE_KNOWN);
    assert_memory_equal(b.op.ref.serial, used.serial, SERIAL_LEN);
    assert_clean(x);
    request_free(&a);
    request_free(&b);
}

static size_t entries_in_runs(struct fixture *x, const struct runs *r)
{
    size_t n = 0;
    MDB_txn *t;
    assert_int_equal(read_begin(x->s, &t, &x->f), 0);
    for (size_t i = 0; i < RUN_TABLES; i++) {
        MDB_stat st;
        assert_int_equal(mdb_stat(t, r->dbi[i / RUN_SLOTS][i % RUN_SLOTS], &st), 0);
        n += st.ms_entries;
    }
    read_end(x->s, t);
    return n;
}

static void issue_at(struct fixture *x, int n, int64_t time)
{
    for (int i = 0; i < n; i++) {
        struct request r;
        request_init(&r, x, "host.example.com");
        r.op.time = time;
        issue(x, &r);
        request_free(&r);
    }
}

static void request_keys_past_their_life_leave_the_disk_and_keys_stay(void **state)
{
    struct fixture *x = *state;
    struct request open;
    fixture_close(x);
    x->o.run_entries = 4;
    x->o.no_sync = true;
    assert_int_equal(fixture_reopen(x), 0);
    request_init(&open, x, "open.example.com");
    open.op.time = 1000000000; /* long past by the clock that forgets */
    assert_int_equal(do_reserve(x, &open), 0);
    issue_at(x, 200, 1000000000);
    assert_true(entries_in_runs(x, &x->s->reqkeys) >= 190);
    assert_int_equal(do_finish(x, &open), 0);
    fixture_close(x);
    assert_int_equal(fixture_reopen(x), 0); /* it looks at once, then every second */
    issue_at(x, 20, TEST_NOW);
    /* all but what was being merged */
    assert_true(entries_in_runs(x, &x->s->reqkeys) < 150);
    assert_true(entries_in_runs(x, &x->s->keys) >= 200);
    assert_clean(x);
    request_free(&open);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_newest_use_of_a_request_key_counts),
        T(request_keys_past_their_life_leave_the_disk_and_keys_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
