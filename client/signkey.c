#include "client/signkey.h"

#include <limits.h>
#include <sys/resource.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/file.h"
#include "lib/ownkey.h"
#include "lib/tbs.h"

#define FILE_MAX 65536

static int failed(struct fault *f, const char *what)
{
    ERR_clear_error();
    return fault_set(f, FAULT_INTERNAL, "key.make", "OpenSSL cannot %s", what);
}

/* The key is in our memory: no image of that is left on a disk. */
static void leave_no_core(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
}

int signkey_make(const char *type, EVP_PKEY **out, struct fault *f)
{
    enum key_type kind;
    unsigned bits;

    *out = NULL;
    if (key_type_parse(type, &kind, &bits) != 0)
        return fault_refuse(f, "key.type", "--key-type", slice_str(type),
                            "p256, p384, p521, ed25519, rsa2048, rsa3072, rsa4096");
    leave_no_core();
    *out = ownkey_make(kind, bits);
    return *out != NULL ? 0 : failed(f, "make a key");
}

/* Never asks on the terminal for the passphrase of an encrypted key. */
static int no_passphrase(char *to, int size, int rwflag, void *arg)
{
    (void)to;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

int signkey_decode(struct slice der, EVP_PKEY **out, struct fault *f)
{
    const uint8_t *p = der.p;

    *out = der.n > LONG_MAX ? NULL : d2i_AutoPrivateKey(NULL, &p, (long)der.n);
    ERR_clear_error();
    return *out != NULL ? 0
                        : fault_set(f, FAULT_MALFORMED, "key.file",
                                    "that is no private key that "
                                    "is known here");
}

int signkey_read(const char *path, EVP_PKEY **out, struct fault *f)
{
    struct buf file = {0};
    int rc = file_read(path, FILE_MAX, &file, f);
    BIO *bio;

    *out = NULL;
    if (rc != 0)
        return rc;
    leave_no_core();
    bio = BIO_new_mem_buf(file.p, (int)file.n);
    if (bio != NULL)
        *out = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    ERR_clear_error();
    if (*out == NULL && signkey_decode(buf_slice(&file), out, f) != 0)
        rc = fault_set(f, FAULT_MALFORMED, "key.file",
                       "%s holds no private key without a passphrase (PEM or DER)", path);
    buf_free(&file);
    return rc;
}

/* The whole of a BIO in OpenSSL's secure memory. */
static int take_bio(BIO *bio, struct buf *out, struct fault *f)
{
    char *text = NULL;
    long n = BIO_get_mem_data(bio, &text);

    buf_put(out, text, n > 0 ? (size_t)n : 0);
    return n > 0 && !buf_failed(out) ? 0 : failed(f, "write the key");
}

int signkey_pem(EVP_PKEY *key, struct buf *pem, struct fault *f)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    int rc;

    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        rc = failed(f, "write the key");
    else
        rc = take_bio(bio, pem, f);
    BIO_free(bio);
    return rc;
}

int signkey_der(EVP_PKEY *key, struct buf *der, struct fault *f)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    int rc;

    if (bio == NULL || i2d_PKCS8PrivateKey_bio(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        rc = failed(f, "write the key");
    else
        rc = take_bio(bio, der, f);
    BIO_free(bio);
    return rc;
}

int signkey_public(EVP_PKEY *key, struct buf *spki, struct fault *f)
{
    uint8_t *der = NULL;
    int n = i2d_PUBKEY(key, &der);

    if (n > 0)
        buf_put(spki, der, (size_t)n);
    OPENSSL_free(der);
    return n > 0 && !buf_failed(spki) ? 0 : failed(f, "write the public key");
}

static const EVP_MD *digest_of(enum sig_alg a)
{
    switch (sig_alg_hash_len(a)) {
    case 0:
        return NULL; /* RFC 8032: it hashes by itself */
    case 48:
        return EVP_sha384();
    case 64:
        return EVP_sha512();
    default:
        return EVP_sha256();
    }
}

static int sign(EVP_PKEY *key, enum sig_alg alg, struct slice info, uint8_t out[SIGNATURE_MAX],
                size_t *n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok;

    *n = SIGNATURE_MAX;
    ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, digest_of(alg), NULL, key) == 1 &&
         EVP_DigestSign(ctx, out, n, info.p, info.n) == 1 && *n > 0 &&
         *n <= SIGNATURE_MAX; /* OpenSSL 3.0 says 2^32 - 1 when memory fails at an ECDSA signature's
                                 DER */
    EVP_MD_CTX_free(ctx);
    return ok ? 0 : -1;
}

int signkey_request(EVP_PKEY *key, struct slice info, struct buf *csr, struct fault *f)
{
    uint8_t signature[SIGNATURE_MAX];
    struct spki public;
    struct buf spki;
    size_t n = 0;
    int rc;

    buf_init(&spki, 4096);
    rc = signkey_public(key, &spki, f);
    if (rc == 0)
        rc = spki_parse(buf_slice(&spki), &public, f);
    if (rc == 0 && sign(key, sig_alg_default(public.type), info, signature, &n) != 0)
        rc = failed(f, "sign the certification request");
    if (rc == 0)
        cert_assemble(csr, info, sig_alg_default(public.type), slice_of(signature, n));
    if (rc == 0 && buf_failed(csr))
        rc = fault_set(f, FAULT_TOO_LARGE, "csr.size", "the certification request is too large");
    buf_free(&spki);
    return rc;
}
