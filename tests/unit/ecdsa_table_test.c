/* ECDSA by a table of the key's multiples: whatever is asked, EVP_PKEY_verify says the same. */
#include "lib/ecdsa_table.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/der.h"
#include "lib/pubkey_ec.h"
#include "tests/unit/x509_help.h"

#define RANDOM_SIGNATURES 1000 /* of each key */
#define POINT_LEN 65
#define SIG_MAX 256

static EC_GROUP *curve;
static const BIGNUM *order;
static BN_CTX *ctx;

struct key {
    BIGNUM *secret; /* NULL: nobody knows it */
    EC_POINT *point;
    EC_GROUP *table;
    EVP_PKEY *oracle;
};

static int setup(void **state)
{
    (void)state;
    curve = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    ctx = BN_CTX_new();
    if (curve == NULL || ctx == NULL)
        return -1;
    order = EC_GROUP_get0_order(curve);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    EC_GROUP_free(curve);
    BN_CTX_free(ctx);
    return 0;
}

static EVP_PKEY *import(const EC_POINT *point, uint8_t octets[POINT_LEN])
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    char group[] = "P-256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, octets, POINT_LEN),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;

    assert_int_equal(
        EC_POINT_point2oct(curve, point, POINT_CONVERSION_UNCOMPRESSED, octets, POINT_LEN, ctx),
        POINT_LEN);
    assert_int_equal(EVP_PKEY_fromdata_init(c), 1);
    assert_int_equal(EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    EVP_PKEY_CTX_free(c);
    return key;
}

static void key_of_point(struct key *k, EC_POINT *point)
{
    uint8_t octets[POINT_LEN];

    *k = (struct key){.point = point};
    k->oracle = import(point, octets);
    k->table = ecdsa_table_make(curve, point);
    assert_non_null(k->table);
}

static void key_of_secret(struct key *k, BIGNUM *secret)
{
    EC_POINT *point = EC_POINT_new(curve);

    assert_int_equal(EC_POINT_mul(curve, point, secret, NULL, NULL, ctx), 1);
    key_of_point(k, point);
    k->secret = secret;
}

static void key_free(struct key *k)
{
    BN_free(k->secret);
    EC_POINT_free(k->point);
    EC_GROUP_free(k->table);
    EVP_PKEY_free(k->oracle);
}

static BIGNUM *number(uint64_t v)
{
    BIGNUM *n = BN_new();

    assert_int_equal(BN_set_word(n, v), 1);
    return n;
}

static BIGNUM *random_scalar(void)
{
    BIGNUM *n = BN_new();

    do
        assert_int_equal(BN_rand_range(n, order), 1);
    while (BN_is_zero(n));
    return n;
}

/* ---- signatures ---- */

static void put_signature(const BIGNUM *r, const BIGNUM *s, struct buf *out)
{
    struct der_mark seq;
    uint8_t octets[64];

    buf_reset(out);
    seq = der_open(out, DER_SEQUENCE);
    der_put_unsigned(out, slice_of(octets, (size_t)BN_bn2bin(r, octets)));
    der_put_unsigned(out, slice_of(octets, (size_t)BN_bn2bin(s, octets)));
    der_close(out, seq);
}

/* s = (e + r d) / k with r = x(k G) (FIPS 186-5 6.4.1). */
static void sign(const struct key *key, struct slice hash, struct buf *out)
{
    BIGNUM *k = random_scalar(), *r = BN_new(), *s = BN_new(), *e = BN_bin2bn(hash.p, 32, NULL);
    EC_POINT *p = EC_POINT_new(curve);

    assert_int_equal(EC_POINT_mul(curve, p, k, NULL, NULL, ctx), 1);
    assert_int_equal(EC_POINT_get_affine_coordinates(curve, p, r, NULL, ctx), 1);
    assert_int_equal(BN_nnmod(r, r, order, ctx), 1);
    assert_int_equal(BN_mod_mul(s, r, key->secret, order, ctx), 1);
    assert_int_equal(BN_mod_add(s, s, e, order, ctx), 1);
    assert_non_null(BN_mod_inverse(k, k, order, ctx));
    assert_int_equal(BN_mod_mul(s, s, k, order, ctx), 1);
    put_signature(r, s, out);
    BN_free(k);
    BN_free(r);
    BN_free(s);
    BN_free(e);
    EC_POINT_free(p);
}

/* Both say the same; is it right? */
static bool agreed(const struct key *k, struct slice hash, struct slice signature)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k->oracle, NULL);
    bool ours = ecdsa_table_verify(curve, k->table, hash, signature) == 0, theirs;

    assert_int_equal(EVP_PKEY_verify_init(c), 1);
    theirs = EVP_PKEY_verify(c, signature.p, signature.n, hash.p, hash.n) == 1;
    EVP_PKEY_CTX_free(c);
    assert_int_equal(ours, theirs);
    return ours;
}

static void flip(uint8_t *p, size_t n, uint8_t at)
{
    p[at / 8 % n] ^= (uint8_t)(1u << at % 8);
}

static void random_signatures_of(const struct key *k)
{
    struct buf sig;
    uint8_t hash[32], where[2];

    buf_init(&sig, SIG_MAX);
    for (unsigned i = 0; i < RANDOM_SIGNATURES; i++) {
        random_bytes(hash, sizeof(hash));
        random_bytes(where, sizeof(where));
        sign(k, slice_of(hash, 32), &sig);
        assert_true(agreed(k, slice_of(hash, 32), buf_slice(&sig)));
        flip(hash, sizeof(hash), where[0]);
        assert_false(agreed(k, slice_of(hash, 32), buf_slice(&sig)));
        flip(hash, sizeof(hash), where[0]);
        sig.p[where[1] % sig.n] ^= (uint8_t)(1u << where[0] % 8);
        assert_false(agreed(k, slice_of(hash, 32), buf_slice(&sig)));
    }
    buf_free(&sig);
}

/* Keys that are G, -G and 2 G meet every case of adding points. */
static void random_signatures_agree(void **state)
{
    BIGNUM *last = BN_dup(order);
    struct key k;

    (void)state;
    assert_int_equal(BN_sub_word(last, 1), 1);
    BIGNUM *secrets[] = {number(1), number(2), last, random_scalar(), random_scalar()};

    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        key_of_secret(&k, secrets[i]);
        random_signatures_of(&k);
        key_free(&k);
    }
}

/* 0, 1, n - 1, n, n + 1, 2^256 - 1, 2^256, and the right number, for r and for s. */
static void numbers_at_the_edges_agree(void **state)
{
    const uint8_t hash[32] = {1, 2, 3};
    struct key k;
    struct buf sig;
    BIGNUM *edge[8];
    const size_t n = sizeof(edge) / sizeof(edge[0]);

    (void)state;
    key_of_secret(&k, random_scalar());
    buf_init(&sig, SIG_MAX);
    edge[0] = number(0);
    edge[1] = number(1);
    edge[2] = BN_dup(order);
    edge[3] = BN_dup(order);
    edge[4] = BN_dup(order);
    edge[5] = number(1);
    edge[6] = number(1);
    edge[7] = random_scalar();
    assert_int_equal(BN_sub_word(edge[2], 1), 1);
    assert_int_equal(BN_add_word(edge[4], 1), 1);
    assert_int_equal(BN_lshift(edge[5], edge[5], 256), 1);
    assert_int_equal(BN_lshift(edge[6], edge[6], 256), 1);
    assert_int_equal(BN_sub_word(edge[5], 1), 1);
    for (size_t r = 0; r < n; r++)
        for (size_t s = 0; s < n; s++) {
            put_signature(edge[r], edge[s], &sig);
            assert_false(agreed(&k, slice_of(hash, 32), buf_slice(&sig)));
        }
    for (size_t i = 0; i < n; i++)
        BN_free(edge[i]);
    buf_free(&sig);
    key_free(&k);
}

/* u1 is 0 for a hash of 0 or n; a hash may be greater than n, and longer than it. */
static void hashes_at_the_edges_agree(void **state)
{
    uint8_t hash[64] = {0};
    struct key k;
    struct buf sig;

    (void)state;
    key_of_secret(&k, random_scalar());
    buf_init(&sig, SIG_MAX);
    sign(&k, slice_of(hash, 32), &sig);
    assert_true(agreed(&k, slice_of(hash, 32), buf_slice(&sig)));
    assert_int_equal(BN_bn2bin(order, hash), 32);
    assert_true(agreed(&k, slice_of(hash, 32), buf_slice(&sig)));
    memset(hash, 0xff, sizeof(hash));
    assert_false(agreed(&k, slice_of(hash, 32), buf_slice(&sig)));
    sign(&k, slice_of(hash, 32), &sig);
    assert_true(agreed(&k, slice_of(hash, 32), buf_slice(&sig)));
    assert_true(agreed(&k, slice_of(hash, 48), buf_slice(&sig)));
    hash[40] = 0; /* not one of the first 32 */
    assert_true(agreed(&k, slice_of(hash, 64), buf_slice(&sig)));
    assert_int_equal(ecdsa_table_verify(curve, k.table, slice_of(hash, 31), buf_slice(&sig)), -1);
    buf_free(&sig);
    key_free(&k);
}

/* With the key G: u1 = u2 adds a point to itself, u1 = -u2 ends at infinity. */
static void sums_of_equal_and_opposite_points_agree(void **state)
{
    BIGNUM *u = random_scalar(), *twice = BN_new(), *r = BN_new(), *s = BN_new(), *e = BN_new();
    EC_POINT *p = EC_POINT_new(curve);
    uint8_t hash[32];
    struct key k;
    struct buf sig;

    (void)state;
    key_of_secret(&k, number(1));
    buf_init(&sig, SIG_MAX);
    assert_int_equal(BN_mod_add(twice, u, u, order, ctx), 1);
    assert_int_equal(EC_POINT_mul(curve, p, twice, NULL, NULL, ctx), 1);
    assert_int_equal(EC_POINT_get_affine_coordinates(curve, p, r, NULL, ctx), 1);
    assert_int_equal(BN_nnmod(r, r, order, ctx), 1);
    assert_non_null(BN_mod_inverse(s, u, order, ctx));
    assert_int_equal(BN_mod_mul(s, s, r, order, ctx), 1); /* u2 = r / s = u */
    put_signature(r, s, &sig);
    assert_int_equal(BN_bn2binpad(r, hash, 32), 32); /* u1 = e / s = u */
    assert_true(agreed(&k, slice_of(hash, 32), buf_slice(&sig)));
    assert_int_equal(BN_sub(e, order, r), 1);
    assert_int_equal(BN_bn2binpad(e, hash, 32), 32); /* u1 = -u */
    assert_false(agreed(&k, slice_of(hash, 32), buf_slice(&sig)));
    BN_free(u);
    BN_free(twice);
    BN_free(r);
    BN_free(s);
    BN_free(e);
    EC_POINT_free(p);
    buf_free(&sig);
    key_free(&k);
}

/* R is the first point whose x lies above the order. */
static EC_POINT *point_above_order(BIGNUM *r)
{
    EC_POINT *p = EC_POINT_new(curve);
    BIGNUM *x = BN_dup(order);

    do
        assert_int_equal(BN_add_word(x, 1), 1);
    while (EC_POINT_set_compressed_coordinates(curve, p, x, 0, ctx) != 1);
    assert_int_equal(BN_sub(r, x, order), 1);
    BN_free(x);
    return p;
}

/* r is x modulo n, so it may be x - n: Q = (R - u1 G) / u2 makes a key for which it is. */
static void an_x_above_the_order_agrees(void **state)
{
    BIGNUM *r = BN_new(), *s = BN_new(), *u1 = random_scalar(), *u2 = random_scalar();
    EC_POINT *q = point_above_order(r), *g = EC_POINT_new(curve);
    uint8_t hash[32];
    struct key k;
    struct buf sig;

    (void)state;
    buf_init(&sig, SIG_MAX);
    assert_non_null(BN_mod_inverse(s, u2, order, ctx));
    assert_int_equal(EC_POINT_mul(curve, g, u1, NULL, NULL, ctx), 1);
    assert_int_equal(EC_POINT_invert(curve, g, ctx), 1);
    assert_int_equal(EC_POINT_add(curve, q, q, g, ctx), 1);
    assert_int_equal(EC_POINT_mul(curve, g, NULL, q, s, ctx), 1);
    key_of_point(&k, g);
    assert_int_equal(BN_mod_mul(s, s, r, order, ctx), 1); /* s = r / u2 */
    assert_int_equal(BN_mod_mul(u1, u1, s, order, ctx), 1);
    assert_int_equal(BN_bn2binpad(u1, hash, 32), 32); /* e = u1 s */
    put_signature(r, s, &sig);
    assert_true(agreed(&k, slice_of(hash, 32), buf_slice(&sig)));
    assert_int_equal(BN_add(r, r, order), 1); /* x itself is no r */
    put_signature(r, s, &sig);
    assert_false(agreed(&k, slice_of(hash, 32), buf_slice(&sig)));
    BN_free(r);
    BN_free(s);
    BN_free(u1);
    BN_free(u2);
    EC_POINT_free(q);
    buf_free(&sig);
    key_free(&k);
}

/* X.690: what is right but not DER, cut or longer is refused. */
static void other_encodings_are_refused(void **state)
{
    static const uint8_t hash[32] = {7};
    static const char *const bad[] = {
        "",
        "3000",
        "3003020101",
        "3006020101",
        "300702010102020001",
        "30060201010201ff",
        "30060201810201" /* negative r */ "01",
        "308106020101020101",
        "3080020101020101"
        "0000",
        "300902010102010102"
        "0101",
        "31060201010201"
        "01",
    };
    struct key k;
    struct buf sig;

    (void)state;
    key_of_secret(&k, random_scalar());
    buf_init(&sig, SIG_MAX);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        test_hex(bad[i], &sig);
        assert_false(agreed(&k, slice_of(hash, 32), buf_slice(&sig)));
    }
    sign(&k, slice_of(hash, 32), &sig);
    for (size_t n = 0; n < sig.n; n++)
        assert_false(agreed(&k, slice_of(hash, 32), slice_of(sig.p, n)));
    buf_put_u8(&sig, 0);
    assert_false(agreed(&k, slice_of(hash, 32), buf_slice(&sig)));
    buf_free(&sig);
    key_free(&k);
}

/* ---- keys that verify often get a table ---- */

struct verifier {
    struct pubkey_ec *key;
    struct slice signature;
    unsigned wrong;
};

static void *verify_often(void *arg)
{
    struct verifier *v = arg;
    const uint8_t right[32] = {9}, other[32] = {8};

    for (unsigned i = 0; i < PUBKEY_EC_OFTEN; i++)
        v->wrong += pubkey_ec_verify(v->key, slice_of(right, 32), v->signature) != 0 ||
                    pubkey_ec_verify(v->key, slice_of(other, 32), v->signature) == 0;
    return NULL;
}

static void a_key_verifies_while_it_gets_its_table(void **state)
{
    const uint8_t hash[32] = {9};
    struct verifier v[3];
    pthread_t thread[3];
    uint8_t octets[POINT_LEN];
    struct pubkey_ec *key;
    struct key k;
    struct buf sig;

    (void)state;
    key_of_secret(&k, random_scalar());
    buf_init(&sig, SIG_MAX);
    sign(&k, slice_of(hash, 32), &sig);
    EVP_PKEY_free(import(k.point, octets));
    key = pubkey_ec_open(KEY_P256, slice_of(octets, POINT_LEN));
    assert_non_null(key);
    for (unsigned i = 0; i < 3; i++) {
        v[i] = (struct verifier){.key = pubkey_ec_share(key), .signature = buf_slice(&sig)};
        assert_int_equal(pthread_create(&thread[i], NULL, verify_often, &v[i]), 0);
    }
    pubkey_ec_free(key);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(v[i].wrong, 0);
        pubkey_ec_free(v[i].key);
    }
    buf_free(&sig);
    key_free(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_signatures_agree),
        cmocka_unit_test(numbers_at_the_edges_agree),
        cmocka_unit_test(hashes_at_the_edges_agree),
        cmocka_unit_test(sums_of_equal_and_opposite_points_agree),
        cmocka_unit_test(an_x_above_the_order_agrees),
        cmocka_unit_test(other_encodings_are_refused),
        cmocka_unit_test(a_key_verifies_while_it_gets_its_table),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
