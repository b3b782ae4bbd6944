#include "lib/key.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/der.h"
#include "lib/oid.h"
#include "tests/unit/x509_help.h"

static const enum key_type all_types[] = {KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519};
#define N_TYPES (sizeof(all_types) / sizeof(all_types[0]))

static void test_keys_of_openssl_are_read(void **state)
{
    static const unsigned bits[KEY_TYPE_MAX + 1] = {0, 2048, 256, 384, 521, 256};

    (void)state;
    for (size_t i = 0; i < N_TYPES; i++) {
        enum key_type t = all_types[i];
        struct buf der;
        struct spki k;
        struct fault f;

        buf_init(&der, 2048);
        test_spki(test_key(t), &der);
        assert_int_equal(spki_parse(buf_slice(&der), &k, &f), 0);
        assert_int_equal(k.type, t);
        assert_int_equal(k.bits, bits[t]);
        assert_true(slice_eq(k.der, buf_slice(&der)));
        buf_free(&der);
    }
}

/* Each algorithm verifies what OpenSSL signed, and nothing that was changed. */
static void test_every_algorithm_verifies(void **state)
{
    struct slice message = slice_str("what is signed");

    (void)state;
    for (unsigned a = 1; a <= SIG_ALG_MAX; a++)
        for (size_t i = 0; i < N_TYPES; i++) {
            struct buf der, sig;
            struct spki k;
            struct fault f;
            struct pubkey *key, *copy;

            if (!sig_alg_fits((enum sig_alg)a, all_types[i]))
                continue;
            buf_init(&der, 2048);
            buf_init(&sig, SIGNATURE_MAX);
            test_spki(test_key(all_types[i]), &der);
            test_sign(test_key(all_types[i]), (enum sig_alg)a, message, &sig);
            assert_int_equal(spki_parse(buf_slice(&der), &k, &f), 0);
            assert_int_equal(pubkey_open(&k, &key, &f), 0);
            copy = pubkey_dup(key);
            assert_int_equal(pubkey_verify(key, (enum sig_alg)a, message, buf_slice(&sig)), 0);
            assert_int_equal(
                pubkey_verify(key, (enum sig_alg)a, slice_str("else"), buf_slice(&sig)), -1);
            assert_int_equal(pubkey_verify(key, (enum sig_alg)a, message, buf_slice(&sig)), 0);
            assert_int_equal(pubkey_verify(copy, (enum sig_alg)a, message, buf_slice(&sig)), 0);
            sig.p[sig.n - 1] ^= 1;
            assert_int_equal(pubkey_verify(key, (enum sig_alg)a, message, buf_slice(&sig)), -1);
            assert_int_equal(pubkey_verify(key, (enum sig_alg)a, message, SLICE_NONE), -1);
            pubkey_free(copy);
            pubkey_free(key);
            buf_free(&sig);
            buf_free(&der);
        }
}

/* One key, many algorithms one after the other: no setting of one leaks into the next. */
static void test_one_rsa_key_changes_algorithms(void **state)
{
    static const enum sig_alg order[] = {SIG_RSA_PSS_SHA512, SIG_RSA_SHA256,     SIG_RSA_PSS_SHA256,
                                         SIG_RSA_SHA512,     SIG_RSA_PSS_SHA384, SIG_RSA_SHA384};
    struct slice message = slice_str("m");
    struct buf der, sig;
    struct spki k;
    struct fault f;
    struct pubkey *key;

    (void)state;
    buf_init(&der, 2048);
    buf_init(&sig, SIGNATURE_MAX);
    test_spki(test_key(KEY_RSA), &der);
    assert_int_equal(spki_parse(buf_slice(&der), &k, &f), 0);
    assert_int_equal(pubkey_open(&k, &key, &f), 0);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        buf_reset(&sig);
        test_sign(test_key(KEY_RSA), order[i], message, &sig);
        for (size_t j = 0; j < sizeof(order) / sizeof(order[0]); j++)
            assert_int_equal(pubkey_verify(key, order[j], message, buf_slice(&sig)),
                             i == j ? 0 : -1);
    }
    assert_int_equal(pubkey_verify(key, SIG_ECDSA_SHA256, message, buf_slice(&sig)), -1);
    pubkey_free(key);
    buf_free(&sig);
    buf_free(&der);
}

/* RFC 4055 3.1: the salt is as long as the hash; another length is another algorithm. */
static void test_a_pss_salt_of_another_length_is_refused(void **state)
{
    struct slice message = slice_str("m");
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_PKEY_CTX *p = NULL;
    uint8_t sig[512];
    size_t n = sizeof(sig);
    struct buf der;
    struct spki k;
    struct fault f;
    struct pubkey *key;

    (void)state;
    assert_int_equal(EVP_DigestSignInit_ex(c, &p, "SHA256", NULL, NULL, test_key(KEY_RSA), NULL),
                     1);
    assert_int_equal(EVP_PKEY_CTX_ctrl_str(p, "rsa_padding_mode", "pss"), 1);
    assert_int_equal(EVP_PKEY_CTX_ctrl_str(p, "rsa_pss_saltlen", "20"), 1);
    assert_int_equal(EVP_DigestSign(c, sig, &n, message.p, message.n), 1);
    buf_init(&der, 2048);
    test_spki(test_key(KEY_RSA), &der);
    assert_int_equal(spki_parse(buf_slice(&der), &k, &f), 0);
    assert_int_equal(pubkey_open(&k, &key, &f), 0);
    assert_int_equal(pubkey_verify(key, SIG_RSA_PSS_SHA256, message, slice_of(sig, n)), -1);
    pubkey_free(key);
    buf_free(&der);
    EVP_MD_CTX_free(c);
}

static void test_a_point_off_the_curve_is_refused(void **state)
{
    (void)state;
    for (enum key_type t = KEY_P256; t <= KEY_P521; t++) {
        struct buf der;
        struct spki k;
        struct fault f;
        struct pubkey *key;

        buf_init(&der, 512);
        test_spki(test_key(t), &der);
        der.p[der.n - 1] ^= 1;
        assert_int_equal(spki_parse(buf_slice(&der), &k, &f), 0);
        assert_int_equal(pubkey_open(&k, &key, &f), -FAULT_MALFORMED);
        assert_null(key);
        assert_string_equal(f.rule, "key.point");
        buf_free(&der);
    }
}

/* RFC 5480 2.2: compressed points are possible, not accepted here; 4 is "uncompressed". */
static void test_a_compressed_point_is_refused(void **state)
{
    struct buf der;
    struct spki k;
    struct fault f;

    (void)state;
    buf_init(&der, 512);
    test_hex("3039301306072a8648ce3d020106082a8648ce3d03010703220002"
             "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
             &der);
    assert_int_equal(spki_parse(buf_slice(&der), &k, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "key.point");
    assert_int_equal(k.type, KEY_NONE);
    buf_free(&der);
}

static int parse_rsa(size_t octets, uint8_t first, uint8_t last, uint64_t exponent, struct fault *f)
{
    uint8_t n[1100];
    struct buf b, inner;
    struct der_mark all, alg, seq;
    struct spki k;
    int rc;

    memset(n, 0x55, sizeof(n));
    n[0] = first;
    n[octets - 1] = last;
    buf_init(&b, 4096);
    buf_init(&inner, 2048);
    seq = der_open(&inner, DER_SEQUENCE);
    der_put_unsigned(&inner, slice_of(n, octets));
    der_put_u64(&inner, exponent);
    der_close(&inner, seq);
    all = der_open(&b, DER_SEQUENCE);
    alg = der_open(&b, DER_SEQUENCE);
    der_put_oid(&b, oid_rsa_encryption);
    der_put_null(&b);
    der_close(&b, alg);
    der_put_bit_octets(&b, buf_slice(&inner));
    der_close(&b, all);
    rc = spki_parse(buf_slice(&b), &k, f);
    buf_free(&inner);
    buf_free(&b);
    return rc;
}

static void test_rsa_modulus_and_exponent_bounds(void **state)
{
    struct fault f;

    (void)state;
    assert_int_equal(parse_rsa(128, 0x80, 1, 65537, &f), 0);
    assert_int_equal(parse_rsa(1024, 0xff, 1, 3, &f), 0);
    assert_int_equal(parse_rsa(128, 0x7f, 1, 65537, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "key.rsa.size");
    assert_int_equal(parse_rsa(1025, 0x01, 1, 65537, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "key.rsa.size");
    assert_int_equal(parse_rsa(256, 0x80, 2, 65537, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "key.rsa.modulus");
    assert_int_equal(parse_rsa(256, 0x80, 1, 65536, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "key.rsa.exponent");
    assert_int_equal(parse_rsa(256, 0x80, 1, 1, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "key.rsa.exponent");
}

static void test_other_kinds_of_key_are_refused(void **state)
{
    static const char *const names[] = {"X25519", "ED448"};
    struct fault f;
    struct spki k;
    struct buf der;

    (void)state;
    buf_init(&der, 512);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, names[i]);

        buf_reset(&der);
        test_spki(key, &der);
        assert_int_equal(spki_parse(buf_slice(&der), &k, &f), -FAULT_POLICY);
        assert_string_equal(f.rule, "key.algorithm");
        assert_string_equal(f.value, i == 0 ? "1.3.101.110" : "1.3.101.113");
        EVP_PKEY_free(key);
    }
    EVP_PKEY *other = EVP_EC_gen("secp256k1");

    buf_reset(&der);
    test_spki(other, &der);
    assert_int_equal(spki_parse(buf_slice(&der), &k, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "key.curve");
    EVP_PKEY_free(other);
    buf_free(&der);
}

/* Whatever a flip makes of a key, it is refused or it is one that OpenSSL reads too. */
static void test_flipped_keys_never_surprise(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_TYPES; i++) {
        struct buf der;

        buf_init(&der, 2048);
        test_spki(test_key(all_types[i]), &der);
        for (size_t bit = 0; bit < der.n * 8; bit++) {
            struct spki k;
            struct fault f;
            struct pubkey *key = NULL;

            der.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (spki_parse(buf_slice(&der), &k, &f) == 0 && pubkey_open(&k, &key, &f) == 0) {
                const unsigned char *p = der.p;
                EVP_PKEY *theirs = d2i_PUBKEY(NULL, &p, (long)der.n);

                assert_non_null(theirs);
                EVP_PKEY_free(theirs);
            }
            pubkey_free(key);
            der.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t n = 0; n < der.n; n++) {
            struct spki k;
            struct fault f;

            assert_int_equal(spki_parse(slice_of(der.p, n), &k, &f), -FAULT_MALFORMED);
        }
        buf_free(&der);
    }
}

static void test_no_key_has_no_algorithm(void **state)
{
    struct spki none = {.type = KEY_NONE};
    struct pubkey *key;
    struct fault f;
    enum sig_alg a;
    struct buf b;

    (void)state;
    assert_int_equal(pubkey_open(&none, &key, &f), -FAULT_MALFORMED);
    assert_null(key);
    for (unsigned i = 0; i <= SIG_ALG_MAX; i++)
        assert_false(sig_alg_fits((enum sig_alg)i, KEY_NONE));
    assert_int_equal(sig_alg_parse("sha1-rsa", &a), -1);
    assert_int_equal(sig_alg_default(KEY_NONE), SIG_NONE);
    buf_init(&b, 64);
    sig_alg_put(&b, SIG_NONE);
    assert_true(buf_failed(&b));
    buf_free(&b);
}

/* RFC 8410 3, 4 */
static void test_ed25519_has_32_octets_and_no_parameters(void **state)
{
    static const char *const bad[] = {
        "302c300706032b6570050003210000000000000000000000000000000000000000000000000000000000000000"
        "00",
        "3029300506032b657003200000000000000000000000000000000000000000000000000000000000000000",
    };
    struct buf der;
    struct spki k;
    struct fault f;

    (void)state;
    buf_init(&der, 64);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        test_hex(bad[i], &der);
        assert_int_equal(spki_parse(buf_slice(&der), &k, &f), -FAULT_MALFORMED);
        assert_string_equal(f.text, "public key: an Ed25519 key has 32 octets and no parameters");
    }
    buf_free(&der);
}

static void test_names_of_keys(void **state)
{
    static const struct {
        const char *text;
        enum key_type type;
        unsigned bits;
    } rows[] = {{"p256", KEY_P256, 256},    {"p384", KEY_P384, 384},
                {"p521", KEY_P521, 521},    {"ed25519", KEY_ED25519, 256},
                {"rsa2048", KEY_RSA, 2048}, {"rsa3072", KEY_RSA, 3072},
                {"rsa4096", KEY_RSA, 4096}};
    enum key_type t;
    unsigned bits;
    char text[24];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(key_type_parse(rows[i].text, &t, &bits), 0);
        assert_int_equal(t, rows[i].type);
        assert_int_equal(bits, rows[i].bits);
        key_describe(t, bits, text);
        assert_string_equal(text, rows[i].text);
        assert_true(sig_alg_fits(sig_alg_default(t), t));
    }
    assert_int_equal(key_type_parse("rsa1024", &t, &bits), -1);
    assert_int_equal(key_type_parse("", &t, &bits), -1);
}

static void *digest_in_a_thread(void *arg)
{
    uint8_t ours[64], theirs[64];
    bool *same = arg;

    *same = true;
    for (size_t n = 0; n < 300; n++) {
        static const uint8_t zeros[300];

        sha256_two(slice_of(zeros, n / 3), slice_of(zeros, n - n / 3), ours);
        *same = *same && memcmp(ours, SHA256(zeros, n, theirs), 32) == 0;
        sha256(slice_of(zeros, n), ours);
        *same = *same && memcmp(ours, theirs, 32) == 0;
        sig_alg_hash(SIG_ECDSA_SHA384, slice_of(zeros, n), ours);
        *same = *same && memcmp(ours, SHA384(zeros, n, theirs), 48) == 0;
        sig_alg_hash(SIG_RSA_PSS_SHA512, slice_of(zeros, n), ours);
        *same = *same && memcmp(ours, SHA512(zeros, n, theirs), 64) == 0;
    }
    return NULL;
}

static void test_digests_agree_with_openssl_in_every_thread(void **state)
{
    pthread_t thread[4];
    bool same[4];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, digest_in_a_thread, &same[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_true(same[i]);
    }
}

struct verifying {
    struct pubkey *key;
    struct slice message, signature;
    int wrong;
};

static void *verify_in_a_thread(void *arg)
{
    struct verifying *v = arg;

    for (int i = 0; i < 50; i++)
        if (pubkey_verify(v->key, SIG_ECDSA_SHA256, v->message, v->signature) != 0 ||
            pubkey_verify(v->key, SIG_ECDSA_SHA256, v->signature, v->signature) == 0)
            v->wrong++;
    return NULL;
}

static void test_copies_of_a_key_verify_at_once(void **state)
{
    struct buf der, sig;
    struct spki k;
    struct fault f;
    struct pubkey *key;
    pthread_t thread[4];
    struct verifying v[4];

    (void)state;
    buf_init(&der, 512);
    buf_init(&sig, SIGNATURE_MAX);
    test_spki(test_key(KEY_P256), &der);
    test_sign(test_key(KEY_P256), SIG_ECDSA_SHA256, slice_str("m"), &sig);
    assert_int_equal(spki_parse(buf_slice(&der), &k, &f), 0);
    assert_int_equal(pubkey_open(&k, &key, &f), 0);
    for (size_t i = 0; i < 4; i++) {
        v[i] = (struct verifying){pubkey_dup(key), slice_str("m"), buf_slice(&sig), 0};
        assert_int_equal(pthread_create(&thread[i], NULL, verify_in_a_thread, &v[i]), 0);
    }
    /* The copies outlive what they were made of. */
    pubkey_free(key);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(v[i].wrong, 0);
        pubkey_free(v[i].key);
    }
    buf_free(&sig);
    buf_free(&der);
}

/* RFC 5280 4.2.1.2 method (1): X509_pubkey_digest is the oracle. */
static void test_key_identifier_is_sha1_of_the_bits(void **state)
{
    struct buf der;
    struct spki k;
    struct fault f;
    uint8_t ours[20], theirs[20];
    unsigned n = 0;
    X509 *x = X509_new();

    (void)state;
    buf_init(&der, 512);
    test_spki(test_key(KEY_P256), &der);
    assert_int_equal(spki_parse(buf_slice(&der), &k, &f), 0);
    spki_key_id(&k, ours);
    assert_int_equal(X509_set_pubkey(x, test_key(KEY_P256)), 1);
    assert_int_equal(X509_pubkey_digest(x, EVP_sha1(), theirs, &n), 1);
    assert_memory_equal(ours, theirs, 20);
    X509_free(x);
    buf_free(&der);
}

static void test_random_octets_differ(void **state)
{
    uint8_t a[32], b[32];

    (void)state;
    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    wipe(a, sizeof(a));
    memset(b, 0, sizeof(b));
    assert_memory_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_openssl_are_read),
        cmocka_unit_test(test_every_algorithm_verifies),
        cmocka_unit_test(test_one_rsa_key_changes_algorithms),
        cmocka_unit_test(test_a_pss_salt_of_another_length_is_refused),
        cmocka_unit_test(test_a_point_off_the_curve_is_refused),
        cmocka_unit_test(test_a_compressed_point_is_refused),
        cmocka_unit_test(test_rsa_modulus_and_exponent_bounds),
        cmocka_unit_test(test_other_kinds_of_key_are_refused),
        cmocka_unit_test(test_flipped_keys_never_surprise),
        cmocka_unit_test(test_no_key_has_no_algorithm),
        cmocka_unit_test(test_ed25519_has_32_octets_and_no_parameters),
        cmocka_unit_test(test_names_of_keys),
        cmocka_unit_test(test_digests_agree_with_openssl_in_every_thread),
        cmocka_unit_test(test_copies_of_a_key_verify_at_once),
        cmocka_unit_test(test_key_identifier_is_sha1_of_the_bits),
        cmocka_unit_test(test_random_octets_differ),
    };

    return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
