#include "lib/http.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"

#define DAY 86400

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};

void http_date_put(int64_t t, char out[HTTP_DATE_SIZE])
{
    char c[CLOCK_TEXT_SIZE]; /* 1994-11-06T08:49:37Z */
    size_t weekday = (size_t)(((t / DAY + 4) % 7 + 7) % 7), month;

    clock_format(t, c);
    month = (size_t)(c[5] - '0') * 10 + (size_t)(c[6] - '0') - 1;
    memcpy(out, "Sun, 06 Nov 1994 08:49:37 GMT", HTTP_DATE_SIZE);
    memcpy(out, days[weekday], 3);
    memcpy(out + 5, c + 8, 2);
    memcpy(out + 8, months + 3 * month, 3);
    memcpy(out + 12, c, 4);
    memcpy(out + 17, c + 11, 8);
}

/* Takes `want` digits off the text; a blank stands for the first one in asctime's form. */
static int digits(const char **s, unsigned want, bool blank, unsigned *out)
{
    *out = 0;
    for (unsigned i = 0; i < want; i++, (*s)++) {
        if (i == 0 && blank && **s == ' ')
            continue;
        if (**s < '0' || **s > '9')
            return -1;
        *out = *out * 10 + (unsigned)(**s - '0');
    }
    return 0;
}

static int word(const char **s, const char *text)
{
    size_t n = strlen(text);

    if (strncmp(*s, text, n) != 0)
        return -1;
    *s += n;
    return 0;
}

static int month(const char **s, unsigned *out)
{
    for (unsigned i = 0; i < 12; i++)
        if (strncmp(*s, months + (size_t)3 * i, 3) == 0) {
            *out = i + 1;
            *s += 3;
            return 0;
        }
    return -1;
}

static int clock_time(const char **s, char out[9])
{
    unsigned part;

    for (unsigned i = 0; i < 3; i++) {
        if (i > 0 && word(s, ":") != 0)
            return -1;
        if (digits(s, 2, false, &part) != 0)
            return -1;
        (void)snprintf(out + (size_t)3 * i, 4, "%02u%s", part % 100, i < 2 ? ":" : "");
    }
    return 0;
}

/* A year of two digits that seems to be over fifty years ahead was in the last century. */
static unsigned full_year(unsigned two, int64_t now)
{
    unsigned this_year = 1970 + (unsigned)(now / (365 * DAY + DAY / 4));
    unsigned year = this_year - this_year % 100 + two;

    return year > this_year + 50 ? year - 100 : year;
}

struct parts {
    unsigned day, month, year;
    char clock[9];
};

/* "06 Nov 1994 08:49:37 GMT" */
static int get_fixed(const char **s, struct parts *p)
{
    return digits(s, 2, false, &p->day) != 0 || word(s, " ") != 0 || month(s, &p->month) != 0 ||
                   word(s, " ") != 0 || digits(s, 4, false, &p->year) != 0 || word(s, " ") != 0 ||
                   clock_time(s, p->clock) != 0 || word(s, " GMT") != 0
               ? -1
               : 0;
}

/* "06-Nov-94 08:49:37 GMT" */
static int get_rfc850(const char **s, int64_t now, struct parts *p)
{
    if (digits(s, 2, false, &p->day) != 0 || word(s, "-") != 0 || month(s, &p->month) != 0 ||
        word(s, "-") != 0 || digits(s, 2, false, &p->year) != 0 || word(s, " ") != 0 ||
        clock_time(s, p->clock) != 0 || word(s, " GMT") != 0)
        return -1;
    p->year = full_year(p->year, now);
    return 0;
}

/* "Nov  6 08:49:37 1994" */
static int get_asctime(const char **s, struct parts *p)
{
    return month(s, &p->month) != 0 || word(s, " ") != 0 || digits(s, 2, true, &p->day) != 0 ||
                   word(s, " ") != 0 || clock_time(s, p->clock) != 0 || word(s, " ") != 0 ||
                   digits(s, 4, false, &p->year) != 0
               ? -1
               : 0;
}

static int get_parts(const char *s, int64_t now, struct parts *p)
{
    char three[4];
    int rc = -1;

    for (size_t i = 0; i < 7 && rc != 0; i++) {
        const char *at = s;

        (void)snprintf(three, sizeof three, "%.3s", days[i]);
        if (word(&at, days[i]) == 0 && word(&at, ", ") == 0)
            rc = get_rfc850(&at, now, p);
        else if (at = s, word(&at, three) == 0)
            rc = word(&at, ", ") == 0  ? get_fixed(&at, p)
                 : word(&at, " ") == 0 ? get_asctime(&at, p)
                                       : -1;
        if (rc == 0 && *at != '\0')
            return -1;
    }
    return rc;
}

int http_date_get(const char *text, int64_t now, int64_t *out)
{
    char c[48];
    struct parts p;

    *out = 0;
    if (get_parts(text, now, &p) != 0)
        return -1;
    (void)snprintf(c, sizeof c, "%04u-%02u-%02uT%sZ", p.year, p.month, p.day, p.clock);
    return clock_parse(c, out);
}
