/*
 * Any certificate, whoever issued it (RFC 5280 4.1): what an inventory has to know of it. It must
 * be DER with the fields in their places; beyond that nothing is refused, since what is wrong with
 * it is for the inventory to report: unknown algorithms, weak keys, names of unknown kinds,
 * extensions that are malformed. lib/cert.h is the strict reader, for what this CA issues.
 * All slices point into the input.
 */
#ifndef LIB_ANYCERT_H
#define LIB_ANYCERT_H

#include "lib/ext.h"
#include "lib/key.h"
#include "lib/san.h"

#define ANYCERT_MAX 32768 /* octets */

struct anycert {
    struct slice der, tbs;
    unsigned version;             /* as written, at most 255; 1 when it is not */
    struct slice serial;          /* contents of the INTEGER, at least one octet; may be negative */
    struct slice sig_alg;         /* the outer AlgorithmIdentifier, whole */
    struct slice sig_alg_oid;     /* of that */
    enum sig_alg alg;             /* SIG_NONE: none of lib/key.h's, or not the same inside */
    struct slice signature;       /* octets of the BIT STRING */
    struct slice issuer, subject; /* Names, whole; not checked beyond the outer SEQUENCE */
    int64_t not_before, not_after;
    struct slice spki;         /* SubjectPublicKeyInfo, whole */
    struct slice key_alg_oid;  /* of its algorithm */
    struct slice curve_oid;    /* of an EC key; empty: none, or explicit parameters */
    enum key_type key;         /* KEY_NONE: none of lib/key.h's, or malformed */
    unsigned bits;             /* RSA: of the modulus, however small; 0: not known */
    bool has_sans, sans_whole; /* sans has every name that the certificate has */
    struct slice sans_der;     /* the extension's value */
    struct san_list sans;
    bool ca;
    int path_len; /* -1: none */
    bool has_key_usage, has_eku;
    uint16_t key_usage;                            /* KU_* (lib/tbs.h) */
    uint32_t eku;                                  /* EKU_* */
    struct slice subject_key_id, authority_key_id; /* empty: none */
    bool extensions_odd; /* one is malformed, there twice, or there are too many */
    bool times_odd;      /* in a form that RFC 5280 4.1.2.5 does not allow (der_get_any_time) */
};

/* Rules: "cert.der", "cert.size", "cert.validity" (no times that can be read). */
int anycert_parse(struct slice der, struct anycert *out, struct fault *f) WARN_UNUSED;
/* A TBSCertificate alone: `der`, `signature` and the outer algorithm stay empty. */
int anycert_parse_tbs(struct slice tbs, struct anycert *out, struct fault *f) WARN_UNUSED;

/* The serial number in upper-case hexadecimal, whole octets without zeros in front, "-" in front of
 * a negative one: as OpenSSL prints it. */
void anycert_serial_print(struct slice serial, struct buf *out);

enum anycert_key_kind {
    ANYCERT_OTHER = 0,
    ANYCERT_RSA,
    ANYCERT_DSA,
    ANYCERT_EC,
    ANYCERT_EDWARDS, /* Ed25519, Ed448 */
    ANYCERT_LATTICE, /* ML-DSA */
};
struct anycert_key {
    enum anycert_key_kind kind;
    unsigned bits; /* of the modulus, of the field; 0: not known */
    char name[64]; /* "rsa1024", "p256", "ec-secp256k1", "ec-explicit-256", "dsa1024", or an OID */
};
struct anycert_alg {
    unsigned hash_bits; /* 128 of MD5, 160 of SHA-1; 0: none of its own, or not known */
    char name[64];      /* "rsa-sha256" as sig_alg_name has it, "rsa-md5", or an OID */
};
/* What is known of a whole SubjectPublicKeyInfo, of a whole AlgorithmIdentifier, also of those that
 * nothing here uses; "unknown" when not even the OID can be read. */
void anycert_key(struct slice spki, struct anycert_key *out);
void anycert_alg(struct slice alg, struct anycert_alg *out);

/* By which certificates are the same for their users: the same names, whatever profile, issuer and
 * key; of one that has none, the same subject. */
void anycert_names_id(const struct anycert *c, uint8_t out[SAN_IDENTITY]);
/* The same of names that were read otherwise. */
void names_id(const struct san_list *sans, struct slice subject, uint8_t out[SAN_IDENTITY]);

#endif
