#include "client/p12.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "lib/der.h"

#define ITERATIONS 100000
#define ITERATIONS_LEGACY 2048 /* what programs of that age were tested with */

static int failed(struct fault *f, const char *what)
{
    ERR_clear_error();
    return fault_set(f, FAULT_INTERNAL, "p12.make", "OpenSSL cannot %s", what);
}

static EVP_PKEY *read_key(struct slice pem)
{
    BIO *bio = pem.n > INT_MAX ? NULL : BIO_new_mem_buf(pem.p, (int)pem.n);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    BIO_free(bio);
    return key;
}

static X509 *read_cert(struct slice der)
{
    const uint8_t *p = der.p;

    return der.n > LONG_MAX ? NULL : d2i_X509(NULL, &p, (long)der.n);
}

static STACK_OF(X509) * read_chain(struct slice chain)
{
    STACK_OF(X509) *list = sk_X509_new_null();
    const uint8_t *p = chain.p, *end = chain.p + chain.n;
    X509 *x = NULL;

    while (list != NULL && p < end) {
        x = d2i_X509(NULL, &p, end - p);
        if (x == NULL || sk_X509_push(list, x) == 0) {
            X509_free(x);
            sk_X509_pop_free(list, X509_free);
            return NULL;
        }
    }
    return list;
}

static PKCS12 *seal(EVP_PKEY *key, X509 *leaf, STACK_OF(X509) * chain, const char *name,
                    const char *password, bool legacy)
{
    int pbe = legacy ? NID_pbe_WithSHA1And3_Key_TripleDES_CBC : NID_aes_256_cbc;
    int iterations = legacy ? ITERATIONS_LEGACY : ITERATIONS;
    PKCS12 *p12 = PKCS12_create(password, name, key, leaf, chain, pbe, pbe, iterations, -1, 0);

    if (p12 != NULL && PKCS12_set_mac(p12, password, -1, NULL, 0, iterations,
                                      legacy ? EVP_sha1() : EVP_sha256()) != 1) {
        PKCS12_free(p12);
        return NULL;
    }
    return p12;
}

/* OpenSSL 3.0 leaves out a certificate for which memory fails, and succeeds. */
static bool reads_back(PKCS12 *p12, const char *password, int others)
{
    EVP_PKEY *key = NULL;
    X509 *leaf = NULL;
    STACK_OF(X509) *chain = NULL;
    bool whole = PKCS12_parse(p12, password, &key, &leaf, &chain) == 1 && key != NULL &&
                 leaf != NULL && (chain == NULL ? 0 : sk_X509_num(chain)) == others;

    EVP_PKEY_free(key);
    X509_free(leaf);
    sk_X509_pop_free(chain, X509_free);
    return whole;
}

int p12_make(struct slice key, struct slice leaf, struct slice chain, const char *name,
             const char *password, bool legacy, struct buf *out, struct fault *f)
{
    EVP_PKEY *pkey = read_key(key);
    X509 *cert = read_cert(leaf);
    STACK_OF(X509) *others = read_chain(chain);
    PKCS12 *p12 = NULL;
    uint8_t *der = NULL;
    int n = -1, rc = 0;

    if (pkey != NULL && cert != NULL && others != NULL)
        p12 = seal(pkey, cert, others, name, password, legacy);
    if (p12 != NULL && reads_back(p12, password, sk_X509_num(others)))
        n = i2d_PKCS12(p12, &der);
    if (n > 0)
        buf_put(out, der, (size_t)n);
    if (n <= 0 || buf_failed(out))
        rc = failed(f, "make the PKCS#12 file");
    OPENSSL_free(der);
    PKCS12_free(p12);
    sk_X509_pop_free(others, X509_free);
    X509_free(cert);
    EVP_PKEY_free(pkey);
    return rc;
}

int p12_seal_key(struct slice key, const char *password, struct buf *out, struct fault *f)
{
    EVP_PKEY *pkey = read_key(key);
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    long n = 0;
    int rc = 0;

    if (pkey != NULL && bio != NULL &&
        PEM_write_bio_PKCS8PrivateKey(bio, pkey, EVP_aes_256_cbc(), NULL, 0, NULL,
                                      (void *)password) == 1)
        n = BIO_get_mem_data(bio, &text);
    if (n > 0)
        buf_put(out, text, (size_t)n);
    if (n <= 0 || buf_failed(out))
        rc = failed(f, "encrypt the key");
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return rc;
}
