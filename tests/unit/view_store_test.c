/* The public view behind the real store: what a request was told is what a reader finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/store/inventory.h"
#include "ca/view/view.h"
#include "lib/viewfile.h"
#include "tests/unit/store_help.h"

#define REQUESTS 60

struct served {
    struct fixture x;
    char dir[128], issuer_dir[256];
    struct view *view;
    struct viewfile *reader;
    struct request request[REQUESTS];
};

static void open_view(struct served *s)
{
    assert_int_equal(view_open(s->dir, s->x.s, &s->view, &s->x.f), 0);
    store_on_publish(s->x.s, view_publish, s->view);
}

static int setup(void **state)
{
    struct served *s = xcalloc(1, sizeof *s);

    fixture_open(&s->x, false);
    fixture_path(&s->x, "view", s->dir);
    snprintf(s->issuer_dir, sizeof s->issuer_dir, "%s/issuing-%u", s->dir, s->x.issuer);
    open_view(s);
    *state = s;
    return viewfile_open(s->issuer_dir, &s->reader, &s->x.f);
}

static int teardown(void **state)
{
    struct served *s = *state;

    viewfile_close(s->reader);
    fixture_close(&s->x);
    view_close(s->view);
    for (size_t i = 0; i < REQUESTS; i++)
        request_free(&s->request[i]);
    fixture_remove(&s->x);
    free(s);
    return 0;
}

/* 0: never issued. */
static unsigned status(struct served *s, const struct request *r, struct viewfile_row *row)
{
    assert_int_equal(viewfile_refresh(s->reader, &s->x.f), 0);
    return viewfile_lookup(s->reader, r->op.ref.serial, row) == 0 ? row->status : 0;
}

static void annotate(struct served *s, uint8_t identity)
{
    struct store_annotate n = {.mask = ANNOTATION_OWNER, .row.owner = "web"};
    struct store_op op = {.kind = STORE_ANNOTATE, .annotate = &n, .time = TEST_NOW};

    memset(n.row.identity, identity, sizeof n.row.identity);
    op.audit.action = AUDIT_ANNOTATE;
    assert_int_equal(store_do(s->x.s, &op), 0);
}

/* By i % 4: left open, finished, revoked, abandoned. */
static void play(struct served *s, size_t i)
{
    struct request *r = &s->request[i];
    struct viewfile_row row;

    request_init(r, &s->x, "host.example.com");
    assert_int_equal(do_reserve(&s->x, r), 0);
    assert_int_equal(status(s, r, &row), 0);
    if (i % 4 == 1 || i % 4 == 2) {
        assert_int_equal(do_finish(&s->x, r), 0);
        assert_int_equal(status(s, r, &row), VIEWFILE_GOOD);
        annotate(s, (uint8_t)i); /* a change that the view does not show */
    }
    r->op.time = TEST_NOW + 60 + (int64_t)i;
    if (i % 4 == 2) {
        assert_int_equal(do_revoke(&s->x, r, 4), 0); /* superseded, RFC 5280 5.3.1 */
        assert_int_equal(status(s, r, &row), VIEWFILE_REVOKED);
        assert_int_equal(row.reason, 4);
        assert_int_equal(row.revoked_at, TEST_NOW + 60 + (int64_t)i);
    }
    if (i % 4 == 3) {
        assert_int_equal(do_abandon(&s->x, r), 0);
        assert_int_equal(status(s, r, &row), VIEWFILE_REVOKED);
    }
}

static void assert_all(struct served *s)
{
    static const unsigned want[] = {0, VIEWFILE_GOOD, VIEWFILE_REVOKED, VIEWFILE_REVOKED};
    struct viewfile_row row;
    struct cert_row cert;

    for (size_t i = 0; i < REQUESTS; i++) {
        assert_int_equal(status(s, &s->request[i], &row), want[i % 4]);
        if (want[i % 4] == 0)
            continue;
        must_get(&s->x, &s->request[i].op.ref, &cert);
        assert_int_equal(row.change, cert.change);
        cert_row_free(&cert);
    }
}

static void an_operation_that_is_done_is_published(void **state)
{
    struct served *s = *state;
    struct view_stats stats;
    struct store_stats store;

    for (size_t i = 0; i < REQUESTS; i++)
        play(s, i);
    assert_all(s);
    view_stats(s->view, &stats);
    assert_int_equal(store_stats(s->x.s, &store, &s->x.f), 0);
    assert_int_equal(stats.change, store.change);
}

static void a_view_that_was_deleted_is_rebuilt_from_the_store(void **state)
{
    struct served *s = *state;
    struct viewfile_info info;

    for (size_t i = 0; i < REQUESTS; i++)
        play(s, i);
    viewfile_close(s->reader);
    s->reader = NULL;
    fixture_close(&s->x);
    view_close(s->view);
    s->view = NULL;
    remove_tree(s->dir);
    assert_int_equal(fixture_reopen(&s->x), 0);
    open_view(s);
    assert_int_equal(viewfile_open(s->issuer_dir, &s->reader, &s->x.f), 0);
    viewfile_info(s->reader, &info);
    assert_int_equal(info.snapshot_rows, REQUESTS * 3 / 4);
    assert_int_equal(info.log_rows, 0);
    assert_all(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_operation_that_is_done_is_published, setup, teardown),
        cmocka_unit_test_setup_teardown(a_view_that_was_deleted_is_rebuilt_from_the_store, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
