/* Certificates of hosts and of clients, for tests of TLS. */
#ifndef TESTS_UNIT_PAIR_HELP_H
#define TESTS_UNIT_PAIR_HELP_H

#include "lib/buf.h"

struct pair {
    struct buf key, certificate; /* DER */
};

/* P-256, signed by itself. */
void make_pair(const char *name, struct pair *out);
void free_pair(struct pair *p);

#define COSTLY 4096 /* octets of a modulus and its exponent: seconds for who verifies with it */
/* A certificate for such an RSA key, with an exponent of so many octets. Nobody needs to have the
 * key: another one signed it, and `key` is empty. */
void make_costly(size_t exponent, struct pair *out);

#endif
