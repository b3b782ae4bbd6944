/* ECDSA public keys on the curves of FIPS 186-5, by OpenSSL's EC_KEY. */
#ifndef LIB_PUBKEY_EC_H
#define LIB_PUBKEY_EC_H

#include "lib/key.h"

/* Shared by whoever has it; threads may verify with it at the same time. */
struct pubkey_ec;

/* A P-256 key that has verified so often gets a table (lib/ecdsa_table.h) by itself: it is worth
 * that many verifications. */
#define PUBKEY_EC_OFTEN 1000

/* The uncompressed point becomes a key; NULL when it is not on the curve. */
struct pubkey_ec *pubkey_ec_open(enum key_type t, struct slice point);
void pubkey_ec_free(struct pubkey_ec *k);
struct pubkey_ec *pubkey_ec_share(struct pubkey_ec *k);
/* 0 when the DER signature (RFC 3279 2.2.3) over the hash is right. */
int pubkey_ec_verify(struct pubkey_ec *k, struct slice hash, struct slice signature) WARN_UNUSED;

#endif
