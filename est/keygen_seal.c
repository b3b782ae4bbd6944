/* By OpenSSL's CMS. */
#include <limits.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* OpenSSL's numbers for key usage are not ours. */
#undef KU_DIGITAL_SIGNATURE
#undef KU_KEY_ENCIPHERMENT
#undef KU_DATA_ENCIPHERMENT
#undef KU_KEY_AGREEMENT
#undef KU_KEY_CERT_SIGN
#undef KU_CRL_SIGN

#include "est/keygen_inner.h"
#include "lib/cert.h"
#include "lib/der.h"
#include "lib/oid.h"

#define ASYMMETRIC_KEYS "2.16.840.1.101.2.1.2.78.5" /* oid_asymmetric_keys */
#define MESSAGE_MAX (4 * KEYGEN_KEY_MAX)

static int failed(struct fault *f, const char *rule, const char *what)
{
    ERR_clear_error();
    return fault_set(f, FAULT_INTERNAL, rule, "OpenSSL cannot %s", what);
}

X509 *keygen_read_x509(struct slice der)
{
    const uint8_t *p = der.p;

    return der.n > LONG_MAX ? NULL : d2i_X509(NULL, &p, (long)der.n);
}

EVP_PKEY *keygen_read_key(struct slice der)
{
    const uint8_t *p = der.p;

    return der.n > LONG_MAX ? NULL : d2i_AutoPrivateKey(NULL, &p, (long)der.n);
}

static BIO *read_bio(struct slice s)
{
    return s.n > INT_MAX ? NULL : BIO_new_mem_buf(s.p, (int)s.n);
}

/* ContentInfo in DER. */
static int write_cms(CMS_ContentInfo *cms, struct buf *out)
{
    uint8_t *der = NULL;
    int n = i2d_CMS_ContentInfo(cms, &der);

    if (n > 0)
        buf_put(out, der, (size_t)n);
    OPENSSL_clear_free(der, n > 0 ? (size_t)n : 0);
    return n > 0 && !buf_failed(out) ? 0 : -1;
}

static int set_type(CMS_ContentInfo *cms, const char *oid)
{
    ASN1_OBJECT *type = OBJ_txt2obj(oid, 1);
    int ok = type != NULL && CMS_set1_eContentType(cms, type) == 1;

    ASN1_OBJECT_free(type);
    return ok;
}

/* ---- sealing ---- */

/* AsymmetricKeyPackage (RFC 5958 2): a list, here of one. */
static void put_package(struct buf *out, struct slice key)
{
    der_put(out, DER_SEQUENCE, key);
}

/* The SignedData itself, which is what an EnvelopedData of that type has in it (RFC 5652 6.1),
 * without the ContentInfo around it. */
static int strip(struct slice info, struct slice *inner)
{
    struct slice seq, type, content, in = info;

    if (der_get(&in, DER_SEQUENCE, &seq) != 0 || der_get_oid(&seq, &type) != 0 ||
        !slice_eq(type, oid_cms_signed_data) ||
        der_get(&seq, DER_CONTEXT_CONSTRUCTED(0), &content) != 0)
        return -1;
    return der_get_whole(&content, DER_SEQUENCE, inner);
}

static STACK_OF(X509) * chain_of(const struct keygen_seal *s)
{
    STACK_OF(X509) *chain = sk_X509_new_null();

    for (size_t i = 0; chain != NULL && i < s->n_chain; i++) {
        X509 *x = keygen_read_x509(s->chain[i]);

        if (x != NULL && sk_X509_push(chain, x) > 0)
            continue;
        X509_free(x);
        sk_X509_pop_free(chain, X509_free);
        chain = NULL;
    }
    return chain;
}

static int sign(const struct keygen_seal *s, struct buf *out)
{
    STACK_OF(X509) *chain = chain_of(s);
    X509 *signer = keygen_read_x509(s->signer);
    EVP_PKEY *key = keygen_read_key(s->signer_key);
    CMS_ContentInfo *cms = NULL;
    struct buf package;
    BIO *bio;
    int rc = -1;

    buf_init(&package, KEYGEN_KEY_MAX + 16);
    put_package(&package, s->key);
    bio = read_bio(buf_slice(&package));
    if (signer != NULL && key != NULL && chain != NULL)
        cms = CMS_sign(signer, key, chain, NULL, CMS_PARTIAL | CMS_BINARY | CMS_NOSMIMECAP);
    if (cms != NULL && bio != NULL && !buf_failed(&package) && set_type(cms, ASYMMETRIC_KEYS) &&
        CMS_final(cms, bio, NULL, CMS_BINARY) == 1)
        rc = write_cms(cms, out);
    BIO_free(bio);
    CMS_ContentInfo_free(cms);
    EVP_PKEY_free(key);
    X509_free(signer);
    sk_X509_pop_free(chain, X509_free);
    buf_free(&package);
    return rc;
}

static const EVP_CIPHER *cipher_of(enum keygen_cipher c)
{
    return c == CIPHER_AES128_CBC   ? EVP_aes_128_cbc()
           : c == CIPHER_AES192_CBC ? EVP_aes_192_cbc()
                                    : EVP_aes_256_cbc();
}

/* OpenSSL would derive the wrapping key by SHA-1 (RFC 5753 7.1.4). */
static int tune(CMS_RecipientInfo *r, bool oaep)
{
    EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(r);

    if (ctx == NULL)
        return 0;
    if (CMS_RecipientInfo_type(r) == CMS_RECIPINFO_AGREE)
        return EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()) > 0;
    return !oaep || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0;
}

static int envelop(const struct keygen_seal *s, struct slice content, struct buf *out)
{
    X509 *recipient = keygen_read_x509(s->recipient);
    CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, cipher_of(s->cipher), CMS_PARTIAL | CMS_BINARY);
    CMS_RecipientInfo *r = NULL;
    BIO *bio = read_bio(content);
    int rc = -1;

    if (cms != NULL && recipient != NULL)
        r = CMS_add1_recipient_cert(cms, recipient, CMS_USE_KEYID | CMS_KEY_PARAM);
    if (r != NULL && bio != NULL && tune(r, s->oaep) && set_type(cms, "1.2.840.113549.1.7.2") &&
        CMS_final(cms, bio, NULL, CMS_BINARY) == 1)
        rc = write_cms(cms, out);
    BIO_free(bio);
    CMS_ContentInfo_free(cms);
    X509_free(recipient);
    return rc;
}

/* RFC 7030 4.4.1.2: a key that is not there or not fit ends the request. */
int keygen_recipient(struct slice der, struct fault *f)
{
    struct cert c;
    uint16_t needed;
    int rc = cert_parse(der, &c, f);

    if (rc != 0)
        return fault_rename(f, "est.keygen.recipient");
    needed = c.key.type == KEY_RSA ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;
    if (c.key.type == KEY_ED25519 || (c.has_key_usage && (c.key_usage & needed) == 0))
        return fault_set(f, FAULT_POLICY, "est.keygen.recipient",
                         "the key of the certificate that should open the envelope may not be used "
                         "for that: it needs keyEncipherment (RSA) or keyAgreement (EC)");
    if (c.subject_key_id.n == 0)
        return fault_set(f, FAULT_POLICY, "est.keygen.recipient",
                         "the certificate that should open the envelope has no key identifier");
    return 0;
}

int keygen_seal(const struct keygen_seal *s, struct buf *out, struct fault *f)
{
    struct slice inner;
    struct buf message;
    int rc = keygen_recipient(s->recipient, f);

    if (rc != 0)
        return rc;
    buf_init(&message, MESSAGE_MAX);
    if (sign(s, &message) != 0 || strip(buf_slice(&message), &inner) != 0)
        rc = failed(f, "est.keygen.seal", "sign the key");
    else if (envelop(s, inner, out) != 0)
        rc = failed(f, "est.keygen.seal", "envelop the key");
    buf_free(&message);
    return rc;
}
