#include "watch/rules/times.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"

#define DAY INT64_C(86400)
#define HOUR INT64_C(3600)

/* The thresholds of one life. */
struct scale {
    size_t n;
    int64_t at[WATCH_THRESHOLDS_MAX]; /* in order of time */
};

/* Longest first, equal ones once: a threshold's bit is its place. */
static int longer_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x < y) - (x > y);
}

static size_t in_order(int64_t *v, size_t n)
{
    size_t kept = 0;

    qsort(v, n, sizeof(v[0]), longer_first);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || v[kept - 1] != v[i])
            v[kept++] = v[i];
    return kept;
}

static size_t few(size_t n)
{
    return n < WATCH_THRESHOLDS_MAX ? n : WATCH_THRESHOLDS_MAX;
}

/* The configuration was checked: every text is what it should be. */
static void read_thresholds(const struct conf *c, struct watch_times *out)
{
    int64_t percent[WATCH_THRESHOLDS_MAX] = {0};

    out->n_days = few(c->n_alert_days);
    for (size_t i = 0; i < out->n_days; i++)
        (void)!clock_parse_span(c->alert_days[i], &out->days[i]);
    out->n_days = in_order(out->days, out->n_days);
    out->n_fractions = few(c->n_alert_fractions);
    for (size_t i = 0; i < out->n_fractions; i++)
        percent[i] = strtol(c->alert_fractions[i], NULL, 10);
    out->n_fractions = in_order(percent, out->n_fractions);
    for (size_t i = 0; i < out->n_fractions; i++)
        out->fraction[i] = (unsigned)percent[i];
}

/* "06:30"; "" is -1. */
static int64_t second_of_day(const char *text)
{
    if (text[0] == '\0')
        return -1;
    return strtol(text, NULL, 10) * HOUR + strtol(text + 3, NULL, 10) * 60;
}

void watch_times_read(const struct conf *c, struct watch_times *out)
{
    *out = (struct watch_times){
        .short_life = c->alert_short_life,
        .least_life = c->alert_least_life,
        .forget = c->alert_forget,
        .opens = c->renewal_opens,
        .late = c->renewal_late,
        .repeat = c->alert_repeat,
        .repeat_critical = c->alert_repeat_critical,
        .team = c->alert_team_after,
        .security = c->alert_security_after,
        .team_critical = c->alert_team_after_critical,
        .security_critical = c->alert_security_after_critical,
        .quiet_from = second_of_day(c->alert_quiet_from),
        .quiet_until = second_of_day(c->alert_quiet_until),
        .digest_at = second_of_day(c->alert_digest_at),
    };
    if (out->quiet_from < 0 || out->quiet_until < 0)
        out->quiet_from = out->quiet_until = 0;
    read_thresholds(c, out);
}

/* ---- one life ---- */

static int64_t life_of(const struct watch_life *l)
{
    return l->not_after > l->not_before ? l->not_after - l->not_before : 0;
}

/* Without a product that overflows: a life may end in the year 9999. */
static int64_t share(int64_t life, unsigned percent)
{
    return life / 100 * percent + life % 100 * percent / 100;
}

int64_t watch_opens(const struct watch_times *t, const struct watch_life *l)
{
    return l->not_before + share(life_of(l), t->opens);
}

int64_t watch_late(const struct watch_times *t, const struct watch_life *l)
{
    return l->not_before + share(life_of(l), t->late);
}

static bool told_of(const struct watch_times *t, const struct watch_life *l)
{
    return life_of(l) >= t->least_life;
}

static void scale_of(const struct watch_times *t, const struct watch_life *l, struct scale *out)
{
    int64_t life = life_of(l);
    bool fractions = life < t->short_life;

    out->n = fractions ? t->n_fractions : t->n_days;
    for (size_t i = 0; i < out->n; i++)
        out->at[i] = l->not_after - (fractions ? share(life, t->fraction[i]) : t->days[i]);
}

uint32_t watch_passed(const struct watch_times *t, const struct watch_life *l, int64_t now)
{
    struct scale s;
    uint32_t passed = 0;

    if (!told_of(t, l))
        return 0;
    scale_of(t, l, &s);
    for (size_t i = 0; i < s.n; i++)
        if (now >= s.at[i])
            passed |= 1u << i;
    if (now >= l->not_after)
        passed |= WATCH_ENDED;
    return passed;
}

static void sooner(int64_t *next, int64_t now, int64_t at)
{
    if (at > now && at < *next)
        *next = at;
}

int64_t watch_next(const struct watch_times *t, const struct watch_life *l, int64_t now)
{
    int64_t next = INT64_MAX;
    struct scale s;

    scale_of(t, l, &s);
    for (size_t i = 0; told_of(t, l) && i < s.n; i++)
        sooner(&next, now, s.at[i]);
    sooner(&next, now, watch_opens(t, l));
    sooner(&next, now, watch_late(t, l));
    sooner(&next, now, l->not_after);
    sooner(&next, now, l->not_after + t->forget);
    return next;
}

/* The nearest threshold of a set; -1: none of the list. */
static int nearest(uint32_t passed)
{
    int i = WATCH_THRESHOLDS_MAX - 1;

    while (i >= 0 && (passed & 1u << i) == 0)
        i--;
    return i;
}

enum severity watch_expiry_severity(const struct watch_times *t, const struct watch_life *l,
                                    uint32_t passed)
{
    struct scale s;
    int i = nearest(passed);

    scale_of(t, l, &s);
    if ((passed & WATCH_ENDED) != 0 || (s.n >= 2 && i >= (int)s.n - 2))
        return SEVERITY_CRITICAL;
    return i < 0 || s.at[i] < watch_late(t, l) ? SEVERITY_INFO : SEVERITY_WARNING;
}

void watch_passed_text(const struct watch_times *t, const struct watch_life *l, uint32_t passed,
                       char out[64])
{
    char span[CLOCK_TEXT_SIZE];
    int i = nearest(passed);

    if ((passed & WATCH_ENDED) != 0) {
        (void)snprintf(out, 64, "ended");
    } else if (i < 0) {
        out[0] = '\0';
    } else if (life_of(l) < t->short_life) {
        (void)snprintf(out, 64, "%u%% of its life are left", t->fraction[i]);
    } else {
        clock_format_span(t->days[i], span);
        (void)snprintf(out, 64, "less than %.30s before its end", span);
    }
}

/* ---- the clock ---- */

static int64_t day_of(int64_t now)
{
    return (now >= 0 ? now : now - (DAY - 1)) / DAY;
}

bool watch_quiet(const struct watch_times *t, int64_t now, int64_t *until)
{
    int64_t midnight = day_of(now) * DAY, second = now - midnight;
    bool over_night = t->quiet_from > t->quiet_until;

    *until = 0;
    if (t->quiet_from == t->quiet_until)
        return false;
    if (over_night ? second < t->quiet_from && second >= t->quiet_until
                   : second < t->quiet_from || second >= t->quiet_until)
        return false;
    *until = midnight + t->quiet_until + (over_night && second >= t->quiet_from ? DAY : 0);
    return true;
}

int64_t watch_digest_slot(const struct watch_times *t, int64_t now)
{
    int64_t today = day_of(now) * DAY + t->digest_at;

    if (t->digest_at < 0)
        return 0;
    return now >= today ? today : today - DAY;
}
