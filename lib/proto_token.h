/*
 * Messages about tokens (`cerca token`). As in lib/proto.h.
 *
 *   MSG_TOKEN_CREATE  token_request; MSG_TOKEN_CREATED: u64 number, i64 end, bytes the token's text
 *   MSG_TOKEN_LIST    flag "ended ones too", u64 from behind which number
 *   MSG_TOKEN_LISTED  flag "there are more", a count, then that many token_info
 *   MSG_TOKEN_REVOKE  u64 number; MSG_TOKEN_REVOKED: one token_info
 */
#ifndef LIB_PROTO_TOKEN_H
#define LIB_PROTO_TOKEN_H

#include "lib/proto.h"

#define TOKEN_PAGE_MAX 20 /* rows of one page */
#define TOKEN_PATTERNS_MAX 32
#define TOKEN_PATTERN_MAX 256

/* Patterns: "dns:web.example.com" that name, "dns:.example.com" any name below, "ip:10.0.0.0/8",
 * "email:example.com" or one mailbox, "uri:spiffe://example.com/". */
struct token_patterns {
    uint32_t n;
    char item[TOKEN_PATTERNS_MAX][TOKEN_PATTERN_MAX];
};

struct token_request {
    char profile[64];
    struct token_patterns names;
    uint32_t uses;
    int64_t life; /* seconds */
    char owner[128];
    char sid[192];
    char upn[256];
    char subject[256];
    bool dry_run; /* check only; answered with number 0 and no text */
};
void token_request_put(struct buf *b, const struct token_request *r);
int token_request_get(struct slice body, struct token_request *out) WARN_UNUSED;

struct token_created {
    uint64_t id;
    int64_t expires;
    struct slice text; /* a secret */
};
void token_created_put(struct buf *b, const struct token_created *c);
int token_created_get(struct slice body, struct token_created *out) WARN_UNUSED;

/* The store keeps it in this form too. */
struct token_info {
    uint64_t id;
    char state[16]; /* usable, used, expired, revoked, void */
    char profile[64];
    struct token_patterns names;
    uint32_t uses, left;
    int64_t created, expires;
    char owner[128];
    char sid[192];
    char upn[256];
    char subject[256];
    char created_by[64];
    int64_t revoked_at; /* 0: not */
    char revoked_by[64];
};
void token_info_put(struct buf *b, const struct token_info *t);
void token_info_get(struct wire_in *w, struct token_info *out);

struct token_query {
    bool all;
    uint64_t after;
};
void token_query_put(struct buf *b, const struct token_query *q);
int token_query_get(struct slice body, struct token_query *out) WARN_UNUSED;
void token_choice_put(struct buf *b, uint64_t id);
int token_choice_get(struct slice body, uint64_t *id) WARN_UNUSED;

#endif
