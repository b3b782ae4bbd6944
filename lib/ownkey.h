/* Keys that are made in memory. */
#ifndef LIB_OWNKEY_H
#define LIB_OWNKEY_H

#include <openssl/evp.h>

#include "lib/key.h"

#define OWNKEY_DER_MAX 4096 /* octets of PKCS#8 */

/* A new key of that kind (RSA: of so many bits); NULL: OpenSSL fails. */
EVP_PKEY *ownkey_make(enum key_type type, unsigned bits);
/* A new key, and a request (RFC 2986) that shows it and says nothing else, DER: whoever issues
 * chooses the names. Of a daemon, for a certificate of its own: KEY_P256, or KEY_RSA of 2048 bits.
 * Rule "key.make". */
int ownkey_new(enum key_type type, EVP_PKEY **key, struct buf *csr, struct fault *f) WARN_UNUSED;
/* PKCS#8, DER; -1: OpenSSL fails. A secret. */
int ownkey_put(EVP_PKEY *key, struct buf *out) WARN_UNUSED;

#endif
