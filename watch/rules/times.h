/*
 * When what is told: the times of the configuration's section "alerts", read once into numbers, and
 * the arithmetic on them. Pure; all times are seconds, spans too. Threads: any.
 */
#ifndef WATCH_RULES_TIMES_H
#define WATCH_RULES_TIMES_H

#include "lib/conf.h"
#include "lib/notice.h"

#define WATCH_THRESHOLDS_MAX 16
/* The bit of "it has ended", behind those of the thresholds. */
#define WATCH_ENDED (1u << WATCH_THRESHOLDS_MAX)

struct watch_times {
    size_t n_days;
    int64_t days[WATCH_THRESHOLDS_MAX]; /* before the end, the longest first */
    size_t n_fractions;
    unsigned fraction[WATCH_THRESHOLDS_MAX]; /* percent of the life that is left, likewise */
    int64_t short_life;                      /* a shorter life goes by fractions */
    int64_t least_life;                      /* a shorter one is not told of */
    int64_t forget;                          /* after its end nobody is told any more */
    unsigned opens, late;                    /* percent of the life that is over */
    int64_t repeat, repeat_critical;         /* while nobody acknowledges; 0: never */
    int64_t team, security;                  /* escalation, since it was raised; 0: never */
    int64_t team_critical, security_critical;
    int64_t quiet_from, quiet_until; /* seconds of the day, UTC; equal: none */
    int64_t digest_at;               /* second of the day; -1: none */
};
void watch_times_read(const struct conf *c, struct watch_times *out);

/* A life and its thresholds. */
struct watch_life {
    int64_t not_before, not_after;
};
/* When renewing begins to be due, and when it is late. */
int64_t watch_opens(const struct watch_times *t, const struct watch_life *l);
int64_t watch_late(const struct watch_times *t, const struct watch_life *l);
/* The thresholds that are passed at `now`, a bit each in the order of the list, and WATCH_ENDED. 0
 * for a life that is not told of. */
uint32_t watch_passed(const struct watch_times *t, const struct watch_life *l, int64_t now);
/* The first moment behind `now` at which watch_passed, due, late or the forgetting change;
 * INT64_MAX: none. */
int64_t watch_next(const struct watch_times *t, const struct watch_life *l, int64_t now);
/* How bad it is that `passed` are: the last two thresholds and the end are critical; one that comes
 * before the renewal is late is only worth knowing. */
enum severity watch_expiry_severity(const struct watch_times *t, const struct watch_life *l,
                                    uint32_t passed);
/* The nearest of the thresholds: "14 days before the end", "25% of its life are left", "ended". */
void watch_passed_text(const struct watch_times *t, const struct watch_life *l, uint32_t passed,
                       char out[64]);

/* Is it a quiet hour? Then *until is its end. */
bool watch_quiet(const struct watch_times *t, int64_t now, int64_t *until);
/* The last time of a digest that is not behind `now`: the same number until the next one is due. 0:
 * there is none. */
int64_t watch_digest_slot(const struct watch_times *t, int64_t now);

#endif
