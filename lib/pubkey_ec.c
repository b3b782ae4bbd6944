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
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/ecdsa_table.h"

struct pubkey_ec {
    EC_KEY *key;
    atomic_uint holders;
    bool may_have_table;
    atomic_uint verified;      /* counted while there is no table */
    _Atomic(EC_GROUP *) table; /* set once */
};

/* Made once a process, then only read. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EC_GROUP *p256, *p384, *p521;

static void make_groups(void)
{
    p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    p384 = EC_GROUP_new_by_curve_name(NID_secp384r1);
    p521 = EC_GROUP_new_by_curve_name(NID_secp521r1);
    if (p256 == NULL || p384 == NULL || p521 == NULL)
        out_of_memory();
}

static const EC_GROUP *group_of(enum key_type t)
{
    if (pthread_once(&once, make_groups) != 0)
        out_of_memory();
    return t == KEY_P256 ? p256 : t == KEY_P384 ? p384 : p521;
}

/* EC_POINT_oct2point refuses a point that is not on the curve. The curves have cofactor 1 and
 * the point at infinity has another encoding, so that is the whole check (SEC 1 3.2.2.1). */
static EC_KEY *import(const EC_GROUP *group, struct slice point)
{
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

struct pubkey_ec *pubkey_ec_open(enum key_type t, struct slice point)
{
    EC_KEY *key = import(group_of(t), point);
    struct pubkey_ec *k;

    if (key == NULL)
        return NULL;
    k = xcalloc(1, sizeof(*k));
    k->key = key;
    k->may_have_table = t == KEY_P256;
    atomic_init(&k->holders, 1);
    return k;
}

void pubkey_ec_free(struct pubkey_ec *k)
{
    if (k == NULL || atomic_fetch_sub(&k->holders, 1) > 1)
        return;
    EC_KEY_free(k->key);
    EC_GROUP_free(atomic_load(&k->table));
    free(k);
}

struct pubkey_ec *pubkey_ec_share(struct pubkey_ec *k)
{
    (void)atomic_fetch_add(&k->holders, 1);
    return k;
}

/* Made by whoever verifies for the thousandth time; the others go on without it meanwhile. */
static const EC_GROUP *table_of(struct pubkey_ec *k)
{
    EC_GROUP *table = atomic_load_explicit(&k->table, memory_order_acquire);

    if (table == NULL && k->may_have_table &&
        atomic_fetch_add(&k->verified, 1) == PUBKEY_EC_OFTEN) {
        table = ecdsa_table_make(p256, EC_KEY_get0_public_key(k->key));
        atomic_store_explicit(&k->table, table, memory_order_release);
    }
    return table;
}

int pubkey_ec_verify(struct pubkey_ec *k, struct slice hash, struct slice signature)
{
    const EC_GROUP *table = table_of(k);

    if (table != NULL)
        return ecdsa_table_verify(p256, table, hash, signature);
    return ECDSA_verify(0, hash.p, (int)hash.n, signature.p, (int)signature.n, k->key) == 1 ? 0
                                                                                            : -1;
}
