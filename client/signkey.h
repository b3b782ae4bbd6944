/* Private keys of this side: made here or read from a file, and what they sign. */
#ifndef CLIENT_SIGNKEY_H
#define CLIENT_SIGNKEY_H

#include <openssl/types.h>

#include "lib/key.h"

/* `type`: "p256", "rsa2048" ... (key_type_parse). From then on no memory image of this program is
 * left on a disk. Rules: "key.type", "key.make". The caller frees it (EVP_PKEY_free). */
int signkey_make(const char *type, EVP_PKEY **out, struct fault *f) WARN_UNUSED;
/* PEM or DER, not encrypted. Rule "key.file". */
int signkey_read(const char *path, EVP_PKEY **out, struct fault *f) WARN_UNUSED;
/* From PKCS#8 in DER. */
int signkey_decode(struct slice der, EVP_PKEY **out, struct fault *f) WARN_UNUSED;
/* PKCS#8: PEM, and DER. */
int signkey_pem(EVP_PKEY *key, struct buf *pem, struct fault *f) WARN_UNUSED;
int signkey_der(EVP_PKEY *key, struct buf *der, struct fault *f) WARN_UNUSED;
/* SubjectPublicKeyInfo, whole. */
int signkey_public(EVP_PKEY *key, struct buf *spki, struct fault *f) WARN_UNUSED;
/* Appends the CertificationRequest (RFC 2986 4.2) around a CertificationRequestInfo. */
int signkey_request(EVP_PKEY *key, struct slice info, struct buf *csr, struct fault *f) WARN_UNUSED;

#endif
