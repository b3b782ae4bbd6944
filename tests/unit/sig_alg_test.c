/* AlgorithmIdentifiers of signatures, in every form that is read and in none that is not. */
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/der.h"
#include "lib/key.h"
#include "tests/unit/x509_help.h"

static void test_algorithm_identifiers_survive_a_round_trip(void **state)
{
    (void)state;
    for (unsigned a = 1; a <= SIG_ALG_MAX; a++) {
        struct buf b;
        struct slice in;
        enum sig_alg back;
        const unsigned char *p;
        X509_ALGOR *theirs;

        buf_init(&b, 128);
        sig_alg_put(&b, (enum sig_alg)a);
        in = buf_slice(&b);
        assert_int_equal(sig_alg_get(&in, &back), 0);
        assert_int_equal(back, a);
        assert_true(der_end(in));
        p = b.p;
        theirs = d2i_X509_ALGOR(NULL, &p, (long)b.n);
        assert_non_null(theirs);
        X509_ALGOR_free(theirs);
        assert_int_equal(sig_alg_parse(sig_alg_name((enum sig_alg)a), &back), 0);
        assert_int_equal(back, a);
        buf_free(&b);
    }
}

/* RFC 4055 2.1: hash parameters absent or NULL, both must be understood. */
static void test_pss_hash_parameters_may_be_absent(void **state)
{
    struct buf b;
    struct slice in;
    enum sig_alg a;

    (void)state;
    buf_init(&b, 128);
    test_hex("303d06092a864886f70d01010a3030a00d300b0609608648016503040201"
             "a11a301806092a864886f70d010108300b0609608648016503040201a203020120",
             &b);
    for (uint8_t i = 0; i < 3; i++) {
        static const enum sig_alg algs[] = {SIG_RSA_PSS_SHA256, SIG_RSA_PSS_SHA384,
                                            SIG_RSA_PSS_SHA512};

        /* The last octets of both hash OIDs, and the salt. */
        b.p[29] = b.p[b.n - 6] = (uint8_t)(1 + i);
        b.p[b.n - 1] = (uint8_t)(0x20 + 0x10 * i);
        in = buf_slice(&b);
        assert_int_equal(sig_alg_get(&in, &a), 0);
        assert_int_equal(a, algs[i]);
    }
    b.p[29] = b.p[b.n - 6] = 0x04; /* SHA-224 */
    in = buf_slice(&b);
    assert_int_equal(sig_alg_get(&in, &a), -1);
    b.p[29] = b.p[b.n - 6] = 0x01;
    b.p[b.n - 1] = 0x14; /* salt of 20 */
    in = buf_slice(&b);
    assert_int_equal(sig_alg_get(&in, &a), -1);
    assert_int_equal(in.n, b.n);
    /* SHA-256 with MGF1 over SHA-384 */
    b.p[b.n - 1] = 0x20;
    b.p[b.n - 6] = 0x02;
    in = buf_slice(&b);
    assert_int_equal(sig_alg_get(&in, &a), -1);
    buf_free(&b);
}

/* RFC 4055 3.1: trailerField absent or 1, both must be understood. Botan writes it. */
static void test_pss_trailer_may_be_written_out(void **state)
{
    struct buf b;
    struct slice in;
    enum sig_alg a;

    (void)state;
    buf_init(&b, 128);
    test_hex("304606092a864886f70d01010a3039a00f300d06096086480165030402010500"
             "a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120a303020101",
             &b);
    in = buf_slice(&b);
    assert_int_equal(sig_alg_get(&in, &a), 0);
    assert_int_equal(a, SIG_RSA_PSS_SHA256);
    assert_true(der_end(in));
    for (uint8_t k = 0; k <= 2; k += 2) {
        b.p[b.n - 1] = k;
        in = buf_slice(&b);
        assert_int_equal(sig_alg_get(&in, &a), -1);
    }
    b.p[b.n - 1] = 1;
    b.p[b.n - 5] = 0xa4; /* something else behind the salt */
    in = buf_slice(&b);
    assert_int_equal(sig_alg_get(&in, &a), -1);
    buf_free(&b);
}

/* RFC 5758 3.2 (no parameters for ECDSA), RFC 4055 5 (NULL for RSA); SHA-1 and MD5 never. */
static void test_other_algorithm_identifiers_are_refused(void **state)
{
    static const char *const bad[] = {
        "300c06082a8648ce3d0403020500",   "300d06092a864886f70d0101050500",
        "300b06092a864886f70d01010b",     "300d06092a864886f70d0101040500",
        "300d06092a864886f70d01010a3000", "300706032b65700500",
        "300906072a8648ce3d0401",         "3000",
    };
    struct buf b;

    (void)state;
    buf_init(&b, 64);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct slice in;
        enum sig_alg a;

        test_hex(bad[i], &b);
        in = buf_slice(&b);
        assert_int_equal(sig_alg_get(&in, &a), -1);
        assert_int_equal(a, SIG_NONE);
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_algorithm_identifiers_survive_a_round_trip),
        cmocka_unit_test(test_pss_hash_parameters_may_be_absent),
        cmocka_unit_test(test_pss_trailer_may_be_written_out),
        cmocka_unit_test(test_other_algorithm_identifiers_are_refused),
    };

    return cmocka_run_group_tests_name("sig_alg", tests, NULL, NULL);
}
