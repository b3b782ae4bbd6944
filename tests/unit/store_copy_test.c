/*
 * The copy of a store that goes on: it is the store of one moment, whatever is committed while it
 * is made, and its octets are those that the sink got.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/store_help.h"

#define BEFORE 400
#define MEANWHILE 3 /* a piece, each with a revocation: pages are freed and used again */

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

static void issue_and_revoke(struct fixture *x, int n)
{
    for (int i = 0; i < n; i++) {
        struct request r;
        request_init(&r, x, "copied.example.com");
        issue(x, &r);
        assert_int_equal(do_revoke(x, &r, 4), 0);
        request_free(&r);
    }
}

struct taken {
    struct fixture *x;
    FILE *to;
    unsigned pieces, refuse_at; /* 0: never */
};

static int take(void *arg, struct slice s, struct fault *f)
{
    struct taken *t = arg;
    if (++t->pieces == t->refuse_at)
        return fault_set(f, FAULT_FULL, "backup.write", "no room");
    assert_int_equal(fwrite(s.p, 1, s.n, t->to), s.n);
    issue_and_revoke(t->x, MEANWHILE);
    return 0;
}

static void image_open(struct fixture *copy, const struct fixture *of, const char *path)
{
    *copy = (struct fixture){.o = of->o, .issuer = of->issuer};
    copy->o.dir = copy->o.image = path;
    copy->o.read_only = copy->o.no_derive = true;
    assert_int_equal(fixture_reopen(copy), 0);
}

static void a_copy_is_the_store_of_one_moment(void **state)
{
    struct fixture *x = *state, copy;
    struct store_stats then, in_it, now;
    struct taken t = {.x = x};
    char path[128];

    fixture_path(x, "copy", path);
    issue_and_revoke(x, BEFORE);
    assert_int_equal(store_stats(x->s, &now, &x->f), 0);
    t.to = fopen(path, "wb");
    assert_non_null(t.to);
    assert_int_equal(store_copy(x->s, take, &t, &then, &x->f), 0);
    assert_int_equal(fclose(t.to), 0);
    assert_true(t.pieces > 1);
    assert_int_equal(then.change, now.change);
    assert_int_equal(store_stats(x->s, &now, &x->f), 0);
    assert_int_equal(now.certificates, then.certificates + t.pieces * MEANWHILE);

    image_open(&copy, x, path);
    assert_int_equal(store_stats(copy.s, &in_it, &copy.f), 0);
    assert_int_equal(in_it.change, then.change);
    assert_int_equal(in_it.certificates, then.certificates);
    assert_int_equal(in_it.audit_size, then.audit_size);
    assert_memory_equal(in_it.audit_root, then.audit_root, sizeof(then.audit_root));
    assert_clean(&copy);
    fixture_close(&copy);
}

static void a_sink_that_fails_ends_the_copy(void **state)
{
    struct fixture *x = *state;
    struct store_stats then;
    struct taken t = {.x = x, .refuse_at = 2};
    char path[128];

    fixture_path(x, "copy", path);
    issue_and_revoke(x, BEFORE);
    t.to = fopen(path, "wb");
    assert_non_null(t.to);
    fault_clear(&x->f);
    assert_int_equal(store_copy(x->s, take, &t, &then, &x->f), -FAULT_FULL);
    assert_string_equal(x->f.rule, "backup.write");
    assert_int_equal(t.pieces, 2);
    assert_int_equal(fclose(t.to), 0);
    issue_and_revoke(x, 1);
    assert_clean(x);
}

/* Pages that are freed are used again, as they are not while a copy looks at them: some hundred
 * commits would else add some ten pages each. */
static void after_a_copy_pages_are_used_again(void **state)
{
    struct fixture *x = *state;
    struct store_stats then, before, after;
    struct taken t = {.x = x, .to = fopen("/dev/null", "wb")};

    assert_non_null(t.to);
    issue_and_revoke(x, BEFORE);
    assert_int_equal(store_copy(x->s, take, &t, &then, &x->f), 0);
    t.pieces = 0;
    t.refuse_at = 1;
    assert_int_equal(store_copy(x->s, take, &t, &then, &x->f), -FAULT_FULL);
    assert_int_equal(fclose(t.to), 0);
    issue_and_revoke(x, 10);
    assert_int_equal(store_stats(x->s, &before, &x->f), 0);
    issue_and_revoke(x, BEFORE);
    assert_int_equal(store_stats(x->s, &after, &x->f), 0);
    assert_in_range(after.durable_bytes - before.durable_bytes, 0, BEFORE * (uint64_t)10240);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_copy_is_the_store_of_one_moment, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sink_that_fails_ends_the_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(after_a_copy_pages_are_used_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
