/* Messages of the enroll socket: round trips, and everything cut or too long is malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/proto_enroll.h"

static void put_sample(struct buf *b)
{
    struct enroll_request r = {
        .label = "devices", .renew = true, .make_key = true, .address = "192.0.2.1"};

    r.csr = slice_str("a request");
    r.chain = slice_str("a chain");
    r.binding = slice_str("a binding");
    r.has_secret = true;
    strcpy(r.user, "alice");
    r.secret = slice_str("a secret");
    enroll_request_put(b, &r);
}

static void a_request_round_trips(void **state)
{
    struct enroll_request out;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    put_sample(&b);
    assert_int_equal(enroll_request_get(buf_slice(&b), &out), 0);
    assert_string_equal(out.label, "devices");
    assert_true(out.renew);
    assert_true(out.make_key);
    assert_string_equal(out.address, "192.0.2.1");
    assert_true(slice_is(out.csr, "a request"));
    assert_true(slice_is(out.chain, "a chain"));
    assert_true(slice_is(out.binding, "a binding"));
    assert_true(out.has_secret);
    assert_string_equal(out.user, "alice");
    assert_true(slice_is(out.secret, "a secret"));
    buf_free(&b);
}

static void what_is_cut_is_malformed(void **state)
{
    struct enroll_request out;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    put_sample(&b);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(enroll_request_get(slice_of(b.p, n), &out), -1);
    buf_put_u8(&b, 0);
    assert_int_equal(enroll_request_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void a_refusal_round_trips_and_nothing_of_it_may_be_missing(void **state)
{
    struct enroll_refusal r = {.address = "2001:db8::1", .n = 7}, out;
    struct buf b;

    (void)state;
    (void)fault_unavailable(&r.why, 9, "limit.address", "too often");
    buf_init(&b, FRAME_BODY_MAX);
    enroll_refusal_put(&b, &r);
    assert_int_equal(enroll_refusal_get(buf_slice(&b), &out), 0);
    assert_string_equal(out.address, "2001:db8::1");
    assert_int_equal(out.n, 7);
    assert_string_equal(out.why.rule, "limit.address");
    assert_int_equal(out.why.retry_after, 9);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(enroll_refusal_get(slice_of(b.p, n), &out), -1);
    buf_reset(&b);
    r.n = 0;
    enroll_refusal_put(&b, &r);
    assert_int_equal(enroll_refusal_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void a_chain_that_is_too_long_is_malformed(void **state)
{
    static const uint8_t zeros[ENROLL_CHAIN_MAX + 1];
    struct enroll_request r = {.chain = slice_of(zeros, sizeof(zeros))}, out;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    enroll_request_put(&b, &r);
    assert_int_equal(enroll_request_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void a_key_and_its_certificate_round_trip(void **state)
{
    struct enroll_keyed k = {true, slice_str("a key"), slice_str("a certificate")}, out;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    enroll_keyed_put(&b, &k);
    assert_int_equal(enroll_keyed_get(buf_slice(&b), &out), 0);
    assert_true(out.sealed);
    assert_true(slice_is(out.key, "a key"));
    assert_true(slice_is(out.certificate, "a certificate"));
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(enroll_keyed_get(slice_of(b.p, n), &out), -1);
    buf_put_u8(&b, 0);
    assert_int_equal(enroll_keyed_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void a_label_round_trips(void **state)
{
    char out[ENROLL_LABEL_SIZE];
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    enroll_label_put(&b, "devices");
    assert_int_equal(enroll_label_get(buf_slice(&b), out), 0);
    assert_string_equal(out, "devices");
    assert_int_equal(enroll_label_get(slice_of(b.p, b.n - 1), out), -1);
    buf_free(&b);
}

static void a_hint_and_its_request_round_trip(void **state)
{
    struct enroll_hint_request q = {.address = "192.0.2.1", .of = HINT_OF_SERIAL}, got;
    struct enroll_hint h = {.not_after = 9, .start = -3, .end = 7, .retry_after = 60}, told;
    struct buf b;

    (void)state;
    q.chain = slice_str("a chain");
    q.keyid = slice_str("a key");
    q.serial[0] = 5;
    buf_init(&b, FRAME_BODY_MAX);
    enroll_hint_request_put(&b, &q);
    assert_int_equal(enroll_hint_request_get(buf_slice(&b), &got), 0);
    assert_int_equal(got.of, HINT_OF_SERIAL);
    assert_true(slice_is(got.chain, "a chain"));
    assert_true(slice_is(got.keyid, "a key"));
    assert_memory_equal(got.serial, q.serial, sizeof(q.serial));
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(enroll_hint_request_get(slice_of(b.p, n), &got), -1);
    buf_reset(&b);
    q.chain = SLICE_NONE;
    enroll_hint_request_put(&b, &q);
    assert_int_equal(enroll_hint_request_get(buf_slice(&b), &got), -1);
    buf_reset(&b);
    strcpy(h.explanation, "why");
    enroll_hint_put(&b, &h);
    assert_int_equal(enroll_hint_get(buf_slice(&b), &told), 0);
    assert_true(told.start == -3 && told.end == 7 && told.not_after == 9);
    assert_int_equal(told.retry_after, 60);
    assert_string_equal(told.explanation, "why");
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(enroll_hint_get(slice_of(b.p, n), &told), -1);
    buf_reset(&b);
    h.end = h.start; /* RFC 9773 4.2 */
    enroll_hint_put(&b, &h);
    assert_int_equal(enroll_hint_get(buf_slice(&b), &told), -1);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_round_trips),
        cmocka_unit_test(what_is_cut_is_malformed),
        cmocka_unit_test(a_refusal_round_trips_and_nothing_of_it_may_be_missing),
        cmocka_unit_test(a_chain_that_is_too_long_is_malformed),
        cmocka_unit_test(a_key_and_its_certificate_round_trip),
        cmocka_unit_test(a_label_round_trips),
        cmocka_unit_test(a_hint_and_its_request_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
