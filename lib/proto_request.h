/*
 * Messages about requests that wait for an operator's yes (`cerca request`). As in lib/proto.h.
 *
 *   MSG_REQUEST_LIST     flag "ended ones too", u64 from behind which number
 *   MSG_REQUEST_LISTED   flag "there are more", a count, then that many request_info
 *   MSG_REQUEST_SHOW     u64 number; MSG_REQUEST_SHOWN: one request_info
 *   MSG_REQUEST_APPROVE  u64 number; MSG_REQUEST_DECIDED once it is carried out, else MSG_FAULT
 *   MSG_REQUEST_DENY     u64 number, text reason; MSG_REQUEST_DECIDED
 *   MSG_REQUEST_DECIDED  one request_info, as it is now
 */
#ifndef LIB_PROTO_REQUEST_H
#define LIB_PROTO_REQUEST_H

#include "lib/proto.h"

#define REQUEST_PAGE_MAX 40 /* rows of one page */

struct request_info {
    uint64_t id;
    char kind[32];  /* "ca-install" */
    char state[16]; /* waiting, expired, approved, done, failed, denied */
    char asked_by[64];
    uint32_t asked_uid;
    char origin[64];
    int64_t created, expires;
    uint8_t generation[8]; /* of the configuration at the asking */
    uint8_t sha256[32];    /* of kind and content */
    char text[256];        /* what it is */
    char decided_by[64];   /* "": nobody yet */
    uint32_t decided_uid;
    int64_t decided_at;
    char result[256]; /* denied: why; failed: the reason */
};
void request_info_put(struct buf *b, const struct request_info *r);
void request_info_get(struct wire_in *w, struct request_info *out);

struct request_query {
    bool all;
    uint64_t after;
};
void request_query_put(struct buf *b, const struct request_query *q);
int request_query_get(struct slice body, struct request_query *out) WARN_UNUSED;

/* SHOW, APPROVE (reason "") and DENY. */
#define REQUEST_REASON_MAX 200
struct request_choice {
    uint64_t id;
    char reason[REQUEST_REASON_MAX];
};
void request_choice_put(struct buf *b, const struct request_choice *c);
int request_choice_get(struct slice body, struct request_choice *out) WARN_UNUSED;

#endif
