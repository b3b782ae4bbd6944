/* OpenSSL 3 calls EC_GROUP_precompute_mult deprecated, but keeps it. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "lib/ecdsa_table.h"

#include <openssl/bn.h>

#include "lib/der.h"
#include "lib/key_thread.h"

#define SCALAR_LEN 32 /* octets of a number below the order of P-256 */

EC_GROUP *ecdsa_table_make(const EC_GROUP *curve, const EC_POINT *point)
{
    EC_GROUP *table = EC_GROUP_dup(curve);

    if (table != NULL &&
        EC_GROUP_set_generator(table, point, EC_GROUP_get0_order(curve),
                               EC_GROUP_get0_cofactor(curve)) == 1 &&
        EC_GROUP_precompute_mult(table, NULL) == 1 && EC_GROUP_have_precompute_mult(table) == 1)
        return table;
    EC_GROUP_free(table);
    return NULL;
}

/* In [1, n - 1] (FIPS 186-5 6.4.2 step 1). */
static bool get_scalar(struct slice *in, const BIGNUM *order, BIGNUM *out)
{
    struct slice v;

    return der_get_unsigned(in, &v) == 0 && v.n <= SCALAR_LEN &&
           BN_bin2bn(v.p, (int)v.n, out) != NULL && !BN_is_zero(out) && BN_cmp(out, order) < 0;
}

static bool get_signature(struct slice der, const BIGNUM *order, BIGNUM *r, BIGNUM *s)
{
    struct slice seq;

    return der_get(&der, DER_SEQUENCE, &seq) == 0 && der_end(der) && get_scalar(&seq, order, r) &&
           get_scalar(&seq, order, s) && der_end(seq);
}

/* u1 = e / s, u2 = r / s, modulo the order (steps 3 and 4). s is overwritten. */
static bool get_multipliers(struct slice hash, const BIGNUM *order, const BIGNUM *r, BIGNUM *s,
                            BIGNUM *u1, BIGNUM *u2, BN_CTX *ctx)
{
    return hash.n >= SCALAR_LEN && BN_bin2bn(hash.p, SCALAR_LEN, u1) != NULL &&
           BN_mod_inverse(s, s, order, ctx) != NULL && BN_mod_mul(u1, u1, s, order, ctx) == 1 &&
           BN_mod_mul(u2, r, s, order, ctx) == 1;
}

/* Is r the x-coordinate of u1 G + u2 Q, modulo the order (steps 5 and 6)? */
static bool sum_has(const EC_GROUP *curve, const EC_GROUP *table, const BIGNUM *u1,
                    const BIGNUM *u2, const BIGNUM *r, BIGNUM *x, BN_CTX *ctx)
{
    EC_POINT *a = EC_POINT_new(curve), *b = EC_POINT_new(curve);
    bool same = a != NULL && b != NULL && EC_POINT_mul(curve, a, u1, NULL, NULL, ctx) == 1 &&
                EC_POINT_mul(table, b, u2, NULL, NULL, ctx) == 1 &&
                EC_POINT_add(curve, a, a, b, ctx) == 1 && EC_POINT_is_at_infinity(curve, a) == 0 &&
                EC_POINT_get_affine_coordinates(curve, a, x, NULL, ctx) == 1 &&
                BN_nnmod(x, x, EC_GROUP_get0_order(curve), ctx) == 1 && BN_cmp(x, r) == 0;

    EC_POINT_free(a);
    EC_POINT_free(b);
    return same;
}

int ecdsa_table_verify(const EC_GROUP *curve, const EC_GROUP *table, struct slice hash,
                       struct slice signature)
{
    const BIGNUM *order = EC_GROUP_get0_order(curve);
    BN_CTX *ctx = thread_bn_ctx();
    BIGNUM *r, *s, *u1, *u2;
    bool right;

    BN_CTX_start(ctx);
    r = BN_CTX_get(ctx);
    s = BN_CTX_get(ctx);
    u1 = BN_CTX_get(ctx);
    u2 = BN_CTX_get(ctx); /* NULL when one of them is */
    right = u2 != NULL && get_signature(signature, order, r, s) &&
            get_multipliers(hash, order, r, s, u1, u2, ctx) &&
            sum_has(curve, table, u1, u2, r, s, ctx);
    BN_CTX_end(ctx);
    return right ? 0 : -1;
}
