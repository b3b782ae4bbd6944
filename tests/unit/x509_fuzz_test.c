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

#include "lib/anycert.h"
#include "lib/cert.h"
#include "lib/csr.h"
#include "lib/lint.h"
#include "tests/unit/damage.h"
#include "tests/unit/x509_help.h"

#define ROUNDS 10000
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

/* The tolerant reader refuses nothing that the strict one takes, and reads the same. */
static void check_tolerant(struct slice der, const struct cert *strict)
{
    static struct anycert c;
    struct fault f;
    uint8_t names[SAN_IDENTITY];
    int rc = anycert_parse(der, &c, &f);

    if (rc < 0)
        assert_true(f.code != FAULT_NONE && strlen(f.rule) > 0);
    else
        anycert_names_id(&c, names);
    if (strict == NULL)
        return;
    assert_int_equal(rc, 0);
    assert_int_equal(c.alg, strict->alg);
    assert_int_equal(c.key, strict->key.type);
    assert_int_equal(c.bits, strict->key.bits);
    assert_int_equal(c.sans.n, strict->sans.n);
    assert_int_equal(c.not_after, strict->not_after);
    assert_int_equal(c.ca, strict->ca);
    assert_int_equal(c.eku, strict->eku);
    assert_true(slice_eq(c.signature, strict->signature) && slice_eq(c.tbs, strict->tbs));
    assert_false(c.extensions_odd);
}

static void check_certificate(struct slice der)
{
    static struct cert c;
    struct fault f;
    const unsigned char *p = der.p;
    X509 *x;
    int rc;

    check_lint(der);
    rc = cert_parse(der, &c, &f);
    check_tolerant(der, rc == 0 ? &c : NULL);
    if (rc < 0) {
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
    damage_seed(0x1234567);
    for (size_t k = 0; k < N_KINDS; k++) {
        X509_REQ *r = test_request(test_key(kinds[k]), sig_alg_default(kinds[k]), "a", extensions);
        struct buf der;

        buf_init(&der, DAMAGE_MAX);
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
    damage_seed(0x7654321);
    for (size_t k = 0; k < N_KINDS; k++) {
        struct tbs_spec s;
        struct buf der;

        buf_init(&der, DAMAGE_MAX);
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
