#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/units.h"

static void a_size_is_digits_and_a_unit(void **state)
{
    uint64_t v;

    (void)state;
    assert_int_equal(units_parse_size("512B", &v), 0);
    assert_int_equal(v, 512);
    assert_int_equal(units_parse_size("64KiB", &v), 0);
    assert_int_equal(v, 65536);
    assert_int_equal(units_parse_size("64GiB", &v), 0);
    assert_int_equal(v, UINT64_C(64) << 30);
    assert_int_equal(units_parse_size("16777215TiB", &v), 0);
    assert_int_equal(v, UINT64_C(16777215) << 40);
}

static void a_size_without_unit_zero_or_too_large_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "64",
                                      "KiB",
                                      "0KiB",
                                      "-1B",
                                      "+1B",
                                      " 1B",
                                      "1 B",
                                      "1KB",
                                      "1kib",
                                      "1.5MiB",
                                      "064KiB",
                                      "1KiBx",
                                      "0x10B",
                                      "1e3B",
                                      "1PiB",
                                      "16777216TiB",
                                      "1\n",
                                      "18446744073709551616B",
                                      "99999999999999999999TiB"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t v = 7;

        assert_int_equal(units_parse_size(bad[i], &v), -1);
        assert_int_equal(v, 0);
    }
}

static void a_size_is_shown_in_its_largest_exact_unit(void **state)
{
    static const struct {
        uint64_t octets;
        const char *text;
    } cases[] = {{0, "0B"},
                 {1, "1B"},
                 {1023, "1023B"},
                 {65536, "64KiB"},
                 {65537, "65537B"},
                 {UINT64_C(3) << 40, "3TiB"},
                 {UINT64_MAX, "18446744073709551615B"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[UNITS_TEXT_SIZE];

        units_format_size(cases[i].octets, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void a_number_is_digits_alone(void **state)
{
    static const char *const bad[] = {
        "", "-1", "+1", "01", " 1", "1 ", "1x", "0x1", "18446744073709551616"};
    uint64_t v;

    (void)state;
    assert_int_equal(units_parse_number("0", &v), 0);
    assert_int_equal(v, 0);
    assert_int_equal(units_parse_number("4294967297", &v), 0);
    assert_int_equal(v, UINT64_C(4294967297));
    assert_int_equal(units_parse_number("18446744073709551615", &v), 0);
    assert_int_equal(v, UINT64_MAX);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(units_parse_number(bad[i], &v), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_size_is_digits_and_a_unit),
        cmocka_unit_test(a_size_without_unit_zero_or_too_large_is_refused),
        cmocka_unit_test(a_size_is_shown_in_its_largest_exact_unit),
        cmocka_unit_test(a_number_is_digits_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
