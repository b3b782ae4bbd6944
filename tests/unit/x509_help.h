/* Keys, requests and signatures made by OpenSSL, the oracle of the X.509 tests. */
#ifndef TESTS_UNIT_X509_HELP_H
#define TESTS_UNIT_X509_HELP_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/key.h"

/* One key of a kind, made once a process: RSA 2048, P-256, P-384, P-521, Ed25519. */
EVP_PKEY *test_key(enum key_type t);
/* SubjectPublicKeyInfo, whole. */
void test_spki(EVP_PKEY *key, struct buf *out);
/* Signs with the right digest, padding and salt. */
void test_sign(EVP_PKEY *key, enum sig_alg a, struct slice message, struct buf *out);
/* EVP_DigestSignInit and its PSS settings on a new context, for OpenSSL's own X509 calls. */
EVP_MD_CTX *test_sign_ctx(EVP_PKEY *key, enum sig_alg a);
/* A request with subject CN=cn ("" : empty) and requested extensions in OpenSSL's
 * configuration syntax, as {"subjectAltName", "DNS:a.example"} pairs ended by NULL. */
X509_REQ *test_request(EVP_PKEY *key, enum sig_alg a, const char *cn,
                       const char *const extensions[][2]);
void test_request_der(X509_REQ *r, struct buf *out);
/* Sets `b` to the octets of a hexadecimal text. */
void test_hex(const char *hex, struct buf *b);

#endif
