#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/wire.h"

static void put_one_of_each(struct buf *b)
{
    wire_put_u8(b, 0xfe);
    wire_put_u16(b, 0x1234);
    wire_put_u32(b, 0xdeadbeef);
    wire_put_u64(b, UINT64_MAX - 1);
    wire_put_i64(b, INT64_MIN);
    wire_put_bytes(b, slice_of("a\0b", 3));
    wire_put_text(b, "h\xc3\xa9");
    wire_put_text(b, NULL);
    wire_put_fixed(b, "1234", 4);
}

static void every_kind_comes_back_as_it_was_put(void **state)
{
    struct buf b;
    struct wire_in in;
    char text[8];
    char fixed[4];

    (void)state;
    buf_init(&b, 256);
    put_one_of_each(&b);
    assert_false(buf_failed(&b));
    wire_in_init(&in, buf_slice(&b));
    assert_int_equal(wire_get_u8(&in), 0xfe);
    assert_int_equal(wire_get_u16(&in), 0x1234);
    assert_int_equal(wire_get_u32(&in), 0xdeadbeef);
    assert_true(wire_get_u64(&in) == UINT64_MAX - 1);
    assert_true(wire_get_i64(&in) == INT64_MIN);
    assert_true(slice_eq(wire_get_bytes(&in, 3), slice_of("a\0b", 3)));
    wire_get_text(&in, text, sizeof(text));
    assert_string_equal(text, "h\xc3\xa9");
    wire_get_text(&in, text, sizeof(text));
    assert_string_equal(text, "");
    assert_false(wire_in_done(&in));
    wire_get_fixed(&in, fixed, 4);
    assert_memory_equal(fixed, "1234", 4);
    assert_true(wire_in_done(&in));
    buf_free(&b);
}

static void integers_are_big_endian(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 16);
    wire_put_u32(&b, 0x01020304);
    assert_true(slice_eq(buf_slice(&b), slice_of("\1\2\3\4", 4)));
    buf_free(&b);
}

/* Reads what put_one_of_each puts; for inputs that are cut. */
static bool read_one_of_each(struct slice s)
{
    struct wire_in in;
    char text[8];
    char fixed[4];

    wire_in_init(&in, s);
    (void)wire_get_u8(&in);
    (void)wire_get_u16(&in);
    (void)wire_get_u32(&in);
    (void)wire_get_u64(&in);
    (void)wire_get_i64(&in);
    (void)wire_get_bytes(&in, 3);
    wire_get_text(&in, text, sizeof(text));
    wire_get_text(&in, text, sizeof(text));
    wire_get_fixed(&in, fixed, 4);
    return wire_in_done(&in);
}

static void every_cut_and_every_surplus_is_an_error(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 256);
    put_one_of_each(&b);
    assert_true(read_one_of_each(buf_slice(&b)));
    for (size_t n = 0; n < b.n; n++)
        assert_false(read_one_of_each(slice_of(b.p, n)));
    buf_put_u8(&b, 0);
    assert_false(read_one_of_each(buf_slice(&b)));
    buf_free(&b);
}

static void after_an_error_all_reads_are_zero(void **state)
{
    struct wire_in in;
    uint8_t fixed[2] = {7, 7};
    char text[4] = "xyz";

    (void)state;
    wire_in_init(&in, slice_of("\1\2\3\4\5", 5));
    (void)wire_get_u64(&in);
    assert_true(wire_failed(&in));
    assert_int_equal(wire_get_u8(&in), 0);
    assert_null(wire_get_bytes(&in, 100).p);
    wire_get_fixed(&in, fixed, 2);
    assert_memory_equal(fixed, "\0\0", 2);
    wire_get_text(&in, text, sizeof(text));
    assert_string_equal(text, "");
    assert_false(wire_in_done(&in));
}

static void lengths_that_lie_are_refused(void **state)
{
    struct wire_in in;

    (void)state;
    wire_in_init(&in, slice_of("\xff\xff\xff\xff"
                               "ab",
                               6));
    assert_null(wire_get_bytes(&in, SIZE_MAX).p);
    assert_true(wire_failed(&in));
    wire_in_init(&in, slice_of("\0\0\0\2"
                               "ab",
                               6));
    assert_null(wire_get_bytes(&in, 1).p);
    assert_true(wire_failed(&in));
}

static bool text_is_read(const char *octets, size_t n)
{
    struct buf b;
    struct wire_in in;
    char text[6];
    bool ok;

    buf_init(&b, 64);
    wire_put_bytes(&b, slice_of(octets, n));
    wire_in_init(&in, buf_slice(&b));
    wire_get_text(&in, text, sizeof(text));
    ok = wire_in_done(&in);
    if (!ok)
        assert_string_equal(text, "");
    buf_free(&b);
    return ok;
}

static void text_is_utf8_without_nul_and_fits(void **state)
{
    (void)state;
    assert_true(text_is_read("12345", 5));
    assert_false(text_is_read("123456", 6));
    assert_false(text_is_read("a\0b", 3));
    assert_false(text_is_read("\xff", 1));
}

static void a_count_is_never_more_than_what_is_left(void **state)
{
    struct wire_in in;

    (void)state;
    wire_in_init(&in, slice_of("\0\0\0\2"
                               "abcd",
                               8));
    assert_int_equal(wire_get_count(&in, 10, 2), 2);
    wire_in_init(&in, slice_of("\0\0\0\2"
                               "abc",
                               7));
    assert_int_equal(wire_get_count(&in, 10, 2), 0);
    assert_true(wire_failed(&in));
    wire_in_init(&in, slice_of("\0\0\0\2"
                               "abcd",
                               8));
    assert_int_equal(wire_get_count(&in, 1, 2), 0);
    assert_true(wire_failed(&in));
    wire_in_init(&in, slice_of("\xff\xff\xff\xff", 4));
    assert_int_equal(wire_get_count(&in, UINT32_MAX, SIZE_MAX), 0);
    assert_true(wire_failed(&in));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back_as_it_was_put),
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(every_cut_and_every_surplus_is_an_error),
        cmocka_unit_test(after_an_error_all_reads_are_zero),
        cmocka_unit_test(lengths_that_lie_are_refused),
        cmocka_unit_test(text_is_utf8_without_nul_and_fits),
        cmocka_unit_test(a_count_is_never_more_than_what_is_left),
    };

    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
