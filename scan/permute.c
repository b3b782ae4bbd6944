#include "scan/permute.h"

#define ROUNDS 6

void permutation_init(struct permutation *p, uint64_t n, uint64_t seed)
{
    *p = (struct permutation){.n = n, .seed = seed, .half = 1};
    while (p->half < 31 && (uint64_t)1 << (2 * p->half) < n)
        p->half++;
}

/* The finalizer of SplitMix64. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

static uint64_t once(const struct permutation *p, uint64_t x)
{
    uint64_t mask = ((uint64_t)1 << p->half) - 1, left = x >> p->half, right = x & mask;

    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t next = left ^ (mix(mix(p->seed + round) ^ right) & mask);

        left = right;
        right = next;
    }
    return left << p->half | right;
}

uint64_t permutation_at(const struct permutation *p, uint64_t i)
{
    do
        i = once(p, i);
    while (i >= p->n);
    return i;
}
