/*
 * Fermat's factorisation: n = a^2 - b^2 = (a - b) * (a + b). When its primes are close together,
 * a is hardly more than the square root of n (CVE-2022-26320). The one costly step is that root;
 * that a^2 - n is no square is nearly always seen from remainders.
 */
#include <openssl/bn.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/key_thread.h"
#include "lib/buf.h"
#include "lib/keycheck_inner.h"

#define ROUNDS 100 /* CA/Browser Forum BR 6.1.1.3 */

/* Pairwise coprime, with a product below 2^64. One number in about 20,000 is a square modulo all
 * of them without being one. */
static const uint8_t moduli[] = {64, 63, 65, 11, 17, 19, 23, 29, 31, 37, 41, 43};
#define N_MODULI (sizeof(moduli) / sizeof(moduli[0]))
#define MODULUS_END 66

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool residue[N_MODULI][MODULUS_END]; /* [k][x]: x is a square modulo moduli[k] */
static uint64_t product = 1;

static void make_tables(void)
{
    for (size_t k = 0; k < N_MODULI; k++) {
        product *= moduli[k];
        for (uint32_t x = 0; x < moduli[k]; x++)
            residue[k][x * x % moduli[k]] = true;
    }
}

/* Could (a + i)^2 - n be a square? Both are given modulo the product. */
static bool may_be_square(uint64_t a, uint64_t n, uint32_t i)
{
    for (size_t k = 0; k < N_MODULI; k++) {
        uint32_t m = moduli[k], x = ((uint32_t)(a % m) + i) % m;

        if (!residue[k][(x * x + m - (uint32_t)(n % m)) % m])
            return false;
    }
    return true;
}

/* A number above the root, the same in its first 31 bits. */
static bool guess_root(const BIGNUM *n, BIGNUM *root, BIGNUM *scratch)
{
    int shift = (BN_num_bits(n) - 61) & ~1;
    uint64_t top, r = 0;

    if (shift < 0)
        shift = 0;
    if (BN_rshift(scratch, n, shift) != 1)
        return false;
    top = BN_get_word(scratch);
    for (uint64_t bit = UINT64_C(1) << 31; bit != 0; bit >>= 1)
        if ((r | bit) * (r | bit) <= top)
            r |= bit;
    return BN_set_word(root, r + 1) == 1 && BN_lshift(root, root, shift / 2) == 1;
}

/* Rounded down, by Newton's iteration from above, which falls until it is there. */
static bool square_root(const BIGNUM *n, BIGNUM *root, BN_CTX *ctx)
{
    BIGNUM *next = BN_CTX_get(ctx);

    if (next == NULL || !guess_root(n, root, next))
        return false;
    for (;;) {
        if (BN_div(next, NULL, n, root, ctx) != 1 || BN_add(next, next, root) != 1 ||
            BN_rshift1(next, next) != 1)
            return false;
        if (BN_cmp(next, root) >= 0)
            return true;
        BN_swap(next, root);
    }
}

/* Sets *square and leaves the root, rounded down. */
static bool is_square(const BIGNUM *n, BIGNUM *root, bool *square, BN_CTX *ctx)
{
    BIGNUM *again = BN_CTX_get(ctx);

    if (again == NULL || !square_root(n, root, ctx) || BN_sqr(again, root, ctx) != 1)
        return false;
    *square = BN_cmp(again, n) == 0;
    return true;
}

/* Is (a + i)^2 - n really a square? */
static bool confirm(const BIGNUM *a, uint32_t i, const BIGNUM *n, bool *square, BN_CTX *ctx)
{
    BIGNUM *x = BN_CTX_get(ctx), *root = BN_CTX_get(ctx);

    return root != NULL && BN_copy(x, a) != NULL && BN_add_word(x, i) == 1 &&
           BN_sqr(x, x, ctx) == 1 && BN_sub(x, x, n) == 1 && is_square(x, root, square, ctx);
}

static bool search(struct slice modulus, bool *found, BN_CTX *ctx)
{
    uint64_t limb[KEYCHECK_LIMBS_MAX], n_rest, a_rest;
    BIGNUM *n = BN_CTX_get(ctx), *a = BN_CTX_get(ctx);

    if (a == NULL || BN_bin2bn(modulus.p, (int)modulus.n, n) == NULL ||
        !is_square(n, a, found, ctx) || BN_add_word(a, 1) != 1)
        return false;
    n_rest = keycheck_remainder(limb, keycheck_limbs(modulus, limb), product);
    a_rest = BN_mod_word(a, product);
    for (uint32_t i = 0; i < ROUNDS && !*found; i++)
        if (may_be_square(a_rest, n_rest, i) && !confirm(a, i, n, found, ctx))
            return false;
    return true;
}

bool keycheck_fermat(const struct spki *k)
{
    BN_CTX *ctx;
    bool found = false;

    if (k->type != KEY_RSA)
        return true;
    if (pthread_once(&once, make_tables) != 0)
        out_of_memory();
    ctx = thread_bn_ctx();
    BN_CTX_start(ctx);
    /* Only out of memory can make it fail. */
    if (!search(k->modulus, &found, ctx))
        out_of_memory();
    BN_CTX_end(ctx);
    return !found;
}
