#include "ocsp/delegate.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "lib/key_thread.h"

static int refuse(struct fault *f, const char *why)
{
    return fault_set(f, FAULT_POLICY, "ocsp.delegate", "this responder's certificate %s", why);
}

static int signed_by(const struct cert *c, const struct cert *issuer, struct fault *f)
{
    struct pubkey *key;
    int rc = pubkey_open(&issuer->key, &key, f);

    if (rc < 0)
        return rc;
    rc = pubkey_verify(key, c->alg, c->tbs, c->signature);
    pubkey_free(key);
    return rc < 0 ? refuse(f, "was not signed by the issuer") : 0;
}

static bool has_key(const struct cert *c, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(key, &der);
    bool same = n > 0 && slice_eq(slice_of(der, (size_t)n), c->key.der);

    OPENSSL_free(der);
    return same;
}

static int check(const struct cert *c, EVP_PKEY *key, const struct cert *issuer, int64_t now,
                 struct fault *f)
{
    if (!slice_eq(c->issuer, issuer->subject))
        return refuse(f, "is of another issuer");
    /* 4.2.2.2: named in it, not implied by anyExtendedKeyUsage. */
    if ((c->eku & EKU_OCSP_SIGNING) == 0)
        return refuse(f, "is not for OCSP signing");
    if (c->has_key_usage && (c->key_usage & KU_DIGITAL_SIGNATURE) == 0)
        return refuse(f, "does not allow signatures");
    if (now < c->not_before || now > c->not_after)
        return refuse(f, "is not valid now");
    if (!has_key(c, key))
        return refuse(f, "is for another key");
    return signed_by(c, issuer, f);
}

int ocsp_delegate_new(EVP_PKEY *key, struct slice certificate, const struct cert *issuer,
                      int64_t now, struct ocsp_delegate **out, struct fault *f)
{
    static uint32_t last;
    struct ocsp_delegate *d;
    struct cert c;
    int rc = cert_parse(certificate, &c, f);

    *out = NULL;
    if (rc == 0)
        rc = check(&c, key, issuer, now, f);
    if (rc < 0)
        return rc;
    d = xcalloc(1, sizeof(*d));
    *d = (struct ocsp_delegate){.references = 1,
                                .id = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED),
                                .key = key,
                                .type = c.key.type,
                                .alg = sig_alg_default(c.key.type),
                                .not_before = c.not_before,
                                .not_after = c.not_after};
    d->certificate = slice_of(xmemdup(certificate.p, certificate.n), certificate.n);
    spki_key_id(&c.key, d->key_id);
    *out = d;
    return 0;
}

struct ocsp_delegate *ocsp_delegate_share(struct ocsp_delegate *d)
{
    __atomic_add_fetch(&d->references, 1, __ATOMIC_RELAXED);
    return d;
}

void ocsp_delegate_free(struct ocsp_delegate *d)
{
    if (d == NULL || __atomic_sub_fetch(&d->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    EVP_PKEY_free(d->key);
    free((void *)(uintptr_t)d->certificate.p);
    free(d);
}

enum sig_alg ocsp_delegate_alg(const struct ocsp_delegate *d, const enum sig_alg *preferred,
                               size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sig_alg_fits(preferred[i], d->type))
            return preferred[i];
    return d->alg;
}

static bool sign(EVP_MD_CTX *c, EVP_PKEY *key, enum sig_alg a, struct slice data, uint8_t *out,
                 size_t *n)
{
    size_t hash_len = sig_alg_hash_len(a);
    EVP_PKEY_CTX *p = NULL;

    if (EVP_DigestSignInit(c, &p, hash_len > 0 ? md_of_length(hash_len) : NULL, NULL, key) != 1)
        return false;
    if (a >= SIG_RSA_PSS_SHA256 && a <= SIG_RSA_PSS_SHA512 &&
        (EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) <= 0 ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST) <= 0))
        return false;
    /* Without memory for its DER, OpenSSL 3.0 makes an ECDSA signature of 2^32 - 1 octets. */
    return EVP_DigestSign(c, out, n, data.p, data.n) == 1 && *n > 0 && *n <= SIGNATURE_MAX;
}

int ocsp_delegate_sign(const struct ocsp_delegate *d, enum sig_alg a, struct slice data,
                       struct buf *out, struct fault *f)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    uint8_t signature[SIGNATURE_MAX];
    size_t n = sizeof(signature);
    bool done = c != NULL && sign(c, d->key, a, data, signature, &n);

    EVP_MD_CTX_free(c);
    if (!done) {
        ERR_clear_error();
        return fault_set(f, FAULT_INTERNAL, "ocsp.sign", "cannot sign an OCSP answer");
    }
    buf_put(out, signature, n);
    return 0;
}
