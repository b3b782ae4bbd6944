/*
 * Requests that wait for an operator's yes: what was asked for, by whom, and what became of it.
 *
 *   waiting  -> approved   another operator said yes; it is being carried out
 *            -> denied
 *            -> expired    nobody said anything in time (no row is written: `expires` says so)
 *   approved -> done | failed
 *            -> waiting    it could not be carried out just now; nothing has happened
 *
 * The content is written once and never changes. Ended requests are kept until there are
 * REQUESTS_KEPT of them; the audit log keeps every step for ever.
 */
#ifndef CA_STORE_REQUESTS_H
#define CA_STORE_REQUESTS_H

#include <sys/types.h>

#include "ca/store/store.h"

#define REQUEST_CONTENT_MAX 61440 /* octets */
#define REQUESTS_WAITING_MAX 256
#define REQUESTS_KEPT 1000
#define REQUEST_NO_UID ((uid_t)-1) /* nobody of this host */

enum request_state {
    REQUEST_WAITING = 1,
    REQUEST_APPROVED = 2,
    REQUEST_DONE = 3,
    REQUEST_FAILED = 4,
    REQUEST_DENIED = 5,
};

/* Who asked or decided: an operator by name and by uid. */
struct request_who {
    char name[64]; /* "operator:alice" */
    uid_t uid;
};

struct request_row {
    uint64_t id; /* 1, 2, 3 ... never used again */
    char kind[32];
    enum request_state state;
    int64_t created, expires;
    uint8_t sha256[32]; /* of kind and content */
    struct request_who asked;
    char origin[64];       /* of the asking */
    uint8_t generation[8]; /* of the configuration at the asking */
    char text[256];        /* what it is, for who decides */
    struct request_who decided;
    int64_t decided_at;
    char result[256]; /* denied: why; failed: the fault */
    int64_t ended;    /* 0: not yet */
};
/* Waiting, but too late to say yes. */
bool request_expired(const struct request_row *r, int64_t now);
/* "waiting", "expired", "approved", "done", "failed", "denied". */
const char *request_state_word(const struct request_row *r, int64_t now);

/*
 * One step of a request, in STORE_REQUEST. In the audit record of the operation the store puts
 * "request N: " in front of the detail.
 *
 *   ADD      in: kind, asked, origin, generation, text, expires, content; out: row.
 *            The same operator asking for the same again, still waiting: STORE_KNOWN, that row.
 *            Refused: "request.many" (too many wait), "request.size", "store.full".
 *   APPROVE  in: id, who; out: row. Refused: "request.unknown", "request.closed" (not waiting),
 *            "request.expired", "request.void" (older than a restore), "request.second" (who asked
 *            cannot approve: same name or same uid).
 *   DENY     in: id, who, result; out: row. Refused: "request.unknown", "request.closed".
 *   END      in: id, state (DONE, FAILED, or WAITING: not now), result; out: row. Refused:
 *            "request.unknown", "request.closed" (not approved).
 */
enum request_verb { REQUEST_ADD, REQUEST_APPROVE, REQUEST_DENY, REQUEST_END };
struct store_request {
    enum request_verb verb;
    struct request_row row;
    struct request_who who;
    struct slice content;
};

/* -FAULT_NOT_FOUND, "request.unknown". `content` may be NULL. */
int store_request_get(struct store *s, uint64_t id, struct request_row *out, struct buf *content,
                      struct fault *f) WARN_UNUSED;
/* By id, from behind `after`, until fn returns other than 0. */
typedef int (*store_request_each)(void *arg, const struct request_row *r);
int store_requests(struct store *s, uint64_t after, store_request_each fn, void *arg,
                   struct fault *f) WARN_UNUSED;

#endif
