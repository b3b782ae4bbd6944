/*
 * PKCS#10 certification requests (RFC 2986), decoded once. All slices point
 * into the input, which must outlive the result.
 */
#ifndef LIB_CSR_H
#define LIB_CSR_H

#include "lib/key.h"
#include "lib/name.h"
#include "lib/san.h"

#define CSR_MAX 53248 /* octets: room for SLH-DSA-256f, the largest signature of FIPS 205 */
#define CSR_OTHER_MAX 16
#define CSR_ATTRIBUTES_MAX 32

struct csr_attribute {
    struct slice oid;
    struct slice values; /* contents of the SET: one element or more */
};

struct csr {
    struct slice der;
    struct slice info;    /* CertificationRequestInfo, whole: what is signed */
    struct slice subject; /* Name, whole */
    struct spki key;
    enum sig_alg alg;
    struct slice signature;
    struct san_list sans; /* from extensionRequest; empty when absent */
    bool has_key_usage;
    uint16_t key_usage; /* KU_* of lib/tbs.h */
    bool has_basic_constraints;
    bool asks_ca;
    int path_len; /* with asks_ca; -1: none */
    bool has_eku;
    uint32_t eku; /* EKU_* */
    bool asks_must_staple;
    size_t n_other;                    /* requested extensions other than these, all of them; */
    struct slice other[CSR_OTHER_MAX]; /* the OIDs of the first */
    struct slice challenge_password;   /* attribute value as UTF-8, or SLICE_NONE */
    size_t n_attributes;               /* all of them, those above included; no OID twice */
    struct csr_attribute attribute[CSR_ATTRIBUTES_MAX];
};

/* Rules: "csr.der", "csr.version", "csr.subject", "csr.key", "csr.signature.algorithm",
 * "csr.attributes" (a duplicate attribute or extension, a malformed one), "csr.size",
 * "csr.san.kind" (a name of another kind than those of lib/san.h), and those of san_check and
 * san_list_get: every name in `sans` passed san_check. Tolerated: an empty subject, attributes
 * absent, attributes and extensions that are not known here: policy decides about the extensions.
 */
int csr_parse(struct slice der, struct csr *out, struct fault *f) WARN_UNUSED;
/* The same of who has its key made elsewhere (RFC 7030 4.4.1): key and signature may be of any
 * kind and are not looked at; what is not known here is KEY_NONE and SIG_NONE. */
int csr_parse_keyless(struct slice der, struct csr *out, struct fault *f) WARN_UNUSED;
/* A CertificationRequestInfo alone, before anybody has signed it: no alg, no signature. */
int csr_parse_info(struct slice der, struct csr *out, struct fault *f) WARN_UNUSED;
/* The attribute with this OID; NULL when there is none. */
const struct csr_attribute *csr_find(const struct csr *c, struct slice oid);
/* Proof of possession (RFC 2986 section 3, note 2): rule "csr.pop". Also finds points off the
 * curve: rule "csr.key". */
int csr_verify(const struct csr *c, struct fault *f) WARN_UNUSED;

#endif
