/*
 * The signer's own record of what it signed, append-only: who holds the disk of
 * cerca-ca cannot make a signature disappear from here, and every entry can be
 * checked against the store's intents.
 *
 * An entry is RECORD_ENTRY octets, integers big-endian:
 *
 *   0-7    number of the entry, counted from 1: its place in the file
 *   8-15   first octets of the SHA-256 of the issuer's SubjectPublicKeyInfo
 *   16-31  serial number; lib/signrecord.h says what stands here for anything else
 *   32-63  SHA-256 of the TBSCertificate, TBSCertList or CertificationRequestInfo
 *
 * It is written before the signature is made: an entry without a signature is
 * harmless, a signature without an entry is not. A write is in the page cache, so it
 * survives the end of any program; the disk has it a second later.
 *
 * Thread-safe after record_open. One process at a time has the file.
 */
#ifndef CA_SIGNER_RECORD_H
#define CA_SIGNER_RECORD_H

#include "ca/signer/guard_crl.h"
#include "lib/buf.h"
#include "lib/fault.h"
#include "lib/tbs.h"

#define RECORD_ENTRY 64
#define RECORD_KEY_LEN 8

struct record;

struct record_entry {
    const uint8_t *key; /* RECORD_KEY_LEN octets */
    struct slice serial;
    uint8_t tbs_hash[32];
};

/* Opens or makes the file, cuts off what a crash left half written at its end
 * (a warning says how much), and starts the thread that syncs it. Rules "signer.record",
 * "signer.record.busy", "signer.record.damaged". */
int record_open(const char *path, struct record **out, struct fault *f) WARN_UNUSED;
/* Syncs and closes. NULL is fine. */
void record_close(struct record *r);
/* One write for all `n` entries, at most RECORD_BATCH. After a failure the
 * file is cut back to what it was. */
#define RECORD_BATCH 16
int record_append(struct record *r, const struct record_entry *e, size_t n,
                  struct fault *f) WARN_UNUSED;
/* The same for a CRL, whose number must be greater than that of every CRL of this key and scope
 * in the record: rule "signer.number". The very draft that has the last number may come again. One
 * that is only for earlier certificates needs another of its scope before it: rule
 * "signer.extension". The first call reads the whole record. */
int record_append_crl(struct record *r, const uint8_t *key, const struct guard_crl *crl,
                      struct fault *f) WARN_UNUSED;
uint64_t record_count(struct record *r);

#endif
