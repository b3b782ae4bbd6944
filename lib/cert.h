/*
 * Certificates and TBSCertificates (RFC 5280 4.1), decoded once and strictly.
 * Used for our own drafts (by cerca-ca and again by cerca-signer) and for what
 * operators show us. All slices point into the input.
 */
#ifndef LIB_CERT_H
#define LIB_CERT_H

#include "lib/constraints.h"
#include "lib/ext.h"
#include "lib/key.h"
#include "lib/name.h"
#include "lib/san.h"
#include "lib/tbs.h"

#define CERT_MAX 65536
#define CERT_EXTENSIONS_MAX 32

struct cert {
    struct slice der;     /* the whole Certificate; SLICE_NONE after tbs_parse */
    struct slice tbs;     /* the whole TBSCertificate */
    unsigned version;     /* 1 to 3 */
    struct slice serial;  /* magnitude, at most 20 octets */
    enum sig_alg tbs_alg; /* the signature field inside the TBS */
    enum sig_alg alg;     /* the outer one; must equal tbs_alg */
    struct slice signature;
    struct slice issuer; /* Names, whole */
    struct slice subject;
    struct slice validity; /* contents: the encoding of the times is linted */
    int64_t not_before;
    int64_t not_after;
    struct spki key;
    bool has_unique_id; /* issuerUniqueID or subjectUniqueID */
    bool has_basic_constraints;
    bool ca;
    int path_len; /* -1: none */
    bool has_key_usage;
    uint16_t key_usage; /* KU_* */
    bool has_eku;
    uint32_t eku; /* EKU_* */
    struct constraints constraints;
    struct san_list sans;
    bool must_staple, no_rev_avail, ocsp_no_check;
    struct slice sid; /* Microsoft's security identifier; empty: none, or none we can read */
    struct slice subject_key_id;
    struct slice authority_key_id;
    size_t n_extensions;
    struct cert_extension extension[CERT_EXTENSIONS_MAX];
};

/* Rules: "cert.der", "cert.size", "cert.version", "cert.serial", "cert.algorithm", "cert.issuer",
 * "cert.subject", "cert.validity", "cert.key", "cert.extension". What is well-formed but not right
 * for a certificate of ours is for lint to say. */
int tbs_parse(struct slice der, struct cert *out, struct fault *f) WARN_UNUSED;
int cert_parse(struct slice der, struct cert *out, struct fault *f) WARN_UNUSED;
/* The extension with this OID; NULL when there is none. */
const struct cert_extension *cert_find(const struct cert *c, struct slice oid);
/* SHA-256 of the whole certificate. */
void cert_fingerprint(struct slice der, uint8_t out[32]);

#endif
