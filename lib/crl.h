/*
 * Certificate revocation lists (RFC 5280 5), written and read in one pass with bounded memory:
 * a list of a million entries is never held whole.
 *
 * Writer: the entries first, then, once their length is known, what stands in front of and behind
 * them. Together they are the TBSCertList.
 *
 * Reader: strict DER of version 2 lists, from whatever gives octets in order. Every octet is read
 * once; what is hashed (the tap) is what is parsed. A list that ends early, is longer than it says,
 * names a certificateIssuer (indirect CRLs) or has a critical extension that we do not know is
 * refused. Rules: "crl.der", "crl.version", "crl.algorithm", "crl.time", "crl.entry",
 * "crl.extension", "crl.number", "crl.size", "crl.read".
 */
#ifndef LIB_CRL_H
#define LIB_CRL_H

#include "lib/fault.h"
#include "lib/key.h"

#define CRL_SERIAL_MAX 20      /* RFC 5280 4.1.2.2 */
#define CRL_REMOVE_FROM_CRL 8  /* 5.3.1: a reason in deltas only, released or no longer listed */
#define CRL_SURROUND_MAX 16384 /* octets in front of the entries; the same behind them */

struct crl_entry {
    uint8_t serial[CRL_SERIAL_MAX]; /* magnitude, no leading zeros */
    uint8_t serial_len;
    uint8_t reason; /* CRLReason (5.3.1); 0: unspecified, written as no extension */
    int64_t revoked;
    int64_t invalidity; /* 5.3.2; 0: not known */
};

struct crl_spec {
    enum sig_alg alg;
    struct slice issuer; /* Name, whole DER */
    int64_t this_update, next_update;
    uint8_t authority_key_id[20];
    uint64_t number;  /* 5.2.3 */
    struct slice idp; /* IssuingDistributionPoint, whole (5.2.5); SLICE_NONE: none */
    bool delta;       /* 5.2.4: changes since the CRL of number `base` */
    uint64_t base;
    struct slice freshest; /* CRLDistributionPoints of the delta, whole (5.2.6); SLICE_NONE: none */
};

/* --- writing; errors stick to the buffer ------------------------------------------- */

/* Wants room for CRL_ENTRY_MAX octets in the buffer, and gives back what it does not need. */
#define CRL_ENTRY_MAX 128
void crl_entry_put(struct buf *b, const struct crl_entry *e);
/* Up to the first entry; `entries` is the length of all of them. Empty: the list is left out
 * (5.1.2.6). */
void crl_head_put(struct buf *b, const struct crl_spec *s, uint64_t entries);
/* The extensions. */
void crl_tail_put(struct buf *b, const struct crl_spec *s);
/* In front of and behind a signed TBSCertList of so many octets. */
void crl_outer_put(struct buf *b, uint64_t tbs, enum sig_alg alg, struct slice signature);
void crl_signature_put(struct buf *b, enum sig_alg alg, struct slice signature);

/* --- reading ------------------------------------------------------------------------ */

struct crl_input {
    /* Gives at least one octet, at most max; 0 at the end, -1 when it cannot. */
    int64_t (*read)(void *arg, uint8_t *out, size_t max);
    void *arg;
    uint64_t size; /* of all there is */
    bool draft;    /* a TBSCertList alone */
    /* Sees every octet once, in order. NULL: nobody looks. */
    void (*tap)(void *tap_arg, struct slice octets);
    void *tap_arg;
};

struct crl_info {
    enum sig_alg alg;
    struct slice issuer; /* Name, whole */
    int64_t this_update;
    int64_t next_update; /* 0: none */
    struct slice head;   /* everything in front of the first entry, from the TBSCertList on */
    uint64_t tbs_at;     /* where the TBSCertList begins */
    uint64_t tbs_len;
    uint64_t entries_len; /* octets of all entries */
    /* after crl_read_end */
    uint64_t entries;
    struct slice tail; /* everything behind the last entry, to the end of the TBSCertList */
    struct slice authority_key_id;
    bool has_number, delta;
    uint64_t number, base;
    struct slice idp, freshest;
    struct slice signature; /* not of a draft */
};

struct crl_reader;
/* Reads up to the first entry. */
int crl_read_begin(const struct crl_input *in, struct crl_reader **out,
                   struct fault *f) WARN_UNUSED;
void crl_reader_free(struct crl_reader *r);
/* 1: one more entry; 0: no more. `octets` (or NULL) gets its encoding, good until the next call. */
int crl_read_entry(struct crl_reader *r, struct crl_entry *out, struct slice *octets,
                   struct fault *f) WARN_UNUSED;
/* After the last entry: the rest, to the very end of the input. */
int crl_read_end(struct crl_reader *r, struct fault *f) WARN_UNUSED;
/* Good as long as the reader. */
const struct crl_info *crl_read_info(const struct crl_reader *r);

/* Two things to read from: a file, from octet `at` on, and memory. Each is the `arg`. */
struct crl_file {
    int fd;
    uint64_t at;
};
int64_t crl_file_read(void *file, uint8_t *out, size_t max);
int64_t crl_memory_read(void *slice, uint8_t *out, size_t max); /* of a struct slice; cuts it */

/* CRLReason (RFC 5280 5.3.1), as far as one means more than its number. */
#define REASON_KEY_COMPROMISE 1
#define REASON_CA_COMPROMISE 2
#define REASON_SUPERSEDED 4
#define REASON_CERTIFICATE_HOLD 6
#define REASON_REMOVE_FROM_CRL 8

/* crlEntryExtensions with a reason and nothing else, as nearly every entry has them: so they begin,
 * and the reason follows. */
#define CRL_REASON_FRONT 13
extern const uint8_t crl_reason_front[CRL_REASON_FRONT];

const char *crl_reason_name(uint8_t reason); /* "keyCompromise"; NULL: none has this number */

#endif
