/*
 * What a client of EST showed, looked at: the door's evidence for clients with certificates. Rules:
 * "est.certificate.malformed", ".unknown", ".revoked", ".early", ".expired", ".profile".
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
    struct slice chain; /* not empty; outlives it */
    struct cert cert;   /* its first, once it is proven */
};

/* That chain's first certificate, which this CA issued and stands by, for the bearer's own names.
 */
void evidence_init(struct evidence *e, struct store *s, const struct conf_est *label, bool renew,
                   struct slice chain);

#endif
