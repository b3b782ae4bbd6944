/*
 * How an identity stands: what must keep working, by the newest of its certificates. Pure. Threads:
 * any.
 */
#ifndef WATCH_RULES_LINE_H
#define WATCH_RULES_LINE_H

#include "watch/rules/times.h"

enum line_state {
    LINE_OK = 1,
    LINE_RENEWED, /* it was followed by another, and still lasts itself */
    LINE_DUE,     /* its renewal has begun to be due */
    LINE_OVERDUE, /* it is late, or over */
    LINE_STUCK,   /* due, and something stands in the way; or a renewal was refused */
    LINE_RETIRED, /* nobody wants it to go on */
    LINE_ENDED,   /* over for so long that it is given up */
};
const char *line_state_word(enum line_state s);

/* Who renews. */
enum line_method { LINE_UNKNOWN = 0, LINE_AGENT, LINE_EST, LINE_ACME, LINE_MANUAL };

#define LINE_TEXT 256
struct line_facts {
    struct watch_life life; /* of the newest certificate */
    bool followed;          /* certificates that last longer serve the same names */
    bool before;            /* an earlier one of the line lasts still */
    bool revoked;           /* the newest is revoked or on hold */
    bool retired;           /* by an operator */
    bool skipped;           /* of a profile that nobody is told of */
    bool alone;             /* the line has had no other certificate */
    bool foreign;           /* another CA issued it */
    enum line_method method;
    char campaign[64];     /* pulls it forward ... */
    int64_t pulled_at;     /* ... to then; "": none does */
    bool failed;           /* the last attempt to renew the newest was refused */
    char stuck[LINE_TEXT]; /* why it cannot be renewed as things are, or else why it was refused;
                              "": nothing known */
};

struct line_verdict {
    enum line_state state;
    int64_t opens, late; /* when its renewal is due and late */
    int64_t next;        /* when any of this changes by itself; INT64_MAX: never */
    bool told_of;        /* people are told: `passed` counts */
    uint32_t passed;     /* thresholds */
    enum severity severity;
};
void line_judge(const struct watch_times *t, const struct line_facts *l, int64_t now,
                struct line_verdict *out);
/* Somebody should do it without being told: an agent, EST, ACME. */
bool line_automatic(enum line_method m);

/* What happens next, in one line: "alice renews it from 2026-11-21 on". `who`: as is known of it,
 * "operator:alice". */
void line_action(const struct line_facts *l, const struct line_verdict *v, const char *who,
                 char out[LINE_TEXT]);

#endif
