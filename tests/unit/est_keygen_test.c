#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
/* OpenSSL's numbers for key usage are not ours. */
#undef KU_DIGITAL_SIGNATURE
#undef KU_KEY_ENCIPHERMENT
#undef KU_DATA_ENCIPHERMENT
#undef KU_KEY_AGREEMENT
#undef KU_KEY_CERT_SIGN
#undef KU_CRL_SIGN

#include "est/keygen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "est/body.h"
#include "est/certs.h"
#include "lib/pem.h"
#include "tests/unit/keygen_help.h"
#include "tests/unit/x509_help.h"

static const char *const no_extensions[][2] = {{NULL, NULL}};

/* ---- what is asked for ---- */

/* A request by OpenSSL with these attributes; each value is DER of a SEQUENCE or OCTET STRING. */
static void read_request(const char *const oids[], const struct slice *values, struct buf *der,
                         struct csr *out)
{
    X509_REQ *r = test_request(test_key(KEY_P256), SIG_ECDSA_SHA256, "a.example", no_extensions);
    struct fault f;

    for (size_t i = 0; oids[i] != NULL; i++) {
        ASN1_OBJECT *o = OBJ_txt2obj(oids[i], 1);
        bool octets = values[i].p[0] == 4;

        assert_int_equal(X509_REQ_add1_attr_by_OBJ(r, o,
                                                   octets ? V_ASN1_OCTET_STRING : V_ASN1_SEQUENCE,
                                                   octets ? values[i].p + 2 : values[i].p,
                                                   (int)(octets ? values[i].n - 2 : values[i].n)),
                         1);
        ASN1_OBJECT_free(o);
    }
    buf_init(der, CSR_MAX);
    test_request_der(r, der);
    X509_REQ_free(r);
    assert_int_equal(csr_parse(buf_slice(der), out, &f), 0);
}

/* RFC 7030 4.4.1 */
static void test_wishes_are_read(void **state)
{
    static const char *const asymmetric[] = {"1.2.840.113549.1.9.16.2.54", "1.2.840.113549.1.9.15",
                                             NULL};
    struct buf id, all, der;
    struct keygen_wish w;
    struct fault f;
    struct csr c;

    (void)state;
    buf_init(&id, 64);
    buf_init(&all, 256);
    keygen_identifier_put(&id, slice_str("key identifier"));
    keygen_capabilities_put(&all);
    read_request(asymmetric, (struct slice[]){buf_slice(&id), buf_slice(&all)}, &der, &c);
    assert_int_equal(keygen_wish_get(&c, &w, &f), 0);
    assert_true(slice_is(w.asymmetric, "key identifier"));
    assert_int_equal(w.symmetric.n, 0);
    assert_int_equal(w.cipher, CIPHER_AES256_CBC);
    assert_true(w.oaep);
    buf_free(&der);
    buf_free(&all);
    buf_free(&id);
}

static void test_capabilities_of_openssl_choose_the_cipher(void **state)
{
    static const struct {
        int nid[3];
        int cipher; /* -1: refused */
    } rows[] = {
        {{NID_aes_128_cbc, NID_aes_192_cbc, NID_undef}, CIPHER_AES192_CBC},
        {{NID_des_ede3_cbc, NID_aes_128_cbc, NID_undef}, CIPHER_AES128_CBC},
        {{NID_aes_256_cbc, NID_undef, NID_undef}, CIPHER_AES256_CBC},
        {{NID_des_ede3_cbc, NID_rc2_cbc, NID_undef}, -1},
        {{NID_undef, NID_undef, NID_undef}, -1},
    };
    static const char *const oids[] = {"1.2.840.113549.1.9.16.2.54", "1.2.840.113549.1.9.15", NULL};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        STACK_OF(X509_ALGOR) *list = sk_X509_ALGOR_new_null();
        uint8_t *p = NULL;
        struct keygen_wish w;
        struct fault f;
        struct buf der;
        struct csr c;
        int n, rc;

        for (size_t k = 0; rows[i].nid[k] != NID_undef; k++)
            assert_int_equal(CMS_add_simple_smimecap(&list, rows[i].nid[k], -1), 1);
        n = i2d_X509_ALGORS(list, &p);
        read_request(oids, (struct slice[]){slice_str("\x04\x01x"), slice_of(p, (size_t)n)}, &der,
                     &c);
        rc = keygen_wish_get(&c, &w, &f);
        assert_int_equal(rc, rows[i].cipher < 0 ? -FAULT_POLICY : 0);
        if (rc == 0)
            assert_int_equal(w.cipher, rows[i].cipher);
        else
            assert_string_equal(f.rule, "est.keygen.cipher");
        OPENSSL_free(p);
        sk_X509_ALGOR_pop_free(list, X509_ALGOR_free);
        buf_free(&der);
    }
}

static void test_wishes_that_contradict_are_refused(void **state)
{
    static const char *const both[] = {"1.2.840.113549.1.9.16.2.54", "1.2.840.113549.1.9.16.2.37",
                                       NULL};
    static const char *const none[] = {NULL};
    static const char *const one[] = {"1.2.840.113549.1.9.16.2.37", NULL};
    const struct slice id = slice_str("\x04\x01x");
    struct keygen_wish w;
    struct fault f;
    struct buf der;
    struct csr c;

    (void)state;
    read_request(both, (struct slice[]){id, id}, &der, &c);
    assert_int_equal(keygen_wish_get(&c, &w, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "est.keygen.both");
    buf_free(&der);
    read_request(none, &id, &der, &c);
    assert_int_equal(keygen_wish_get(&c, &w, &f), 0);
    assert_int_equal(w.symmetric.n + w.asymmetric.n, 0);
    buf_free(&der);
    read_request(one, &id, &der, &c);
    assert_int_equal(keygen_wish_get(&c, &w, &f), 0);
    assert_true(slice_is(w.symmetric, "x"));
    buf_free(&der);
    read_request(one, (struct slice[]){slice_of("\x04\x00", 2)}, &der, &c);
    assert_int_equal(keygen_wish_get(&c, &w, &f), -FAULT_MALFORMED);
    buf_free(&der);
    read_request(one, (struct slice[]){slice_of("\x30\x00", 2)}, &der, &c);
    assert_int_equal(keygen_wish_get(&c, &w, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "est.keygen.der");
    buf_free(&der);
}

/* ---- the body ---- */

static void expect_answer(const char *type, struct slice body, struct slice key, struct slice certs)
{
    struct buf k, c;
    struct fault f;
    bool sealed;

    buf_init(&k, KEYGEN_KEY_MAX);
    buf_init(&c, EST_BODY_MAX);
    assert_int_equal(keygen_answer_get(type, body, &k, &sealed, &c, &f), 0);
    assert_true(slice_eq(buf_slice(&k), key));
    assert_true(slice_eq(buf_slice(&c), certs));
    assert_false(sealed);
    buf_free(&c);
    buf_free(&k);
}

static void refuse_answer(const char *type, const char *body, const char *rule)
{
    struct buf k, c;
    struct fault f;
    bool sealed;

    buf_init(&k, KEYGEN_KEY_MAX);
    buf_init(&c, EST_BODY_MAX);
    assert_true(keygen_answer_get(type, slice_str(body), &k, &sealed, &c, &f) < 0);
    assert_string_equal(f.rule, rule);
    assert_int_equal(k.n + c.n, 0);
    buf_free(&c);
    buf_free(&k);
}

static void test_answers_are_read_as_they_are_written(void **state)
{
    struct buf body, certs;

    (void)state;
    buf_init(&body, KEYGEN_BODY_MAX);
    buf_init(&certs, EST_BODY_MAX);
    certs_put(&certs, NULL, 0);
    keygen_answer_put(&body, slice_str("0 a key"), false, buf_slice(&certs));
    expect_answer(KEYGEN_TYPE_FULL, buf_slice(&body), slice_str("0 a key"), buf_slice(&certs));
    buf_free(&certs);
    buf_free(&body);
}

/* RFC 2046 5.1.1: text before and behind, LF alone, other parts, any order. */
static void test_answers_of_others_are_read(void **state)
{
    static const char *const certs = "MCMGCSqGSIb3DQEHAqAWMBQCAQExADALBgkqhkiG9w0BBwGgADEA";
    struct buf want, body;

    (void)state;
    buf_init(&want, 256);
    buf_init(&body, 4096);
    assert_int_equal(base64_get(slice_str(certs), &want), 0);
    buf_printf(&body,
               "preamble\n--b 1\ncontent-type: application/pkcs7-mime\n\n%s\n--b 1  \n"
               "Content-Type: text/plain\n\nhello\n--b 1\nX: y\nContent-Type: application/pkcs8\n"
               "Content-Transfer-Encoding: base64\n\n\nMAI=\n--b 1--\nepilogue",
               certs);
    expect_answer("Multipart/Mixed; x=y; boundary=\"b 1\"", buf_slice(&body), slice_str("0\x02"),
                  buf_slice(&want));
    buf_free(&body);
    buf_free(&want);
}

static void test_answers_with_something_missing_are_refused(void **state)
{
#define KEY "--b\r\nContent-Type: application/pkcs8\r\n\r\nMAI=\r\n"
#define CERTS "--b\r\nContent-Type: application/pkcs7-mime\r\n\r\nMAI=\r\n"
    static const char type[] = "multipart/mixed; boundary=b";

    (void)state;
    refuse_answer("application/pkcs7-mime", KEY CERTS "--b--", "est.keygen.type");
    refuse_answer(NULL, KEY CERTS "--b--", "est.keygen.type");
    refuse_answer("multipart/mixed", KEY CERTS "--b--", "est.keygen.type");
    refuse_answer("multipart/mixed; boundary=\"\"", KEY CERTS "--b--", "est.keygen.type");
    refuse_answer("multipart/mixed; boundary=c", KEY CERTS "--b--", "est.keygen.part");
    refuse_answer(type, KEY CERTS, "est.keygen.part");
    refuse_answer(type, KEY "--b--", "est.keygen.part");
    refuse_answer(type, CERTS "--b--", "est.keygen.part");
    refuse_answer(type, KEY KEY CERTS "--b--", "est.keygen.part");
    refuse_answer(type, KEY CERTS CERTS "--b--", "est.keygen.part");
    refuse_answer(type, "", "est.keygen.part");
    refuse_answer(type, KEY "--b\r\nContent-Type: application/pkcs7-mime\r\n\r\n!\r\n--b--",
                  "est.body.base64");
#undef KEY
#undef CERTS
}

/* ---- the envelope ---- */

/* What OpenSSL sees from outside (RFC 7030 4.4.2): who opens it is named by key identifier, and
 * what is inside is a SignedData. */
static void check_outside(struct slice der, int type)
{
    const uint8_t *p = der.p;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.n);
    STACK_OF(CMS_RecipientInfo) * all;

    assert_non_null(cms);
    assert_int_equal(OBJ_obj2nid(CMS_get0_eContentType(cms)), NID_pkcs7_signed);
    all = CMS_get0_RecipientInfos(cms);
    assert_int_equal(sk_CMS_RecipientInfo_num(all), 1);
    assert_int_equal(CMS_RecipientInfo_type(sk_CMS_RecipientInfo_value(all, 0)), type);
    if (type == CMS_RECIPINFO_TRANS) {
        ASN1_OCTET_STRING *id = NULL;

        assert_int_equal(CMS_RecipientInfo_ktri_get0_signer_id(sk_CMS_RecipientInfo_value(all, 0),
                                                               &id, NULL, NULL),
                         1);
        assert_non_null(id);
    }
    CMS_ContentInfo_free(cms);
}

static int open_with(const struct buf *sealed, const struct buf *key, const struct slice *anchors,
                     size_t n, struct buf *out, struct fault *f)
{
    const struct keygen_opener o = {
        .private_key = buf_slice(key), .anchors = anchors, .n_anchors = n};

    return keygen_open(buf_slice(sealed), &o, out, f);
}

static int open_cut(const struct buf *sealed, size_t n, const struct buf *key, struct buf *out,
                    struct fault *f)
{
    const struct keygen_opener o = {.private_key = buf_slice(key)};

    return keygen_open(slice_of(sealed->p, n), &o, out, f);
}

static void test_sealed_keys_open_for_their_recipient_alone(void **state)
{
    static const struct {
        enum key_type type;
        uint16_t usage;
        enum keygen_cipher cipher;
        bool oaep;
        int recipient;
    } rows[] = {
        {KEY_RSA, KU_KEY_ENCIPHERMENT, CIPHER_AES256_CBC, false, CMS_RECIPINFO_TRANS},
        {KEY_RSA, KU_KEY_ENCIPHERMENT | KU_DIGITAL_SIGNATURE, CIPHER_AES128_CBC, true,
         CMS_RECIPINFO_TRANS},
        {KEY_P521, KU_KEY_AGREEMENT, CIPHER_AES192_CBC, false, CMS_RECIPINFO_AGREE},
        {KEY_P256, KU_KEY_AGREEMENT, CIPHER_AES256_CBC, false, CMS_RECIPINFO_AGREE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice anchors[1];
        struct buf sealed, key;
        struct people p;
        struct fault f;

        people_open(&p, rows[i].type, rows[i].usage);
        p.seal.cipher = rows[i].cipher;
        p.seal.oaep = rows[i].oaep;
        anchors[0] = buf_slice(&p.ca);
        buf_init(&sealed, EST_BODY_MAX);
        buf_init(&key, KEYGEN_KEY_MAX);
        assert_int_equal(keygen_seal(&p.seal, &sealed, &f), 0);
        check_outside(buf_slice(&sealed), rows[i].recipient);
        assert_null(memmem(sealed.p, sealed.n, p.key.p + 16, 16));
        assert_int_equal(open_with(&sealed, &p.recipient_key, anchors, 1, &key, &f), 0);
        assert_true(slice_eq(buf_slice(&key), buf_slice(&p.key)));
        /* Nobody vouches for who signed it. */
        anchors[0] = buf_slice(&p.recipient);
        assert_int_equal(open_with(&sealed, &p.recipient_key, anchors, 1, &key, &f),
                         -FAULT_MALFORMED);
        assert_string_equal(f.rule, "est.keygen.signer");
        assert_int_equal(open_with(&sealed, &p.recipient_key, NULL, 0, &key, &f), 0);
        /* Another key. */
        assert_int_equal(open_with(&sealed, &p.signer_key, NULL, 0, &key, &f), -FAULT_MALFORMED);
        assert_string_equal(f.rule, "est.keygen.open");
        assert_int_equal(key.n, 0);
        buf_free(&key);
        buf_free(&sealed);
        people_close(&p);
    }
}

static void test_recipients_that_may_not_decrypt_are_refused(void **state)
{
    static const struct {
        enum key_type type;
        uint16_t usage;
    } rows[] = {
        {KEY_RSA, KU_DIGITAL_SIGNATURE},
        {KEY_P256, KU_DIGITAL_SIGNATURE},
        {KEY_P256, KU_KEY_ENCIPHERMENT},
        {KEY_ED25519, KU_DIGITAL_SIGNATURE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct people p;
        struct fault f;
        struct buf out;

        people_open(&p, rows[i].type, rows[i].usage);
        buf_init(&out, EST_BODY_MAX);
        assert_int_equal(keygen_seal(&p.seal, &out, &f), -FAULT_POLICY);
        assert_string_equal(f.rule, "est.keygen.recipient");
        assert_int_equal(out.n, 0);
        buf_free(&out);
        people_close(&p);
    }
}

/* A CA in between, below a root: in the message, or known to who opens it. */
static void test_signers_may_have_a_chain(void **state)
{
    static const char *const ca_only[][2] = {{"basicConstraints", "critical,CA:TRUE"},
                                             {NULL, NULL}};
    X509 *above = test_foreign(ca_only), *below = X509_new();
    struct buf sealed, key;
    struct slice root, middle;
    uint8_t *root_der = NULL, *middle_der = NULL;
    const uint8_t *at;
    struct people p;
    BASIC_CONSTRAINTS *constraints;
    struct fault f;
    X509 *ca;

    (void)state;
    people_open(&p, KEY_P256, KU_KEY_AGREEMENT);
    at = p.ca.p;
    ca = d2i_X509(NULL, &at, (long)p.ca.n);
    /* The CA's name and key, certified by another. */
    assert_int_equal(X509_set_version(below, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(below), 7), 1);
    assert_int_equal(X509_set_subject_name(below, X509_get_subject_name(ca)), 1);
    assert_int_equal(X509_set_issuer_name(below, X509_get_subject_name(above)), 1);
    assert_int_equal(X509_set_pubkey(below, X509_get0_pubkey(ca)), 1);
    X509_gmtime_adj(X509_getm_notBefore(below), -3600);
    X509_gmtime_adj(X509_getm_notAfter(below), 3600);
    constraints = X509_get_ext_d2i(ca, NID_basic_constraints, NULL, NULL);
    assert_int_equal(X509_add1_ext_i2d(below, NID_basic_constraints, constraints, 1, 0), 1);
    BASIC_CONSTRAINTS_free(constraints);
    assert_true(X509_sign(below, test_key(KEY_P256), EVP_sha256()) > 0);
    root = slice_of(NULL, (size_t)i2d_X509(above, &root_der));
    root.p = root_der;
    middle = slice_of(NULL, (size_t)i2d_X509(below, &middle_der));
    middle.p = middle_der;
    buf_init(&sealed, EST_BODY_MAX);
    buf_init(&key, KEYGEN_KEY_MAX);
    assert_int_equal(keygen_seal(&p.seal, &sealed, &f), 0);
    assert_int_equal(open_with(&sealed, &p.recipient_key, &root, 1, &key, &f), -FAULT_MALFORMED);
    assert_int_equal(keygen_open(buf_slice(&sealed),
                                 &(struct keygen_opener){.private_key = buf_slice(&p.recipient_key),
                                                         .anchors = &root,
                                                         .n_anchors = 1,
                                                         .others = &middle,
                                                         .n_others = 1},
                                 &key, &f),
                     0);
    p.seal.chain = &middle;
    p.seal.n_chain = 1;
    buf_reset(&sealed);
    assert_int_equal(keygen_seal(&p.seal, &sealed, &f), 0);
    assert_int_equal(open_with(&sealed, &p.recipient_key, &root, 1, &key, &f), 0);
    buf_free(&key);
    buf_free(&sealed);
    people_close(&p);
    OPENSSL_free(root_der);
    OPENSSL_free(middle_der);
    X509_free(ca);
    X509_free(below);
    X509_free(above);
}

/* Whole ContentInfo inside, PKCS#8 without a package around it: as others may write it. */
static void test_envelopes_of_others_open(void **state)
{
    struct buf sealed, key, signed_one;
    struct people p;
    struct fault f;
    CMS_ContentInfo *cms;
    const uint8_t *at;
    uint8_t *der = NULL;
    X509 *signer, *recipient;
    STACK_OF(X509) *to = sk_X509_new_null();
    BIO *bio;
    int n;

    (void)state;
    people_open(&p, KEY_RSA, KU_KEY_ENCIPHERMENT);
    at = p.signer.p;
    signer = d2i_X509(NULL, &at, (long)p.signer.n);
    at = p.recipient.p;
    recipient = d2i_X509(NULL, &at, (long)p.recipient.n);
    bio = BIO_new_mem_buf(p.key.p, (int)p.key.n);
    cms = CMS_sign(signer, test_key(KEY_P384), NULL, bio, CMS_BINARY);
    assert_non_null(cms);
    n = i2d_CMS_ContentInfo(cms, &der);
    buf_init(&signed_one, EST_BODY_MAX);
    buf_put(&signed_one, der, (size_t)n);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(bio);
    bio = BIO_new_mem_buf(signed_one.p, (int)signed_one.n);
    sk_X509_push(to, recipient);
    cms = CMS_encrypt(to, bio, EVP_aes_128_cbc(), CMS_BINARY);
    der = NULL;
    n = i2d_CMS_ContentInfo(cms, &der);
    buf_init(&sealed, EST_BODY_MAX);
    buf_put(&sealed, der, (size_t)n);
    buf_init(&key, KEYGEN_KEY_MAX);
    assert_int_equal(
        open_with(&sealed, &p.recipient_key, (struct slice[]){buf_slice(&p.ca)}, 1, &key, &f), 0);
    assert_true(slice_eq(buf_slice(&key), buf_slice(&p.key)));
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(bio);
    sk_X509_pop_free(to, X509_free);
    X509_free(signer);
    buf_free(&key);
    buf_free(&sealed);
    buf_free(&signed_one);
    people_close(&p);
}

static void test_what_is_bent_does_not_open(void **state)
{
    struct buf sealed, key;
    struct people p;
    struct fault f;

    (void)state;
    people_open(&p, KEY_P256, KU_KEY_AGREEMENT);
    buf_init(&sealed, EST_BODY_MAX);
    buf_init(&key, KEYGEN_KEY_MAX);
    assert_int_equal(keygen_seal(&p.seal, &sealed, &f), 0);
    for (size_t i = 0; i < sealed.n; i += 3) {
        sealed.p[i] ^= 0x10;
        if (open_with(&sealed, &p.recipient_key, NULL, 0, &key, &f) == 0)
            assert_true(slice_eq(buf_slice(&key), buf_slice(&p.key)));
        sealed.p[i] ^= 0x10;
    }
    for (size_t n = 0; n < sealed.n; n += 5)
        assert_true(open_cut(&sealed, n, &p.recipient_key, &key, &f) < 0);
    buf_free(&key);
    buf_free(&sealed);
    people_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wishes_are_read),
        cmocka_unit_test(test_capabilities_of_openssl_choose_the_cipher),
        cmocka_unit_test(test_wishes_that_contradict_are_refused),
        cmocka_unit_test(test_answers_are_read_as_they_are_written),
        cmocka_unit_test(test_answers_of_others_are_read),
        cmocka_unit_test(test_answers_with_something_missing_are_refused),
        cmocka_unit_test(test_sealed_keys_open_for_their_recipient_alone),
        cmocka_unit_test(test_recipients_that_may_not_decrypt_are_refused),
        cmocka_unit_test(test_signers_may_have_a_chain),
        cmocka_unit_test(test_envelopes_of_others_open),
        cmocka_unit_test(test_what_is_bent_does_not_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
