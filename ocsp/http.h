/* OCSP over HTTP (RFC 6960 appendix A, RFC 5019 5 and 6). */
#ifndef OCSP_HTTP_H
#define OCSP_HTTP_H

#include "lib/httpd.h"
#include "ocsp/responder.h"

/* Answers a POST to a responder's URL, or a GET of what stands behind it: `rest`, which is what is
 * left of the path, decoded, with its slash. Other methods get 405. */
void ocsp_http(struct ocsp_responder *o, const struct http_request *r, const char *rest,
               struct http_answer *out);

#endif
