/* The same read by OpenSSL, for comparison. */
#ifndef TESTS_FUZZ_PEER_H
#define TESTS_FUZZ_PEER_H

#include <openssl/x509v3.h>

#include "lib/san.h"

/* What we took, OpenSSL takes, up to its end `p`; else prints why not. */
void peer_takes(const void *value, const unsigned char *p, struct slice whole);

/* An i2d function; OpenSSL's have pointers to their own types, const or not. */
typedef int (*peer_writer)(const void *value, unsigned char **out);
/* Does it encode `value` to these octets? */
bool peer_same(struct slice octets, peer_writer write, const void *value);
/* An INTEGER's magnitude, and that it is not negative. */
bool peer_same_number(struct slice magnitude, const ASN1_INTEGER *value);
bool peer_same_time(int64_t t, const ASN1_TIME *value);
/* Checks that both lists hold the same names in the same order. NULL: there is none. */
void peer_same_names(const GENERAL_NAMES *names, const struct san_list *ours);

#endif
