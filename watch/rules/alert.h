/*
 * What people are told of one condition: the machine, as a pure function. The store runs it inside
 * the transaction that keeps the alert and puts the notices into the outbox, so each happens once.
 *
 *   (none), resolved  -> raised         the condition is there
 *   raised            -> raised         another threshold passed, or it got worse; repeated;
 *                                       escalated: owner, team, security
 *   raised            -> acknowledged   an operator has seen it: no more repeats
 *   acknowledged      -> raised         it got worse, or the operator takes it back
 *   any of both       -> resolved       the condition is gone
 *
 * What is only worth knowing (SEVERITY_INFO) is neither repeated nor escalated.
 */
#ifndef WATCH_RULES_ALERT_H
#define WATCH_RULES_ALERT_H

#include "watch/rules/times.h"

enum alert_state {
    ALERT_RAISED = 1,
    ALERT_ACKNOWLEDGED = 2,
    ALERT_RESOLVED = 3,
    ALERT_MARK = 4, /* no condition: until when digests were made (`epoch`) */
};

enum alert_level { ALERT_OWNER = 0, ALERT_TEAM = 1, ALERT_SECURITY = 2 };

#define ALERT_KEY NOTICE_KEY
struct alert {
    char rule[64];     /* "expiry", "crl.late" ... */
    char subject[160]; /* with the rule, the condition: an identity in hexadecimal, an issuer */
    char name[160];    /* the subject for people */
    bool has_identity;
    uint8_t identity[16];
    enum alert_state state;
    enum severity severity;
    int64_t epoch;                 /* what `told` is of: the end of the certificate; 0: nothing */
    uint32_t told;                 /* thresholds */
    uint32_t times;                /* raised */
    int64_t first_seen, last_seen; /* since it was last raised */
    int64_t resolved;              /* 0: not */
    int64_t deadline;              /* when it is too late; 0: there is none */
    enum alert_level level;
    int64_t notified; /* somebody was last told */
    int64_t next;     /* to be repeated or escalated; 0: never */
    char by[64];      /* who acknowledged ... */
    int64_t acknowledged;
    enum severity acknowledged_at; /* ... how bad it was then */
    char note[256];
    char owner[128];
    char contact[256];
    char summary[256]; /* one line */
};
/* First octets of SHA-256 over rule, NUL, subject. */
void alert_key(const char *rule, const char *subject, uint8_t out[ALERT_KEY]);
const char *alert_state_word(enum alert_state s); /* "raised", "acknowledged", "resolved" */
const char *alert_level_word(enum alert_level l); /* "owner", "team", "security" */

enum alert_verb {
    ALERT_SEEN,          /* the condition is there */
    ALERT_GONE,          /* it is not */
    ALERT_ACKNOWLEDGE,   /* in: by, note */
    ALERT_UNACKNOWLEDGE, /* in: by */
    ALERT_TIME,          /* nothing new but the time */
};
/* What is seen. Of `seen`: rule, subject, name, identity, severity, epoch, told (the thresholds
 * that are passed), deadline, owner, contact, summary. */
struct alert_input {
    enum alert_verb verb;
    int64_t now;
    const struct alert *seen; /* with ALERT_SEEN */
    const char *by, *note;
};
struct alert_outcome {
    bool changed; /* `alert` is to be kept */
    struct alert alert;
    bool tell; /* with this notice ... */
    enum notice_kind kind;
    int64_t after; /* ... but not before */
};
/* `was` is NULL when nothing was ever known of it. */
void alert_step(const struct watch_times *t, const struct alert *was, const struct alert_input *in,
                struct alert_outcome *out);

#endif
