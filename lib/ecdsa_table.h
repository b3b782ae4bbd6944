/*
 * ECDSA on P-256 for a key that verifies again and again: with a table of multiples of its point
 * a verification takes half the time. OpenSSL does the arithmetic; ours is the equation of
 * FIPS 186-5 6.4.2, on public numbers.
 *
 * A table is an EC_GROUP whose generator is the key's point. It takes 150 KiB and 20 ms to make;
 * then it is only read, by any number of threads.
 */
#ifndef LIB_ECDSA_TABLE_H
#define LIB_ECDSA_TABLE_H

#include <openssl/ec.h>

#include "lib/buf.h"

/* `curve` is P-256, the point lies on it and is not at infinity. NULL when OpenSSL makes no tables.
 * Freed with EC_GROUP_free. */
EC_GROUP *ecdsa_table_make(const EC_GROUP *curve, const EC_POINT *point);
/* 0 when the signature over the hash is right: DER (RFC 3279 2.2.3), r and s in [1, n - 1]. Of a
 * hash that is longer than 32 octets the first 32 count; it is never shorter. */
int ecdsa_table_verify(const EC_GROUP *curve, const EC_GROUP *table, struct slice hash,
                       struct slice signature) WARN_UNUSED;

#endif
