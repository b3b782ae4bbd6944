#include "lib/cert.h"

#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/der.h"
#include "lib/lint.h"
#include "lib/oid.h"
#include "tests/unit/x509_help.h"

/* OpenSSL's view of DER that must be one whole certificate; NULL when it disagrees. */
static X509 *theirs(struct slice der)
{
    const unsigned char *p = der.p;
    X509 *x = d2i_X509(NULL, &p, (long)der.n);

    if (x != NULL && p != der.p + der.n) {
        X509_free(x);
        return NULL;
    }
    return x;
}

static int64_t to_time(const ASN1_TIME *t)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;

    assert_int_equal(ASN1_TIME_diff(&days, &seconds, epoch, t), 1);
    ASN1_TIME_free(epoch);
    return (int64_t)days * 86400 + seconds;
}

static void assert_same_name(const X509_NAME *n, struct slice ours)
{
    const unsigned char *der = NULL;
    size_t len = 0;

    assert_int_equal(X509_NAME_get0_der(n, &der, &len), 1);
    assert_true(slice_eq(slice_of(der, len), ours));
}

static void assert_same_fields(X509 *x, const struct cert *c)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
    const ASN1_BIT_STRING *sig = NULL;
    const X509_ALGOR *alg = NULL;

    assert_true(slice_eq(
        slice_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)), c->serial));
    assert_int_equal(X509_get_version(x) + 1, c->version);
    assert_same_name(X509_get_issuer_name(x), c->issuer);
    assert_same_name(X509_get_subject_name(x), c->subject);
    assert_true(to_time(X509_get0_notBefore(x)) == c->not_before);
    assert_true(to_time(X509_get0_notAfter(x)) == c->not_after);
    assert_int_equal(X509_get_ext_count(x), c->n_extensions);
    for (int i = 0; i < X509_get_ext_count(x); i++) {
        const ASN1_OCTET_STRING *v = X509_EXTENSION_get_data(X509_get_ext(x, i));

        assert_true(slice_eq(slice_of(ASN1_STRING_get0_data(v), (size_t)ASN1_STRING_length(v)),
                             c->extension[i].value));
        assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(x, i)), c->extension[i].critical);
    }
    X509_get0_signature(&sig, &alg, x);
    assert_true(slice_eq(slice_of(ASN1_STRING_get0_data(sig), (size_t)ASN1_STRING_length(sig)),
                         c->signature));
}

static void test_what_we_write_reads_back_the_same(void **state)
{
    struct tbs_spec s;
    struct cert c;
    struct fault f;
    struct buf der;

    (void)state;
    buf_init(&der, TBS_MAX);
    test_draft(&s, KEY_P256, KEY_P384);
    tbs_put(&der, &s);
    assert_int_equal(tbs_parse(buf_slice(&der), &c, &f), 0);
    assert_null(c.der.p);
    assert_int_equal(c.version, 3);
    assert_true(slice_eq(c.serial, slice_of(s.serial, SERIAL_LEN)));
    assert_int_equal(c.alg, SIG_ECDSA_SHA384);
    assert_true(slice_eq(c.issuer, s.issuer));
    assert_true(slice_eq(c.subject, s.subject));
    assert_true(c.not_before == s.not_before && c.not_after == s.not_after);
    assert_true(slice_eq(c.key.der, s.spki));
    assert_true(slice_eq(c.subject_key_id, slice_of(s.subject_key_id, 20)));
    assert_true(slice_eq(c.authority_key_id, slice_of(s.authority_key_id, 20)));
    assert_true(c.has_key_usage && c.key_usage == s.key_usage);
    assert_true(c.has_eku && c.eku == s.eku);
    assert_false(c.has_basic_constraints || c.ca);
    assert_int_equal(c.path_len, -1);
    assert_int_equal(c.sans.n, s.sans->n);
    for (size_t i = 0; i < c.sans.n; i++)
        assert_true(san_equal(&c.sans.item[i], &s.sans->item[i]));
    assert_false(cert_find(&c, oid_subject_alt_name)->critical);
    assert_true(cert_find(&c, oid_key_usage)->critical);
    assert_null(cert_find(&c, oid_basic_constraints));
    buf_free(&der);
}

static void test_a_ca_reads_back_the_same(void **state)
{
    struct tbs_spec s;
    struct cert c;
    struct fault f;
    struct buf der;

    (void)state;
    buf_init(&der, CERT_MAX);
    test_draft_ca(&s, KEY_P384);
    test_issue(&s, KEY_P384, &der);
    assert_int_equal(cert_parse(buf_slice(&der), &c, &f), 0);
    assert_true(c.has_basic_constraints && c.ca);
    assert_int_equal(c.path_len, 1);
    assert_true(cert_find(&c, oid_basic_constraints)->critical);
    s.path_len = -1;
    buf_reset(&der);
    test_issue(&s, KEY_P384, &der);
    assert_int_equal(cert_parse(buf_slice(&der), &c, &f), 0);
    assert_true(c.ca);
    assert_int_equal(c.path_len, -1);
    buf_free(&der);
}

/* RFC 5280 4.2.1.6 */
static void test_alternative_names_are_critical_without_a_subject(void **state)
{
    static const uint8_t empty[] = {0x30, 0};
    struct tbs_spec s;
    struct cert c;
    struct fault f;
    struct buf der;

    (void)state;
    buf_init(&der, TBS_MAX);
    test_draft(&s, KEY_P256, KEY_P256);
    s.subject = slice_of(empty, sizeof(empty));
    tbs_put(&der, &s);
    assert_int_equal(tbs_parse(buf_slice(&der), &c, &f), 0);
    assert_true(cert_find(&c, oid_subject_alt_name)->critical);
    buf_free(&der);
}

static void test_openssl_verifies_every_algorithm(void **state)
{
    static const enum key_type types[] = {KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519};

    (void)state;
    for (unsigned a = 1; a <= SIG_ALG_MAX; a++)
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            struct tbs_spec s;
            struct cert c;
            struct fault f;
            struct buf der;
            X509 *x;

            if (!sig_alg_fits((enum sig_alg)a, types[i]))
                continue;
            buf_init(&der, CERT_MAX);
            test_draft(&s, types[i], types[i]);
            s.alg = (enum sig_alg)a;
            test_issue(&s, types[i], &der);
            x = theirs(buf_slice(&der));
            assert_non_null(x);
            assert_int_equal(X509_verify(x, test_key(types[i])), 1);
            assert_int_equal(X509_get_ext_count(x), 7);
            assert_true(test_matches(x, "a.example", "2001:db8::", "x@a.example"));
            assert_int_equal(cert_parse(buf_slice(&der), &c, &f), 0);
            assert_int_equal(c.alg, a);
            assert_same_fields(x, &c);
            X509_free(x);
            buf_free(&der);
        }
}

/* The strict mode of OpenSSL checks RFC 5280 where its usual mode shrugs. */
static void test_openssl_verifies_the_chain_strictly(void **state)
{
    static const enum key_type types[] = {KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519};

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct tbs_spec root, leaf;
        struct buf root_der, leaf_der;
        X509 *root_x, *leaf_x;

        buf_init(&root_der, CERT_MAX);
        buf_init(&leaf_der, CERT_MAX);
        test_draft_ca(&root, types[i]);
        test_draft(&leaf, KEY_P256, types[i]);
        test_issue(&root, types[i], &root_der);
        test_issue(&leaf, types[i], &leaf_der);
        root_x = theirs(buf_slice(&root_der));
        leaf_x = theirs(buf_slice(&leaf_der));
        assert_int_equal(test_chain_error(root_x, leaf_x), X509_V_OK);
        X509_free(leaf_x);
        X509_free(root_x);
        buf_free(&leaf_der);
        buf_free(&root_der);
    }
}

/* What other CAs write, RFC 5280 4.2.1: forms that we never write ourselves. */
static void test_certificates_of_other_cas_are_read(void **state)
{
    static const char *const extensions[][2] = {
        {"basicConstraints", "CA:FALSE"},
        {"keyUsage", "keyAgreement,encipherOnly,decipherOnly"},
        {"extendedKeyUsage", "critical,serverAuth,1.2.3.4,anyExtendedKeyUsage"},
        {"subjectKeyIdentifier", "hash"},
        {"authorityKeyIdentifier", "keyid:always,issuer:always"},
        {"nameConstraints", "critical,permitted;DNS:.example"},
        {"inhibitAnyPolicy", "critical,0"},
        {"subjectAltName", "DNS:under_score.example"},
        {NULL, NULL}};
    X509 *x = test_foreign(extensions);
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);
    struct cert c;
    struct fault f;

    (void)state;
    assert_int_equal(cert_parse(slice_of(der, (size_t)n), &c, &f), 0);
    assert_same_fields(x, &c);
    assert_true(c.has_basic_constraints);
    assert_false(c.ca);
    assert_int_equal(c.key_usage, KU_KEY_AGREEMENT | 1u << 7 | 1u << 8);
    assert_true(c.eku == (EKU_SERVER_AUTH | EKU_OTHER));
    assert_true(slice_eq(c.subject_key_id, c.authority_key_id));
    assert_int_equal(c.subject_key_id.n, 20);
    assert_true(c.not_after == 3000000000);
    assert_int_equal(c.serial.n, 1);
    assert_int_equal(lint_tbs(&c, &f), -FAULT_INTERNAL);
    OPENSSL_free(der);
    X509_free(x);
}

static void test_purposes_are_those_of_openssl(void **state)
{
    static const struct {
        uint32_t eku;
        const char *name;
    } rows[] = {
        {EKU_SERVER_AUTH, "serverAuth"},     {EKU_CLIENT_AUTH, "clientAuth"},
        {EKU_CODE_SIGNING, "codeSigning"},   {EKU_EMAIL_PROTECTION, "emailProtection"},
        {EKU_TIME_STAMPING, "timeStamping"}, {EKU_OCSP_SIGNING, "OCSPSigning"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tbs_spec s;
        struct cert c;
        struct fault f;
        struct buf der;
        X509 *x;

        buf_init(&der, CERT_MAX);
        test_draft(&s, KEY_P256, KEY_P256);
        s.eku = rows[i].eku;
        test_issue(&s, KEY_P256, &der);
        assert_int_equal(cert_parse(buf_slice(&der), &c, &f), 0);
        assert_int_equal(c.eku, rows[i].eku);
        x = theirs(buf_slice(&der));
        assert_true(test_has_purpose(x, rows[i].name));
        X509_free(x);
        buf_free(&der);
    }
}

static void test_a_purpose_without_a_name_cannot_be_written(void **state)
{
    struct tbs_spec s;
    struct buf der;

    (void)state;
    buf_init(&der, TBS_MAX);
    test_draft(&s, KEY_P256, KEY_P256);
    s.eku |= EKU_OTHER;
    tbs_put(&der, &s);
    assert_true(buf_failed(&der));
    buf_free(&der);
}

static void test_a_draft_has_a_size(void **state)
{
    struct tbs_spec s;
    struct buf whole, der;

    (void)state;
    buf_init(&whole, TBS_MAX);
    test_draft(&s, KEY_P256, KEY_P256);
    tbs_put(&whole, &s);
    for (size_t max = 0; max <= whole.n; max++) {
        buf_init(&der, max);
        tbs_put(&der, &s);
        assert_int_equal(buf_failed(&der), max < whole.n);
        buf_free(&der);
    }
    buf_free(&whole);
}

/* Replaces the one occurrence of `from` in a draft by as many octets. */
static void replace(struct buf *b, const char *from_hex, const char *to_hex)
{
    struct buf from, to;
    uint8_t *at;

    buf_init(&from, 256);
    buf_init(&to, 256);
    test_hex(from_hex, &from);
    test_hex(to_hex, &to);
    assert_int_equal(from.n, to.n);
    at = memmem(b->p, b->n, from.p, from.n);
    assert_non_null(at);
    memcpy(at, to.p, to.n);
    buf_free(&from);
    buf_free(&to);
}

/* RFC 5280 4.1.2, 4.2: each with the rule that is named. */
static void test_drafts_that_are_refused(void **state)
{
    static const struct {
        const char *from, *to, *rule;
    } rows[] = {
        {"a003020102", "a003020103", "cert.version"},
        {"a003020102", "a003020100", "cert.version"},   /* DEFAULT written out */
        {"a003020102", "a003020101", "cert.extension"}, /* v2 with extensions */
        {"0210410203", "0210c10203", "cert.serial"},    /* negative */
        {"0210410203", "0210000203", "cert.serial"},    /* not minimal */
        {"06082a8648ce3d040302", "06082a8648ce3d040301", "cert.algorithm"},
        {"170d", "160d", "cert.validity"},
        {"0603550403", "0603550483", "cert.issuer"}, /* an OID that does not end */
        {"06072a8648ce3d0201", "06072a8648ce3d0202", "cert.key"},
        {"0603551d0e", "0603551d23", "cert.extension"}, /* authorityKeyIdentifier twice */
        {"0603551d0f0101ff", "0603551d0f010101", "cert.extension"},
        {"0603551d0f0101ff", "0603551d130101ff", "cert.extension"}, /* malformed contents */
        {"8209612e6578616d706c65", "8109612e65786100706c65", "cert.extension"}, /* NUL */
        {"8209612e6578616d706c65", "8809612e6578616d706c65", "cert.extension"}, /* kind */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tbs_spec s;
        struct cert c;
        struct fault f;
        struct buf der;
        /* A key of a kind that nobody here knows may be well-formed. */
        int want = strcmp(rows[i].rule, "cert.key") == 0 ? -FAULT_POLICY : -FAULT_MALFORMED;

        buf_init(&der, TBS_MAX);
        test_draft(&s, KEY_P256, KEY_P256);
        tbs_put(&der, &s);
        replace(&der, rows[i].from, rows[i].to);
        assert_int_equal(tbs_parse(buf_slice(&der), &c, &f), want);
        assert_string_equal(f.rule, rows[i].rule);
        assert_null(c.tbs.p);
        buf_free(&der);
    }
}

/* RFC 5280 4.1.2.1, 4.1.2.8, 4.1.2.9: what other versions may hold. */
static void test_older_versions_are_read(void **state)
{
    static const uint8_t ids[] = {0x81, 2, 0, 0xaa, 0x82, 2, 0, 0xbb};
    struct tbs_spec s;
    struct cert c;
    struct fault f;
    struct buf tbs, old;
    struct slice in, seq, extensions;

    (void)state;
    buf_init(&tbs, TBS_MAX);
    buf_init(&old, TBS_MAX);
    test_draft(&s, KEY_P256, KEY_P256);
    tbs_put(&tbs, &s);
    in = buf_slice(&tbs);
    assert_int_equal(der_get(&in, DER_SEQUENCE, &seq), 0);
    in = seq;
    while (!der_peek(in, DER_CONTEXT_CONSTRUCTED(3)))
        assert_int_equal(der_get_any(&in, NULL, NULL, NULL), 0);
    extensions = in;
    /* v3 with unique identifiers in front of the extensions */
    struct der_mark m = der_open(&old, DER_SEQUENCE);

    buf_put(&old, seq.p, seq.n - extensions.n);
    buf_put(&old, ids, sizeof(ids));
    buf_put_slice(&old, extensions);
    der_close(&old, m);
    assert_int_equal(tbs_parse(buf_slice(&old), &c, &f), 0);
    assert_true(c.has_unique_id);
    /* v1: no version, no identifiers, no extensions */
    buf_reset(&old);
    m = der_open(&old, DER_SEQUENCE);
    buf_put(&old, seq.p + 5, seq.n - 5 - extensions.n);
    der_close(&old, m);
    assert_int_equal(tbs_parse(buf_slice(&old), &c, &f), 0);
    assert_int_equal(c.version, 1);
    buf_reset(&old);
    m = der_open(&old, DER_SEQUENCE);
    buf_put(&old, seq.p + 5, seq.n - 5 - extensions.n);
    buf_put(&old, ids, sizeof(ids));
    der_close(&old, m);
    assert_int_equal(tbs_parse(buf_slice(&old), &c, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "cert.der");
    buf_free(&old);
    buf_free(&tbs);
}

/* RFC 5280 4.1.1.2 */
static void test_the_two_algorithms_must_be_the_same(void **state)
{
    struct tbs_spec s;
    struct cert c;
    struct fault f;
    struct buf tbs, der;

    (void)state;
    buf_init(&tbs, TBS_MAX);
    buf_init(&der, CERT_MAX);
    test_draft(&s, KEY_P256, KEY_P256);
    tbs_put(&tbs, &s);
    cert_assemble(&der, buf_slice(&tbs), SIG_ECDSA_SHA384, slice_str("signature"));
    assert_int_equal(cert_parse(buf_slice(&der), &c, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "cert.algorithm");
    buf_free(&der);
    buf_free(&tbs);
}

static void test_certificates_have_a_size(void **state)
{
    static const uint8_t zeros[CERT_MAX + 1];
    struct cert c;
    struct fault f;

    (void)state;
    assert_int_equal(cert_parse(slice_of(zeros, sizeof(zeros)), &c, &f), -FAULT_TOO_LARGE);
    assert_int_equal(tbs_parse(slice_of(zeros, TBS_MAX + 1), &c, &f), -FAULT_TOO_LARGE);
    assert_string_equal(f.rule, "cert.size");
    assert_int_equal(cert_parse(SLICE_NONE, &c, &f), -FAULT_MALFORMED);
}

/* Whatever flip we accept OpenSSL accepts, and it sees the same. */
static void test_what_we_accept_openssl_accepts(void **state)
{
    static const enum key_type types[] = {KEY_P256, KEY_RSA, KEY_ED25519};

    (void)state;
    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        struct tbs_spec s;
        struct cert c;
        struct fault f;
        struct buf der;
        size_t accepted = 0;

        buf_init(&der, CERT_MAX);
        test_draft(&s, types[t], types[t]);
        test_issue(&s, types[t], &der);
        for (size_t bit = 0; bit < der.n * 8; bit++) {
            der.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (cert_parse(buf_slice(&der), &c, &f) == 0) {
                X509 *x = theirs(buf_slice(&der));

                assert_non_null(x);
                assert_same_fields(x, &c);
                X509_free(x);
                accepted++;
            }
            der.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        /* The key, the signature, the serial: most octets mean something whatever they are. */
        assert_true(accepted > 1000);
        buf_free(&der);
    }
}

static void test_no_truncation_is_a_certificate(void **state)
{
    struct tbs_spec s;
    struct cert c;
    struct fault f;
    struct buf der;

    (void)state;
    buf_init(&der, CERT_MAX);
    test_draft(&s, KEY_P256, KEY_P256);
    test_issue(&s, KEY_P256, &der);
    for (size_t n = 0; n < der.n; n++) {
        uint8_t *cut = xmemdup(der.p, n);

        assert_int_equal(cert_parse(slice_of(cut, n), &c, &f), -FAULT_MALFORMED);
        assert_int_equal(tbs_parse(slice_of(cut, n), &c, &f), -FAULT_MALFORMED);
        free(cut);
    }
    buf_put_u8(&der, 0);
    assert_int_equal(cert_parse(buf_slice(&der), &c, &f), -FAULT_MALFORMED);
    buf_free(&der);
}

static void test_the_fingerprint_is_openssls(void **state)
{
    struct tbs_spec s;
    struct buf der;
    uint8_t ours[32], other[32];
    unsigned n = 0;
    X509 *x;

    (void)state;
    buf_init(&der, CERT_MAX);
    test_draft(&s, KEY_P256, KEY_P256);
    test_issue(&s, KEY_P256, &der);
    cert_fingerprint(buf_slice(&der), ours);
    x = theirs(buf_slice(&der));
    assert_int_equal(X509_digest(x, EVP_sha256(), other, &n), 1);
    assert_memory_equal(ours, other, 32);
    X509_free(x);
    buf_free(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_we_write_reads_back_the_same),
        cmocka_unit_test(test_a_ca_reads_back_the_same),
        cmocka_unit_test(test_alternative_names_are_critical_without_a_subject),
        cmocka_unit_test(test_openssl_verifies_every_algorithm),
        cmocka_unit_test(test_openssl_verifies_the_chain_strictly),
        cmocka_unit_test(test_certificates_of_other_cas_are_read),
        cmocka_unit_test(test_purposes_are_those_of_openssl),
        cmocka_unit_test(test_a_purpose_without_a_name_cannot_be_written),
        cmocka_unit_test(test_a_draft_has_a_size),
        cmocka_unit_test(test_drafts_that_are_refused),
        cmocka_unit_test(test_older_versions_are_read),
        cmocka_unit_test(test_the_two_algorithms_must_be_the_same),
        cmocka_unit_test(test_certificates_have_a_size),
        cmocka_unit_test(test_what_we_accept_openssl_accepts),
        cmocka_unit_test(test_no_truncation_is_a_certificate),
        cmocka_unit_test(test_the_fingerprint_is_openssls),
    };

    return cmocka_run_group_tests_name("cert", tests, NULL, NULL);
}
