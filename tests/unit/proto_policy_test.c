/* The explanation of a decision, to and fro, whole and broken off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/proto_policy.h"

static void put_example(struct buf *b)
{
    const struct explain_step refused = {.step = "san",
                                         .refused = true,
                                         .rule = "san.kind",
                                         .value = slice_str("email:a@b.example"),
                                         .allowed = slice_str("dns, ip"),
                                         .text = "refused"};
    const struct explain_step fine = {.step = "key", .value = slice_str("p256")};
    struct explained e = {.profile = "tls-server", .issuer = "issuing", .tbs = slice_str("tbs")};
    struct buf steps;

    buf_init(&steps, FRAME_BODY_MAX);
    explain_step_put(&steps, &refused);
    explain_step_put(&steps, &fine);
    e.steps = buf_slice(&steps);
    explained_put(b, &e);
    buf_free(&steps);
}

static void what_was_put_is_got(void **state)
{
    struct explained e;
    struct explain_step s;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    put_example(&b);
    assert_int_equal(explained_get(buf_slice(&b), &e), 0);
    assert_false(e.allowed);
    assert_string_equal(e.issuer, "issuing");
    assert_true(slice_is(e.tbs, "tbs"));
    assert_int_equal(explain_step_get(&e.steps, &s), 0);
    assert_true(s.refused);
    assert_string_equal(s.rule, "san.kind");
    assert_true(slice_is(s.value, "email:a@b.example"));
    assert_int_equal(explain_step_get(&e.steps, &s), 0);
    assert_string_equal(s.step, "key");
    assert_int_equal(explain_step_get(&e.steps, &s), -1);
    buf_free(&b);
}

static void whatever_is_broken_off_or_has_a_tail_is_refused(void **state)
{
    struct explained e;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    put_example(&b);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(explained_get(slice_of(b.p, n), &e), -1);
    buf_put_u8(&b, 0);
    assert_int_equal(explained_get(buf_slice(&b), &e), -1);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_got),
        cmocka_unit_test(whatever_is_broken_off_or_has_a_tail_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
