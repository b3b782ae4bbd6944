/*
 * A delegated responder (RFC 6960 4.2.2.2): a key in memory, and the certificate by which an
 * issuer lets it answer. Immutable once made, so that all threads may sign with it; counted, since
 * answers may still be under way when the next one takes over.
 */
#ifndef OCSP_DELEGATE_H
#define OCSP_DELEGATE_H

#include <openssl/evp.h>

#include "lib/cert.h"

struct ocsp_delegate {
    unsigned references;
    uint32_t id; /* no two in a process have the same */
    EVP_PKEY *key;
    struct slice certificate;
    enum key_type type;
    enum sig_alg alg; /* what it signs with unless a client prefers another */
    uint8_t key_id[20];
    int64_t not_before, not_after;
};

/* Takes the key over on success. Refuses what `issuer` has not signed for this key, for OCSP
 * signing, for now: rule "ocsp.delegate" (or those of cert_parse). */
int ocsp_delegate_new(EVP_PKEY *key, struct slice certificate, const struct cert *issuer,
                      int64_t now, struct ocsp_delegate **out, struct fault *f) WARN_UNUSED;
struct ocsp_delegate *ocsp_delegate_share(struct ocsp_delegate *d);
void ocsp_delegate_free(struct ocsp_delegate *d); /* the last one frees; NULL is fine */

/* The first algorithm that the client prefers and this key can do, else the usual one (4.4.7.2). */
enum sig_alg ocsp_delegate_alg(const struct ocsp_delegate *d, const enum sig_alg *preferred,
                               size_t n);
/* Appends the signature. Rule: "ocsp.sign". */
int ocsp_delegate_sign(const struct ocsp_delegate *d, enum sig_alg a, struct slice data,
                       struct buf *out, struct fault *f) WARN_UNUSED;

#endif
