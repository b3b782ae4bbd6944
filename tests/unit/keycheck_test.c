/* Keys that nobody may have certified, and those just inside the rules. */
#include "lib/keycheck.h"

#include <openssl/bn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/x509_help.h"

struct rsa {
    uint8_t n[SIGNATURE_MAX], e[SIGNATURE_MAX];
    struct spki key;
};

/* A key as spki_parse would give it; only the modulus and the exponent count here. */
static void set_rsa(struct rsa *r, const BIGNUM *n, const char *e_hex)
{
    BIGNUM *e = NULL;

    assert_true(BN_hex2bn(&e, e_hex) > 0);
    r->key = (struct spki){.type = KEY_RSA, .bits = (unsigned)BN_num_bits(n)};
    r->key.modulus = slice_of(r->n, (size_t)BN_bn2bin(n, r->n));
    r->key.exponent = slice_of(r->e, (size_t)BN_bn2bin(e, r->e));
    BN_free(e);
}

static const struct keycheck *rule(const char *name)
{
    for (size_t i = 0; i < keychecks_count; i++)
        if (strcmp(keychecks[i].name, name) == 0)
            return &keychecks[i];
    fail_msg("no rule %s", name);
    return NULL;
}

static bool keeps(const char *name, const BIGNUM *n)
{
    struct rsa r;

    set_rsa(&r, n, "010001");
    return rule(name)->keeps(&r.key);
}

static BIGNUM *random_odd(int bits)
{
    BIGNUM *n = BN_new();

    assert_int_equal(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
    return n;
}

static BIGNUM *prime(int bits)
{
    BIGNUM *p = BN_new();

    assert_int_equal(BN_generate_prime_ex(p, bits, 0, NULL, NULL, NULL), 1);
    return p;
}

static BIGNUM *times(const BIGNUM *a, const BIGNUM *b)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = BN_new();

    assert_int_equal(BN_mul(n, a, b, ctx), 1);
    BN_CTX_free(ctx);
    return n;
}

static void good_keys_of_every_kind_pass(void **state)
{
    struct buf der;
    struct spki key;
    struct fault f;

    (void)state;
    buf_init(&der, 4096);
    for (enum key_type t = KEY_RSA; t <= KEY_ED25519; t++) {
        buf_reset(&der);
        test_spki(test_key(t), &der);
        assert_int_equal(spki_parse(buf_slice(&der), &key, &f), 0);
        assert_int_equal(keycheck(&key, &f), 0);
    }
    buf_free(&der);
}

/* CA/Browser Forum BR 6.1.5; NIST SP 800-131A 3 */
static void rsa_moduli_have_2048_to_8192_bits_in_whole_octets(void **state)
{
    static const struct {
        int bits;
        bool good;
    } cases[] = {{2040, false}, {2047, false}, {2048, true},  {2049, false},
                 {3072, true},  {8192, true},  {8193, false}, {8200, false}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct spki k = {.type = KEY_RSA, .bits = (unsigned)cases[i].bits};

        assert_int_equal(rule("key.rsa.size")->keeps(&k), cases[i].good);
    }
}

/* CA/Browser Forum BR 6.1.6; FIPS 186-5 A.1.1 */
static void rsa_exponents_are_odd_and_from_65537_to_below_2_to_the_256(void **state)
{
    static const struct {
        const char *e;
        bool good;
    } cases[] = {{"01", false},    {"03", false},     {"ffff", false},  {"010000", false},
                 {"010001", true}, {"010002", false}, {"010003", true}, {"0100000001", true}};
    char most[65], over[67];
    BIGNUM *n = random_odd(2048);
    struct rsa r;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_rsa(&r, n, cases[i].e);
        assert_int_equal(rule("key.rsa.exponent")->keeps(&r.key), cases[i].good);
    }
    memset(most, 'f', 64);
    most[64] = 0;
    set_rsa(&r, n, most);
    assert_true(rule("key.rsa.exponent")->keeps(&r.key));
    memset(over, '0', 66);
    over[1] = over[65] = '1';
    over[66] = 0;
    set_rsa(&r, n, over);
    assert_false(rule("key.rsa.exponent")->keeps(&r.key));
    BN_free(n);
}

/* CA/Browser Forum BR 6.1.6 */
static void even_rsa_moduli_are_refused(void **state)
{
    BIGNUM *n = random_odd(2048);

    (void)state;
    assert_true(keeps("key.rsa.modulus", n));
    assert_int_equal(BN_add_word(n, 1), 1);
    assert_false(keeps("key.rsa.modulus", n));
    BN_free(n);
}

/* CA/Browser Forum BR 6.1.6: no factors below 752. */
static void every_small_prime_factor_is_found_and_757_is_not_one(void **state)
{
    BIGNUM *p = prime(1024), *q = prime(1024), *n = times(p, q);

    (void)state;
    assert_true(keeps("key.rsa.small_factor", n));
    for (BN_ULONG f = 3; f < 752; f += 2) {
        BIGNUM *m = BN_dup(p);

        assert_int_equal(BN_mul_word(m, f), 1);
        assert_false(keeps("key.rsa.small_factor", m));
        assert_int_equal(BN_add_word(m, 2), 1);
        /* Off by two it is no multiple of f, so that OpenSSL's own division must agree. */
        bool small = false;
        for (BN_ULONG d = 3; d < 752 && !small; d += 2)
            small = BN_mod_word(m, d) == 0;
        assert_int_equal(keeps("key.rsa.small_factor", m), !small);
        BN_free(m);
    }
    BN_copy(n, p);
    assert_int_equal(BN_mul_word(n, 757), 1);
    assert_true(keeps("key.rsa.small_factor", n));
    BN_free(p);
    BN_free(q);
    BN_free(n);
}

/* --- ROCA --------------------------------------------------------------------- */

/* The product of the first primes, 2 included. */
static BIGNUM *primorial(int primes)
{
    BIGNUM *m = BN_new();

    BN_set_word(m, 1);
    for (BN_ULONG p = 2; primes > 0; p++) {
        BN_ULONG d = 2;

        while (d * d <= p && p % d != 0)
            d++;
        if (d * d <= p)
            continue;
        BN_mul_word(m, p);
        primes--;
    }
    return m;
}

/* k * M + (65537^a mod M), as the library made its primes (Nemec et al. 3.1). */
static BIGNUM *infineon_prime(int bits, const BIGNUM *m, BN_CTX *ctx)
{
    BIGNUM *a = BN_new(), *k = BN_new(), *g = BN_new(), *p = BN_new();

    BN_set_word(g, 65537);
    do {
        assert_int_equal(BN_rand(a, 60, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY), 1);
        assert_int_equal(BN_rand(k, bits - BN_num_bits(m) + 1, BN_RAND_TOP_TWO, 0), 1);
        assert_int_equal(BN_mod_exp(p, g, a, m, ctx), 1);
        assert_int_equal(BN_mul(k, k, m, ctx), 1);
        assert_int_equal(BN_add(p, p, k), 1);
    } while (BN_check_prime(p, ctx, NULL) != 1);
    BN_free(a);
    BN_free(k);
    BN_free(g);
    return p;
}

/* The sizes of primes and the primorials that belong to them (Nemec et al., table 1). */
static void keys_as_the_infineon_library_made_them_are_found(void **state)
{
    static const struct {
        int prime_bits, primes;
    } sizes[] = {{512, 71}, {1024, 126}};
    BN_CTX *ctx = BN_CTX_new();

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        BIGNUM *m = primorial(sizes[i].primes);
        BIGNUM *p = infineon_prime(sizes[i].prime_bits, m, ctx);
        BIGNUM *q = infineon_prime(sizes[i].prime_bits, m, ctx);
        BIGNUM *n = times(p, q);

        assert_false(keeps("key.rsa.roca", n));
        BN_free(m);
        BN_free(p);
        BN_free(q);
        BN_free(n);
    }
    BN_CTX_free(ctx);
}

/* A power of 65537 modulo all of the primes but one is no key of theirs. Modulo 11, the first
 * prime that shows anything, the powers are 1 and 10; 157 is the last. */
static void one_prime_that_disagrees_clears_a_key(void **state)
{
    static const BN_ULONG last[] = {11, 157};
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *m = primorial(39), *n = BN_new(), *step = BN_new(), *g = BN_new();

    (void)state;
    BN_set_word(g, 65537);
    for (size_t i = 0; i < 2; i++) {
        bool cleared = false;

        BN_set_word(n, 1000);
        assert_int_equal(BN_mod_exp(n, g, n, m, ctx), 1);
        BN_lshift(step, m, 1800);
        BN_add(n, n, step);
        assert_false(keeps("key.rsa.roca", n));
        BN_copy(step, m);
        BN_div_word(step, last[i]);
        for (int tries = 0; tries < 40 && !cleared; tries++) {
            BN_add(n, n, step);
            cleared = keeps("key.rsa.roca", n);
        }
        assert_true(cleared);
    }
    BN_free(m);
    BN_free(n);
    BN_free(step);
    BN_free(g);
    BN_CTX_free(ctx);
}

/* --- Fermat ------------------------------------------------------------------- */

/* CVE-2022-26320: the next prime behind p, and p itself. */
static void close_primes_are_found(void **state)
{
    static const int distance_bits[] = {1, 64, 500};
    BIGNUM *p = prime(1024), *add = BN_new(), *two = BN_new();
    BN_CTX *ctx = BN_CTX_new();

    (void)state;
    BN_set_word(two, 2);
    for (size_t i = 0; i < 3; i++) {
        BIGNUM *q = BN_dup(p), *n;

        BN_rand(add, distance_bits[i], BN_RAND_TOP_ONE, 0);
        BN_clear_bit(add, 0);
        BN_add(q, q, add);
        while (BN_check_prime(q, ctx, NULL) != 1)
            BN_add(q, q, two);
        n = times(p, q);
        assert_false(keeps("key.rsa.fermat", n));
        BN_free(q);
        BN_free(n);
    }
    BIGNUM *square = times(p, p);
    assert_false(keeps("key.rsa.fermat", square));
    BN_free(square);
    BN_free(p);
    BN_free(add);
    BN_free(two);
    BN_CTX_free(ctx);
}

/* floor(sqrt(x)) by bisection: an oracle that shares nothing with what is tested. */
static BIGNUM *root_of(const BIGNUM *x, BN_CTX *ctx)
{
    BIGNUM *r = BN_new(), *s = BN_new();

    BN_zero(r);
    for (int bit = BN_num_bits(x) / 2 + 1; bit >= 0; bit--) {
        BN_set_bit(r, bit);
        BN_sqr(s, r, ctx);
        if (BN_cmp(s, x) > 0)
            BN_clear_bit(r, bit);
    }
    BN_free(s);
    return r;
}

/* n = a^2 - d^2 with d^2 / 2a a little above k: the root, rounded up, is a - k, so that the
 * factors come out in round k + 1. */
static void a_hundred_rounds_are_made_and_not_one_more(void **state)
{
    static const struct {
        BN_ULONG k;
        bool good;
    } cases[] = {{0, false}, {1, false}, {50, false}, {99, false}, {100, true}, {101, true}};
    BN_CTX *ctx = BN_CTX_new();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        BIGNUM *a = random_odd(1024), *x = BN_dup(a), *d, *n = BN_new();

        /* d^2 = 2ak + a, about */
        BN_mul_word(x, 2 * cases[i].k + 1);
        d = root_of(x, ctx);
        if (BN_is_odd(d))
            BN_sub_word(d, 1);
        BN_sqr(n, a, ctx);
        BN_sqr(x, d, ctx);
        BN_sub(n, n, x);
        assert_int_equal(keeps("key.rsa.fermat", n), cases[i].good);
        BN_free(a);
        BN_free(x);
        BN_free(d);
        BN_free(n);
    }
    BN_CTX_free(ctx);
}

/* --- points ------------------------------------------------------------------- */

/* SEC 1 3.2.2.1 */
static void points_off_their_curve_are_refused(void **state)
{
    struct buf der;
    struct spki key;
    struct fault f;

    (void)state;
    buf_init(&der, 4096);
    for (enum key_type t = KEY_P256; t <= KEY_P521; t++) {
        buf_reset(&der);
        test_spki(test_key(t), &der);
        assert_int_equal(spki_parse(buf_slice(&der), &key, &f), 0);
        assert_true(rule("key.ec.point")->keeps(&key));
        der.p[der.n - 1] ^= 1;
        assert_false(rule("key.ec.point")->keeps(&key));
        assert_int_equal(keycheck(&key, &f), -FAULT_POLICY);
        assert_string_equal(f.rule, "key.ec.point");
        /* Coordinates of zero, and as large as they can be written. */
        memset(der.p + der.n - (key.key_bits.n - 1), 0, key.key_bits.n - 1);
        assert_false(rule("key.ec.point")->keeps(&key));
        memset(der.p + der.n - (key.key_bits.n - 1), 0xff, key.key_bits.n - 1);
        assert_false(rule("key.ec.point")->keeps(&key));
    }
    buf_free(&der);
}

/* SEC 1 2.3.3: infinity is one octet, 00; it and the compressed form (RFC 5480 2.2) do not even
 * parse, nor does a point of another curve than the named one. */
static void infinity_compressed_points_and_those_of_other_curves_do_not_parse(void **state)
{
    static const uint8_t head[] = {0x30, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x00, 0x00};
    static const struct {
        uint8_t first;
        uint8_t len;
    } points[] = {{0, 1}, {2, 33}, {3, 33}, {4, 97}, {6, 65}, {4, 64}};

    (void)state;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        uint8_t der[sizeof(head) + 100] = {0};
        size_t n = sizeof(head) + points[i].len;
        struct spki key;
        struct fault f;

        memcpy(der, head, sizeof(head));
        der[1] = (uint8_t)(n - 2);
        der[24] = (uint8_t)(points[i].len + 1);
        der[26] = points[i].first;
        assert_int_equal(spki_parse(slice_of(der, n), &key, &f), -FAULT_MALFORMED);
        assert_string_equal(f.rule, "key.point");
    }
}

static struct spki ed25519(const uint8_t octets[32])
{
    return (struct spki){.type = KEY_ED25519, .bits = 256, .key_bits = slice_of(octets, 32)};
}

/* RFC 8032 5.1.3 */
static void ed25519_keys_are_points_in_their_one_encoding(void **state)
{
    uint8_t y[32] = {0};
    struct spki k = ed25519(y);

    (void)state;
    memset(y, 0xff, sizeof(y));
    y[31] = 0x7f;
    y[0] = 0xed; /* p: as 0 */
    assert_false(rule("key.ed25519.point")->keeps(&k));
    y[0] = 0xee; /* p + 1 */
    assert_false(rule("key.ed25519.point")->keeps(&k));
    y[0] = 0xec; /* p - 1: a point, of small order */
    assert_true(rule("key.ed25519.point")->keeps(&k));
    memset(y, 0, sizeof(y));
    y[0] = 2;
    assert_false(rule("key.ed25519.point")->keeps(&k)); /* there is none with y = 2 */
    y[0] = 1;
    assert_true(rule("key.ed25519.point")->keeps(&k));
    y[31] = 0x80; /* x = 0 with a sign */
    assert_false(rule("key.ed25519.point")->keeps(&k));
}

/* RFC 8032 5.1: the base point generates the group of prime order; eight points lie outside. */
static void ed25519_points_of_small_order_are_refused(void **state)
{
    static const char *const y[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    /* The base point itself, 5.1: y = 4/5. */
    static const char base[] = "5866666666666666666666666666666666666666666666666666666666666666";
    uint8_t octets[32] = {0};
    struct spki k = ed25519(octets);
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(y) / sizeof(y[0]); i++) {
        assert_int_equal(hex_decode(y[i], octets, 32), 0);
        assert_true(rule("key.ed25519.point")->keeps(&k));
        assert_false(rule("key.ed25519.order")->keeps(&k));
        assert_int_equal(keycheck(&k, &f), -FAULT_POLICY);
        octets[31] |= 0x80;
        assert_false(rule("key.ed25519.order")->keeps(&k));
    }
    assert_int_equal(hex_decode(base, octets, 32), 0);
    assert_int_equal(keycheck(&k, &f), 0);
}

static void a_refusal_names_the_rule_and_what_is_allowed(void **state)
{
    struct fault f;
    BIGNUM *p = prime(1024), *n = times(p, p);
    struct rsa r;

    (void)state;
    set_rsa(&r, n, "010001");
    r.key.bits = 2048;
    assert_int_equal(keycheck(&r.key, &f), -FAULT_POLICY);
    assert_string_equal(f.rule, "key.rsa.fermat");
    assert_string_equal(f.field, "key");
    assert_string_equal(f.value, "rsa2048");
    assert_string_equal(f.allowed, rule("key.rsa.fermat")->allowed);
    BN_free(p);
    BN_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_keys_of_every_kind_pass),
        cmocka_unit_test(rsa_moduli_have_2048_to_8192_bits_in_whole_octets),
        cmocka_unit_test(rsa_exponents_are_odd_and_from_65537_to_below_2_to_the_256),
        cmocka_unit_test(even_rsa_moduli_are_refused),
        cmocka_unit_test(every_small_prime_factor_is_found_and_757_is_not_one),
        cmocka_unit_test(keys_as_the_infineon_library_made_them_are_found),
        cmocka_unit_test(one_prime_that_disagrees_clears_a_key),
        cmocka_unit_test(close_primes_are_found),
        cmocka_unit_test(a_hundred_rounds_are_made_and_not_one_more),
        cmocka_unit_test(points_off_their_curve_are_refused),
        cmocka_unit_test(infinity_compressed_points_and_those_of_other_curves_do_not_parse),
        cmocka_unit_test(ed25519_keys_are_points_in_their_one_encoding),
        cmocka_unit_test(ed25519_points_of_small_order_are_refused),
        cmocka_unit_test(a_refusal_names_the_rule_and_what_is_allowed),
    };

    return cmocka_run_group_tests_name("keycheck", tests, NULL, NULL);
}
