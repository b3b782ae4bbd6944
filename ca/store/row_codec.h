/*
 * The stored records: one octet of version, then fields by lib/wire.h, kept compact because
 * there are millions of them (a certificate row up to 990 octets packs four a page).
 *
 *   cert      serial || issuer -> struct row_cert: written once, in serial order
 *   sig       serial || issuer -> struct row_sig: written once, when finished
 *   status    serial || issuer -> struct row_status: only when neither open nor always good
 *   open      serial || issuer -> struct row_open: while the intent is open
 *   change    number -> struct store_change
 *   replaced  ref -> ref
 *   blocked   hash of a key -> ref of the certificate that it was blocked with
 *   blockedid identity -> ref, the same
 *   crl       issuer || scope -> struct store_crl
 *   outbox    ca/store/outbox.h
 *   foreign   number -> struct row_foreign
 *   seen      half a fingerprint -> number of a foreign certificate, or 0: issued here || last seen
 *   identity  identity -> struct annotation (ca/store/inventory.h)
 *   filter    name -> struct saved_filter (lib/proto_inventory.h)
 *   audit     index -> salt || record; pruned: SHA-256(salt || record)
 *   checkpoint  size -> struct store_checkpoint
 *   meta      "state" -> struct row_state   "gate" -> struct store_gate
 *            "newest-status" -> ca/store/lmdb_newest.c
 *            "pruned.LOG" -> index of the first audit record that has its details
 *
 * Keys and request keys are in runs (ca/store/runs.h).
 *
 * Decoders return 0 or -1; what they give points into the record.
 */
#ifndef CA_STORE_ROW_CODEC_H
#define CA_STORE_ROW_CODEC_H

#include "ca/store/crls.h"
#include "lib/proto_import.h"

#define ROW_REF 18       /* octets of serial || issuer */
#define ROW_SPKI_HALF 16 /* octets of a key's hash that find it; all of it is then compared */
#define ROW_MAX (TBS_MAX + 1024)
#define ROW_SEEN 16 /* octets of a fingerprint that find it */

struct row_cert {
    int64_t created, not_before, not_after;
    uint64_t change; /* number of the intent's change */
    enum sig_alg alg;
    bool has_request_key, has_replaces;
    uint8_t spki_hash[32];
    uint8_t identity[16];
    uint8_t generation[8];
    uint8_t request_key[32], content[32];
    struct cert_ref replaces;
    char profile[STORE_NAME_MAX], requester[STORE_NAME_MAX], owner[STORE_NAME_MAX];
    struct slice tbs;
};

struct row_sig {
    int64_t finished;
    uint64_t change;
    uint8_t fingerprint[32];
    struct slice signature;
};

struct row_status {
    enum cert_state state; /* CERT_GOOD: released from hold, reason 8 */
    uint8_t reason;
    int64_t time;
    uint64_t change;
    int64_t invalidity; /* RFC 5280 5.3.2; 0: not known */
    int64_t not_after;  /* of the certificate; 0 in rows that older versions wrote */
};

struct row_open {
    int64_t created, not_after;
    bool has_replaces;
};

/* `change` as in struct row_cert; the DER is the last field. */
struct row_foreign {
    enum store_source source;
    int64_t created, not_before, not_after;
    uint64_t change;
    uint8_t fingerprint[32], spki_hash[32], identity[16];
    char by[STORE_NAME_MAX];
    struct import_status told; /* by the CA that issued it */
    uint64_t told_change;      /* number of the change that this made; 0: none */
    bool stranger;             /* see struct foreign (ca/store/inventory.h) */
    struct slice origin, der;
};

struct row_seen {
    uint64_t number;
    int64_t time;
};

/* What moves with every commit. */
struct row_state {
    uint64_t change;     /* newest change number */
    uint64_t tick;       /* newest serial's */
    int64_t last_commit; /* seconds */
    struct merkle audit;
};

void ref_put(const struct cert_ref *ref, uint8_t out[ROW_REF]);
void ref_get(const uint8_t in[ROW_REF], struct cert_ref *out);
uint64_t serial_tick(const uint8_t serial[SERIAL_LEN]);
void number_put(uint64_t v, uint8_t out[8]);
uint64_t number_get(const uint8_t in[8]);

void row_cert_put(struct buf *b, const struct store_intent *i, int64_t created, uint64_t change);
int row_cert_get(struct slice s, struct row_cert *out) WARN_UNUSED;
void row_sig_put(struct buf *b, const struct row_sig *r);
int row_sig_get(struct slice s, struct row_sig *out) WARN_UNUSED;
void row_status_put(struct buf *b, const struct row_status *r);
int row_status_get(struct slice s, struct row_status *out) WARN_UNUSED;
void row_open_put(struct buf *b, const struct row_open *r);
int row_open_get(struct slice s, struct row_open *out) WARN_UNUSED;
void row_foreign_put(struct buf *b, const struct row_foreign *r);
int row_foreign_get(struct slice s, struct row_foreign *out) WARN_UNUSED;
void row_seen_put(struct buf *b, const struct row_seen *r);
int row_seen_get(struct slice s, struct row_seen *out) WARN_UNUSED;
/* The number is the key and stays as it is. */
void row_change_put(struct buf *b, const struct store_change *c);
int row_change_get(struct slice s, struct store_change *out) WARN_UNUSED;
void row_ref_put(struct buf *b, const struct cert_ref *ref);
int row_ref_get(struct slice s, struct cert_ref *out) WARN_UNUSED;
void row_state_put(struct buf *b, const struct row_state *r);
int row_state_get(struct slice s, struct row_state *out) WARN_UNUSED;
#define ROW_GATE_MAX 8192
void row_gate_put(struct buf *b, const struct store_gate *g);
int row_gate_get(struct slice s, struct store_gate *out) WARN_UNUSED;
void row_crl_put(struct buf *b, const struct store_crl *c);
/* Issuer and scope are the key and stay as they are. */
int row_crl_get(struct slice s, struct store_crl *out) WARN_UNUSED;
void row_checkpoint_put(struct buf *b, const struct store_checkpoint *c);
int row_checkpoint_get(struct slice s, struct store_checkpoint *out) WARN_UNUSED;
/* An issuer; name and certificate point into the record's copy in out->bytes. */
void row_issuer_put(struct buf *b, const char *name, const uint8_t spki_hash[32],
                    struct slice certificate);
int row_issuer_get(struct slice s, struct store_issuer *out) WARN_UNUSED;

#endif
