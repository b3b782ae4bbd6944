/*
 * Damaged requests and certificates by the ten thousand, from a fixed seed: the readers never
 * read past the end (every input is an allocation of just its size, for the sanitizers), and what
 * they accept OpenSSL accepts too and reads the same.
 */
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/csr.h"
#include "lib/lint.h"
#include "tests/unit/x509_help.h"

#define ROUNDS 10000
#define INPUT_MAX 4096

static uint64_t seed;

/* xorshift64*: the same damage on every machine. 0 below 0. */
static size_t below(size_t n)
{
    if (n == 0)
        return 0;
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return n == 0 ? 0 : (size_t)((seed * 2685821657736338717u) >> 33) % n;
}

/* Moves the tail so that `cut` octets at `at` become `add`. */
static size_t resize(uint8_t *p, size_t n, size_t at, size_t cut, size_t add)
{
    if (n - cut + add > INPUT_MAX)
        return n;
    memmove(p + at + add, p + at + cut, n - at - cut);
    return n - cut + add;
}

static size_t damage_once(uint8_t p[INPUT_MAX], size_t n)
{
    static const uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x84,
                                      0xff, 0x30, 0x31, 0x02, 0x03, 0x1f, 0xa0};
    size_t at = below(n), len = 1 + below(16);

    if (len > n - at)
        len = n - at;
    switch (below(6)) {
    case 0:
        p[at] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        p[at] = telling[below(sizeof(telling))];
        break;
    case 2:
        p[at] = (uint8_t)(p[at] + (below(2) == 0 ? 1 : -1));
        break;
    case 3:
        return n - len > 1 ? resize(p, n, at, len, 0) : n;
    case 4: /* repeats what is there */
        if (n + len <= INPUT_MAX) {
            n = resize(p, n, at, 0, len);
            memmove(p + at, p + at + len, len < n - at - len ? len : n - at - len);
        }
        break;
    default: /* an octet that is not minimal any more, as in 30 81 05 */
        n = resize(p, n, at, 0, 1);
        p[at] = telling[below(sizeof(telling))];
        break;
    }
    return n;
}

/* A damaged copy in an allocation of its own size. */
static struct slice damaged(struct slice good)
{
    uint8_t scratch[INPUT_MAX];
    size_t n = good.n, times = 1 + below(3);

    assert_true(n <= sizeof(scratch));
    memcpy(scratch, good.p, n);
    for (size_t i = 0; i < times; i++)
        n = damage_once(scratch, n);
    return slice_of(xmemdup(scratch, n), n);
}

static void check_request(struct slice der)
{
    static struct csr c;
    struct fault f;
    const unsigned char *p = der.p;
    X509_REQ *r;
    unsigned char *name = NULL;
    int n;

    if (csr_parse(der, &c, &f) < 0) {
        assert_int_not_equal(f.code, FAULT_NONE);
        assert_true(strlen(f.rule) > 0 && strlen(f.text) > 0);
        return;
    }
    r = d2i_X509_REQ(NULL, &p, (long)der.n);
    assert_non_null(r);
    assert_true(p == der.p + der.n);
    n = i2d_X509_NAME(X509_REQ_get_subject_name(r), &name);
    assert_true(slice_eq(slice_of(name, (size_t)n), c.subject));
    OPENSSL_free(name);
    /* Our verdict on the signature is OpenSSL's. */
    assert_int_equal(csr_verify(&c, &f) == 0, X509_REQ_verify(r, X509_REQ_get0_pubkey(r)) == 1);
    X509_REQ_free(r);
}

/* Anything may be linted, and what OpenSSL refuses is never found to be without fault. */
static void count(void *arg, const struct lint_rule *rule, const char *why)
{
    assert_true(strlen(rule->name) > 0 && strlen(why) > 0);
    (*(size_t *)arg)++;
}

static void check_lint(struct slice der)
{
    const unsigned char *p = der.p;
    X509 *x = d2i_X509(NULL, &p, (long)der.n);
    size_t findings = 0;

    lint_certificate(der, der, count, &findings);
    assert_true(x != NULL || findings > 0);
    X509_free(x);
}

static void check_certificate(struct slice der)
{
    static struct cert c;
    struct fault f;
    const unsigned char *p = der.p;
    X509 *x;

    check_lint(der);
    if (cert_parse(der, &c, &f) < 0) {
        assert_int_not_equal(f.code, FAULT_NONE);
        assert_true(strlen(f.rule) > 0 && strlen(f.text) > 0);
        return;
    }
    if (lint_tbs(&c, &f) < 0)
        assert_int_equal(strncmp(f.rule, "lint.", 5), 0);
    x = d2i_X509(NULL, &p, (long)der.n);
    assert_non_null(x);
    assert_true(p == der.p + der.n);
    assert_int_equal(X509_get_ext_count(x), c.n_extensions);
    X509_free(x);
}

static const enum key_type kinds[] = {KEY_P256, KEY_RSA, KEY_ED25519};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void test_damaged_requests(void **state)
{
    static const char *const extensions[][2] = {
        {"subjectAltName", "DNS:a.example,IP:2001:db8::1,email:x@y.example,URI:spiffe://t/x"},
        {"keyUsage", "critical,digitalSignature"},
        {"basicConstraints", "CA:TRUE,pathlen:3"},
        {"nsComment", "x"},
        {NULL, NULL}};

    (void)state;
    seed = 0x1234567;
    for (size_t k = 0; k < N_KINDS; k++) {
        X509_REQ *r = test_request(test_key(kinds[k]), sig_alg_default(kinds[k]), "a", extensions);
        struct buf der;

        buf_init(&der, INPUT_MAX);
        test_request_der(r, &der);
        check_request(buf_slice(&der));
        for (int i = 0; i < ROUNDS; i++) {
            struct slice bad = damaged(buf_slice(&der));

            check_request(bad);
            free((void *)(uintptr_t)bad.p);
        }
        X509_REQ_free(r);
        buf_free(&der);
    }
}

static void test_damaged_certificates(void **state)
{
    (void)state;
    seed = 0x7654321;
    for (size_t k = 0; k < N_KINDS; k++) {
        struct tbs_spec s;
        struct buf der;

        buf_init(&der, INPUT_MAX);
        test_draft(&s, kinds[k], kinds[k]);
        test_issue(&s, kinds[k], &der);
        for (int i = 0; i < ROUNDS; i++) {
            struct slice bad = damaged(buf_slice(&der));

            check_certificate(bad);
            free((void *)(uintptr_t)bad.p);
        }
        buf_free(&der);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_requests),
        cmocka_unit_test(test_damaged_certificates),
    };

    return cmocka_run_group_tests_name("x509_fuzz", tests, NULL, NULL);
}
