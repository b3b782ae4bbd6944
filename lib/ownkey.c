#include "lib/ownkey.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define RSA_BITS 2048

EVP_PKEY *ownkey_make(enum key_type type, unsigned bits)
{
    switch (type) {
    case KEY_RSA:
        return EVP_RSA_gen(bits);
    case KEY_P256:
        return EVP_EC_gen("P-256");
    case KEY_P384:
        return EVP_EC_gen("P-384");
    case KEY_P521:
        return EVP_EC_gen("P-521");
    case KEY_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    case KEY_NONE:
        break;
    }
    return NULL;
}

static int put_csr(EVP_PKEY *key, struct buf *out)
{
    X509_REQ *q = X509_REQ_new();
    unsigned char *p = NULL;
    int n = -1;

    if (q != NULL && X509_REQ_set_version(q, 0) == 1 && X509_REQ_set_pubkey(q, key) == 1 &&
        X509_REQ_sign(q, key, EVP_sha256()) > 0)
        n = i2d_X509_REQ(q, &p);
    if (n > 0)
        buf_put(out, p, (size_t)n);
    OPENSSL_free(p);
    X509_REQ_free(q);
    return n > 0 && !buf_failed(out) ? 0 : -1;
}

int ownkey_new(enum key_type type, EVP_PKEY **key, struct buf *csr, struct fault *f)
{
    *key = ownkey_make(type, RSA_BITS);
    if (*key != NULL && put_csr(*key, csr) == 0)
        return 0;
    EVP_PKEY_free(*key);
    *key = NULL;
    return fault_set(f, FAULT_INTERNAL, "key.make", "OpenSSL makes no key or no request for it");
}

int ownkey_put(EVP_PKEY *key, struct buf *out)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    unsigned char *der = NULL;
    int n = info == NULL ? -1 : i2d_PKCS8_PRIV_KEY_INFO(info, &der);

    if (n > 0)
        buf_put(out, der, (size_t)n);
    OPENSSL_clear_free(der, n > 0 ? (size_t)n : 0);
    PKCS8_PRIV_KEY_INFO_free(info);
    return n > 0 && !buf_failed(out) ? 0 : -1;
}
