#include "tests/unit/x509_help.h"

#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

    assert_non_null(r);
    assert_int_equal(X509_REQ_set_version(r, 0), 1);
    assert_int_equal(X509_REQ_set_pubkey(r, key), 1);
    if (cn[0] != 0)
        assert_int_equal(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(r), "CN",
                                                    MBSTRING_UTF8, (const unsigned char *)cn, -1,
                                                    -1, 0),
                         1);
    for (size_t i = 0; extensions != NULL && extensions[i][0] != NULL; i++) {
        X509_EXTENSION *e = X509V3_EXT_conf(NULL, NULL, extensions[i][0], extensions[i][1]);

        assert_non_null(e);
        sk_X509_EXTENSION_push(stack, e);
    }
    if (sk_X509_EXTENSION_num(stack) > 0)
        assert_int_equal(X509_REQ_add_extensions(r, stack), 1);
    assert_true(X509_REQ_sign_ctx(r, c) > 0);
    EVP_MD_CTX_free(c);
    sk_X509_EXTENSION_pop_free(stack, X509_EXTENSION_free);
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
