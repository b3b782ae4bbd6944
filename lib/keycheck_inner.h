/* The checks behind the table of lib/keycheck.c, and the numbers that they share. */
#ifndef LIB_KEYCHECK_INNER_H
#define LIB_KEYCHECK_INNER_H

#include "lib/keycheck.h"

#define KEYCHECK_LIMBS_MAX (SIGNATURE_MAX / 8)

/* An RSA modulus in 64-bit limbs, the least significant first. Gives their number. */
size_t keycheck_limbs(struct slice modulus, uint64_t out[KEYCHECK_LIMBS_MAX]);
/* The remainder of dividing by m, which is not 0. */
uint64_t keycheck_remainder(const uint64_t *limb, size_t n, uint64_t m);

bool keycheck_small_factors(const struct spki *k);
bool keycheck_roca(const struct spki *k);
bool keycheck_fermat(const struct spki *k);
bool keycheck_ec_point(const struct spki *k);
bool keycheck_ed25519_order(const struct spki *k);
bool keycheck_ed25519_point(const struct spki *k);

#endif
