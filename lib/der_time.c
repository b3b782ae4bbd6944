/* UTCTime and GeneralizedTime in the one form that RFC 5280 4.1.2.5 allows. */
#include "lib/der.h"

#define SECONDS_PER_DAY 86400
#define YEAR_0 INT64_C(-62167219200) /* what four digits can say, in seconds since 1970 */
#define YEAR_10000 INT64_C(253402300800)

/* Days since 1970-01-01 in the proleptic Gregorian calendar. Years are counted from
 * March, so that the leap day is the last of its year. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

/* Small numbers: lists of a million dates are written with this. Counted from 400 years before the
 * year 0, so that nothing is negative. */
static void civil_from_days(int64_t days, uint32_t *year, uint32_t *month, uint32_t *day)
{
    uint32_t z = (uint32_t)(days + 719468 + 146097);
    uint32_t era = z / 146097, doe = z % 146097;
    uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint32_t shifted = (5 * doy + 2) / 153;

    *day = doy - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = yoe + era * 400 + (*month <= 2 ? 1 : 0) - 400;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int64_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static int64_t two_digits(const uint8_t *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

/* MMDDHHMMSS, digits already checked. */
static int rest_of_time(int64_t year, const uint8_t *p, int64_t *out)
{
    int64_t month = two_digits(p), day = two_digits(p + 2);
    int64_t hour = two_digits(p + 4), minute = two_digits(p + 6), second = two_digits(p + 8);

    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
        minute > 59 || second > 59)
        return -1;
    *out = days_from_civil(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    return 0;
}

static bool digits_and_z(struct slice v, size_t n)
{
    if (v.n != n || v.p[n - 1] != 'Z')
        return false;
    for (size_t i = 0; i + 1 < n; i++)
        if (v.p[i] < '0' || v.p[i] > '9')
            return false;
    return true;
}

int der_get_time(struct slice *in, int64_t *out)
{
    struct slice at = *in, v;
    uint8_t tag;
    int64_t year;

    *out = 0;
    if (der_get_any(&at, &tag, &v, NULL) < 0)
        return -1;
    if (tag == DER_UTC_TIME && digits_and_z(v, 13)) {
        year = two_digits(v.p);
        year += year >= 50 ? 1900 : 2000; /* RFC 5280 4.1.2.5.1 */
        if (rest_of_time(year, v.p + 2, out) < 0)
            return -1;
    } else if (tag == DER_GENERALIZED_TIME && digits_and_z(v, 15)) {
        year = two_digits(v.p) * 100 + two_digits(v.p + 2);
        if (rest_of_time(year, v.p + 4, out) < 0)
            return -1;
    } else {
        return -1;
    }
    *in = at;
    return 0;
}

/* Takes two digits; -1 when there are none. */
static int64_t take_two(struct slice *in)
{
    int64_t v;

    if (in->n < 2 || in->p[0] < '0' || in->p[0] > '9' || in->p[1] < '0' || in->p[1] > '9')
        return -1;
    v = two_digits(in->p);
    *in = slice_of(in->p + 2, in->n - 2);
    return v;
}

static bool digit_next(struct slice in)
{
    return in.n > 0 && in.p[0] >= '0' && in.p[0] <= '9';
}

/* X.680 46.3 b: a fraction of what was said last; only that of seconds is known here. */
static void skip_fraction(struct slice *in)
{
    if (in->n < 2 || (in->p[0] != '.' && in->p[0] != ',') || !digit_next(slice_of(in->p + 1, 1)))
        return;
    *in = slice_of(in->p + 1, in->n - 1);
    while (digit_next(*in))
        *in = slice_of(in->p + 1, in->n - 1);
}

/* Z, +hhmm, -hhmm, +hh, or nothing; the seconds by which local time is ahead. */
static int take_zone(struct slice *in, int64_t *ahead)
{
    int64_t hour, minute = 0, sign;

    *ahead = 0;
    if (der_end(*in))
        return 0;
    sign = in->p[0] == '-' ? -1 : 1;
    if (in->p[0] != 'Z' && in->p[0] != '+' && in->p[0] != '-')
        return -1;
    hour = in->p[0] == 'Z';
    *in = slice_of(in->p + 1, in->n - 1);
    if (hour == 1)
        return der_end(*in) ? 0 : -1;
    hour = take_two(in);
    if (hour >= 0 && !der_end(*in))
        minute = take_two(in);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || !der_end(*in))
        return -1;
    *ahead = sign * (hour * 3600 + minute * 60);
    return 0;
}

/* Behind the year. */
static int any_rest_of_time(int64_t year, struct slice v, int64_t *out)
{
    uint8_t text[10];
    int64_t ahead, part;

    for (size_t i = 0; i < 5; i++) {
        bool may_end = i >= 3; /* minutes and seconds */

        part = may_end && !digit_next(v) ? 0 : take_two(&v);
        if (part < 0)
            return -1;
        text[2 * i] = (uint8_t)('0' + part / 10);
        text[2 * i + 1] = (uint8_t)('0' + part % 10);
    }
    skip_fraction(&v);
    if (take_zone(&v, &ahead) < 0 || rest_of_time(year, text, out) < 0)
        return -1;
    *out -= ahead;
    return 0;
}

int der_get_any_time(struct slice *in, int64_t *out, bool *odd)
{
    struct slice at = *in, v;
    int64_t year, low;
    uint8_t tag;

    *odd = false;
    if (der_get_time(in, out) == 0)
        return 0;
    *odd = true;
    if (der_get_any(&at, &tag, &v, NULL) < 0 ||
        (tag != DER_UTC_TIME && tag != DER_GENERALIZED_TIME))
        return -1;
    year = take_two(&v);
    low = tag == DER_GENERALIZED_TIME ? take_two(&v) : 0;
    if (year < 0 || low < 0)
        return -1;
    if (tag == DER_GENERALIZED_TIME)
        year = year * 100 + low;
    else
        year += year >= 50 ? 1900 : 2000;
    if (any_rest_of_time(year, v, out) < 0)
        return -1;
    *in = at;
    return 0;
}

static void write_two(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)('0' + v / 10);
    p[1] = (uint8_t)('0' + v % 10);
}

static uint8_t *write_rest(uint8_t *p, uint32_t month, uint32_t day, uint32_t seconds)
{
    uint32_t minutes = seconds / 60;

    write_two(p, month);
    write_two(p + 2, day);
    write_two(p + 4, minutes / 60);
    write_two(p + 6, minutes % 60);
    write_two(p + 8, seconds % 60);
    p[10] = 'Z';
    return p + 11;
}

static size_t write_time(int64_t t, bool may_be_utc, uint8_t out[DER_TIME_MAX])
{
    uint32_t year, month, day;
    int64_t days, seconds;
    bool utc;

    if (t < YEAR_0 || t >= YEAR_10000)
        return 0;
    days = (t - YEAR_0) / SECONDS_PER_DAY;
    seconds = (t - YEAR_0) % SECONDS_PER_DAY;
    civil_from_days(days + YEAR_0 / SECONDS_PER_DAY, &year, &month, &day);
    utc = may_be_utc && year >= 1950 && year < 2050;
    out[0] = utc ? DER_UTC_TIME : DER_GENERALIZED_TIME;
    out[1] = utc ? 13 : 15;
    if (!utc)
        write_two(out + 2, year / 100);
    write_two(out + (utc ? 2 : 4), year % 100);
    return (size_t)(write_rest(out + (utc ? 4 : 6), month, day, (uint32_t)seconds) - out);
}

static void put_time(struct buf *b, int64_t t, bool may_be_utc)
{
    uint8_t element[DER_TIME_MAX];
    size_t n = write_time(t, may_be_utc, element);

    if (n > 0)
        buf_put(b, element, n);
    else
        b->failed = true;
}

size_t der_time_write(int64_t t, uint8_t out[DER_TIME_MAX])
{
    return write_time(t, true, out);
}

void der_put_time(struct buf *b, int64_t t)
{
    put_time(b, t, true);
}

size_t der_generalized_time_write(int64_t t, uint8_t out[DER_TIME_MAX])
{
    return write_time(t, false, out);
}

void der_put_generalized_time(struct buf *b, int64_t t)
{
    put_time(b, t, false);
}
