#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"

static void a_buffer_grows_up_to_its_bound(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    for (int i = 0; i < 1000; i++)
        buf_put_u8(&b, (uint8_t)i);
    assert_false(buf_failed(&b));
    assert_int_equal(b.n, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(b.p[i], (uint8_t)i);
    assert_true(b.cap <= 1000);
    buf_free(&b);
    assert_null(b.p);
    assert_int_equal(b.max, 1000);
}

static void the_first_error_sticks_until_reset(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4);
    buf_put_str(&b, "abc");
    buf_put_str(&b, "de");
    assert_true(buf_failed(&b));
    buf_put_u8(&b, 'f');
    assert_true(slice_is(buf_slice(&b), "abc"));
    assert_null(buf_grow(&b, 0));
    buf_reset(&b);
    assert_false(buf_failed(&b));
    buf_put_str(&b, "wxyz");
    assert_false(buf_failed(&b));
    assert_string_equal(buf_cstr(&b), "wxyz");
    buf_free(&b);
}

static void lengths_near_the_largest_do_not_overflow(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, SIZE_MAX);
    buf_put_u8(&b, 1);
    assert_null(buf_grow(&b, SIZE_MAX));
    assert_true(buf_failed(&b));
    buf_reset(&b);
    assert_null(buf_grow(&b, SIZE_MAX));
    assert_true(buf_failed(&b));
    buf_free(&b);
}

static void formatted_text_fills_the_bound_exactly(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 8);
    buf_printf(&b, "%d-%s", 12, "abcde");
    assert_false(buf_failed(&b));
    assert_string_equal(buf_cstr(&b), "12-abcde");
    buf_printf(&b, "%s", "");
    assert_false(buf_failed(&b));
    buf_printf(&b, "%c", 'x');
    assert_true(buf_failed(&b));
    buf_free(&b);
}

static void an_empty_buffer_reads_as_nothing(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 8);
    assert_string_equal(buf_cstr(&b), "");
    buf_put(&b, NULL, 0);
    assert_false(buf_failed(&b));
    assert_int_equal(buf_slice(&b).n, 0);
    buf_free(&b);
    buf_free(NULL);
}

static void slices_compare_by_contents(void **state)
{
    (void)state;
    assert_true(slice_eq(slice_str("abc"), slice_of("abcd", 3)));
    assert_false(slice_eq(slice_str("abc"), slice_str("abd")));
    assert_false(slice_eq(slice_str("abc"), slice_str("ab")));
    assert_true(slice_eq(SLICE_NONE, slice_str("")));
    assert_true(slice_eq_secret(slice_str("pin"), slice_str("pin")));
    assert_false(slice_eq_secret(slice_str("pin"), slice_str("pim")));
    assert_false(slice_eq_secret(slice_str("pin"), slice_str("pins")));
    assert_true(slice_eq_secret(SLICE_NONE, slice_str("")));
    assert_false(slice_is(slice_of("a\0b", 3), "a"));
}

static void slices_order_a_prefix_first(void **state)
{
    (void)state;
    assert_int_equal(slice_cmp(slice_str("ab"), slice_str("ab")), 0);
    assert_true(slice_cmp(slice_str("ab"), slice_str("abc")) < 0);
    assert_true(slice_cmp(slice_str("abc"), slice_str("ab")) > 0);
    assert_true(slice_cmp(slice_str("\xff"), slice_str("a")) > 0);
    assert_true(slice_cmp(SLICE_NONE, slice_str("a")) < 0);
}

static void hexadecimal_goes_there_and_back(void **state)
{
    static const uint8_t octets[] = {0x00, 0x7f, 0xab, 0xff};
    char text[9];
    uint8_t back[4];

    (void)state;
    hex_encode(slice_of(octets, 4), text);
    assert_string_equal(text, "007fabff");
    assert_int_equal(hex_decode(text, back, 4), 0);
    assert_memory_equal(back, octets, 4);
    assert_int_equal(hex_decode("00:7F ab:FF", back, 4), 0);
    assert_memory_equal(back, octets, 4);
}

static void other_than_hexadecimal_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "007fab", "007fabff0", "007fabff00", "007fabfg", ":007fabff", "007fabff:", "0 07fabff",
    };
    uint8_t back[4];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(hex_decode(bad[i], back, 4), -1);
}

static void a_daemon_without_memory_ends(void **state)
{
    volatile size_t huge = SIZE_MAX / 2;
    int status;
    pid_t pid = fork();

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        if (dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO) < 0)
            _exit(7);
        _exit(xcalloc(huge, 4) == NULL ? 8 : 9);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

static void copies_are_equal_and_apart(void **state)
{
    static const char text[] = "text";
    char *s = xstrdup(text);
    char *m = xmemdup(text, sizeof(text));
    char *none = xmemdup(NULL, 0);

    (void)state;
    assert_string_equal(s, text);
    assert_memory_equal(m, text, sizeof(text));
    assert_ptr_not_equal(s, m);
    assert_non_null(none);
    free(s);
    free(m);
    free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_up_to_its_bound),
        cmocka_unit_test(the_first_error_sticks_until_reset),
        cmocka_unit_test(lengths_near_the_largest_do_not_overflow),
        cmocka_unit_test(formatted_text_fills_the_bound_exactly),
        cmocka_unit_test(an_empty_buffer_reads_as_nothing),
        cmocka_unit_test(slices_compare_by_contents),
        cmocka_unit_test(slices_order_a_prefix_first),
        cmocka_unit_test(hexadecimal_goes_there_and_back),
        cmocka_unit_test(other_than_hexadecimal_is_refused),
        cmocka_unit_test(a_daemon_without_memory_ends),
        cmocka_unit_test(copies_are_equal_and_apart),
    };

    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
