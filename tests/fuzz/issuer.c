#include "tests/fuzz/issuer.h"

#include <string.h>

#include <openssl/x509v3.h>

#include "tests/fuzz/fuzz.h"

#define NOT_BEFORE 1600000000
#define NOT_AFTER 3999999999

EVP_PKEY *fuzz_key(uint8_t number)
{
    /* ECPrivateKey (RFC 5915 3) without the public key, which OpenSSL computes. */
    static const uint8_t front[] = {0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20};
    static const uint8_t behind[] = {0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                     0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    uint8_t der[sizeof(front) + 32 + sizeof(behind)];
    const uint8_t *p = der;
    EVP_PKEY *key;

    memcpy(der, front, sizeof(front));
    memset(der + sizeof(front), number, 32);
    memcpy(der + sizeof(front) + 32, behind, sizeof(behind));
    key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &p, sizeof(der));
    FUZZ_CHECK(key != NULL);
    return key;
}

void fuzz_spki(uint8_t number, struct buf *out)
{
    EVP_PKEY *key = fuzz_key(number);
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(key, &der);

    FUZZ_CHECK(n > 0);
    buf_put(out, der, (size_t)n);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}

static void add_extensions(X509 *x, const struct fuzz_certificate *c)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, c->above != NULL ? c->above : x, x, NULL, NULL, 0);
    for (size_t i = 0; c->extensions[i][0] != NULL; i++) {
        X509_EXTENSION *e = X509V3_EXT_nconf(NULL, &ctx, c->extensions[i][0], c->extensions[i][1]);

        FUZZ_CHECK(e != NULL && X509_add_ext(x, e, -1) == 1);
        X509_EXTENSION_free(e);
    }
}

X509 *fuzz_certificate(const struct fuzz_certificate *c)
{
    EVP_PKEY *key = fuzz_key(c->key), *signer = fuzz_key(c->signer);
    X509 *x = X509_new();
    X509_NAME *name;

    FUZZ_CHECK(x != NULL && X509_set_version(x, X509_VERSION_3) == 1);
    name = X509_get_subject_name(x);
    FUZZ_CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)c->subject, -1,
                                          -1, 0) == 1);
    FUZZ_CHECK(X509_set_issuer_name(x, c->above != NULL ? X509_get_subject_name(c->above) : name) ==
               1);
    FUZZ_CHECK(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), 0x4000000000000000u + c->key) ==
               1);
    FUZZ_CHECK(ASN1_TIME_set(X509_getm_notBefore(x), NOT_BEFORE) != NULL);
    FUZZ_CHECK(ASN1_TIME_set(X509_getm_notAfter(x), NOT_AFTER) != NULL);
    FUZZ_CHECK(X509_set_pubkey(x, key) == 1);
    add_extensions(x, c);
    FUZZ_CHECK(X509_sign(x, signer, EVP_sha256()) > 0);
    EVP_PKEY_free(key);
    EVP_PKEY_free(signer);
    return x;
}

void fuzz_der(X509 *x, struct buf *out)
{
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);

    FUZZ_CHECK(n > 0);
    buf_put(out, der, (size_t)n);
    OPENSSL_free(der);
}

X509 *fuzz_issuer(void)
{
    static const char *const extensions[][2] = {
        {"basicConstraints", "critical,CA:TRUE"},
        {"keyUsage", "critical,keyCertSign,cRLSign"},
        {"subjectKeyIdentifier", "hash"},
        {NULL, NULL},
    };

    return fuzz_certificate(&(struct fuzz_certificate){
        .subject = "Issuer", .key = 1, .signer = 1, .extensions = extensions});
}
