/*
 * Requests for certificates whose profile needs an operator's yes. A request is known by its key:
 * who asks, and everything that would be certified. It is recorded by the reserve that found no
 * approval for it (struct store_intent, approval), in place of the intent; who asks comes again,
 * and the reserve that finds it approved takes the approval with the intent, in one commit. So
 * nothing is issued that nobody fetches, and one approval is one certificate.
 *
 *   waiting  -> approved   by as many operators as the profile says
 *            -> denied     whoever asks again is told so, until it expires
 *   approved -> done       an intent was recorded; asked again, it gives the same certificate, as
 *                          long as that is neither given up (then it is approved still) nor revoked
 *
 * Each of them lasts until `expires`; then, and after a restore, it is as if nobody had asked.
 * Expired ones are forgotten as others come; the audit log keeps every step. Their numbers are
 * those of ca/store/requests.h, one sequence.
 */
#ifndef CA_STORE_APPROVALS_H
#define CA_STORE_APPROVALS_H

#include "ca/store/requests.h"
#include "lib/proto_request.h"

#define APPROVALS_BY_MAX 2
#define APPROVAL_KIND "issue"

struct approval_row {
    uint64_t id;
    enum request_state state; /* never REQUEST_FAILED */
    int64_t created, expires;
    uint8_t key[32];
    struct request_who asked;  /* on record: "token:7"; uid REQUEST_NO_UID: nobody of this host */
    struct request_who behind; /* the operator who stands behind that; name "": none is known */
    char origin[64];           /* of the asking */
    uint8_t generation[8];     /* of the configuration at the asking */
    char profile[64], owner[128];
    char subject[512];                /* RFC 4514 */
    char key_type[24];                /* "p256", "p256, made here" */
    uint8_t spki_hash[32];            /* zeros: of a key that is made here */
    size_t n_names;                   /* octets ... */
    uint8_t names[REQUEST_NAMES_MAX]; /* ... of GeneralNames, DER; none: 0 */
    uint8_t needed;                   /* approvals */
    uint8_t n_by;
    struct approval_by {
        struct request_who who;
        int64_t at;
    } by[APPROVALS_BY_MAX]; /* who approved; denied: the last one is who denied */
    char reason[256];       /* denied: why */
    bool has_ref;
    struct cert_ref ref; /* done: the certificate */
};
bool approval_row_expired(const struct approval_row *r, int64_t now);
/* "waiting", "approved", "denied", "done", "expired". */
const char *approval_state_word(const struct approval_row *r, int64_t now);

/* Of an intent. In: all of the row but id, state, created and by; out: the row as it is. */
struct approval_ask {
    struct approval_row row;
    uint32_t each, total; /* how many may wait: of this requester, in all */
};
/* Refusals of the reserve: "request.denied", "request.many". The outcome STORE_WAITS: it waits. */

/*
 * STORE_APPROVAL. In the audit record the store puts "request N" and what it is in front of the
 * detail.
 *
 *   APPROVE  in: id, who, life; out: row, approved when that was the last yes. Refused:
 *            "request.unknown", "request.closed", "request.expired", "request.void",
 *            "request.second" (who asked, or stands behind who asked), "request.twice".
 *   DENY     in: id, who, reason, life; out: row. Refused: "request.unknown", "request.closed",
 *            "request.expired".
 */
struct store_approval {
    enum request_verb verb; /* REQUEST_APPROVE or REQUEST_DENY */
    uint64_t id;
    struct request_who who;
    const char *reason;
    int64_t life; /* seconds that the answer holds */
    struct approval_row row;
};

/* -FAULT_NOT_FOUND, "request.unknown". */
int store_approval_get(struct store *s, uint64_t id, struct approval_row *out,
                       struct fault *f) WARN_UNUSED;
/* How many wait; of those that have expired and are not forgotten yet, 1000 are left out. */
int store_approvals_waiting(struct store *s, int64_t now, uint64_t *n, struct fault *f) WARN_UNUSED;
/* By id, from behind `after`, until fn returns other than 0. */
typedef int (*store_approval_each)(void *arg, const struct approval_row *r);
int store_approvals(struct store *s, uint64_t after, store_approval_each fn, void *arg,
                    struct fault *f) WARN_UNUSED;

#endif
