/* Answers made of the view's files. Each fills `out`, or leaves it as it is when the view has no
 * such thing, which is a 404. */
#ifndef PUBLIC_DOCUMENT_H
#define PUBLIC_DOCUMENT_H

#include "lib/crlname.h"
#include "lib/httpd.h"
#include "public/place.h"

/* The issuer's certificate, DER (RFC 5280 4.2.2.1, RFC 2585 4.1). */
void document_certificate(struct places *p, const struct conf *c, size_t issuer,
                          struct http_answer *out);
/* It and those above it, the trust anchor last, as PEM. */
void document_chain(struct places *p, const struct conf *c, size_t issuer, struct http_answer *out);
/* The same certificates as a certs-only CMS message (RFC 5280 4.2.2.1, RFC 5652 5). */
void document_p7c(struct places *p, const struct conf *c, size_t issuer, struct http_answer *out);
/* The newest CRL of that name (RFC 2585 4.2). Caches keep it for an hour at most, a delta for five
 * minutes, and never past its nextUpdate. */
void document_crl(struct places *p, size_t issuer, const struct crl_name *name,
                  struct http_answer *out);
void document_full_crl(struct places *p, const struct conf *c, size_t issuer,
                       struct http_answer *out);
/* Of a CRL in this file; both 0: it is none. */
void document_crl_times(int fd, uint64_t size, int64_t *this_update, int64_t *next_update);
/* "checkpoint" or "tile/...", perhaps below the number of a log that a restore began
 * (c2sp.org/tlog-tiles). */
void document_audit(struct places *p, const char *path, struct http_answer *out);

#endif
