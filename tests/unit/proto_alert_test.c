/* Messages about alerts and findings survive their codec; what is cut or longer is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/proto_alert.h"

/* Puts and gets one value of each kind that is read from a longer message. */
#define COMES_BACK(type, ...)                                                                      \
    do {                                                                                           \
        struct type in = {__VA_ARGS__}, out;                                                       \
        struct wire_in w;                                                                          \
        struct buf b;                                                                              \
        buf_init(&b, FRAME_BODY_MAX);                                                              \
        type##_put(&b, &in);                                                                       \
        wire_in_init(&w, buf_slice(&b));                                                           \
        type##_get(&w, &out);                                                                      \
        assert_true(wire_in_done(&w));                                                             \
        assert_memory_equal(&in, &out, sizeof(in));                                                \
        for (size_t n = 0; n < b.n; n++) {                                                         \
            wire_in_init(&w, slice_of(b.p, n));                                                    \
            type##_get(&w, &out);                                                                  \
            assert_false(wire_in_done(&w));                                                        \
        }                                                                                          \
        buf_free(&b);                                                                              \
    } while (0)

/* The same of what is a whole message. */
#define IS_ONE_MESSAGE(type, ...)                                                                  \
    do {                                                                                           \
        struct type in = {__VA_ARGS__}, out;                                                       \
        struct buf b;                                                                              \
        buf_init(&b, FRAME_BODY_MAX);                                                              \
        type##_put(&b, &in);                                                                       \
        assert_int_equal(type##_get(buf_slice(&b), &out), 0);                                      \
        assert_memory_equal(&in, &out, sizeof(in));                                                \
        for (size_t n = 0; n < b.n; n++)                                                           \
            assert_int_equal(type##_get(slice_of(b.p, n), &out), -1);                              \
        buf_put_u8(&b, 0);                                                                         \
        assert_int_equal(type##_get(buf_slice(&b), &out), -1);                                     \
        buf_free(&b);                                                                              \
    } while (0)

static void rows_come_back_as_they_were(void **state)
{
    (void)state;
    COMES_BACK(alert_info, .rule = "expiry", .state = "raised", .severity = 3, .times = 2,
               .first_seen = 1, .next = 7, .note = "x");
    COMES_BACK(finding_info, .rule = "key.weak", .severity = 1, .name = "dns:a", .until = 9);
    COMES_BACK(finding_count, .rule = "key.weak", .found = UINT64_MAX, .text = "t");
    COMES_BACK(exception_info, .rule = "key.weak", .subject = "*", .until = 5, .reason = "r");
    COMES_BACK(line_info, .name = "dns:a", .state = "ok", .members = 3, .followed = true,
               .refused = {.at = 7,
                           .first = 5,
                           .times = 2,
                           .counts = true,
                           .by = "operator:alice",
                           .origin = "admin",
                           .rule = "san.dns",
                           .text = "no"},
               .n = 2,
               .note = {{.kind = "alert", .rule = "expiry"}, {.kind = "finding", .severity = 2}});
}

static void questions_are_exactly_one_message(void **state)
{
    (void)state;
    IS_ONE_MESSAGE(alert_query, .all = true, .owner = "web", .contains = "x", .further = true);
    IS_ONE_MESSAGE(exception_query, .rule = "key.weak", .subject = "*");
    IS_ONE_MESSAGE(alert_ack, .back = true, .note = "n");
    IS_ONE_MESSAGE(finding_query, .severity = 2, .rule = "key.weak", .excepted = true);
}

static void more_rows_than_a_page_has_are_refused(void **state)
{
    struct page_head head = {.more = true, .n = ALERT_PAGE_MAX + 1}, out;
    struct wire_in w;
    struct buf b;
    (void)state;

    buf_init(&b, 4096);
    page_head_put(&b, &head);
    memset(buf_grow(&b, 1000), 0, 1000);
    wire_in_init(&w, buf_slice(&b));
    page_head_get(&w, ALERT_PAGE_MAX, &out);
    assert_true(wire_failed(&w));
    buf_free(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_as_they_were),
        cmocka_unit_test(questions_are_exactly_one_message),
        cmocka_unit_test(more_rows_than_a_page_has_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
