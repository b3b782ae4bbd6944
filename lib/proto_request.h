/*
 * Messages about requests that wait for an operator's yes (`cerca request`). As in lib/proto.h.
 *
 *   MSG_REQUEST_LIST     request_query
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

#define REQUEST_NAMES_MAX 4096  /* octets of a certificate's names as GeneralNames, DER ... */
#define REQUEST_NAMES_TEXT 8192 /* ... and as text, with its NUL */
#define REQUEST_APPROVERS_MAX 2

/* What an approval of kind "issue" is about. */
struct request_certificate {
    char profile[64]; /* "": it is about something else */
    char owner[128];
    char subject[512];              /* RFC 4514 */
    char names[REQUEST_NAMES_TEXT]; /* "dns:a ip:192.0.2.1", whole */
    char key[24];                   /* "p256", "p256, made here" */
    uint8_t spki_hash[32];          /* zeros: of a key that is made here */
    char behind[64]; /* the operator behind who asks: who made the token ...; "": none is known */
    uint8_t needed;  /* approvals */
    uint8_t n;       /* ... that there are */
    char approved_by[REQUEST_APPROVERS_MAX][64];
    bool has_serial; /* done: of the certificate */
    uint8_t serial[SERIAL_LEN];
};

struct request_info {
    uint64_t id;
    char kind[32];  /* "ca-install", "issue" */
    char state[16]; /* waiting, expired, approved, done, failed, denied */
    char asked_by[64];
    uint32_t asked_uid; /* UINT32_MAX: of nobody on this host */
    char origin[64];
    int64_t created, expires;
    uint8_t generation[8]; /* of the configuration at the asking */
    uint8_t sha256[32];    /* of kind and content */
    char text[256];        /* what it is */
    char decided_by[64];   /* "": nobody yet */
    uint32_t decided_uid;
    int64_t decided_at;
    char result[256]; /* denied: why; failed: the reason */
    struct request_certificate certificate;
};
void request_info_put(struct buf *b, const struct request_info *r);
void request_info_get(struct wire_in *w, struct request_info *out);

/* "dns:a ip:192.0.2.1", one space between. */
void request_names_print(const struct san_list *l, struct buf *out);

struct request_query {
    bool all;       /* those that do not wait any more too */
    uint64_t after; /* from behind this number */
    /* "": any; `name`: somewhere in the names, or in what it is */
    char kind[32], profile[64], asked_by[64], name[128];
};
void request_query_put(struct buf *b, const struct request_query *q);
int request_query_get(struct slice body, struct request_query *out) WARN_UNUSED;

#define REQUEST_QUERY_MAX 512 /* octets of its body */

/* SHOW, APPROVE (reason "") and DENY. */
#define REQUEST_REASON_MAX 200
struct request_choice {
    uint64_t id;
    char reason[REQUEST_REASON_MAX];
};
void request_choice_put(struct buf *b, const struct request_choice *c);
int request_choice_get(struct slice body, struct request_choice *out) WARN_UNUSED;

#endif
