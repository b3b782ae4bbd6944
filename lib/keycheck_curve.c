/* Points: on their curve, in their one encoding, and not of small order. */
#include <openssl/bn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/key_thread.h"
#include "lib/buf.h"
#include "lib/keycheck_inner.h"
#include "lib/pubkey_ec.h"

#define ED25519_LEN 32

/* Point at infinity, compressed and hybrid forms have other lengths or first octets, which
 * spki_parse refuses. */
bool keycheck_ec_point(const struct spki *k)
{
    struct pubkey_ec *key;

    if (k->type != KEY_P256 && k->type != KEY_P384 && k->type != KEY_P521)
        return true;
    key = pubkey_ec_open(k->type, k->key_bits);
    pubkey_ec_free(key);
    return key != NULL;
}

/* --- Ed25519 (RFC 8032 5.1): -x^2 + y^2 = 1 + d x^2 y^2 modulo p = 2^255 - 19 --------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIGNUM *ed_p, *ed_d;

static void make_numbers(void)
{
    if (BN_hex2bn(&ed_p, "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed") == 0 ||
        BN_hex2bn(&ed_d, "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3") == 0)
        out_of_memory();
}

/* The y coordinate, big endian; the top bit is the sign of x. */
static void y_of(struct slice key, uint8_t out[ED25519_LEN])
{
    for (size_t i = 0; i < ED25519_LEN; i++)
        out[i] = key.p[ED25519_LEN - 1 - i];
    out[0] &= 0x7f;
}

/* x^2 = (y^2 - 1) / (d y^2 + 1) has a root exactly when the product of the two has. */
static bool x_exists(const BIGNUM *y, BN_CTX *ctx)
{
    BIGNUM *u = BN_CTX_get(ctx), *v = BN_CTX_get(ctx);

    if (v == NULL || BN_mod_sqr(v, y, ed_p, ctx) != 1 || BN_copy(u, v) == NULL ||
        BN_mod_mul(v, v, ed_d, ed_p, ctx) != 1 || BN_add_word(v, 1) != 1 ||
        BN_mod_sub(u, u, BN_value_one(), ed_p, ctx) != 1 || BN_mod_mul(u, u, v, ed_p, ctx) != 1)
        out_of_memory();
    return BN_kronecker(u, ed_p, ctx) >= 0;
}

/* 5.1.3: y is below p, it belongs to a point, and x = 0 has no sign. */
bool keycheck_ed25519_point(const struct spki *k)
{
    uint8_t octets[ED25519_LEN];
    bool good;
    BN_CTX *ctx;
    BIGNUM *y;

    if (k->type != KEY_ED25519)
        return true;
    if (pthread_once(&once, make_numbers) != 0)
        out_of_memory();
    y_of(k->key_bits, octets);
    ctx = thread_bn_ctx();
    BN_CTX_start(ctx);
    y = BN_CTX_get(ctx);
    if (y == NULL || BN_bin2bn(octets, sizeof(octets), y) == NULL)
        out_of_memory();
    good = BN_cmp(y, ed_p) < 0 && x_exists(y, ctx);
    if (good && BN_is_one(y) && (k->key_bits.p[ED25519_LEN - 1] & 0x80) != 0)
        good = false;
    BN_CTX_end(ctx);
    return good;
}

/* The y of the points whose order divides the cofactor 8, as they are encoded: any signature of
 * such a key is right for some message. Twice each, by the sign of x, they are all eight. */
static const uint8_t small_order[][ED25519_LEN] = {
    {0},
    {1},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

bool keycheck_ed25519_order(const struct spki *k)
{
    uint8_t y[ED25519_LEN];

    if (k->type != KEY_ED25519)
        return true;
    memcpy(y, k->key_bits.p, sizeof(y));
    y[ED25519_LEN - 1] &= 0x7f;
    for (size_t i = 0; i < sizeof(small_order) / sizeof(small_order[0]); i++)
        if (memcmp(y, small_order[i], sizeof(y)) == 0)
            return false;
    return true;
}
