#include "tests/unit/pair_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

/* Appends it for that key, signed; takes it over. */
static void certify(X509 *x, EVP_PKEY *key, EVP_PKEY *signer, struct buf *out)
{
    unsigned char *der = NULL;
    int n;

    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 7), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 3600));
    assert_int_equal(X509_set_pubkey(x, key), 1);
    assert_true(X509_sign(x, signer, EVP_sha256()) > 0);
    n = i2d_X509(x, &der);
    assert_true(n > 0);
    buf_put(out, der, (size_t)n);
    OPENSSL_free(der);
    X509_free(x);
}

void make_pair(const char *name, struct pair *out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_NAME *subject = X509_get_subject_name(x);
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    unsigned char *der = NULL;
    int n = i2d_PKCS8_PRIV_KEY_INFO(info, &der);

    buf_init(&out->key, 4096);
    buf_init(&out->certificate, 4096);
    assert_true(n > 0);
    buf_put(&out->key, der, (size_t)n);
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(info);
    assert_int_equal(X509_set_version(x, 2), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(x, subject), 1);
    certify(x, key, key, &out->certificate);
    EVP_PKEY_free(key);
}

void free_pair(struct pair *p)
{
    buf_free(&p->key);
    buf_free(&p->certificate);
}

void make_costly(size_t exponent, struct pair *out)
{
    uint8_t modulus[COSTLY], e[COSTLY];
    EVP_PKEY *signer = EVP_EC_gen("P-256"), *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);

    memset(modulus, 0xa5, sizeof modulus);
    memset(e, 0x5b, sizeof e);
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    BIGNUM *m = BN_bin2bn(modulus, COSTLY, NULL), *y = BN_bin2bn(e, (int)exponent, NULL);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(b, "n", m), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(b, "e", y), 1);
    OSSL_PARAM *p = OSSL_PARAM_BLD_to_param(b);

    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, p), 1);
    buf_init(&out->key, 1);
    buf_init(&out->certificate, 65536);
    certify(X509_new(), key, signer, &out->certificate);
    OSSL_PARAM_free(p);
    OSSL_PARAM_BLD_free(b);
    BN_free(m);
    BN_free(y);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    EVP_PKEY_free(signer);
}
