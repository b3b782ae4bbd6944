/*
 * A random order of 0 to n-1 that takes no memory: a permutation chosen by a seed (a Feistel
 * network over the next even number of bits, walked until the result lies below n). Not for
 * secrets: it spreads the load, and is the same again for who goes on later.
 */
#ifndef SCAN_PERMUTE_H
#define SCAN_PERMUTE_H

#include <stdint.h>

struct permutation {
    uint64_t n, seed;
    unsigned half; /* bits */
};
/* n at most 2^62. */
void permutation_init(struct permutation *p, uint64_t n, uint64_t seed);
/* What stands at place i, which is below n. */
uint64_t permutation_at(const struct permutation *p, uint64_t i);

#endif
