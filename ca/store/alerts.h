/*
 * Alerts: what is known of each condition that somebody has to know of, and exceptions from
 * findings. A step of an alert (watch/rules/alert.h) is decided inside the transaction that keeps
 * it, with its notice in the outbox: each threshold is told once, whatever restarts.
 *
 *   alert      key of rule and subject -> struct alert
 *   exception  rule NUL subject -> struct exception
 */
#ifndef CA_STORE_ALERTS_H
#define CA_STORE_ALERTS_H

#include "ca/store/outbox.h"
#include "watch/rules/alert.h"

/*
 * STORE_ALERT, one step at op->time. The alert is that of in.seen with ALERT_SEEN, else of `key`.
 * STORE_SAME when nothing changed. Recorded in the audit log are ALERT_ACKNOWLEDGE and
 * ALERT_UNACKNOWLEDGE only; refused: "alert.unknown", "alert.resolved".
 */
struct store_alert {
    uint8_t key[ALERT_KEY];
    struct alert_input in; /* its `now` is op->time */
    const struct watch_times *times;
    /* Makes what is told of it, on the writer thread; it must not block. `out` is all zeros. */
    void (*notice)(void *arg, const struct alert_outcome *o, struct outbox_notice *out);
    void *arg;
    struct alert row; /* out: as it is now */
    bool told;        /* out */
};

/*
 * STORE_MARK: a digest (rule and subject of `mark`) was made for the slot that
 * mark.epoch names, with these notices; STORE_SAME, and nothing is put, when it was made before. Or
 * how far something is, which does not go back.
 * Not recorded.
 */
struct store_mark {
    const struct alert *mark;
    size_t n;
    struct outbox_notice *notice;
};

/* -FAULT_NOT_FOUND, "alert.unknown". */
int store_alert_get(struct store *s, const uint8_t key[ALERT_KEY], struct alert *out,
                    struct fault *f) WARN_UNUSED;
/* In the order of keys, from behind `after` (NULL: from the start), at most max rows are looked at
 * in one short transaction; marks are left out. *at is the last key, *n how many were looked at:
 * fewer than max is the end. */
typedef int (*store_alert_each)(void *arg, const uint8_t key[ALERT_KEY], const struct alert *a);
int store_alerts(struct store *s, const uint8_t after[ALERT_KEY], size_t max, store_alert_each fn,
                 void *arg, uint8_t at[ALERT_KEY], size_t *n, struct fault *f) WARN_UNUSED;

/*
 * An exception: a finding that is known and accepted, until a day. It ends by itself; the row goes
 * when another is made for the same or when it is taken back.
 */
#define EXCEPTIONS_MAX 10000
struct exception {
    char rule[64];
    char subject[160]; /* an identity in hexadecimal; "*": every one */
    int64_t created, until;
    char by[64];       /* who asked for it ... */
    char approver[64]; /* ... and who said yes; the same without two operators */
    char reason[256];
};
/* STORE_EXCEPT: keeps it, or takes it back where until is 0. Recorded. Refused: "exception.many",
 * "exception.unknown". */
struct store_except {
    struct exception row;
};
/* In order of rule and subject, from behind those of `after` (NULL: all of them), until fn returns
 * other than 0. */
typedef int (*store_exception_each)(void *arg, const struct exception *e);
int store_exceptions(struct store *s, const struct exception *after, store_exception_each fn,
                     void *arg, struct fault *f) WARN_UNUSED;

/* When the newest backup was written; 0: never. */
int store_backup_time(struct store *s, int64_t *out, struct fault *f) WARN_UNUSED;

#endif
