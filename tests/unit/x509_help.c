#include <openssl/rsa.h>
#include <openssl/x509v3.h>
/* OpenSSL's numbers for key usage are not ours. */
#undef KU_DIGITAL_SIGNATURE
#undef KU_KEY_ENCIPHERMENT
#undef KU_DATA_ENCIPHERMENT
#undef KU_KEY_AGREEMENT
#undef KU_KEY_CERT_SIGN
#undef KU_CRL_SIGN

#include "tests/unit/x509_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/name.h"

EVP_PKEY *test_key(enum key_type t)
{
    static EVP_PKEY *keys[KEY_TYPE_MAX + 1];

    if (keys[t] != NULL)
        return keys[t];
    switch (t) {
    case KEY_RSA:
        keys[t] = EVP_RSA_gen(2048);
        break;
    case KEY_P256:
        keys[t] = EVP_EC_gen("P-256");
        break;
    case KEY_P384:
        keys[t] = EVP_EC_gen("P-384");
        break;
    case KEY_P521:
        keys[t] = EVP_EC_gen("P-521");
        break;
    default:
        keys[t] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    }
    assert_non_null(keys[t]);
    return keys[t];
}

void test_spki(EVP_PKEY *key, struct buf *out)
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(key, &der);

    assert_true(n > 0);
    buf_put(out, der, (size_t)n);
    OPENSSL_free(der);
}

static const EVP_MD *digest_of(enum sig_alg a)
{
    switch (sig_alg_hash_len(a)) {
    case 32:
        return EVP_sha256();
    case 48:
        return EVP_sha384();
    case 64:
        return EVP_sha512();
    default:
        return NULL;
    }
}

EVP_MD_CTX *test_sign_ctx(EVP_PKEY *key, enum sig_alg a)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_PKEY_CTX *p = NULL;

    assert_non_null(c);
    assert_int_equal(EVP_DigestSignInit(c, &p, digest_of(a), NULL, key), 1);
    if (a >= SIG_RSA_PSS_SHA256 && a <= SIG_RSA_PSS_SHA512) {
        assert_true(EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) > 0);
        assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST) > 0);
    }
    return c;
}

void test_sign(EVP_PKEY *key, enum sig_alg a, struct slice message, struct buf *out)
{
    EVP_MD_CTX *c = test_sign_ctx(key, a);
    uint8_t sig[SIGNATURE_MAX];
    size_t n = sizeof(sig);

    assert_int_equal(EVP_DigestSign(c, sig, &n, message.p, message.n), 1);
    EVP_MD_CTX_free(c);
    buf_put(out, sig, n);
}

X509_REQ *test_request(EVP_PKEY *key, enum sig_alg a, const char *cn,
                       const char *const extensions[][2])
{
    X509_REQ *r = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *stack = sk_X509_EXTENSION_new_null();
    EVP_MD_CTX *c = test_sign_ctx(key, a);
    CONF *empty = NCONF_new(NULL); /* some extensions want to look things up */
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, NULL, NULL, NULL, NULL, 0);
    X509V3_set_nconf(&ctx, empty);
    assert_non_null(r);
    assert_int_equal(X509_REQ_set_version(r, 0), 1);
    assert_int_equal(X509_REQ_set_pubkey(r, key), 1);
    if (cn[0] != 0)
        assert_int_equal(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(r), "CN",
                                                    MBSTRING_UTF8, (const unsigned char *)cn, -1,
                                                    -1, 0),
                         1);
    for (size_t i = 0; extensions != NULL && extensions[i][0] != NULL; i++) {
        X509_EXTENSION *e = X509V3_EXT_nconf(empty, &ctx, extensions[i][0], extensions[i][1]);

        assert_non_null(e);
        sk_X509_EXTENSION_push(stack, e);
    }
    if (sk_X509_EXTENSION_num(stack) > 0)
        assert_int_equal(X509_REQ_add_extensions(r, stack), 1);
    assert_true(X509_REQ_sign_ctx(r, c) > 0);
    EVP_MD_CTX_free(c);
    sk_X509_EXTENSION_pop_free(stack, X509_EXTENSION_free);
    NCONF_free(empty);
    return r;
}

void test_request_der(X509_REQ *r, struct buf *out)
{
    unsigned char *der = NULL;
    int n = i2d_X509_REQ(r, &der);

    assert_true(n > 0);
    buf_put(out, der, (size_t)n);
    OPENSSL_free(der);
}

void test_hex(const char *hex, struct buf *b)
{
    size_t n = strlen(hex) / 2;
    uint8_t *p;

    buf_reset(b);
    p = buf_grow(b, n);
    assert_non_null(p);
    assert_int_equal(hex_decode(hex, p, n), 0);
}

/* Kept until the process ends: drafts point into it. */
static struct slice keep_name(const char *text)
{
    struct buf b;
    struct fault f;

    buf_init(&b, NAME_DER_MAX);
    assert_int_equal(name_parse(text, &b, &f), 0);
    return buf_slice(&b);
}

static struct slice kept_spki(enum key_type t)
{
    static struct buf spki[KEY_TYPE_MAX + 1];

    if (spki[t].p == NULL) {
        buf_init(&spki[t], 2048);
        test_spki(test_key(t), &spki[t]);
    }
    return buf_slice(&spki[t]);
}

static void key_id(enum key_type t, uint8_t out[20])
{
    struct spki k;
    struct fault f;

    assert_int_equal(spki_parse(kept_spki(t), &k, &f), 0);
    spki_key_id(&k, out);
}

void test_draft(struct tbs_spec *spec, enum key_type subject, enum key_type issuer)
{
    static const uint8_t v6[16] = {0x20, 1, 0x0d, 0xb8};
    static struct slice issuer_name, subject_name;
    static struct san_list sans;

    if (issuer_name.p == NULL) {
        issuer_name = keep_name("CN=Example Issuing,O=Example,C=DE");
        subject_name = keep_name("CN=a.example,O=Example");
        sans.item[sans.n++] = (struct san){SAN_DNS, slice_str("a.example")};
        sans.item[sans.n++] = (struct san){SAN_IP, slice_of(v6, sizeof(v6))};
        sans.item[sans.n++] = (struct san){SAN_EMAIL, slice_str("x@a.example")};
        sans.item[sans.n++] = (struct san){SAN_URI, slice_str("spiffe://a.example/x")};
    }
    *spec = (struct tbs_spec){.serial = {0x41, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
                              .alg = sig_alg_default(issuer),
                              .issuer = issuer_name,
                              .subject = subject_name,
                              .not_before = 1795255200,
                              .not_after = 1803031199,
                              .spki = kept_spki(subject),
                              .has_authority_key_id = true,
                              .key_usage = KU_DIGITAL_SIGNATURE,
                              .eku = EKU_SERVER_AUTH | EKU_CLIENT_AUTH,
                              .path_len = -1,
                              .sans = &sans,
                              .ocsp_url = "http://ca.example/ocsp",
                              .issuer_url = "http://ca.example/issuing.der",
                              .crl_url = "http://ca.example/issuing.crl"};
    key_id(subject, spec->subject_key_id);
    key_id(issuer, spec->authority_key_id);
}

void test_draft_ca(struct tbs_spec *spec, enum key_type t)
{
    test_draft(spec, t, t);
    spec->subject = spec->issuer;
    spec->key_usage = KU_KEY_CERT_SIGN | KU_CRL_SIGN;
    spec->eku = 0;
    spec->ca = true;
    spec->path_len = 1;
    spec->sans = NULL;
}

void test_issue(const struct tbs_spec *spec, enum key_type issuer, struct buf *cert)
{
    struct buf tbs, sig;

    buf_init(&tbs, TBS_MAX);
    buf_init(&sig, SIGNATURE_MAX);
    tbs_put(&tbs, spec);
    assert_false(buf_failed(&tbs));
    test_sign(test_key(issuer), spec->alg, buf_slice(&tbs), &sig);
    cert_assemble(cert, buf_slice(&tbs), spec->alg, buf_slice(&sig));
    assert_false(buf_failed(cert));
    buf_free(&sig);
    buf_free(&tbs);
}

int test_matches(X509 *x, const char *host, const char *ip, const char *email)
{
    return X509_check_host(x, host, 0, 0, NULL) == 1 && X509_check_ip_asc(x, ip, 0) == 1 &&
           X509_check_email(x, email, 0, 0) == 1;
}

bool test_has_purpose(X509 *x, const char *name)
{
    EXTENDED_KEY_USAGE *e = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
    bool has = e != NULL && sk_ASN1_OBJECT_num(e) == 1 &&
               OBJ_obj2nid(sk_ASN1_OBJECT_value(e, 0)) == OBJ_txt2nid(name);

    EXTENDED_KEY_USAGE_free(e);
    return has;
}

static int chain_error(X509 *root, X509 *leaf, int purpose)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    struct tm tm;
    int error;

    assert_int_equal(X509_STORE_add_cert(store, root), 1);
    assert_int_equal(X509_STORE_CTX_init(c, store, leaf, NULL), 1);
    assert_int_equal(ASN1_TIME_to_tm(X509_get0_notBefore(leaf), &tm), 1);
    X509_STORE_CTX_set_time(c, 0, timegm(&tm));
    X509_STORE_CTX_set_flags(c, X509_V_FLAG_X509_STRICT);
    assert_int_equal(X509_STORE_CTX_set_purpose(c, purpose), 1);
    (void)X509_verify_cert(c);
    error = X509_STORE_CTX_get_error(c);
    X509_STORE_CTX_free(c);
    X509_STORE_free(store);
    return error;
}

int test_chain_error(X509 *root, X509 *leaf)
{
    int error = chain_error(root, leaf, X509_PURPOSE_SSL_SERVER);

    return error != X509_V_OK ? error : chain_error(root, leaf, X509_PURPOSE_SSL_CLIENT);
}

int test_constraints_error(struct slice der, X509 *x)
{
    const unsigned char *p = der.p;
    NAME_CONSTRAINTS *nc =
        (NAME_CONSTRAINTS *)ASN1_item_d2i(NULL, &p, (long)der.n, ASN1_ITEM_rptr(NAME_CONSTRAINTS));
    int error;

    assert_non_null(nc);
    assert_ptr_equal(p, der.p + der.n);
    assert_int_equal(X509_check_purpose(x, -1, 0), 1); /* reads its names */
    error = NAME_CONSTRAINTS_check(x, nc);
    NAME_CONSTRAINTS_free(nc);
    return error;
}

X509 *test_foreign(const char *const extensions[][2])
{
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);
    X509V3_CTX ctx;

    assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), 255), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)"foreign", -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(x, name), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x), 1795255200));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x), 3000000000));
    assert_int_equal(X509_set_pubkey(x, test_key(KEY_P256)), 1);
    for (size_t i = 0; extensions[i][0] != NULL; i++) {
        X509_EXTENSION *e;

        X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
        e = X509V3_EXT_conf(NULL, &ctx, extensions[i][0], extensions[i][1]);
        assert_non_null(e);
        assert_int_equal(X509_add_ext(x, e, -1), 1);
        X509_EXTENSION_free(e);
    }
    assert_true(X509_sign(x, test_key(KEY_P256), EVP_sha256()) > 0);
    return x;
}
