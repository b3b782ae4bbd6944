/*
 * What cerca-public serves, by path. The paths that the configuration writes into certificates
 * (issuer_url, crl_url) are served wherever they lie below base_url; besides, for every issuer,
 * /ca/NAME.crt, .pem and .p7c and /crl/NAME.crl; what lib/crlname.h puts beside a CRL; /audit/ and
 * /health. OCSP is at /ocsp and at the paths of each ocsp_url, for all issuers everywhere.
 */
#ifndef PUBLIC_SITE_H
#define PUBLIC_SITE_H

#include "lib/httpd.h"
#include "ocsp/responder.h"
#include "public/place.h"

struct site;

/* `places` and the responder stay the caller's. */
struct site *site_new(const struct conf *c, struct places *places, struct ocsp_responder *ocsp);
void site_free(struct site *s);
/* Now and then, from the loop: logs when the view becomes stale. */
void site_watch(struct site *s);
/* An http_handler. */
void site_answer(void *site, const struct http_request *r, struct http_answer *out);

#endif
