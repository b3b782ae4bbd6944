/* What the CA that issued a foreign certificate told of it, on real files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/store/inventory.h"
#include "tests/unit/anycert_help.h"
#include "tests/unit/store_help.h"

/* Its certificates ended long ago. */
#define NOW 1790000000

static const struct import_status nothing = {.told = IMPORT_NOT_TOLD};
static const struct import_status valid = {.told = IMPORT_VALID};
static const struct import_status hold = {IMPORT_REVOKED, 6, NOW - 9};
static const struct import_status lost = {IMPORT_REVOKED, 1, NOW - 5};

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

static void make(const char *serial, struct buf *der)
{
    struct any_parts p = {.serial = serial};

    buf_init(der, ANYCERT_MAX);
    any_make(&p, der);
}

static enum foreign_outcome tell(struct fixture *x, const struct buf *der,
                                 const struct import_status *told, bool stranger,
                                 struct cert_ref *ref)
{
    struct foreign item = {.der = buf_slice(der), .told = *told, .stranger = stranger};
    struct store_foreign a = {.source = SOURCE_IMPORTED, .by = "x", .n = 1, .item = &item};
    struct store_op op = {.kind = STORE_FOREIGN_ADD, .foreign = &a, .time = NOW};

    op.audit.action = AUDIT_FOREIGN;
    op.audit.time = NOW;
    assert_int_equal(store_do(x->s, &op), 0);
    *ref = item.ref;
    return item.outcome;
}

static int count_each(void *arg, const struct cert_row *row)
{
    (void)row;
    ++*(size_t *)arg;
    return 0;
}

static size_t listed(struct fixture *x, enum store_status_filter status)
{
    const struct store_filter q = {.now = NOW, .status = status};
    struct store_cursor at = {.n = 0};
    size_t n = 0;

    do {
        assert_int_equal(store_list(x->s, &q, 100, &at, count_each, &n, &x->f), 0);
    } while (at.n != 0);
    return n;
}

static void is_told(struct fixture *x, const struct cert_ref *ref, enum cert_state state,
                    const struct import_status *told, unsigned changes)
{
    struct store_stats st;
    struct cert_row row;

    must_get(x, ref, &row);
    assert_int_equal(row.state, state);
    assert_int_equal(row.told, told->told);
    assert_int_equal(row.reason, told->reason);
    assert_true(row.revoked_at == told->time);
    cert_row_free(&row);
    assert_int_equal(listed(x, STATUS_REVOKED), state == CERT_REVOKED);
    assert_int_equal(listed(x, STATUS_HELD), state == CERT_HELD);
    assert_int_equal(listed(x, STATUS_VALID), state == CERT_GOOD);
    assert_int_equal(store_stats(x->s, &st, &x->f), 0);
    assert_int_equal(st.change, changes);
    assert_clean(x);
}

/* Also when it is told later; a change of state has a number, what is no news has none. */
static void state_follows_what_was_told(void **state)
{
    struct fixture *x = *state;
    struct cert_ref ref;
    struct buf der;

    make("020107", &der);
    assert_int_equal(tell(x, &der, &hold, false, &ref), FOREIGN_ADDED);
    is_told(x, &ref, CERT_HELD, &hold, 2);
    assert_int_equal(tell(x, &der, &nothing, false, &ref), FOREIGN_SEEN);
    is_told(x, &ref, CERT_HELD, &hold, 2);
    assert_int_equal(tell(x, &der, &valid, false, &ref), FOREIGN_SEEN);
    is_told(x, &ref, CERT_GOOD, &valid, 3);
    assert_int_equal(tell(x, &der, &lost, false, &ref), FOREIGN_SEEN);
    is_told(x, &ref, CERT_REVOKED, &lost, 4);
    assert_int_equal(tell(x, &der, &valid, false, &ref), FOREIGN_SEEN);
    assert_int_equal(tell(x, &der, &hold, false, &ref), FOREIGN_SEEN);
    is_told(x, &ref, CERT_REVOKED, &lost, 4);
    fixture_close(x);
    assert_int_equal(fixture_reopen(x), 0);
    is_told(x, &ref, CERT_REVOKED, &lost, 4);
    buf_free(&der);
}

static void who_is_a_stranger_stays_one(void **state)
{
    struct fixture *x = *state;
    struct cert_ref ref, other;
    struct cert_row row;
    struct buf der, second;

    make("020107", &der);
    make("020108", &second);
    assert_int_equal(tell(x, &der, &nothing, false, &ref), FOREIGN_ADDED);
    assert_int_equal(tell(x, &second, &valid, false, &other), FOREIGN_ADDED);
    assert_int_equal(tell(x, &der, &nothing, true, &ref), FOREIGN_SEEN);
    assert_int_equal(tell(x, &der, &nothing, false, &ref), FOREIGN_SEEN);
    must_get(x, &ref, &row);
    assert_true(row.stranger && row.state == CERT_GOOD && row.change == 1);
    cert_row_free(&row);
    must_get(x, &other, &row);
    assert_true(!row.stranger && row.told == IMPORT_VALID);
    cert_row_free(&row);
    assert_clean(x);
    buf_free(&second);
    buf_free(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(state_follows_what_was_told, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_a_stranger_stays_one, setup, teardown),
    };

    return cmocka_run_group_tests_name("store_told", tests, NULL, NULL);
}
