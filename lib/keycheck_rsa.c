/* What an RSA modulus shows when it is divided by small primes. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/keycheck_inner.h"
#include "lib/buf.h"

#define PRIME_END 752      /* CA/Browser Forum BR 6.1.6 */
#define PRIMES 132         /* odd ones below */
#define WORDS 24           /* their products, each in 64 bits */
#define ROCA_PRIME_MAX 167 /* the primes of the smallest keys' primorial */
#define ROCA_PRIMES 38     /* odd ones up to there */
#define ROCA_GENERATOR 65537

/* Primes whose product fits into 64 bits: one pass over the modulus tests them all. */
struct word {
    uint64_t product, inverse; /* of the product, modulo 2^64 */
    size_t first, n;           /* which of a list of primes */
};

/* An odd p divides x exactly when x * inverse, modulo 2^64, is at most the limit. */
struct divisor {
    uint64_t inverse, limit;
};

/* The powers of 65537 modulo a prime. */
struct subgroup {
    uint32_t prime, size;
    bool has[ROCA_PRIME_MAX + 1];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct word words[WORDS], roca_words[WORDS];
static size_t n_words, n_roca_words;
static struct divisor divisors[PRIMES];
static struct subgroup subgroups[ROCA_PRIMES];
static size_t n_primes, n_subgroups;

/* Newton's iteration: each step doubles the bits that are right, of which any odd number has
 * three (m * m is 1 modulo 8). */
static uint64_t inverse(uint64_t m)
{
    uint64_t x = m;

    for (int i = 0; i < 5; i++)
        x *= 2 - m * x;
    return x;
}

static void add_to_words(struct word *list, size_t *n, size_t at, uint32_t prime)
{
    struct word *w = *n == 0 ? NULL : &list[*n - 1];

    if (w == NULL || w->product > UINT64_MAX / prime) {
        w = &list[(*n)++];
        *w = (struct word){.product = 1, .first = at};
    }
    w->product *= prime;
    w->inverse = inverse(w->product);
    w->n++;
}

static bool is_prime(uint32_t p)
{
    for (uint32_t d = 3; d * d <= p; d += 2)
        if (p % d == 0)
            return false;
    return true;
}

static void add_subgroup(uint32_t p)
{
    struct subgroup *g = &subgroups[n_subgroups];

    g->prime = p;
    for (uint32_t x = 1; !g->has[x]; x = x * (ROCA_GENERATOR % p) % p) {
        g->has[x] = true;
        g->size++;
    }
    /* Modulo such a prime every number is a power: it shows nothing. */
    if (g->size == p - 1)
        memset(g, 0, sizeof(*g));
    else
        n_subgroups++;
}

/* The most telling prime first, so that a random modulus is let go after one word. */
static int by_share(const void *a, const void *b)
{
    const struct subgroup *x = a, *y = b;
    uint32_t left = x->size * (y->prime - 1), right = y->size * (x->prime - 1);

    return left < right ? -1 : left > right;
}

static void make_tables(void)
{
    for (uint32_t p = 3; p < PRIME_END; p += 2) {
        if (!is_prime(p))
            continue;
        divisors[n_primes] = (struct divisor){inverse(p), UINT64_MAX / p};
        add_to_words(words, &n_words, n_primes++, p);
        if (p <= ROCA_PRIME_MAX)
            add_subgroup(p);
    }
    qsort(subgroups, n_subgroups, sizeof(subgroups[0]), by_share);
    for (size_t i = 0; i < n_subgroups; i++)
        add_to_words(roca_words, &n_roca_words, i, subgroups[i].prime);
}

static void tables(void)
{
    if (pthread_once(&once, make_tables) != 0)
        out_of_memory();
}

size_t keycheck_limbs(struct slice modulus, uint64_t out[KEYCHECK_LIMBS_MAX])
{
    size_t n = (modulus.n + 7) / 8;

    if (n > KEYCHECK_LIMBS_MAX)
        return 0;
    memset(out, 0, n * sizeof(out[0]));
    for (size_t i = 0; i < modulus.n; i++)
        out[i / 8] |= (uint64_t)modulus.p[modulus.n - 1 - i] << i % 8 * 8;
    return n;
}

uint64_t keycheck_remainder(const uint64_t *limb, size_t n, uint64_t m)
{
    uint64_t r = 0;

    while (n-- > 0)
        r = (uint64_t)(((unsigned __int128)r << 64 | limb[n]) % m);
    return r;
}

/* Exact division without its quotient, from the least significant limb up (T. Jebelean, 1993):
 * two multiplications a limb and no division. What comes out has the same factors in common
 * with m as the number has. */
static uint64_t exact_remainder(const uint64_t *limb, size_t n, const struct word *m)
{
    uint64_t carry = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t low = limb[i] - carry, borrow = limb[i] < carry;

        carry = (uint64_t)((unsigned __int128)(low * m->inverse) * m->product >> 64) + borrow;
    }
    return carry;
}

bool keycheck_small_factors(const struct spki *k)
{
    uint64_t limb[KEYCHECK_LIMBS_MAX];
    size_t n;

    if (k->type != KEY_RSA)
        return true;
    tables();
    n = keycheck_limbs(k->modulus, limb);
    for (size_t w = 0; w < n_words; w++) {
        uint64_t r = exact_remainder(limb, n, &words[w]);

        for (size_t i = words[w].first; i < words[w].first + words[w].n; i++)
            if (r * divisors[i].inverse <= divisors[i].limit)
                return false;
    }
    return true;
}

/*
 * M. Nemec, M. Sys, P. Svenda, D. Klinec, V. Matyas, "The Return of Coppersmith's Attack", ACM CCS
 * 2017, 3.1: the library made primes of the form k * M + (65537^a mod M), M a product of the
 * first primes, so that the modulus is a power of 65537 modulo each of those. Of other moduli
 * one in some 2^28 is, by chance.
 */
bool keycheck_roca(const struct spki *k)
{
    uint64_t limb[KEYCHECK_LIMBS_MAX];
    size_t n;

    if (k->type != KEY_RSA)
        return true;
    tables();
    n = keycheck_limbs(k->modulus, limb);
    for (size_t w = 0; w < n_roca_words; w++) {
        uint64_t r = keycheck_remainder(limb, n, roca_words[w].product);

        for (size_t i = roca_words[w].first; i < roca_words[w].first + roca_words[w].n; i++)
            if (!subgroups[i].has[r % subgroups[i].prime])
                return true;
    }
    return false;
}
