/*
 * Certification requests as EST clients make them (RFC 2986 4.1, RFC 7030 4.2.1): what is signed,
 * without the signature. No input or output.
 */
#ifndef EST_REQUEST_H
#define EST_REQUEST_H

#include "est/csrattrs.h"
#include "est/linking.h"

#define REQUEST_ATTRIBUTES_MAX 6

struct est_request {
    struct slice subject;             /* Name, whole; may be the empty one */
    struct slice spki;                /* SubjectPublicKeyInfo, whole */
    const struct san_list *sans;      /* NULL or empty: none */
    const struct csrattrs *wanted;    /* NULL: none; extensions with values go in as they are */
    struct slice binding;             /* channel binding; empty: none */
    const struct name_change *change; /* NULL: none */
    struct slice opener; /* of a certificate whose key is to open the server's envelope:
                          * its subject key identifier; empty: none */
};

/* Appends the CertificationRequestInfo. Names of our own go before those of the server. */
void est_request_put(struct buf *b, const struct est_request *r);

#endif
