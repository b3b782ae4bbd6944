/*
 * Tokens: authorisation records that whoever holds their secret may use. A token authorises
 * certificates of exactly one profile, for names that match its patterns, a number of times, until
 * it ends. Only the SHA-256 of its secret is kept.
 *
 * A use is taken by the reserve transaction that records the intent (struct store_intent, token),
 * so that of two requests for the last use one wins; a request whose request key is known takes
 * none. Refused there: "token.unknown", "token.revoked", "token.expired", "token.used", and
 * "token.void" (older than a restore: the copy does not know its uses).
 *
 * Tokens that ended long ago are forgotten as others are made.
 */
#ifndef CA_STORE_TOKENS_H
#define CA_STORE_TOKENS_H

#include "ca/store/store.h"
#include "lib/proto_token.h"

#define TOKEN_USES_MAX 1000000
#define TOKEN_KEPT 2592000 /* seconds after its end */

/* As it is told (`state` stays empty here), and the hash. Numbers are 1, 2, 3 ... and never used
 * again. */
struct token_row {
    uint8_t hash[32];
    struct token_info info;
};
/* Why it cannot be used: 0, or the fault. `restored_at` is that of the store's gate. */
int token_usable(const struct token_row *t, int64_t restored_at, int64_t now,
                 struct fault *f) WARN_UNUSED;

/* "token:7", the requester of every intent that takes a use of it: by that an intent that is
 * abandoned gives its use back. */
void token_requester(uint64_t id, char out[64]);
/* The number of a token in a requester; 0: it is none. */
uint64_t token_of_requester(const char *requester);

/* STORE_TOKEN. In the audit record the store puts "token N" in front of the detail.
 *   CREATE  in: all but id, created and revoked; out: id. Refused: "store.full", "store.closed".
 *   REVOKE  in: id, revoked_by; out: row. Refused: "token.unknown", "token.revoked". */
enum token_verb { TOKEN_CREATE, TOKEN_REVOKE };
struct store_token {
    enum token_verb verb;
    struct token_row row;
};

/* -FAULT_NOT_FOUND, "token.unknown". */
int store_token_get(struct store *s, uint64_t id, struct token_row *out,
                    struct fault *f) WARN_UNUSED;
/* By id, from behind `after`, until fn returns other than 0. */
typedef int (*store_token_each)(void *arg, const struct token_row *t);
int store_tokens(struct store *s, uint64_t after, store_token_each fn, void *arg,
                 struct fault *f) WARN_UNUSED;

#endif
