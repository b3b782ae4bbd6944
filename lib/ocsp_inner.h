/* What the readers of OCSP requests and responses share. */
#ifndef LIB_OCSP_INNER_H
#define LIB_OCSP_INNER_H

#include "lib/ext.h"
#include "lib/ocsp.h"

int ocsp_malformed(struct fault *f, const char *what); /* rule "ocsp.der" */

int ocsp_cert_id_get(struct slice *in, struct ocsp_cert_id *out) WARN_UNUSED;

/* Takes one extension, if it knows it: 0, 1 when it does not, or a negative fault code. */
typedef int (*ocsp_extension_taker)(void *arg, const struct cert_extension *e, struct fault *f);
/* [n] EXPLICIT Extensions OPTIONAL, as the next of `in`: none twice, at most 16, and an unknown one
 * must not be critical (RFC 6960 4.4: "ocsp.extension"). */
int ocsp_extensions(struct slice *in, unsigned n, ocsp_extension_taker take, void *arg,
                    struct fault *f) WARN_UNUSED;

/* Nonce ::= OCTET STRING (SIZE(1..128)) (RFC 9654 2.1): "ocsp.nonce". */
int ocsp_nonce_get(struct slice value, struct slice *out, struct fault *f) WARN_UNUSED;
/* [n] EXPLICIT Extensions with it; nothing when it is empty. */
void ocsp_nonce_put(struct buf *b, unsigned n, struct slice nonce);

#endif
