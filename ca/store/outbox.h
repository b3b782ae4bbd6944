/*
 * The outbox: what has to be told, to whom, and how far that is. Durable, so that nothing is lost
 * with a process; a delivery leaves only when the other end took it, so it may come twice, with
 * the same id (lib/notice.h).
 *
 *   waiting -> delivered            the row goes
 *           -> waiting              it failed: again at `next`
 *           -> parked               given up, refused for good, or overtaken by a restore
 *   parked  -> waiting | dropped    an operator's word
 *
 * Deliveries to one channel about one condition are a line: only the first of a line is ever due,
 * so that what was resolved is not told before what was raised. Another condition's do not wait.
 * What was put to be told later (a warning in quiet hours) goes with the first that may not wait.
 *
 * In the table D_OUTBOX, by the first octet of the key:
 *   'N'                        -> u64: the newest number
 *   'E' number                 -> the notice
 *   'D' number channel         -> the delivery
 *   'L' channel NUL line number -> empty: who waits, in line (the condition's key)
 *   'W' channel NUL next number -> empty: the first of each line, by when it is due
 *   'C' channel                -> struct outbox_channel
 *   'T' channel NUL key        -> text: the ticket that is open there for a condition
 */
#ifndef CA_STORE_OUTBOX_H
#define CA_STORE_OUTBOX_H

#include "ca/store/store.h"
#include "lib/notice.h"

#define OUTBOX_CHANNEL_SIZE 33 /* a name of the configuration, with its NUL */
#define OUTBOX_CHANNELS_MAX 32 /* of one notice */
#define OUTBOX_WHY_SIZE 256
#define OUTBOX_TICKET_SIZE 128
#define OUTBOX_MAX 50000 /* deliveries of one channel; then parked ones make room, oldest first */

enum outbox_state { OUTBOX_WAITING = 1, OUTBOX_PARKED = 2 };

struct outbox_delivery {
    uint64_t number; /* of its notice */
    char channel[OUTBOX_CHANNEL_SIZE];
    enum outbox_state state;
    enum notice_kind kind;
    uint32_t tries;
    int64_t added; /* when it began to wait */
    int64_t next;  /* not before; of a parked one 0 */
    int64_t tried; /* last; 0: not yet */
    bool has_key;
    uint8_t line[NOTICE_KEY];  /* the condition's key, else made of the number */
    char why[OUTBOX_WHY_SIZE]; /* the last failure; "" */
};

/* How a channel is. */
struct outbox_channel {
    char name[OUTBOX_CHANNEL_SIZE];
    uint64_t waiting, parked;         /* deliveries */
    uint64_t delivered, failed, lost; /* ever; lost: there was no room for it, or an operator
                                         dropped it */
    int64_t succeeded_at, failed_at;  /* 0: never */
    int64_t failing_since;            /* 0: the last attempt worked */
    int64_t heartbeat;                /* when one was last put here; 0: never */
    char why[OUTBOX_WHY_SIZE];        /* the last failure */
};

/*
 * A notice to some channels, as a part of another operation: see outbox_append in
 * ca/store/store_lmdb.h, which the operation calls in its transaction; or alone, by STORE_OUTBOX.
 */
struct outbox_notice {
    struct notice notice; /* out: number, id */
    size_t n_channels;    /* 0: nobody is told, nothing is put */
    char channel[OUTBOX_CHANNELS_MAX][OUTBOX_CHANNEL_SIZE];
};

/*
 * STORE_OUTBOX, at op->time:
 *   ADD        in: add. A heartbeat is left out where one waits already; when it is put, it is
 *              noted with the channel. Not recorded.
 *   DELIVERED  in: number, channel, ticket (the one that is open now; "": as before), closed (it is
 *              not any more). STORE_SAME when there is no such delivery. Not recorded.
 *   FAILED     in: number, channel, why, next (0: park it; a test or a heartbeat is forgotten
 *              instead), ticket. Likewise.
 *   RETRY      in: channel ("": all), number (0: all): parked ones wait again, waiting ones are
 *              due now. out: count. Recorded.
 *   DROP       likewise: they are forgotten, waiting or parked (of all: parked ones only).
 *   PARK       in: channel, why: all that waits for it is parked. Not recorded.
 * RETRY and DROP of what is not there: "outbox.unknown".
 */
enum outbox_verb {
    OUTBOX_ADD,
    OUTBOX_DELIVERED,
    OUTBOX_FAILED,
    OUTBOX_RETRY,
    OUTBOX_DROP,
    OUTBOX_PARK
};
struct store_outbox {
    enum outbox_verb verb;
    struct outbox_notice *add;
    uint64_t number;
    char channel[OUTBOX_CHANNEL_SIZE];
    char why[OUTBOX_WHY_SIZE];
    char ticket[OUTBOX_TICKET_SIZE];
    bool closed;
    int64_t next;
    uint64_t count;
};

/* Called on the writer thread after a commit that put something into the outbox or made it due;
 * it must not block. Before the first operation is submitted. */
void store_on_outbox(struct store *s, void (*fn)(void *arg), void *arg);

/* What is due at `now` for a channel, the longest due first, at most max of the lines' firsts;
 * `ticket` is "" or the one that is open for that condition. fn's notice is good during the call;
 * other than 0 stops. *next: when the first behind them is due; 0: none waits. */
typedef int (*store_outbox_due_each)(void *arg, const struct outbox_delivery *d,
                                     const struct notice *n, const char *ticket);
int store_outbox_due(struct store *s, const char *channel, int64_t now, size_t max,
                     store_outbox_due_each fn, void *arg, int64_t *next,
                     struct fault *f) WARN_UNUSED;

/* Deliveries by number and channel, from behind those of `after`, until fn returns other than 0. */
typedef int (*store_outbox_each)(void *arg, const struct outbox_delivery *d,
                                 const struct notice *n);
int store_outbox(struct store *s, uint64_t after, store_outbox_each fn, void *arg,
                 struct fault *f) WARN_UNUSED;
/* -FAULT_NOT_FOUND, "outbox.unknown". */
int store_outbox_notice(struct store *s, uint64_t number, struct notice *out,
                        struct fault *f) WARN_UNUSED;

/* All channels that anything was ever put for, by name. */
typedef int (*store_outbox_channel_each)(void *arg, const struct outbox_channel *c);
int store_outbox_channels(struct store *s, store_outbox_channel_each fn, void *arg,
                          struct fault *f) WARN_UNUSED;

#endif
