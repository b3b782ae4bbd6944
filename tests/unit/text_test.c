/* Text from elsewhere on its way to a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"

static void safe_is(struct slice in, const char *wanted)
{
    struct buf out;

    buf_init(&out, 4096);
    text_safe(in, false, &out);
    assert_string_equal(buf_cstr(&out), wanted);
    buf_free(&out);
}

static void control_characters_are_shown_not_sent(void **state)
{
    (void)state;
    safe_is(slice_str("a\x1b[31mb"), "a\\x1b[31mb");
    safe_is(slice_of("a\0b\n\r\t\x7f", 7), "a\\x00b\\x0a\\x0d\\x09\\x7f");
    safe_is(slice_str("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m"); /* U+009B: CSI in one character */
}

static void bidirectional_overrides_are_shown_not_sent(void **state)
{
    (void)state;
    safe_is(slice_str("a\xe2\x80\xae"
                      "b"),
            "a\\xe2\\x80\\xaeb");                          /* U+202E */
    safe_is(slice_str("\xe2\x81\xa6"), "\\xe2\\x81\\xa6"); /* U+2066 */
}

static void invalid_utf8_is_shown_as_octets(void **state)
{
    (void)state;
    safe_is(slice_str("\xff\xc3"), "\\xff\\xc3");
    safe_is(slice_str("\xc0\xaf"), "\\xc0\\xaf");          /* overlong */
    safe_is(slice_str("\xed\xa0\x80"), "\\xed\\xa0\\x80"); /* a surrogate */
}

static void ordinary_text_of_any_language_passes(void **state)
{
    (void)state;
    safe_is(slice_str("CN=M\xc3\xbcller, \xe6\x97\xa5\xe6\x9c\xac, \xf0\x9f\x94\x91"),
            "CN=M\xc3\xbcller, \xe6\x97\xa5\xe6\x9c\xac, \xf0\x9f\x94\x91");
}

static void lines_pass_only_where_they_are_wanted(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 64);
    text_safe(slice_str("a\nb\x1b"), true, &out);
    assert_string_equal(buf_cstr(&out), "a\nb\\x1b");
    buf_free(&out);
}

static void cut_is(const char *in, size_t width, const char *wanted)
{
    struct buf out;

    buf_init(&out, 256);
    text_cut(slice_str(in), width, &out);
    assert_string_equal(buf_cstr(&out), wanted);
    assert_true(text_width(buf_slice(&out)) <= width || width < 3);
    buf_free(&out);
}

static void a_cut_says_so_and_never_splits_a_character(void **state)
{
    (void)state;
    cut_is("abcdef", 6, "abcdef");
    cut_is("abcdefg", 6, "abc...");
    cut_is("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 5,
           "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc");
    cut_is("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 4, "\xc3\xbc...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_are_shown_not_sent),
        cmocka_unit_test(bidirectional_overrides_are_shown_not_sent),
        cmocka_unit_test(invalid_utf8_is_shown_as_octets),
        cmocka_unit_test(ordinary_text_of_any_language_passes),
        cmocka_unit_test(lines_pass_only_where_they_are_wanted),
        cmocka_unit_test(a_cut_says_so_and_never_splits_a_character),
    };

    return cmocka_run_group_tests_name("tools_text", tests, NULL, NULL);
}
