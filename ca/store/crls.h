/*
 * What the store knows of CRLs: who is on one, and the sequence of their numbers.
 *
 * One sequence an issuer key and scope (RFC 5280 5.2.3; crl_name_scope). A number is taken,
 * durably, before anything is signed with it, and published once the list is where others find it.
 * A number that was taken and never published is lost; the next one is greater. Deltas have a row
 * of their own, CRL_ROW_DELTA, and take their numbers from the full ones' sequence.
 */
#ifndef CA_STORE_CRLS_H
#define CA_STORE_CRLS_H

#include "ca/store/store.h"
#include "lib/crlname.h"

#define CRL_ROW_DELTA 1

struct store_crl {
    uint16_t issuer;
    uint32_t scope;
    uint64_t number;    /* newest taken; 0: none */
    uint64_t published; /* newest published; 0: none. Of that one: */
    uint64_t change;    /* every change up to this number is in it */
    int64_t this_update, next_update;
    int64_t scheduled; /* thisUpdate of the newest regularly scheduled one; 0: none */
    uint64_t entries, octets;
    uint64_t base, base_change; /* of a delta: `number` and `change` of the CRL that it is over */
};
/* All zeros but issuer and scope when there was none yet. */
int store_crl(struct store *s, uint16_t issuer, uint32_t scope, struct store_crl *out,
              struct fault *f) WARN_UNUSED;

/* Of which numbers of parts (crl_shards) this issuer has rows. */
int store_crl_shards(struct store *s, uint16_t issuer, bool has[CRL_SHARDS_MAX + 1],
                     struct fault *f) WARN_UNUSED;

/* STORE_CRL. Taking a number sets row.number to the greatest of last + 1, published + 1 and
 * op->time; nothing else of the row is looked at, and there is no audit record. Publishing
 * records the row, whose `published` is its number; one that is not greater than the last
 * published is refused, rule "crl.number". */
struct store_crl_step {
    bool publish;
    struct store_crl row; /* issuer and scope in; the whole row out */
};

/* A certificate that is revoked, on hold or given up. */
struct store_revoked {
    uint8_t serial[SERIAL_LEN];
    uint8_t reason;
    int64_t time, invalidity; /* as in struct cert_row */
    int64_t not_after;
};
/* Those of one issuer, in order of serial, from behind *after (all zeros: from the start), at
 * most max, in one short transaction. *n is 0 at the end. */
int store_revoked(struct store *s, uint16_t issuer, const uint8_t after[SERIAL_LEN],
                  struct store_revoked *out, size_t max, size_t *n, struct fault *f) WARN_UNUSED;
/* How these n stand, of which each was revoked, put on hold or given up at some time; who was
 * released has the reason removeFromCRL. In one short transaction: a few hundred at most. */
int store_revoked_of(struct store *s, uint16_t issuer, const uint8_t (*serial)[SERIAL_LEN],
                     struct store_revoked *out, size_t n, struct fault *f) WARN_UNUSED;

#endif
