/*
 * Public keys and signature algorithms: SubjectPublicKeyInfo (RFC 5280 4.1.2.7,
 * RFC 3279, RFC 5480, RFC 8410) and AlgorithmIdentifiers of signatures
 * (RFC 4055, RFC 5758, RFC 8410). OpenSSL does the cryptography, through the
 * cheap calls only (EVP_PKEY_fromdata with a context kept per thread).
 */
#ifndef LIB_KEY_H
#define LIB_KEY_H

#include "lib/buf.h"
#include "lib/fault.h"

enum key_type {
    KEY_NONE = 0,
    KEY_RSA = 1,
    KEY_P256 = 2,
    KEY_P384 = 3,
    KEY_P521 = 4,
    KEY_ED25519 = 5
};
#define KEY_TYPE_MAX KEY_ED25519

enum sig_alg {
    SIG_NONE = 0,
    SIG_ECDSA_SHA256 = 1,
    SIG_ECDSA_SHA384 = 2,
    SIG_ECDSA_SHA512 = 3,
    SIG_RSA_SHA256 = 4, /* PKCS#1 v1.5 */
    SIG_RSA_SHA384 = 5,
    SIG_RSA_SHA512 = 6,
    SIG_RSA_PSS_SHA256 = 7, /* salt as long as the hash, MGF1 with the same hash, NULL parameters */
    SIG_RSA_PSS_SHA384 = 8,
    SIG_RSA_PSS_SHA512 = 9,
    SIG_ED25519 = 10,
};
#define SIG_ALG_MAX SIG_ED25519
#define SIGNATURE_MAX 1024 /* octets; RSA-8192 is the largest accepted from outside */

/* A SubjectPublicKeyInfo, decoded; slices point into the input. */
struct spki {
    struct slice der; /* the whole SubjectPublicKeyInfo */
    enum key_type type;
    unsigned bits;         /* RSA: of the modulus; EC: of the curve; Ed25519: 256 */
    struct slice key_bits; /* contents of subjectPublicKey: the EC point, the RSAPublicKey ... */
    struct slice modulus;  /* RSA only, no leading zeros */
    struct slice exponent; /* RSA only, no leading zeros */
};

/* Decodes one whole SubjectPublicKeyInfo. Only the algorithms above; EC points
 * uncompressed, with the right length; RSA moduli of 1024 to 8192 bits (policy is stricter),
 * exponents odd, 3 or more, at most 64 bits. Whether a point lies on the curve is
 * found by pubkey_open. Rules: "key.spki", "key.algorithm", "key.curve", "key.point",
 * "key.rsa.modulus", "key.rsa.size", "key.rsa.exponent". */
int spki_parse(struct slice der, struct spki *out, struct fault *f) WARN_UNUSED;
/* RFC 5280 4.2.1.2 (1): SHA-1 of the BIT STRING contents. Used as key identifier only. */
void spki_key_id(const struct spki *k, uint8_t out[20]);
/* SHA-256 of the whole SubjectPublicKeyInfo: how the store names a key. */
void spki_hash(const struct spki *k, uint8_t out[32]);

const char *key_type_name(enum key_type t); /* "rsa", "p256" ... */
int key_type_parse(const char *text, enum key_type *type, unsigned *bits) WARN_UNUSED;
/* "p256", "p384", "p521", "ed25519", "rsa2048", "rsa3072", "rsa4096" */
void key_describe(enum key_type t, unsigned bits, char out[24]); /* "rsa2048", "p256" */

const char *sig_alg_name(enum sig_alg a); /* "ecdsa-sha256", "rsa-sha256", "rsa-pss-sha256" ... */
int sig_alg_parse(const char *text, enum sig_alg *out) WARN_UNUSED;
/* The usual algorithm for a key: P-256 SHA-256, P-384 SHA-384, P-521 SHA-512, RSA PKCS#1 SHA-256.
 */
enum sig_alg sig_alg_default(enum key_type t);
/* The same kind of signature with a hash of so many octets (32, 48, 64); 0, or Ed25519: as it is.
 */
enum sig_alg sig_alg_with_hash(enum sig_alg a, unsigned octets);
bool sig_alg_fits(enum sig_alg a, enum key_type t);
/* AlgorithmIdentifier, whole. PSS parameters are written with the NULL of the
 * hash AlgorithmIdentifier. */
void sig_alg_put(struct buf *b, enum sig_alg a);
/* Reads one; tolerant of PSS hash parameters absent or NULL (RFC 4055 2.1) and of the PSS trailer
 * written out (3.1), of nothing else. -1 for anything that is not in the list. */
int sig_alg_get(struct slice *in, enum sig_alg *out) WARN_UNUSED;
/* The hash of an algorithm: its length in octets; 0 for Ed25519. */
size_t sig_alg_hash_len(enum sig_alg a);

/* A public key ready to verify with. Opaque; one thread at a time may verify
 * with it, so callers that share one take pubkey_dup. */
struct pubkey;
/* Imports and checks the key (a point off the curve is refused: rule "key.point"). Without memory:
 * FAULT_UNAVAILABLE, "key.memory". */
int pubkey_open(const struct spki *k, struct pubkey **out, struct fault *f) WARN_UNUSED;
void pubkey_free(struct pubkey *k);
struct pubkey *pubkey_dup(const struct pubkey *k);
/* 0 when the signature over `message` is right, -1 when it is not, PUBKEY_UNKNOWN when that could
 * not be found out: no memory, or no such algorithm here. */
#define PUBKEY_UNKNOWN (-2)
int pubkey_verify(struct pubkey *k, enum sig_alg a, struct slice message,
                  struct slice signature) WARN_UNUSED;

/* For identifiers only: RFC 5280 4.2.1.2, RFC 6960 4.1.1. */
void sha1(struct slice s, uint8_t out[20]);
/* SHA-256 through a context kept per thread; the fast path for everything. */
void sha256(struct slice s, uint8_t out[32]);
void sha256_two(struct slice a, struct slice b, uint8_t out[32]); /* of a || b */
/* SHA-2 of 32, 48 or 64 octets over what comes in pieces. `out` may be NULL: it is only freed. d
 * may be NULL then. */
struct digest;
struct digest *digest_begin(size_t octets);
void digest_add(struct digest *d, struct slice s);
void digest_end(struct digest *d, uint8_t *out);
/* Hash of an algorithm over a message; out holds sig_alg_hash_len octets. */
void sig_alg_hash(enum sig_alg a, struct slice message, uint8_t out[64]);
/* From the CSPRNG; ends the process if there is no randomness. */
void random_bytes(void *p, size_t n);
void wipe(void *p, size_t n);

#endif
