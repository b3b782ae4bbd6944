/*
 * The entries of a signer's own record (record_dir/TOKEN.record): one for every
 * draft that it was about to sign, append-only. The signer writes them; the store check
 * reads them, to prove from outside that every signature has an intent.
 *
 * An entry is SIGNRECORD_ENTRY octets, integers big-endian:
 *
 *   0-7    number of the entry, counted from 1: its place in the file
 *   8-15   first octets of the SHA-256 of the issuer's SubjectPublicKeyInfo
 *   16-31  serial number
 *   32-63  SHA-256 of the TBSCertificate
 *
 * Serial numbers of certificates have leading bits 01 (lib/tbs.h). Sixteen zeros stand for a
 * certification request of a CA's key; the hash is that of its CertificationRequestInfo. An entry
 * of nothing but its number stands where a power loss took one away. A CRL has 01 00 00 00, the
 * scope of its number (4) and the number (8); the hash is that of its TBSCertList.
 */
#ifndef LIB_SIGNRECORD_H
#define LIB_SIGNRECORD_H

#include "lib/tbs.h"

#define SIGNRECORD_ENTRY 64
#define SIGNRECORD_KEY_LEN 8

struct signrecord_entry {
    uint64_t number;
    uint8_t key[SIGNRECORD_KEY_LEN];
    uint8_t serial[SERIAL_LEN];
    uint8_t tbs_hash[32];
};

void signrecord_put(struct buf *b, const struct signrecord_entry *e);
void signrecord_get(const uint8_t octets[SIGNRECORD_ENTRY], struct signrecord_entry *out);

/* What a CRL's entry has instead of a serial number. */
void signrecord_crl_put(uint32_t scope, uint64_t number, uint8_t serial[SERIAL_LEN]);
bool signrecord_crl_get(const uint8_t serial[SERIAL_LEN], uint32_t *scope, uint64_t *number);

#endif
