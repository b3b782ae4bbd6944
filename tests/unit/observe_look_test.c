/* The chain that a server sends, and what it offers: what is wrong with that by itself. */
#include <openssl/x509v3.h>
/* lib/tbs.h has its own */
#undef KU_DIGITAL_SIGNATURE
#undef KU_KEY_ENCIPHERMENT
#undef KU_DATA_ENCIPHERMENT
#undef KU_KEY_AGREEMENT
#undef KU_KEY_CERT_SIGN
#undef KU_CRL_SIGN
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/observe/look.h"
#include "tests/unit/x509_help.h"
#include "watch/rules/compare.h"

static struct buf leaf, sub, root;

static void make(const char *subject, const char *issuer, const char *san, struct buf *out)
{
    X509 *x = X509_new();
    X509_NAME *name;
    uint8_t *p = NULL;
    int n;

    assert_non_null(x);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 77);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)subject, -1, -1, 0);
    name = X509_get_issuer_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)issuer, -1, -1, 0);
    X509_set_pubkey(x, test_key(KEY_P256));
    if (san != NULL) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);

        assert_non_null(e);
        X509_add_ext(x, e, -1);
        X509_EXTENSION_free(e);
    }
    assert_true(X509_sign(x, test_key(KEY_P256), EVP_sha256()) > 0);
    n = i2d_X509(x, &p);
    buf_init(out, 65536);
    buf_put(out, p, (size_t)n);
    OPENSSL_free(p);
    X509_free(x);
}

static int setup(void **state)
{
    (void)state;
    make("leaf", "sub", "DNS:www.example.com,DNS:*.wild.example.com", &leaf);
    make("sub", "root", NULL, &sub);
    make("root", "root", NULL, &root);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_free(&leaf);
    buf_free(&sub);
    buf_free(&root);
    return 0;
}

/* The flaws of a server that sends these. */
static uint32_t flaws(const char *sni, const struct buf *a, const struct buf *b,
                      const struct buf *c)
{
    const struct buf *all[] = {a, b, c};
    struct authorities none = {.n = 0};
    struct scan_result *r = calloc(1, sizeof(*r));
    struct observation o;
    struct slice first;

    assert_non_null(r);
    r->outcome = SCAN_SERVED;
    strncpy(r->sni, sni, sizeof(r->sni) - 1);
    for (size_t i = 0; i < 3 && all[i] != NULL; i++)
        r->chain[r->n_chain++] = buf_slice(all[i]);
    look_take(&none, r, &o, &first);
    assert_true(r->n_chain == 0 ? first.n == 0 : slice_eq(first, r->chain[0]));
    free(r);
    return o.flaws;
}

static void chains_are_whole_or_not(void **state)
{
    (void)state;
    assert_int_equal(flaws("", &leaf, &sub, &root), 0);
    assert_int_equal(flaws("", &leaf, &sub, NULL), 0);
    assert_int_equal(flaws("", &leaf, NULL, NULL), COMPARE_BIT(COMPARE_CHAIN_MISSING));
    assert_int_equal(flaws("", &leaf, &root, NULL), COMPARE_BIT(COMPARE_CHAIN_INCOMPLETE));
    assert_int_equal(flaws("", &leaf, &root, &sub), COMPARE_BIT(COMPARE_CHAIN_ORDER));
    assert_int_equal(flaws("", &root, NULL, NULL), COMPARE_BIT(COMPARE_SELF_SIGNED));
    assert_int_equal(flaws("", NULL, NULL, NULL), 0);
}

static void names_are_those_that_were_asked_for(void **state)
{
    static const struct {
        const char *name;
        bool right;
    } of[] = {{"www.example.com", true},       {"WWW.Example.COM", true},
              {"a.wild.example.com", true},    {"a.b.wild.example.com", false},
              {"wild.example.com", false},     {".wild.example.com", false},
              {"www.example.com.evil", false}, {"x", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
        assert_int_equal(flaws(of[i].name, &leaf, &sub, NULL),
                         of[i].right ? 0 : COMPARE_BIT(COMPARE_WRONG_NAME));
}

static void what_nobody_should_offer_is_found(void **state)
{
    struct authorities none = {.n = 0};
    struct scan_result *r = calloc(1, sizeof(*r));
    struct observation o;
    struct slice first;

    (void)state;
    assert_non_null(r);
    r->outcome = SCAN_SERVED;
    r->n_chain = 2;
    r->chain[0] = buf_slice(&leaf);
    r->chain[1] = buf_slice(&sub);
    r->offered = 1u << TLS_1_2 | 1u << TLS_1_3;
    r->suites[TLS_1_2].n = 1;
    r->suites[TLS_1_2].suite[0] = 0xc02b; /* TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 */
    look_take(&none, r, &o, &first);
    assert_int_equal(o.flaws, 0);
    r->suites[TLS_1_2].suite[0] = 0x000a; /* TLS_RSA_WITH_3DES_EDE_CBC_SHA */
    look_take(&none, r, &o, &first);
    assert_int_equal(o.flaws, COMPARE_BIT(COMPARE_WEAK_CIPHER));
    r->suites[TLS_1_2].n = 0;
    r->offered |= 1u << TLS_1_0;
    look_take(&none, r, &o, &first);
    assert_int_equal(o.flaws, COMPARE_BIT(COMPARE_WEAK_PROTOCOL));
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_are_whole_or_not),
        cmocka_unit_test(names_are_those_that_were_asked_for),
        cmocka_unit_test(what_nobody_should_offer_is_found),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
