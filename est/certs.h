/*
 * Certificates and nothing else, as a SignedData that signs nothing: the "certs-only" answers of
 * EST (RFC 7030 4.1.3, 4.2.3; RFC 5272 4.1; RFC 5652 5.1), and what `cerca ca bundle -o p7b` makes.
 * No input or output.
 */
#ifndef EST_CERTS_H
#define EST_CERTS_H

#include "lib/buf.h"
#include "lib/fault.h"

#define CERTS_MAX 64 /* certificates in one message */

#define CERTS_TYPE "application/pkcs7-mime"
#define CERTS_TYPE_FULL CERTS_TYPE "; smime-type=certs-only"

/* A ContentInfo with these certificates, at most CERTS_MAX; more fail the buffer. They come in the
 * order of their octets, as DER has a SET OF. */
void certs_put(struct buf *out, const struct slice *cert, size_t n);

/* Certificates of a message; they point into it. */
struct certs {
    size_t n;
    struct slice cert[CERTS_MAX];
};

/* Reads a ContentInfo in DER. In BER, as some servers write it, *der is first replaced by the same
 * in DER. Whether each certificate is one is for cert_parse to say; other members of the set, CRLs
 * and signatures are passed over. Rules: "est.certs.der", "est.certs.type" (no SignedData),
 * "est.certs.none", "est.certs.count". */
int certs_get(struct buf *der, struct certs *out, struct fault *f) WARN_UNUSED;
/* The same, of any number: `each` gets one after the other, once all of the message was found to be
 * right; a result other than 0 ends it and is returned. */
typedef int (*certs_each)(void *arg, struct slice cert, struct fault *f);
int certs_walk(struct buf *der, certs_each each, void *arg, struct fault *f) WARN_UNUSED;

#endif
