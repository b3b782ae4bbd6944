/*
 * What a client of EST showed, looked at: its certificate, and whether its request goes with the
 * channel. Rules: "est.certificate.malformed", ".unknown", ".revoked", ".early", ".expired",
 * ".profile"; "est.linking".
 */
#ifndef CA_ENROLL_EVIDENCE_H
#define CA_ENROLL_EVIDENCE_H

#include "ca/door/bearer.h"
#include "ca/store/store.h"

struct evidence {
    struct door_evidence door; /* first */
    struct store *store;
    const struct conf_est *label;
    bool renew;
    struct slice chain;   /* outlives it, as binding does */
    struct slice binding; /* of the channel; empty: none */
    struct cert cert;     /* its first, once it is proven */
};

struct enroll_request;
/* By that request's chain (not empty), whose first certificate this CA issued and stands by, for
 * the bearer's own names. */
void evidence_certificate(struct evidence *e, struct store *s, const struct conf_est *label,
                          const struct enroll_request *r);
/* The token of the request says who asks. */
void evidence_token(struct evidence *e, const struct conf_est *label,
                    const struct enroll_request *r);

#endif
