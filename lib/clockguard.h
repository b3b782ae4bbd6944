/*
 * Is the clock right? Times in certificates and serials come from it, and one serial of the future
 * would stand in the way until then. Nobody can ask a clock, but it can be held against the newest
 * commit and against the time since boot, which nobody sets.
 *
 * While it is in doubt issuing stops, rule "clock.behind", "clock.jumped" or "clock.away", and the
 * time of the newest commit stays where it is, so that all goes on by itself once the clock is
 * right again. When it is right as it is, an operator accepts it.
 */
#ifndef LIB_CLOCKGUARD_H
#define LIB_CLOCKGUARD_H

#include <stdatomic.h>

#include "lib/fault.h"

#define CLOCK_SLACK 60     /* seconds behind the newest commit: small corrections by NTP */
#define CLOCK_JUMP 3600    /* ahead of the time since boot: NTP steps less than this */
#define CLOCK_AWAY 2592000 /* ahead of the newest commit when the program starts: 30 days */

struct clock_guard {
    _Atomic int64_t
        newest; /* time of the newest commit with a clock that was not in doubt; 0: none */
    /* When the machine was booted, by the clock as it was first found right: seconds. */
    _Atomic int64_t boot;
};

/* `newest`: as recorded. */
void clock_guard_init(struct clock_guard *g, int64_t newest);
/* 0, or FAULT_UNAVAILABLE with the rule. Any thread. */
int clock_guard_check(struct clock_guard *g, struct fault *f) WARN_UNUSED;
/* The time that a commit records as that of the newest. */
int64_t clock_guard_commit(struct clock_guard *g);
/* The clock is right as it is. */
void clock_guard_accept(struct clock_guard *g);

#endif
