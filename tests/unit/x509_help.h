/* Keys, requests and signatures made by OpenSSL, the oracle of the X.509 tests. */
#ifndef TESTS_UNIT_X509_HELP_H
#define TESTS_UNIT_X509_HELP_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/tbs.h"

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
/* A draft that lint likes, for the key of type `subject`, from an issuer whose key is of type
 * `issuer`; everything it points to lives as long as the process. */
void test_draft(struct tbs_spec *spec, enum key_type subject, enum key_type issuer);
/* The same for a self-signed CA. */
void test_draft_ca(struct tbs_spec *spec, enum key_type t);
/* Writes the draft, signs it with the key of `issuer`, assembles the certificate. */
void test_issue(const struct tbs_spec *spec, enum key_type issuer, struct buf *cert);
/* X509_check_host, X509_check_ip, X509_check_email: 1 when it matches. */
int test_matches(X509 *x, const char *host, const char *ip, const char *email);
/* X509_verify_cert with X509_V_FLAG_X509_STRICT at the leaf's notBefore, as a TLS server and as a
 * TLS client: X509_V_OK or the error. */
int test_chain_error(X509 *root, X509 *leaf);
/* NAME_CONSTRAINTS_check of the extension's value `der` over the names of x: X509_V_OK or the
 * error. */
int test_constraints_error(struct slice der, X509 *x);
/* A self-signed certificate by OpenSSL, P-256, with extensions as in test_request. */
X509 *test_foreign(const char *const extensions[][2]);
/* Is this short name of OpenSSL the one purpose in extKeyUsage? */
bool test_has_purpose(X509 *x, const char *name);

/* Sets `b` to the octets of a hexadecimal text. */
void test_hex(const char *hex, struct buf *b);

#endif
