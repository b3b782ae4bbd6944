/* Keys and certificates that are the same whenever a target runs, so that inputs fit them. */
#ifndef TESTS_FUZZ_ISSUER_H
#define TESTS_FUZZ_ISSUER_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/buf.h"

/* A P-256 key made of this number, 1 to 99. The caller frees it. */
EVP_PKEY *fuzz_key(uint8_t number);
/* Its SubjectPublicKeyInfo. */
void fuzz_spki(uint8_t number, struct buf *out);

/* A certificate CN=`subject` for that key, from 2020 to 2096, signed by the key `signer` under the
 * name of `above` (NULL: its own). Extensions in OpenSSL's words, {"basicConstraints",
 * "critical,CA:TRUE"}, up to {NULL, NULL}. The caller frees it. */
struct fuzz_certificate {
    const char *subject;
    uint8_t key, signer;
    X509 *above;
    const char *const (*extensions)[2];
};
X509 *fuzz_certificate(const struct fuzz_certificate *c);
void fuzz_der(X509 *x, struct buf *out);
/* CN=Issuer, of the key 1: signs certificates and CRLs. */
X509 *fuzz_issuer(void);

#endif
