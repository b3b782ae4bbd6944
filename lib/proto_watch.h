/*
 * Messages of the watch socket, where cerca-watch asks what it has to deliver and tells what became
 * of it, and those of `cerca notify` on the admin socket. As in lib/proto.h.
 *
 *   MSG_WATCH_DUE       due_request; MSG_WATCH_DUE_ARE: i64 when the next behind them is due (0:
 * none waits), a u32 count, then that many of due_item MSG_WATCH_OUTCOME   outcome;
 * MSG_WATCH_NOTED, empty, once it is durable MSG_WATCH_WAKE      from cerca-ca, unasked, empty:
 * something may be due
 *
 *   MSG_NOTIFY_TEST     text channel; MSG_NOTIFY_TESTED: tested
 *   MSG_NOTIFY_LIST     notify_query; MSG_NOTIFY_LISTED: a flag "there are more", a u32 count, then
 *                       that many of notify_row
 *   MSG_NOTIFY_SHOW     u64 number; MSG_NOTIFY_SHOWN: the notice (lib/notice.h), a u32 count, then
 *                       that many of notify_row
 *   MSG_NOTIFY_DECIDE   notify_decision; MSG_NOTIFY_DECIDED: u64, deliveries
 */
#ifndef LIB_PROTO_WATCH_H
#define LIB_PROTO_WATCH_H

#include "lib/notice.h"
#include "lib/proto.h"

#define WATCH_NAME_SIZE 33 /* of a channel */
#define WATCH_TICKET_SIZE 128
#define WATCH_WHY_SIZE 256
#define WATCH_DUE_MAX 8

struct due_request {
    char channel[WATCH_NAME_SIZE];
    uint32_t max; /* 1 to WATCH_DUE_MAX */
};
void due_request_put(struct buf *b, const struct due_request *r);
int due_request_get(struct slice body, struct due_request *out) WARN_UNUSED;

struct due_item {
    uint32_t tries; /* before this one */
    char ticket[WATCH_TICKET_SIZE];
    struct notice notice;
};
void due_item_put(struct buf *b, uint32_t tries, const char *ticket, const struct notice *n);
/* Reads one from w; the error sticks to w. */
void due_item_get(struct wire_in *w, struct due_item *out);

enum outcome_kind {
    OUTCOME_DELIVERED = 1,
    OUTCOME_FAILED = 2,  /* perhaps later */
    OUTCOME_REFUSED = 3, /* the same would be refused again */
};
struct outcome {
    uint64_t number; /* of the notice */
    char channel[WATCH_NAME_SIZE];
    enum outcome_kind kind;
    uint32_t retry_after;           /* seconds that the server asked for; 0: none */
    char why[WATCH_WHY_SIZE];       /* what the server said */
    char ticket[WATCH_TICKET_SIZE]; /* that is open now; "": as before */
    bool closed;                    /* none is open any more */
};
void outcome_put(struct buf *b, const struct outcome *o);
int outcome_get(struct slice body, struct outcome *out) WARN_UNUSED;

/* ---- cerca notify ---- */

void notify_channel_put(struct buf *b, const char *channel);
int notify_channel_get(struct slice body, char channel[WATCH_NAME_SIZE]) WARN_UNUSED;

struct tested {
    bool delivered;
    char id[NOTICE_ID_SIZE];
    char why[WATCH_WHY_SIZE]; /* what the server said */
};
void tested_put(struct buf *b, const struct tested *t);
int tested_get(struct slice body, struct tested *out) WARN_UNUSED;

struct notify_query {
    uint64_t after;                /* from behind this number */
    char channel[WATCH_NAME_SIZE]; /* "": all */
    bool parked;                   /* those alone */
};
void notify_query_put(struct buf *b, const struct notify_query *q);
int notify_query_get(struct slice body, struct notify_query *out) WARN_UNUSED;

#define NOTIFY_ROWS_MAX 4096
struct notify_row {
    uint64_t number;
    char id[NOTICE_ID_SIZE];
    enum notice_kind kind;
    enum severity severity;
    char channel[WATCH_NAME_SIZE];
    bool parked;
    uint32_t tries;
    int64_t time, next, tried; /* 0: not */
    char why[WATCH_WHY_SIZE];
    char rule[64], subject[256], summary[256]; /* of the notice */
};
void notify_row_put(struct buf *b, const struct notify_row *r);
/* Reads one from w; the error sticks to w. */
void notify_row_get(struct wire_in *w, struct notify_row *out);

struct notify_decision {
    bool drop;                     /* else try again now */
    uint64_t number;               /* 0: all; to drop: all that are parked */
    char channel[WATCH_NAME_SIZE]; /* "": all */
};
void notify_decision_put(struct buf *b, const struct notify_decision *d);
int notify_decision_get(struct slice body, struct notify_decision *out) WARN_UNUSED;

void notify_number_put(struct buf *b, uint64_t number);
int notify_number_get(struct slice body, uint64_t *number) WARN_UNUSED;

#endif
