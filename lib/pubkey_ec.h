/* ECDSA public keys on the curves of FIPS 186-5, by OpenSSL's EC_KEY. */
#ifndef LIB_PUBKEY_EC_H
#define LIB_PUBKEY_EC_H

#include <openssl/types.h>

#include "lib/key.h"

/* The uncompressed point becomes a key; NULL when it is not on the curve. */
EC_KEY *pubkey_ec_open(enum key_type t, struct slice point);
void pubkey_ec_free(EC_KEY *k);
EC_KEY *pubkey_ec_share(EC_KEY *k);
/* 0 when the DER signature (RFC 3279 2.2.3) over the hash is right. */
int pubkey_ec_verify(EC_KEY *k, struct slice hash, struct slice signature) WARN_UNUSED;

#endif
