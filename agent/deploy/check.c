#include <limits.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "agent/deploy/material.h"
#include "lib/anycert.h"
#include "lib/clock.h"

#define SKEW 300 /* seconds that a CA's clock may be ahead of ours */

const char *material_anchors(const struct agent_cert *c)
{
    return c->chain_trust != NULL && c->chain_trust[0] != '\0' ? c->chain_trust
           : c->trust != NULL                                  ? c->trust
                                                               : "";
}

static X509 *read_one(const uint8_t **p, const uint8_t *end)
{
    return end - *p > (ptrdiff_t)ANYCERT_MAX * MATERIAL_CHAIN_MAX ? NULL
                                                                  : d2i_X509(NULL, p, end - *p);
}

static int unreadable(struct fault *f, const char *which)
{
    return fault_set(f, FAULT_MALFORMED, "deploy.certificate", "%s cannot be read", which);
}

static STACK_OF(X509) * read_chain(struct slice chain)
{
    STACK_OF(X509) *list = sk_X509_new_null();
    const uint8_t *p = chain.p, *end = chain.n == 0 ? chain.p : chain.p + chain.n;

    while (list != NULL && p < end) {
        X509 *x = sk_X509_num(list) < MATERIAL_CHAIN_MAX ? read_one(&p, end) : NULL;

        if (x == NULL || sk_X509_push(list, x) == 0) {
            X509_free(x);
            sk_X509_pop_free(list, X509_free);
            return NULL;
        }
    }
    return list;
}

/* As a server does that reads the pair with this system's OpenSSL and its defaults: some end when
 * they cannot, and their own tests do not look (apache2). */
static int check_loads(X509 *leaf, EVP_PKEY *key, struct fault *f)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    int rc = 0;

    ERR_clear_error();
    if (ctx == NULL || SSL_CTX_use_certificate(ctx, leaf) != 1 ||
        SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
        const char *why = ERR_reason_error_string(ERR_peek_error());

        rc = fault_set(f, FAULT_CONFLICT, "deploy.loads",
                       "a server with this system's OpenSSL would not load the pair: %s",
                       why != NULL ? why : "no reason is told");
    }
    ERR_clear_error();
    SSL_CTX_free(ctx);
    return rc;
}

static int check_key(const struct agent_cert *c, X509 *leaf, struct slice pem, struct fault *f)
{
    BIO *bio = pem.n > INT_MAX ? NULL : BIO_new_mem_buf(pem.p, (int)pem.n);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    int rc = 0;

    if (key == NULL)
        rc = fault_set(f, FAULT_MALFORMED, "deploy.key", "the key cannot be read");
    else if (X509_check_private_key(leaf, key) != 1)
        rc = fault_set(f, FAULT_CONFLICT, "deploy.key", "the certificate is of another key");
    else if (c->n_services > 0)
        rc = check_loads(leaf, key, f);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return rc;
}

/* The same of one in a token. */
static int check_public(X509 *leaf, struct slice spki, struct fault *f)
{
    const uint8_t *p = spki.p;
    EVP_PKEY *key = spki.n > LONG_MAX ? NULL : d2i_PUBKEY(NULL, &p, (long)spki.n);
    int rc = 0;

    if (key == NULL)
        rc = fault_set(f, FAULT_MALFORMED, "deploy.key", "the public key cannot be read");
    else if (EVP_PKEY_eq(X509_get0_pubkey(leaf), key) != 1)
        rc = fault_set(f, FAULT_CONFLICT, "deploy.key",
                       "the certificate is of another key than the one in the token");
    EVP_PKEY_free(key);
    return rc;
}

static int check_times(const struct anycert *a, struct fault *f)
{
    char text[CLOCK_TEXT_SIZE];
    int64_t now = clock_now();

    if (a->not_after <= now) {
        clock_format(a->not_after, text);
        return fault_set(f, FAULT_CONFLICT, "deploy.expired", "it has expired: %s", text);
    }
    if (a->not_before > now + SKEW) {
        clock_format(a->not_before, text);
        return fault_set(f, FAULT_CONFLICT, "deploy.expired", "it is not valid before %s", text);
    }
    return 0;
}

static int check_names(const struct agent_cert *c, const struct anycert *a, struct fault *f)
{
    for (size_t i = 0; i < c->n_names; i++) {
        uint8_t arena[16];
        struct san wanted;
        size_t used = 0;
        int rc = san_parse(c->names[i], &wanted, arena, sizeof(arena), &used, f);

        if (rc < 0)
            return rc;
        if (!san_list_has(&a->sans, &wanted)) {
            rc = fault_set(f, FAULT_CONFLICT, "deploy.names", "%.150s is not in the certificate",
                           c->names[i]);
            return rc;
        }
    }
    return 0;
}

static int verify(X509_STORE_CTX *ctx, X509_STORE *store, X509 *leaf, STACK_OF(X509) * chain,
                  const char *anchors, struct fault *f)
{
    X509_VERIFY_PARAM *param;
    int ok = anchors[0] == '\0' ? X509_STORE_set_default_paths(store)
                                : X509_STORE_load_file(store, anchors);

    if (ok != 1)
        return fault_set(f, FAULT_CONFIG, "deploy.chain",
                         "no trust anchors can be read from %.150s",
                         anchors[0] == '\0' ? "the system's folder" : anchors);
    if (X509_STORE_CTX_init(ctx, store, leaf, chain) != 1)
        return fault_set(f, FAULT_INTERNAL, "deploy.chain", "OpenSSL cannot be set up");
    param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(param, clock_now());
    X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_CRL_CHECK);
    if (X509_verify_cert(ctx) == 1)
        return 0;
    return fault_set(f, FAULT_CONFLICT, "deploy.chain",
                     "clients could not verify it up to a trust anchor: %s, at depth %d",
                     X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)),
                     X509_STORE_CTX_get_error_depth(ctx));
}

static int check_chain(const struct agent_cert *c, X509 *leaf, struct slice ders, struct fault *f)
{
    STACK_OF(X509) *chain = read_chain(ders);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int rc;

    if (chain == NULL)
        rc = unreadable(f, "the chain");
    else if (store == NULL || ctx == NULL)
        rc = fault_set(f, FAULT_INTERNAL, "deploy.chain", "OpenSSL cannot be set up");
    else
        rc = verify(ctx, store, leaf, chain, material_anchors(c), f);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_pop_free(chain, X509_free);
    return rc;
}

int material_check(const struct agent_cert *c, const struct deploy_material *m, struct fault *f)
{
    const uint8_t *p = m->leaf.p;
    X509 *leaf = m->leaf.n == 0 || m->leaf.n > ANYCERT_MAX ? NULL : read_one(&p, p + m->leaf.n);
    struct anycert *a = xcalloc(1, sizeof(*a));
    int rc = 0;

    if (leaf == NULL || p != m->leaf.p + m->leaf.n || anycert_parse(m->leaf, a, f) < 0)
        rc = unreadable(f, "the certificate");
    if (rc == 0 && m->key.n > 0)
        rc = check_key(c, leaf, m->key, f);
    else if (rc == 0 && m->uri.n > 0)
        rc = check_public(leaf, m->spki, f);
    if (rc == 0)
        rc = check_times(a, f);
    if (rc == 0)
        rc = check_names(c, a, f);
    if (rc == 0)
        rc = check_chain(c, leaf, m->chain, f);
    X509_free(leaf);
    free(a);
    return rc;
}
