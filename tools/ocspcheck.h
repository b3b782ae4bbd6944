/* Whether an OCSP answer may be believed (RFC 6960 3.2, 4.2.2). */
#ifndef TOOLS_OCSPCHECK_H
#define TOOLS_OCSPCHECK_H

#include "lib/cert.h"
#include "lib/ocsp.h"

#define OCSP_SKEW 300 /* seconds that clocks may differ */

struct ocsp_expect {
    const struct cert *issuer;
    enum ocsp_hash hash;
    struct slice serial; /* magnitude */
    struct slice nonce;  /* SLICE_NONE: none was sent */
    int64_t now;
};

struct ocsp_verdict {
    const struct ocsp_single *single; /* of the response */
    bool delegated;
    struct cert signer; /* when delegated; points into the response */
};

/* The answer is for this certificate, signed by the issuer or by a delegate of its (4.2.2.2), of
 * now, and repeats the nonce. Rules: "ocsp.status", "ocsp.match", "ocsp.signer", "ocsp.signature",
 * "ocsp.nonce", "ocsp.time". */
int ocsp_check(const struct ocsp_expect *e, const struct ocsp_response *r, struct ocsp_verdict *out,
               struct fault *f) WARN_UNUSED;

#endif
