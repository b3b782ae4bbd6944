#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "est/body.h"
#include "est/keygen.h"
#include "lib/cert.h"
#include "lib/csr.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "client/estenroll.h"
#include "client/signkey.h"

#define CHAIN_MAX 8
#define TRUST_MAX 1048576

static const char *const cms_labels[] = {"PKCS7", "CMS", NULL};
static const char *const certificate_labels[] = {"CERTIFICATE", "X509 CERTIFICATE", NULL};

/* ---- keys that the server made ---- */

/* Certificates of --trust; they lie in `der`, one behind the other. */
static int read_anchors(const char *path, struct buf *der, struct slice *anchor, size_t *n,
                        struct fault *f)
{
    struct buf file = {0}, one;
    size_t end[CERTS_MAX];
    struct slice text;
    int rc = file_read(path, TRUST_MAX, &file, f);

    *n = 0;
    buf_init(&one, CERT_MAX);
    text = buf_slice(&file);
    while (rc == 0 && *n < CERTS_MAX) {
        rc = pem_next(&text, certificate_labels, NULL, &one, f);
        if (rc == 0) {
            buf_put_slice(der, buf_slice(&one));
            end[(*n)++] = der->n;
        }
    }
    for (size_t i = 0; i < *n; i++) {
        size_t at = i == 0 ? 0 : end[i - 1];

        anchor[i] = slice_of(der->p + at, end[i] - at);
    }
    buf_free(&one);
    buf_free(&file);
    return rc < 0 ? rc : 0;
}

static int open_key(struct enrollment *e, struct slice sealed, struct fault *f)
{
    struct keygen_opener o = {.others = e->cas.cert, .n_others = e->cas.n};
    struct slice anchor[CERTS_MAX];
    struct buf anchors, opener;
    EVP_PKEY *key = NULL;
    int rc;

    buf_init(&anchors, TRUST_MAX);
    buf_init(&opener, KEYGEN_KEY_MAX);
    rc = e->args->open_key == NULL
             ? fault_set(f, FAULT_CONFIG, "est.opener",
                         "the server has enveloped the key, although nobody asked for that")
             : signkey_read(e->args->open_key, &key, f);
    if (rc == 0)
        rc = signkey_der(key, &opener, f);
    if (rc == 0 && e->args->est.trust != NULL)
        rc = read_anchors(e->args->est.trust, &anchors, anchor, &o.n_anchors, f);
    o.private_key = buf_slice(&opener);
    o.anchors = anchor;
    if (rc == 0)
        rc = keygen_open(sealed, &o, &e->new_key, f);
    EVP_PKEY_free(key);
    buf_free(&opener);
    buf_free(&anchors);
    return rc;
}

/* The key that came takes the place of the one that signed. */
static int take_key(struct enrollment *e, struct slice key, bool sealed, struct fault *f)
{
    int rc = 0;

    if (!sealed && e->args->open_cert != NULL)
        return fault_set(f, FAULT_DENIED, "est.opener",
                         "the server has sent the key without the envelope that was asked for; it "
                         "is not used, and its certificate should be revoked");
    if (sealed)
        rc = open_key(e, key, f);
    else
        buf_put_slice(&e->new_key, key);
    EVP_PKEY_free(e->key);
    e->key = NULL;
    if (rc == 0)
        rc = signkey_decode(buf_slice(&e->new_key), &e->key, f);
    buf_reset(&e->spki);
    return rc == 0 ? signkey_public(e->key, &e->spki, f) : rc;
}

/* ---- certificates ---- */

static int public_key(const struct enrollment *e, struct slice *spki, struct csr *csr,
                      struct fault *f)
{
    int rc = 0;

    if (e->spki.n > 0) {
        *spki = buf_slice(&e->spki);
        return 0;
    }
    rc = csr_parse(buf_slice(&e->csr), csr, f);
    *spki = csr->key.der;
    return rc;
}

static int find_leaf(const struct enrollment *e, struct cert *leaf, struct fault *f)
{
    struct fault ignored;
    struct slice spki;
    struct csr csr;
    int rc = public_key(e, &spki, &csr, f);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < e->certs.n; i++)
        if (cert_parse(e->certs.cert[i], leaf, &ignored) == 0 && slice_eq(leaf->key.der, spki))
            return 0;
    return fault_set(f, FAULT_MALFORMED, "est.certificate",
                     "the server has sent %zu certificates, none for the key of this request",
                     e->certs.n);
}

static const struct slice *issuer_of(const struct certs *all, const struct cert *below,
                                     struct cert *out)
{
    struct fault ignored;

    for (size_t i = 0; i < all->n; i++)
        if (cert_parse(all->cert[i], out, &ignored) == 0 && slice_eq(out->subject, below->issuer) &&
            !slice_eq(out->subject, out->issuer) &&
            (below->authority_key_id.n == 0 || out->subject_key_id.n == 0 ||
             slice_eq(below->authority_key_id, out->subject_key_id)))
            return &all->cert[i];
    return NULL;
}

/* Up to below the root, which relying parties have. */
static void put_chain(struct buf *pem, const struct cert *leaf, const struct certs *all)
{
    struct cert below = *leaf, above;

    pem_put(pem, "CERTIFICATE", leaf->der);
    for (int i = 0; i < CHAIN_MAX; i++) {
        const struct slice *der = issuer_of(all, &below, &above);

        if (der == NULL)
            return;
        pem_put(pem, "CERTIFICATE", *der);
        below = above;
    }
}

/* The CAs' certificates come by an operation of their own (RFC 7030 4.1), since the answer has one
 * certificate only (4.2.3). Without them that one stands alone. */
static void ask_cas(struct enrollment *e)
{
    const struct est_call c = {.op = EST_CACERTS, .optional = true};
    struct fault f;
    char said[sizeof(f.text) + 32];
    int rc = est_call(&e->est, &c, &f);

    if (rc == 0 && e->est.answer.body.n > 0)
        rc = est_body_get(buf_slice(&e->est.answer.body), cms_labels, &e->cas_der, &f);
    if (rc == 0 && e->cas_der.n > 0)
        rc = certs_get(&e->cas_der, &e->cas, &f);
    if (rc == 0 || e->est.caller.say == NULL)
        return;
    (void)snprintf(said, sizeof(said), "the chain is left out: %s", f.text);
    e->est.caller.say(e->est.caller.arg, said);
}

static int take_certificate(struct enrollment *e, struct cert *leaf, struct fault *f)
{
    int rc = certs_get(&e->message, &e->certs, f);

    if (rc == 0)
        rc = find_leaf(e, leaf, f);
    if (rc == 0)
        put_chain(&e->pem, leaf, &e->cas);
    if (rc == 0 && buf_failed(&e->pem))
        rc = fault_set(f, FAULT_TOO_LARGE, "est.certificate", "the certificates are too large");
    return rc;
}

int enrollment_take(struct enrollment *e, struct cert *leaf, struct fault *f)
{
    const struct http_answer *a = &e->est.answer;
    struct buf key;
    bool sealed = false;
    int rc;

    buf_init(&key, KEYGEN_KEY_MAX);
    if (e->op == EST_SERVERKEYGEN)
        rc = keygen_answer_get(a->type, buf_slice(&a->body), &key, &sealed, &e->message, f);
    else
        rc = est_body_get(buf_slice(&a->body), cms_labels, &e->message, f);
    if (rc == 0)
        ask_cas(e); /* the answer before is gone now */
    if (rc == 0 && e->op == EST_SERVERKEYGEN)
        rc = take_key(e, buf_slice(&key), sealed, f);
    buf_free(&key);
    return rc == 0 ? take_certificate(e, leaf, f) : rc;
}
