/*
 * What the cryptography keeps per thread, so that no operation pays for OpenSSL's
 * fetches: a digest context, one for big numbers, and one import context per kind of key. Made on
 * first use, freed when the thread ends. Out of memory ends the process.
 */
#ifndef LIB_KEY_THREAD_H
#define LIB_KEY_THREAD_H

#include <openssl/evp.h>

#include "lib/key.h"

/* Fetched once a process. */
const EVP_MD *md_sha1(void);
const EVP_MD *md_of_length(size_t octets); /* SHA-2: 32, 48, 64 */

EVP_MD_CTX *thread_md_ctx(void);
BN_CTX *thread_bn_ctx(void); /* for public numbers */
/* Ready for EVP_PKEY_fromdata with the public part; RSA and Ed25519. */
EVP_PKEY_CTX *thread_import_ctx(enum key_type t);

#endif
