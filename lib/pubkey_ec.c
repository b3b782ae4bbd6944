/*
 * Every request brings a new key. EVP_PKEY_fromdata takes 13 us to import one, a quarter of
 * what verifying its proof of possession takes; EC_KEY takes 2. OpenSSL 3 calls EC_KEY
 * deprecated but keeps it, so its use ends at this file.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "lib/pubkey_ec.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <pthread.h>
#include <stdlib.h>

/* Made once a process, then only read. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EC_GROUP *p256, *p384, *p521;

static void make_groups(void)
{
    p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    p384 = EC_GROUP_new_by_curve_name(NID_secp384r1);
    p521 = EC_GROUP_new_by_curve_name(NID_secp521r1);
    if (p256 == NULL || p384 == NULL || p521 == NULL)
        abort();
}

static const EC_GROUP *group_of(enum key_type t)
{
    if (pthread_once(&once, make_groups) != 0)
        abort();
    return t == KEY_P256 ? p256 : t == KEY_P384 ? p384 : p521;
}

/* EC_POINT_oct2point refuses a point that is not on the curve. The curves have cofactor 1 and
 * the point at infinity has another encoding, so that is the whole check (SEC 1 3.2.2.1). */
EC_KEY *pubkey_ec_open(enum key_type t, struct slice point)
{
    const EC_GROUP *group = group_of(t);
    EC_POINT *p = EC_POINT_new(group);
    EC_KEY *k = EC_KEY_new();
    int ok = p != NULL && k != NULL && EC_KEY_set_group(k, group) == 1 &&
             EC_POINT_oct2point(group, p, point.p, point.n, NULL) == 1 &&
             EC_KEY_set_public_key(k, p) == 1;

    EC_POINT_free(p);
    if (!ok) {
        EC_KEY_free(k);
        k = NULL;
    }
    return k;
}

void pubkey_ec_free(EC_KEY *k)
{
    EC_KEY_free(k);
}

EC_KEY *pubkey_ec_share(EC_KEY *k)
{
    if (EC_KEY_up_ref(k) != 1)
        abort();
    return k;
}

int pubkey_ec_verify(EC_KEY *k, struct slice hash, struct slice signature)
{
    return ECDSA_verify(0, hash.p, (int)hash.n, signature.p, (int)signature.n, k) == 1 ? 0 : -1;
}
