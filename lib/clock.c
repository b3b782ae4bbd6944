#include "lib/clock.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400
#define YEAR_9999_END INT64_C(253402300799)
#define YEAR_0_START INT64_C(-62167219200)

/* No gmtime_r here: glibc reads /etc/localtime at its first call, and the
 * first log line of a jailed program would be refused that file. */

#ifdef CERCA_TEST_HOOKS
static const char *offset_file; /* mapped: OFFSET_FILE octets */
#define OFFSET_FILE 32

/* Before the program jails itself and has threads. */
__attribute__((constructor)) static void map_offset_file(void)
{
    const char *text = getenv("CERCA_TEST_CLOCK_OFFSET");
    int fd = text != NULL && text[0] == '@' ? open(text + 1, O_RDONLY | O_CLOEXEC) : -1;
    void *p = fd >= 0 ? mmap(NULL, OFFSET_FILE, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (p != MAP_FAILED)
        offset_file = p;
    if (fd >= 0)
        (void)close(fd);
}
#endif

static int64_t test_offset(void)
{
#ifdef CERCA_TEST_HOOKS
    const char *text = getenv("CERCA_TEST_CLOCK_OFFSET");

    if (offset_file != NULL)
        return strtoll(offset_file, NULL, 10);
    return text == NULL ? 0 : strtoll(text, NULL, 10);
#else
    return 0;
#endif
}

int64_t clock_now(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec + test_offset();
}

int64_t clock_system(int64_t t)
{
    return t - test_offset();
}

uint64_t clock_ticks(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)((int64_t)ts.tv_sec + test_offset()) * CLOCK_TICKS_PER_SECOND +
           (uint64_t)ts.tv_nsec / (1000000000 / CLOCK_TICKS_PER_SECOND);
}

uint64_t clock_boot_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_mono_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_coarse_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar, counted
 * in years that begin in March, so that the leap day is the last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * m + 2) / 5 + day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t m = (5 * doy + 2) / 153;

    *day = doy - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = yoe + era * 400 + (*month <= 2 ? 1 : 0);
}

static void put_digits(char *at, unsigned n, int64_t v)
{
    while (n-- > 0) {
        at[n] = (char)('0' + v % 10);
        v /= 10;
    }
}

void clock_format(int64_t t, char out[CLOCK_TEXT_SIZE])
{
    int64_t year;
    int64_t month;
    int64_t day;
    int64_t days;
    int64_t s;

    if (t > YEAR_9999_END)
        t = YEAR_9999_END;
    if (t < YEAR_0_START)
        t = YEAR_0_START;
    days = (t >= 0 ? t : t - (DAY - 1)) / DAY;
    s = t - days * DAY;
    date_of(days, &year, &month, &day);
    /* Not printf: each answer over HTTP has three times in it. */
    memcpy(out, "0000-00-00T00:00:00Z", sizeof("0000-00-00T00:00:00Z"));
    put_digits(out, 4, year);
    put_digits(out + 5, 2, month);
    put_digits(out + 8, 2, day);
    put_digits(out + 11, 2, s / 3600);
    put_digits(out + 14, 2, s / 60 % 60);
    put_digits(out + 17, 2, s % 60);
}

/* `pattern` has a 0 for each digit and itself for everything else. */
static bool has_shape(const char *text, const char *pattern)
{
    for (; *pattern != 0; text++, pattern++) {
        bool digit = *text >= '0' && *text <= '9';

        if (*pattern == '0' ? !digit : *text != *pattern)
            return false;
    }
    return *text == 0;
}

static int64_t digits(const char *text, size_t n)
{
    int64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v * 10 + (text[i] - '0');
    return v;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    int64_t next = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);

    return next - days_of(year, month, 1);
}

int clock_parse(const char *text, int64_t *out)
{
    bool with_time = has_shape(text, "0000-00-00T00:00:00Z");
    int64_t date[3];
    int64_t time_of_day[3] = {0, 0, 0};

    *out = 0;
    if (!with_time && !has_shape(text, "0000-00-00"))
        return -1;
    date[0] = digits(text, 4);
    date[1] = digits(text + 5, 2);
    date[2] = digits(text + 8, 2);
    if (with_time) {
        time_of_day[0] = digits(text + 11, 2);
        time_of_day[1] = digits(text + 14, 2);
        time_of_day[2] = digits(text + 17, 2);
    }
    if (date[1] < 1 || date[1] > 12 || date[2] < 1 || date[2] > days_in_month(date[0], date[1]) ||
        time_of_day[0] > 23 || time_of_day[1] > 59 || time_of_day[2] > 59)
        return -1;
    *out = days_of(date[0], date[1], date[2]) * DAY + time_of_day[0] * 3600 + time_of_day[1] * 60 +
           time_of_day[2];
    return 0;
}

static const struct unit {
    char letter;
    int64_t seconds;
} units[] = {
    {'y', INT64_C(365) * DAY},
    {'w', INT64_C(7) * DAY},
    {'d', DAY},
    {'h', 3600},
    {'m', 60},
    {'s', 1},
};

#define N_UNITS (sizeof(units) / sizeof(units[0]))

static int64_t unit_seconds(char letter)
{
    for (size_t i = 0; i < N_UNITS; i++) {
        if (units[i].letter == letter)
            return units[i].seconds;
    }
    return 0;
}

int clock_parse_span(const char *text, int64_t *seconds)
{
    size_t n = strspn(text, "0123456789");
    int64_t unit;
    int64_t v;

    *seconds = 0;
    if (n == 0 || n > 18 || text[n] == 0 || text[n + 1] != 0)
        return -1;
    unit = unit_seconds(text[n]);
    v = digits(text, n);
    if (unit == 0 || v == 0 || v > INT64_MAX / unit)
        return -1;
    *seconds = v * unit;
    return 0;
}

void clock_format_span(int64_t seconds, char out[CLOCK_TEXT_SIZE])
{
    size_t i = 0;

    while (i + 1 < N_UNITS && seconds % units[i].seconds != 0)
        i++;
    if (seconds == 0)
        i = N_UNITS - 1;
    (void)snprintf(out, CLOCK_TEXT_SIZE, "%lld%c", (long long)(seconds / units[i].seconds),
                   units[i].letter);
}
