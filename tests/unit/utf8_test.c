#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/utf8.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* RFC 3629 sections 3 and 4: the first and last character of each length. */
static void every_length_is_valid_at_its_ends(void **state)
{
    static const char *const good[] = {
        "",
        "plain",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "a\xc3\xa9z",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(utf8_valid(slice_str(good[i])));
    assert_true(utf8_valid(slice_of("a\0b", 3)));
}

/* RFC 3629 section 3: overlong forms, surrogates and lone octets are invalid. */
static void what_is_no_utf8_is_refused(void **state)
{
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2\x41",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xe1\x80",
        "\xe1\x80\x41",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf0\x90\x80",
        "\xff",
        "\xfe",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(utf8_valid(slice_str(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_is_valid_at_its_ends),
        cmocka_unit_test(what_is_no_utf8_is_refused),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
