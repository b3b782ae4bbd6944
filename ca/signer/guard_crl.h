/*
 * What this signer may sign as a CRL: the second opinion on a TBSCertList (RFC 5280 5), which is
 * read once, in pieces, checked and hashed from the same octets. Like ca/signer/guard.h it touches
 * no token and keeps no state.
 *
 * A draft must be, octet for octet, what lib/crl.h writes from what was read out of it: issuer and
 * key identifier of that key, its algorithm, a CRL number, and entries in order. It is valid from
 * now on for at most the issuer's crl_validity. Beside full CRLs the configuration allows deltas
 * (crl_delta: removeFromCRL in them alone, full ones then say where they are, valid for
 * crl_delta_validity at most) and parts (crl_shards: the IssuingDistributionPoint is one of this
 * issuer's). Whether the number rises, and whether parts that are no longer configured were ever
 * signed, the record knows.
 */
#ifndef CA_SIGNER_GUARD_CRL_H
#define CA_SIGNER_GUARD_CRL_H

#include "ca/signer/guard.h"
#include "lib/crl.h"

struct guard_crl {
    uint32_t scope; /* of its number: crl_name_scope */
    uint64_t number;
    bool earlier;     /* a part of other crl_shards than are configured: if it was signed before */
    uint8_t hash[64]; /* as the signature needs it */
    uint8_t tbs_hash[32]; /* SHA-256 */
};

/* `draft` says where to read; the rest is filled in here. Rules "signer.crl", "signer.issuer-name",
 * "signer.algorithm", "signer.validity", "signer.extension", "signer.entry", "signer.form". */
int guard_crl(const struct guard_issuer *by, const struct crl_input *draft, int64_t now,
              struct guard_crl *out, struct fault *f) WARN_UNUSED;

#endif
