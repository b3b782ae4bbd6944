#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/frame.h"

static void a_header_is_read_back_as_written(void **state)
{
    (void)state;
    uint8_t d[FRAME_HEADER + 3] = {0};
    frame_put_header(d, 0x0203, 0x0102030405060708u);
    memcpy(d + FRAME_HEADER, "abc", 3);
    const uint8_t want[FRAME_HEADER] = {1, 0, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8};
    assert_memory_equal(d, want, sizeof want);
    struct frame f;
    assert_int_equal(frame_parse(slice_of(d, sizeof d), &f), 0);
    assert_int_equal(f.type, 0x0203);
    assert_true(f.id == 0x0102030405060708u);
    assert_true(slice_is(f.body, "abc"));
    assert_int_equal(f.fd, -1);
}

static void other_versions_flags_and_short_datagrams_are_refused(void **state)
{
    (void)state;
    uint8_t d[FRAME_HEADER];
    struct frame f;
    frame_put_header(d, 1, 1);
    assert_int_equal(frame_parse(slice_of(d, sizeof d), &f), 0);
    for (size_t n = 0; n < sizeof d; n++)
        assert_int_equal(frame_parse(slice_of(d, n), &f), -1);
    d[0] = 2;
    assert_int_equal(frame_parse(slice_of(d, sizeof d), &f), -1);
    d[0] = FRAME_VERSION;
    d[1] = 1;
    assert_int_equal(frame_parse(slice_of(d, sizeof d), &f), -1);
    assert_int_equal(f.fd, -1);
}

static void a_body_has_at_most_64_kib(void **state)
{
    (void)state;
    size_t n = FRAME_HEADER + FRAME_BODY_MAX;
    uint8_t *d = xcalloc(1, n + 1);
    struct frame f;
    frame_put_header(d, 1, 1);
    assert_int_equal(frame_parse(slice_of(d, n), &f), 0);
    assert_int_equal(f.body.n, FRAME_BODY_MAX);
    assert_int_equal(frame_parse(slice_of(d, n + 1), &f), -1);
    free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_read_back_as_written),
        cmocka_unit_test(other_versions_flags_and_short_datagrams_are_refused),
        cmocka_unit_test(a_body_has_at_most_64_kib),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
