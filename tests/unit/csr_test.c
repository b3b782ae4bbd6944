#include "lib/csr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/der.h"
#include "lib/file.h"
#include "lib/oid.h"
#include "lib/pem.h"
#include "lib/tbs.h"
#include "tests/unit/x509_help.h"

static const enum key_type all_types[] = {KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519};
#define N_TYPES (sizeof(all_types) / sizeof(all_types[0]))

static const char *const full[][2] = {{"subjectAltName",
                                       "DNS:a.example,DNS:*.b.example,IP:192.0.2.1,IP:2001:db8::1,"
                                       "email:x@y.example,URI:spiffe://t/x"},
                                      {"keyUsage", "critical,digitalSignature,keyEncipherment"},
                                      {"basicConstraints", "critical,CA:TRUE"},
                                      {"extendedKeyUsage", "serverAuth"},
                                      {"nsComment", "ignored"},
                                      {NULL, NULL}};

/* A request by P-256 whose attributes ([0], whole) are given; the key and the signature are real.
 */
static void request_with(struct slice attributes, struct buf *out)
{
    struct buf info, sig;
    struct der_mark m;
    struct fault f;

    buf_init(&info, CSR_MAX);
    buf_init(&sig, SIGNATURE_MAX);
    m = der_open(&info, DER_SEQUENCE);
    der_put_u64(&info, 0);
    assert_int_equal(name_from_cn(slice_str("a.example"), &info, &f), 0);
    test_spki(test_key(KEY_P256), &info);
    buf_put_slice(&info, attributes);
    der_close(&info, m);
    test_sign(test_key(KEY_P256), SIG_ECDSA_SHA256, buf_slice(&info), &sig);
    cert_assemble(out, buf_slice(&info), SIG_ECDSA_SHA256, buf_slice(&sig));
    assert_false(buf_failed(out));
    buf_free(&sig);
    buf_free(&info);
}

/* One attribute { oid, SET { value } }. */
static void put_attribute(struct buf *b, struct slice oid, struct slice value)
{
    struct der_mark attribute = der_open(b, DER_SEQUENCE), set;

    der_put_oid(b, oid);
    set = der_open(b, DER_SET);
    buf_put_slice(b, value);
    der_close(b, set);
    der_close(b, attribute);
}

/* Extensions with one subjectAltName of one DNS name. */
static void put_extension_request(struct buf *b, struct slice oid, const char *dns)
{
    struct san_list l = {1, {{SAN_DNS, slice_str(dns)}}};
    struct buf value;
    struct der_mark list, extension, octets;

    buf_init(&value, 1024);
    list = der_open(&value, DER_SEQUENCE);
    extension = der_open(&value, DER_SEQUENCE);
    der_put_oid(&value, oid_subject_alt_name);
    octets = der_open(&value, DER_OCTET_STRING);
    san_list_put(&value, &l);
    der_close(&value, octets);
    der_close(&value, extension);
    der_close(&value, list);
    put_attribute(b, oid, buf_slice(&value));
    buf_free(&value);
}

static int parse_with(struct slice contents, struct csr *c, struct buf *der, struct fault *f)
{
    struct buf attributes;

    buf_init(&attributes, CSR_MAX);
    der_put(&attributes, DER_CONTEXT_CONSTRUCTED(0), contents);
    buf_reset(der);
    request_with(buf_slice(&attributes), der);
    buf_free(&attributes);
    return csr_parse(buf_slice(der), c, f);
}

static void test_requests_of_openssl_parse_and_verify(void **state)
{
    (void)state;
    for (unsigned a = 1; a <= SIG_ALG_MAX; a++)
        for (size_t i = 0; i < N_TYPES; i++) {
            struct csr c;
            struct fault f;
            struct buf der;
            X509_REQ *r;

            if (!sig_alg_fits((enum sig_alg)a, all_types[i]))
                continue;
            buf_init(&der, CSR_MAX);
            r = test_request(test_key(all_types[i]), (enum sig_alg)a, "a.example", full);
            test_request_der(r, &der);
            assert_int_equal(csr_parse(buf_slice(&der), &c, &f), 0);
            assert_int_equal(csr_verify(&c, &f), 0);
            assert_int_equal(c.alg, a);
            assert_int_equal(c.key.type, all_types[i]);
            assert_int_equal(c.sans.n, 6);
            X509_REQ_free(r);
            buf_free(&der);
        }
}

static void test_what_is_asked_for_is_read(void **state)
{
    static const char *const names[] = {"dns:a.example",  "dns:*.b.example",   "ip:192.0.2.1",
                                        "ip:2001:db8::1", "email:x@y.example", "uri:spiffe://t/x"};
    X509_REQ *r = test_request(test_key(KEY_P256), SIG_ECDSA_SHA256, "a.example", full);
    struct csr c;
    struct fault f;
    struct buf der, text;

    (void)state;
    buf_init(&der, CSR_MAX);
    buf_init(&text, 256);
    test_request_der(r, &der);
    assert_int_equal(csr_parse(buf_slice(&der), &c, &f), 0);
    for (size_t i = 0; i < 6; i++) {
        buf_reset(&text);
        san_print(&c.sans.item[i], &text);
        assert_string_equal(buf_cstr(&text), names[i]);
    }
    assert_true(c.has_key_usage);
    assert_int_equal(c.key_usage, KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
    assert_true(c.has_basic_constraints && c.asks_ca);
    assert_int_equal(c.n_other, 1);
    assert_true(slice_is(name_common_name(c.subject), "a.example"));
    assert_int_equal(c.challenge_password.n, 0);
    X509_REQ_free(r);
    buf_free(&text);
    buf_free(&der);
}

static void describe(const struct csr *c, struct buf *out)
{
    name_print(c->subject, out);
    for (size_t i = 0; i < c->sans.n; i++) {
        buf_put_u8(out, ' ');
        san_print(&c->sans.item[i], out);
    }
    buf_printf(out, " %s %.*s", sig_alg_name(c->alg), (int)c->challenge_password.n,
               c->challenge_password.n == 0 ? "" : (const char *)c->challenge_password.p);
}

static void test_requests_of_real_clients_parse_and_verify(void **state)
{
    static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", NULL};
    static const struct {
        const char *path, *text;
    } rows[] = {
        {"tests/data/csr/gnutls-p256.pem",
         "CN=host.example,O=Koko inc.,C=GR dns:host.example uri:https://x.example/ ip:192.0.2.1 "
         "email:a@b.example ecdsa-sha256 123456"},
        {"tests/data/csr/gnutls-ed25519.pem",
         "CN=host.example,O=Koko inc.,C=GR dns:host.example uri:https://x.example/ ip:192.0.2.1 "
         "email:a@b.example ed25519 123456"},
        {"tests/data/csr/keytool-p256.pem",
         "CN=host.example,OU=a b,C=DE dns:host.example ip:192.0.2.1 ecdsa-sha256 "},
        {"tests/data/csr/keytool-rsa-pss.pem", "CN=host.example rsa-pss-sha256 "},
        {"tests/data/csr/python-p384.pem", "emailAddress=a@b.example,CN=h.example,C=DE "
                                           "dns:h.example email:a@b.example ecdsa-sha256 pw"},
        {"tests/data/csr/go-p521.pem",
         "CN=go.example,O=\xc3\x96 dns:go.example ip:::1 ecdsa-sha512 "},
        {"tests/data/csr/openssl-multivalue-rsa-pss.pem", "CN=a+OU=b rsa-pss-sha256 "},
        {"tests/data/csr/botan-rsa-pss.pem",
         "CN=botanp.example.com dns:botanp.example.com rsa-pss-sha256 "},
        {"tests/data/csr/nss-p256.pem",
         "CN=nssext.example.com dns:nssext.example.com ip:10.0.0.1 email:a@example.com "
         "ecdsa-sha256 "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct csr c;
        struct fault f;
        struct buf file, der, text;

        buf_init(&file, CSR_MAX);
        buf_init(&der, CSR_MAX);
        buf_init(&text, 1024);
        assert_int_equal(file_read(rows[i].path, CSR_MAX, &file, &f), 0);
        assert_int_equal(pem_or_der(buf_slice(&file), labels, &der, &f), 0);
        assert_int_equal(csr_parse(buf_slice(&der), &c, &f), 0);
        assert_int_equal(csr_verify(&c, &f), 0);
        describe(&c, &text);
        assert_string_equal(buf_cstr(&text), rows[i].text);
        buf_free(&text);
        buf_free(&der);
        buf_free(&file);
    }
}

static void test_an_empty_subject_is_fine(void **state)
{
    static const char *const san[][2] = {{"subjectAltName", "DNS:a.example"}, {NULL, NULL}};
    X509_REQ *r = test_request(test_key(KEY_P256), SIG_ECDSA_SHA256, "", san);
    struct csr c;
    struct fault f;
    struct buf der;

    (void)state;
    buf_init(&der, CSR_MAX);
    test_request_der(r, &der);
    assert_int_equal(csr_parse(buf_slice(&der), &c, &f), 0);
    assert_true(name_empty(c.subject));
    assert_int_equal(csr_verify(&c, &f), 0);
    X509_REQ_free(r);
    buf_free(&der);
}

/* RFC 2986 4.1 wants [0]; some clients leave it out. */
static void test_attributes_may_be_absent_or_empty(void **state)
{
    struct csr c;
    struct fault f;
    struct buf der;

    (void)state;
    buf_init(&der, CSR_MAX);
    request_with(SLICE_NONE, &der);
    assert_int_equal(csr_parse(buf_slice(&der), &c, &f), 0);
    assert_int_equal(csr_verify(&c, &f), 0);
    assert_int_equal(parse_with(SLICE_NONE, &c, &der, &f), 0);
    assert_int_equal(csr_verify(&c, &f), 0);
    assert_int_equal(c.sans.n, 0);
    buf_free(&der);
}

/* Windows writes its own attributes, and once wrote extensions under its own OID. */
static void test_attributes_of_microsoft_are_understood(void **state)
{
    struct csr c;
    struct fault f;
    struct buf der, attributes;

    (void)state;
    buf_init(&der, CSR_MAX);
    buf_init(&attributes, CSR_MAX);
    put_attribute(&attributes, slice_str("\x2b\x06\x01\x04\x01\x82\x37\x0d\x02\x03"),
                  slice_str("\x16\x0a"
                            "10.0.19041"));
    put_extension_request(&attributes, oid_ms_extension_request, "a.example");
    assert_int_equal(parse_with(buf_slice(&attributes), &c, &der, &f), 0);
    assert_int_equal(c.sans.n, 1);
    assert_true(slice_is(c.sans.item[0].value, "a.example"));
    buf_free(&attributes);
    buf_free(&der);
}

static void test_nothing_may_be_there_twice(void **state)
{
    struct csr c;
    struct fault f;
    struct buf der, attributes;

    (void)state;
    buf_init(&der, CSR_MAX);
    buf_init(&attributes, CSR_MAX);
    put_extension_request(&attributes, oid_extension_request, "a.example");
    put_extension_request(&attributes, oid_extension_request, "a.example");
    assert_int_equal(parse_with(buf_slice(&attributes), &c, &der, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "csr.attributes");
    assert_null(c.der.p);
    /* RFC 5280 4.2, across both dialects. */
    buf_reset(&attributes);
    put_extension_request(&attributes, oid_extension_request, "a.example");
    put_extension_request(&attributes, oid_ms_extension_request, "b.example");
    assert_int_equal(parse_with(buf_slice(&attributes), &c, &der, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "csr.attributes");
    buf_free(&attributes);
    buf_free(&der);
}

static void test_attributes_are_whole_and_bounded(void **state)
{
    struct csr c;
    struct fault f;
    struct buf der, attributes;

    (void)state;
    buf_init(&der, CSR_MAX);
    buf_init(&attributes, CSR_MAX);
    /* RFC 2986 4.1: a value or more, each one element, whatever it means. */
    put_attribute(&attributes, slice_str("\x2a\x03"), SLICE_NONE);
    assert_int_equal(parse_with(buf_slice(&attributes), &c, &der, &f), -FAULT_MALFORMED);
    buf_reset(&attributes);
    put_attribute(&attributes, slice_str("\x2a\x03"), slice_str("\x05"));
    assert_int_equal(parse_with(buf_slice(&attributes), &c, &der, &f), -FAULT_MALFORMED);
    buf_reset(&attributes);
    for (uint8_t i = 1; i <= 33; i++) {
        const uint8_t oid[] = {0x2a, i};

        put_attribute(&attributes, slice_of(oid, 2), slice_str("\x04\x01x"));
        assert_int_equal(parse_with(buf_slice(&attributes), &c, &der, &f),
                         i <= 32 ? 0 : -FAULT_MALFORMED);
    }
    assert_string_equal(f.text, "certification request: too many attributes");
    buf_free(&attributes);
    buf_free(&der);
}

static void test_requested_extensions_are_bounded(void **state)
{
    struct csr c;
    struct fault f;
    struct buf der, attributes, list;

    (void)state;
    buf_init(&der, CSR_MAX);
    buf_init(&attributes, CSR_MAX);
    buf_init(&list, CSR_MAX);
    for (uint8_t i = 1; i <= 65; i++) {
        const uint8_t extension[] = {0x30, 7, 0x06, 2, 0x2a, i, 0x04, 1, 'x'};
        struct buf value;

        buf_put(&list, extension, sizeof(extension));
        buf_init(&value, CSR_MAX);
        der_put(&value, DER_SEQUENCE, buf_slice(&list));
        buf_reset(&attributes);
        put_attribute(&attributes, oid_extension_request, buf_slice(&value));
        assert_int_equal(parse_with(buf_slice(&attributes), &c, &der, &f),
                         i <= 64 ? 0 : -FAULT_MALFORMED);
        assert_int_equal(c.n_other, i <= 64 ? i : 0);
        buf_free(&value);
    }
    assert_string_equal(f.text, "certification request: too many extensions");
    buf_free(&list);
    buf_free(&attributes);
    buf_free(&der);
}

/* RFC 2985 5.4.1 */
static void test_challenge_passwords(void **state)
{
    static const struct {
        const char *value;
        size_t n;
        bool good;
    } rows[] = {
        {"\x0c\x03"
         "pwd",
         5, true},
        {"\x13\x03"
         "pwd",
         5, true},
        {"\x16\x03"
         "pwd",
         5, true},
        {"\x0c\x00", 2, false},
        {"\x0c\x03"
         "p\0d",
         5, false},
        {"\x0c\x03"
         "p\xff"
         "d",
         5, false},
        {"\x1e\x02\0p", 4, false},
        {"", 0, false},
        {"\x0c\x01"
         "a\x0c\x01"
         "b",
         6, false},
    };
    struct csr c;
    struct fault f;
    struct buf der, attributes;

    (void)state;
    buf_init(&der, CSR_MAX);
    buf_init(&attributes, CSR_MAX);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_reset(&attributes);
        put_attribute(&attributes, oid_challenge_password, slice_of(rows[i].value, rows[i].n));
        assert_int_equal(parse_with(buf_slice(&attributes), &c, &der, &f),
                         rows[i].good ? 0 : -FAULT_MALFORMED);
        if (rows[i].good)
            assert_true(slice_is(c.challenge_password, "pwd"));
        else
            assert_string_equal(f.rule, "csr.attributes");
    }
    buf_free(&attributes);
    buf_free(&der);
}

static void test_hostile_names_are_refused_with_their_rule(void **state)
{
    static const struct {
        const char *value, *rule;
    } rows[] = {
        {"otherName:1.2.3;UTF8:x", "csr.san.kind"},  {"RID:1.2.3.4", "csr.san.kind"},
        {"DNS:a_b.example", "san.dns.syntax"},       {"DNS:a.*.example", "san.dns.syntax"},
        {"email:a b@c.example", "san.email.syntax"}, {"URI:nothing", "san.uri.syntax"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const san[][2] = {{"subjectAltName", rows[i].value}, {NULL, NULL}};
        X509_REQ *r = test_request(test_key(KEY_P256), SIG_ECDSA_SHA256, "x", san);
        struct csr c;
        struct fault f;
        struct buf der;

        buf_init(&der, CSR_MAX);
        test_request_der(r, &der);
        assert_int_equal(csr_parse(buf_slice(&der), &c, &f), -FAULT_MALFORMED);
        assert_string_equal(f.rule, rows[i].rule);
        X509_REQ_free(r);
        buf_free(&der);
    }
}

static void test_a_request_has_a_size(void **state)
{
    static const uint8_t zeros[CSR_MAX + 1];
    struct csr c;
    struct fault f;

    (void)state;
    assert_int_equal(csr_parse(slice_of(zeros, sizeof(zeros)), &c, &f), -FAULT_TOO_LARGE);
    assert_string_equal(f.rule, "csr.size");
    assert_int_equal(csr_parse(SLICE_NONE, &c, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "csr.der");
}

/* RFC 2986 3, note 2 */
static void test_proof_of_possession(void **state)
{
    struct csr c;
    struct fault f;
    struct buf der, other;
    struct spki k;

    (void)state;
    buf_init(&der, CSR_MAX);
    buf_init(&other, 512);
    request_with(SLICE_NONE, &der);
    assert_int_equal(csr_parse(buf_slice(&der), &c, &f), 0);
    assert_int_equal(csr_verify(&c, &f), 0);
    /* somebody else's key */
    EVP_PKEY *theirs = EVP_EC_gen("P-256");

    test_spki(theirs, &other);
    EVP_PKEY_free(theirs);
    assert_int_equal(spki_parse(buf_slice(&other), &k, &f), 0);
    c.key = k;
    assert_int_equal(csr_verify(&c, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "csr.pop");
    /* a point off the curve */
    other.p[other.n - 1] ^= 1;
    assert_int_equal(csr_verify(&c, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "csr.key");
    buf_free(&other);
    buf_free(&der);
}

static void test_an_algorithm_of_another_key_is_refused(void **state)
{
    struct csr c;
    struct fault f;
    struct buf der;
    static const uint8_t sha1_with_ecdsa[] = {0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01};
    struct slice in, info, seq;
    struct der_mark m, alg;
    struct buf changed;

    (void)state;
    buf_init(&der, CSR_MAX);
    buf_init(&changed, CSR_MAX);
    request_with(SLICE_NONE, &der);
    in = buf_slice(&der);
    assert_int_equal(der_get(&in, DER_SEQUENCE, &seq), 0);
    assert_int_equal(der_get_whole(&seq, DER_SEQUENCE, &info), 0);
    cert_assemble(&changed, info, SIG_RSA_SHA256, slice_str("signature"));
    assert_int_equal(csr_parse(buf_slice(&changed), &c, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "csr.signature.algorithm");
    buf_reset(&changed);
    m = der_open(&changed, DER_SEQUENCE);
    buf_put_slice(&changed, info);
    alg = der_open(&changed, DER_SEQUENCE);
    buf_put(&changed, sha1_with_ecdsa, sizeof(sha1_with_ecdsa));
    der_close(&changed, alg);
    der_put_bit_octets(&changed, slice_str("signature"));
    der_close(&changed, m);
    assert_int_equal(csr_parse(buf_slice(&changed), &c, &f), -FAULT_POLICY);
    assert_string_equal(f.rule, "csr.signature.algorithm");
    assert_string_equal(f.value, "1.2.840.10045.4.1");
    /* RFC 7030 4.4.1: unless its key is made elsewhere */
    assert_int_equal(csr_parse_keyless(buf_slice(&changed), &c, &f), 0);
    assert_int_equal(c.alg, SIG_NONE);
    assert_int_equal(c.key.type, KEY_P256);
    assert_true(c.subject.n > 2);
    for (size_t n = 0; n < changed.n; n++)
        assert_true(csr_parse_keyless(slice_of(changed.p, n), &c, &f) < 0);
    buf_free(&changed);
    buf_free(&der);
}

/* No flip of a bit passes parsing and proof of possession; no truncation parses. */
static void test_every_flip_and_truncation_is_refused(void **state)
{
    static const enum key_type types[] = {KEY_P256, KEY_RSA, KEY_ED25519};

    (void)state;
    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        X509_REQ *r =
            test_request(test_key(types[t]), sig_alg_default(types[t]), "a.example", full);
        struct csr c;
        struct fault f;
        struct buf der;

        buf_init(&der, CSR_MAX);
        test_request_der(r, &der);
        for (size_t bit = 0; bit < der.n * 8; bit++) {
            der.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_false(csr_parse(buf_slice(&der), &c, &f) == 0 && csr_verify(&c, &f) == 0);
            der.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t n = 0; n < der.n; n++) {
            /* An allocation of just that size, so that a sanitizer sees the end. */
            uint8_t *cut = xmemdup(der.p, n);

            assert_int_equal(csr_parse(slice_of(cut, n), &c, &f), -FAULT_MALFORMED);
            free(cut);
        }
        X509_REQ_free(r);
        buf_free(&der);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_of_openssl_parse_and_verify),
        cmocka_unit_test(test_what_is_asked_for_is_read),
        cmocka_unit_test(test_requests_of_real_clients_parse_and_verify),
        cmocka_unit_test(test_an_empty_subject_is_fine),
        cmocka_unit_test(test_attributes_may_be_absent_or_empty),
        cmocka_unit_test(test_attributes_of_microsoft_are_understood),
        cmocka_unit_test(test_nothing_may_be_there_twice),
        cmocka_unit_test(test_attributes_are_whole_and_bounded),
        cmocka_unit_test(test_requested_extensions_are_bounded),
        cmocka_unit_test(test_challenge_passwords),
        cmocka_unit_test(test_hostile_names_are_refused_with_their_rule),
        cmocka_unit_test(test_a_request_has_a_size),
        cmocka_unit_test(test_proof_of_possession),
        cmocka_unit_test(test_an_algorithm_of_another_key_is_refused),
        cmocka_unit_test(test_every_flip_and_truncation_is_refused),
    };

    return cmocka_run_group_tests_name("csr", tests, NULL, NULL);
}
