#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void dates_go_there_and_back(void **state)
{
    static const struct {
        const char *text;
        int64_t t;
    } known[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59Z", -1},
        {"2000-02-29T12:00:00Z", 951825600},
        {"2026-11-21T09:30:00Z", 1795253400},
        {"2038-01-19T03:14:08Z", 2147483648},
        {"2049-12-31T23:59:59Z", 2524607999},
        {"9999-12-31T23:59:59Z", 253402300799},
        {"0000-01-01T00:00:00Z", -62167219200},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        char text[CLOCK_TEXT_SIZE];
        int64_t t;

        clock_format(known[i].t, text);
        assert_string_equal(text, known[i].text);
        assert_int_equal(clock_parse(known[i].text, &t), 0);
        assert_true(t == known[i].t);
    }
}

static void every_day_of_four_centuries_goes_there_and_back(void **state)
{
    char before[CLOCK_TEXT_SIZE] = "";

    (void)state;
    for (int64_t day = 0; day < 146097; day++) {
        char text[CLOCK_TEXT_SIZE];
        int64_t t;

        clock_format(day * 86400 + 86399, text);
        assert_int_equal(clock_parse(text, &t), 0);
        assert_true(t == day * 86400 + 86399);
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof(before));
    }
}

static void a_date_alone_is_its_midnight(void **state)
{
    int64_t t;

    (void)state;
    assert_int_equal(clock_parse("2026-11-21", &t), 0);
    assert_true(t == 1795219200);
}

static void what_is_no_date_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-21T09:30:00",
        "2026-11-21T09:30:00z",
        "2026-11-21 09:30:00Z",
        "2026-11-21T09:30:00+00:00",
        "2026-11-21T09:30:00Zx",
        "2026-11-21T24:00:00Z",
        "2026-11-21T09:60:00Z",
        "2026-11-21T09:30:60Z",
        "2026-13-01",
        "2026-00-01",
        "2026-04-31",
        "2026-01-00",
        "2026-02-29",
        "1900-02-29",
        "2026-11-2x",
    };
    int64_t t;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(clock_parse(bad[i], &t), -1);
}

static void times_past_the_calendar_are_held_at_its_end(void **state)
{
    char text[CLOCK_TEXT_SIZE];

    (void)state;
    clock_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
    clock_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00Z");
}

static void spans_have_one_number_and_one_unit(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } known[] = {
        {"90d", 7776000}, {"12h", 43200},  {"30m", 1800},
        {"45s", 45},      {"2w", 1209600}, {"1y", 31536000},
    };
    int64_t seconds;

    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        assert_int_equal(clock_parse_span(known[i].text, &seconds), 0);
        assert_true(seconds == known[i].seconds);
    }
}

static void what_is_no_span_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "90",
        "d",
        "0d",
        "-1d",
        "+1d",
        " 1d",
        "1 d",
        "1d ",
        "1dd",
        "1d1h",
        "1.5d",
        "90D",
        "1x",
        "999999999999999999y",
        "18446744073709551617s",
    };
    int64_t seconds;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        seconds = 1;
        assert_int_equal(clock_parse_span(bad[i], &seconds), -1);
        assert_true(seconds == 0);
    }
}

static void spans_are_written_exactly(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } known[] = {
        {7776000, "90d"}, {129600, "36h"},  {90, "90s"}, {1209600, "2w"},
        {5400, "90m"},    {63072000, "2y"}, {0, "0s"},   {INT64_MAX, "9223372036854775807s"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        char text[CLOCK_TEXT_SIZE];

        clock_format_span(known[i].seconds, text);
        assert_string_equal(text, known[i].text);
    }
}

static void a_test_build_may_move_the_clock(void **state)
{
    int64_t now = clock_now();
    uint64_t ticks = clock_ticks();
    int64_t later;
    uint64_t ticks_later;

    (void)state;
    assert_int_equal(setenv("CERCA_TEST_CLOCK_OFFSET", "1000", 1), 0);
    later = clock_now();
    ticks_later = clock_ticks();
    assert_int_equal(unsetenv("CERCA_TEST_CLOCK_OFFSET"), 0);
    assert_in_range(later - now, 1000, 1060);
    assert_in_range(ticks_later - ticks, 1000 * CLOCK_TICKS_PER_SECOND,
                    1060 * CLOCK_TICKS_PER_SECOND);
}

static void ticks_and_seconds_agree_and_monotonic_time_does_not_go_back(void **state)
{
    int64_t now = clock_now();
    uint64_t mono = clock_mono_us();

    (void)state;
    assert_in_range((int64_t)(clock_ticks() / CLOCK_TICKS_PER_SECOND) - now, 0, 60);
    assert_true(clock_mono_us() >= mono);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_go_there_and_back),
        cmocka_unit_test(every_day_of_four_centuries_goes_there_and_back),
        cmocka_unit_test(a_date_alone_is_its_midnight),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(times_past_the_calendar_are_held_at_its_end),
        cmocka_unit_test(spans_have_one_number_and_one_unit),
        cmocka_unit_test(what_is_no_span_is_refused),
        cmocka_unit_test(spans_are_written_exactly),
        cmocka_unit_test(a_test_build_may_move_the_clock),
        cmocka_unit_test(ticks_and_seconds_agree_and_monotonic_time_does_not_go_back),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
