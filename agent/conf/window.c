#include "agent/conf/window.h"

#include <stdio.h>
#include <string.h>

#define MINUTE 60
#define DAY_MINUTES 1440
#define DAY ((int64_t)86400)
#define ALL_DAYS 0x7f

static int bad(struct fault *f)
{
    return fault_set(f, FAULT_CONFIG, "conf.value",
                     "must be a window such as \"sat 02:00-04:00\", \"mon-fri 22:00-04:00\" or "
                     "\"02:00-04:00\", in UTC");
}

static int day_of(const char *text)
{
    static const char names[] = "montuewedthufrisatsun";

    for (int i = 0; i < 7; i++)
        if (strncmp(text, names + 3 * (size_t)i, 3) == 0)
            return i;
    return -1;
}

/* "sat " or "mon-fri "; sets *rest behind it. */
static int read_days(const char *text, uint8_t *days, const char **rest)
{
    int from = day_of(text), till = from;

    if (from < 0)
        return -1;
    text += 3;
    if (*text == '-') {
        till = day_of(text + 1);
        text += 4;
    }
    if (till < 0 || *text != ' ')
        return -1;
    *days = 0;
    for (int d = from;; d = (d + 1) % 7) {
        *days = (uint8_t)(*days | 1U << d);
        if (d == till)
            break;
    }
    *rest = text + 1;
    return 0;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "02:00", 24:00 as the end of a day. */
static int read_minutes(const char *text, uint16_t *out)
{
    unsigned hours, minutes;

    if (strnlen(text, 5) < 5 || !digit(text[0]) || !digit(text[1]) || text[2] != ':' ||
        !digit(text[3]) || !digit(text[4]))
        return -1;
    hours = 10U * (unsigned)(text[0] - '0') + (unsigned)(text[1] - '0');
    minutes = 10U * (unsigned)(text[3] - '0') + (unsigned)(text[4] - '0');
    if (minutes > 59 || hours * 60 + minutes > DAY_MINUTES)
        return -1;
    *out = (uint16_t)(hours * 60 + minutes);
    return 0;
}

int window_parse(const char *text, struct window *out, struct fault *f)
{
    const char *times = text;

    *out = (struct window){.days = ALL_DAYS};
    if (!digit(text[0]) && read_days(text, &out->days, &times) != 0)
        return bad(f);
    if (strlen(times) != 11 || times[5] != '-' || read_minutes(times, &out->from) != 0 ||
        read_minutes(times + 6, &out->till) != 0 || out->from == DAY_MINUTES ||
        out->from == out->till)
        return bad(f);
    return 0;
}

/* 1970-01-01 was a Thursday. */
static int weekday(int64_t day)
{
    return (int)((day + 3) % 7);
}

/* The earliest time from t on in this one; it opens at most a week later. */
static int64_t next_of(const struct window *w, int64_t t)
{
    int64_t today = t / DAY;

    for (int64_t day = today - 1; day <= today + 7; day++) {
        int64_t opens = day * DAY + (int64_t)w->from * MINUTE;
        int64_t closes = day * DAY + (int64_t)w->till * MINUTE + (w->till <= w->from ? DAY : 0);

        if ((w->days & 1U << weekday(day)) == 0 || closes <= t)
            continue;
        return opens > t ? opens : t;
    }
    return t;
}

int64_t window_next(const struct window *w, size_t n, int64_t t)
{
    int64_t best = n == 0 ? t : INT64_MAX;

    for (size_t i = 0; i < n; i++) {
        int64_t next = next_of(&w[i], t);

        if (next < best)
            best = next;
    }
    return best;
}
