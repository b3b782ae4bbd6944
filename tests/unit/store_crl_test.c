/* Who is on a CRL, and the sequence of its numbers (ca/store/crls.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "ca/store/crls.h"
#include "tests/unit/store_help.h"

static struct store_crl take(struct fixture *x, uint32_t scope, int64_t now)
{
    struct store_crl_step step = {.row = {.issuer = x->issuer, .scope = scope}};
    struct store_op op = {.kind = STORE_CRL, .crl = &step, .time = now};

    assert_int_equal(store_do(x->s, &op), 0);
    return step.row;
}

static int publish(struct fixture *x, struct store_crl row)
{
    struct store_crl_step step = {.publish = true, .row = row};
    struct store_op op = {.kind = STORE_CRL, .crl = &step, .time = TEST_NOW};
    int rc;

    op.audit.action = AUDIT_CRL;
    rc = store_do(x->s, &op);
    x->f = op.fault;
    return rc;
}

static void numbers_rise_and_stay_over_a_restart(void **state)
{
    struct store_crl row;
    struct fixture x;

    (void)state;
    fixture_open(&x, true);
    row = take(&x, CRL_SCOPE_ALL, TEST_NOW);
    assert_int_equal(row.number, TEST_NOW);
    assert_int_equal(row.published, 0);
    assert_int_equal(take(&x, CRL_SCOPE_ALL, TEST_NOW).number, TEST_NOW + 1);
    assert_int_equal(take(&x, 7, TEST_NOW).number, TEST_NOW); /* a sequence of its own */
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    /* A clock that went back takes no number back. */
    row = take(&x, CRL_SCOPE_ALL, TEST_NOW - 1000);
    assert_int_equal(row.number, TEST_NOW + 2);
    row.published = row.number;
    assert_int_equal(publish(&x, row), 0);
    assert_int_not_equal(publish(&x, row), 0);
    assert_string_equal(x.f.rule, "crl.number");
    row.published = TEST_NOW + 5000; /* one that was installed */
    assert_int_equal(publish(&x, row), 0);
    assert_int_equal(take(&x, CRL_SCOPE_ALL, TEST_NOW).number, TEST_NOW + 5001);
    assert_clean(&x);
    fixture_close(&x);
    fixture_remove(&x);
}

#define CERTS 10

static void whoever_is_not_good_is_found_in_order(void **state)
{
    static const uint8_t start[SERIAL_LEN];
    struct store_revoked got[CERTS];
    struct request r[CERTS];
    struct fixture x;
    size_t n;

    (void)state;
    fixture_open(&x, false);
    for (size_t i = 0; i < CERTS; i++) {
        request_init(&r[i], &x, "crl.example.com");
        issue(&x, &r[i]);
    }
    assert_int_equal(do_revoke(&x, &r[7], 1), 0);
    assert_int_equal(do_revoke(&x, &r[2], 4), 0);
    assert_int_equal(do_revoke(&x, &r[4], REASON_CERTIFICATE_HOLD), 0);
    assert_int_equal(do_revoke(&x, &r[5], REASON_CERTIFICATE_HOLD), 0);
    assert_int_equal(do_release(&x, &r[5]), 0);
    assert_int_equal(store_revoked(x.s, x.issuer, start, got, 2, &n, &x.f), 0);
    assert_int_equal(n, 2);
    assert_memory_equal(got[0].serial, r[2].op.ref.serial, SERIAL_LEN);
    assert_int_equal(got[0].reason, 4);
    assert_int_equal(got[0].not_after, r[2].op.intent.not_after);
    assert_memory_equal(got[1].serial, r[4].op.ref.serial, SERIAL_LEN);
    assert_int_equal(store_revoked(x.s, x.issuer, got[1].serial, got, CERTS, &n, &x.f), 0);
    assert_int_equal(n, 1);
    assert_memory_equal(got[0].serial, r[7].op.ref.serial, SERIAL_LEN);
    assert_int_equal(store_revoked(x.s, x.issuer, got[0].serial, got, CERTS, &n, &x.f), 0);
    assert_int_equal(n, 0);
    assert_int_equal(store_revoked(x.s, (uint16_t)(x.issuer + 1), start, got, CERTS, &n, &x.f), 0);
    assert_int_equal(n, 0);
    for (size_t i = 0; i < CERTS; i++)
        request_free(&r[i]);
    fixture_close(&x);
    fixture_remove(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_rise_and_stay_over_a_restart),
        cmocka_unit_test(whoever_is_not_good_is_found_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
