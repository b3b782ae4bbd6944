/* By OpenSSL's CMS. */
#include <limits.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "est/keygen_inner.h"
#include "lib/der.h"
#include "lib/oid.h"

#define MESSAGE_MAX (4 * KEYGEN_KEY_MAX)

static int refused(struct fault *f, const char *rule, const char *what)
{
    ERR_clear_error();
    return fault_set(f, FAULT_MALFORMED, rule, "the key that the server made %s", what);
}

static CMS_ContentInfo *read_cms(struct slice der)
{
    const uint8_t *p = der.p;

    return der.n > LONG_MAX ? NULL : d2i_CMS_ContentInfo(NULL, &p, (long)der.n);
}

static int take_bio(BIO *bio, struct buf *out)
{
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);

    buf_reset(out);
    if (n > 0)
        buf_put(out, p, (size_t)n);
    return n > 0 && !buf_failed(out) ? 0 : -1;
}

static int decrypt(struct slice sealed, struct slice private_key, struct buf *out)
{
    CMS_ContentInfo *cms = read_cms(sealed);
    EVP_PKEY *key = keygen_read_key(private_key);
    BIO *bio = BIO_new(BIO_s_secmem());
    int rc = -1;

    if (cms != NULL && key != NULL && bio != NULL &&
        OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_enveloped &&
        CMS_decrypt_set1_pkey(cms, key, NULL) == 1 &&
        CMS_decrypt(cms, NULL, NULL, NULL, bio, CMS_BINARY) == 1)
        rc = take_bio(bio, out);
    BIO_free(bio);
    EVP_PKEY_free(key);
    CMS_ContentInfo_free(cms);
    return rc;
}

/* A SignedData gets the ContentInfo around it that OpenSSL reads; some servers leave it there. */
static void wrap(struct slice message, struct buf *out)
{
    struct slice in = message, seq;
    struct der_mark info, content;

    if (der_get(&in, DER_SEQUENCE, &seq) == 0 && der_peek(seq, DER_OID)) {
        buf_put_slice(out, message);
        return;
    }
    info = der_open(out, DER_SEQUENCE);
    der_put_oid(out, oid_cms_signed_data);
    content = der_open(out, DER_CONTEXT_CONSTRUCTED(0));
    buf_put_slice(out, message);
    der_close(out, content);
    der_close(out, info);
}

static X509_STORE *store_of(const struct slice *anchors, size_t n)
{
    X509_STORE *store = X509_STORE_new();
    bool ok = store != NULL && X509_STORE_set_purpose(store, X509_PURPOSE_ANY) == 1;

    for (size_t i = 0; ok && i < n; i++) {
        X509 *x = keygen_read_x509(anchors[i]);

        ok = x != NULL && X509_STORE_add_cert(store, x) == 1;
        X509_free(x);
    }
    if (ok)
        return store;
    X509_STORE_free(store);
    return NULL;
}

/* A certificate that cannot be read, or is there already, helps nobody. */
static void add_others(CMS_ContentInfo *cms, const struct keygen_opener *o)
{
    for (size_t i = 0; i < o->n_others; i++) {
        X509 *x = keygen_read_x509(o->others[i]);

        if (x != NULL)
            (void)CMS_add1_cert(cms, x);
        X509_free(x);
    }
    ERR_clear_error();
}

static int verify(struct slice info, const struct keygen_opener *o, struct buf *out)
{
    unsigned flags = CMS_BINARY | (o->n_anchors == 0 ? CMS_NO_SIGNER_CERT_VERIFY : 0);
    CMS_ContentInfo *cms = read_cms(info);
    X509_STORE *store = store_of(o->anchors, o->n_anchors);
    BIO *bio = BIO_new(BIO_s_secmem());
    int rc = -1;

    if (cms != NULL && store != NULL && bio != NULL) {
        add_others(cms, o);
        if (CMS_verify(cms, NULL, store, NULL, bio, flags) == 1)
            rc = take_bio(bio, out);
    }
    BIO_free(bio);
    X509_STORE_free(store);
    CMS_ContentInfo_free(cms);
    return rc;
}

/* The one key of a package (RFC 5958 2), or one that came without. */
static int unpack(struct slice package, struct buf *key)
{
    struct slice in = package, list, one;

    if (der_get(&in, DER_SEQUENCE, &list) != 0 || !der_end(in))
        return -1;
    if (der_peek(list, DER_INTEGER)) {
        buf_put_slice(key, package);
        return 0;
    }
    if (der_get_whole(&list, DER_SEQUENCE, &one) != 0 || !der_end(list))
        return -1;
    buf_put_slice(key, one);
    return 0;
}

int keygen_open(struct slice sealed, const struct keygen_opener *o, struct buf *key,
                struct fault *f)
{
    struct buf message, info, package;
    int rc = 0;

    buf_reset(key);
    buf_init(&message, MESSAGE_MAX);
    buf_init(&info, MESSAGE_MAX + 64);
    buf_init(&package, MESSAGE_MAX);
    if (decrypt(sealed, o->private_key, &message) != 0) {
        rc = refused(f, "est.keygen.open", "is not enveloped for the key that should open it");
        goto out;
    }
    wrap(buf_slice(&message), &info);
    if (buf_failed(&info) || verify(buf_slice(&info), o, &package) != 0)
        rc = refused(f, "est.keygen.signer", "is not signed by anyone who is trusted");
    else if (unpack(buf_slice(&package), key) != 0 || buf_failed(key))
        rc = refused(f, "est.keygen.open", "is none, or several");
out:
    buf_free(&package);
    buf_free(&info);
    buf_free(&message);
    return rc;
}
