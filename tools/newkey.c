#include "tools/newkey.h"

#include <limits.h>
#include <sys/resource.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static int failed(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_INTERNAL, "key.make", "OpenSSL cannot %s", what);
}

static EVP_PKEY *generate(enum key_type type, unsigned bits)
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

static const EVP_MD *hash_for(enum key_type type)
{
    switch (type) {
    case KEY_P384:
        return EVP_sha384();
    case KEY_P521:
        return EVP_sha512();
    case KEY_ED25519:
        return NULL; /* RFC 8032: it hashes by itself */
    default:
        return EVP_sha256();
    }
}

static int write_pem(EVP_PKEY *key, struct buf *pem, struct fault *f)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    long n;
    int rc = -FAULT_INTERNAL;

    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        rc = failed(f, "write the key");
        goto out;
    }
    n = BIO_get_mem_data(bio, &text);
    buf_put(pem, text, n > 0 ? (size_t)n : 0);
    rc = 0;
out:
    BIO_free(bio);
    return rc;
}

static int sign_request(EVP_PKEY *key, enum key_type type, struct slice subject, X509_REQ *req)
{
    const uint8_t *p = subject.p;
    X509_NAME *name;
    int ok;

    if (subject.n > LONG_MAX)
        return 0;
    name = d2i_X509_NAME(NULL, &p, (long)subject.n);
    ok = name != NULL && X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
         X509_REQ_set_subject_name(req, name) == 1 && X509_REQ_set_pubkey(req, key) == 1 &&
         X509_REQ_sign(req, key, hash_for(type)) > 0;
    X509_NAME_free(name);
    return ok;
}

static int write_request(EVP_PKEY *key, enum key_type type, struct slice subject, struct buf *csr,
                         struct fault *f)
{
    X509_REQ *req = X509_REQ_new();
    uint8_t *der = NULL;
    int n = -1;

    if (req != NULL && sign_request(key, type, subject, req))
        n = i2d_X509_REQ(req, &der);
    X509_REQ_free(req);
    if (n <= 0)
        return failed(f, "make the certification request");
    buf_put(csr, der, (size_t)n);
    OPENSSL_free(der);
    return 0;
}

/* The key is in our memory: no image of that is left on a disk. */
static void leave_no_core(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
}

int newkey_make(const char *type, struct slice subject, struct buf *pem, struct buf *csr,
                struct fault *f)
{
    enum key_type kind;
    unsigned bits;
    EVP_PKEY *key;
    int rc;

    if (key_type_parse(type, &kind, &bits) != 0)
        return fault_refuse(f, "key.type", "--key-type", slice_str(type),
                            "p256, p384, p521, ed25519, rsa2048, rsa3072, rsa4096");
    leave_no_core();
    key = generate(kind, bits);
    if (key == NULL)
        return failed(f, "make a key");
    rc = write_pem(key, pem, f);
    if (rc == 0)
        rc = write_request(key, kind, subject, csr, f);
    EVP_PKEY_free(key);
    return rc;
}
