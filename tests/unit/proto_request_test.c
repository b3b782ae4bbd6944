/* Messages about requests survive their codec; what is cut, longer or oversized is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/proto_request.h"

static void a_request_comes_back_as_it_was(void **state)
{
    struct request_info in = {.id = 7, .asked_uid = 1000, .created = 1, .expires = 2}, out;
    struct wire_in w;
    struct buf b;
    (void)state;

    strcpy(in.kind, "ca-install");
    strcpy(in.text, "install it");
    strcpy(in.decided_by, "operator:bob");
    memset(in.sha256, 3, sizeof(in.sha256));
    buf_init(&b, 4096);
    request_info_put(&b, &in);
    wire_in_init(&w, buf_slice(&b));
    request_info_get(&w, &out);
    assert_true(wire_in_done(&w));
    assert_memory_equal(&in, &out, sizeof(in));
    for (size_t n = 0; n < b.n; n++) {
        wire_in_init(&w, slice_of(b.p, n));
        request_info_get(&w, &out);
        assert_false(wire_in_done(&w));
    }
    buf_free(&b);
}

static void a_choice_is_exactly_one_message(void **state)
{
    struct request_choice in = {.id = UINT64_MAX, .reason = "no"}, out;
    struct buf b;
    (void)state;

    buf_init(&b, 4096);
    request_choice_put(&b, &in);
    assert_int_equal(request_choice_get(buf_slice(&b), &out), 0);
    assert_true(out.id == UINT64_MAX);
    assert_string_equal(out.reason, "no");
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(request_choice_get(slice_of(b.p, n), &out), -1);
    buf_put_u8(&b, 0);
    assert_int_equal(request_choice_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void a_reason_past_its_bound_is_refused(void **state)
{
    char reason[REQUEST_REASON_MAX + 1];
    struct request_choice out;
    struct buf b;
    (void)state;

    memset(reason, 'x', sizeof(reason));
    reason[REQUEST_REASON_MAX] = '\0';
    buf_init(&b, 4096);
    wire_put_u64(&b, 1);
    wire_put_text(&b, reason);
    assert_int_equal(request_choice_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void a_query_takes_no_other_flag(void **state)
{
    struct request_query in = {.all = true, .after = 9}, out;
    struct buf b;
    (void)state;

    buf_init(&b, 64);
    request_query_put(&b, &in);
    assert_int_equal(request_query_get(buf_slice(&b), &out), 0);
    assert_true(out.all && out.after == 9);
    b.p[0] = 2;
    assert_int_equal(request_query_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_comes_back_as_it_was),
        cmocka_unit_test(a_choice_is_exactly_one_message),
        cmocka_unit_test(a_reason_past_its_bound_is_refused),
        cmocka_unit_test(a_query_takes_no_other_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
