/*
 * /health: how old the public view is, and of each issuer in it the CRL and the OCSP responder, as
 * JSON. 200 while every issuer is younger than http.view_age and there is one, else 503: another
 * host may know more, but has no newer CRL.
 */
#ifndef PUBLIC_HEALTH_H
#define PUBLIC_HEALTH_H

#include "lib/httpd.h"
#include "ocsp/responder.h"
#include "public/place.h"

struct health;

struct health *health_new(const struct conf *c, struct places *places, struct ocsp_responder *ocsp);
void health_free(struct health *h);
/* Looks at intervals, and logs when the view becomes stale and when it no longer is. From any
 * thread. */
void health_watch(struct health *h);
/* From any thread. Looks once a second at most. */
void health_answer(struct health *h, struct http_answer *out);

#endif
