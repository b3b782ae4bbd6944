#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509_vfy.h>

#include "agent/trust/inner.h"
#include "est/certs.h"
#include "lib/anycert.h"
#include "lib/der.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/pem.h"

#define CERTS_OCTETS (TRUST_CAS_MAX * ANYCERT_MAX)

int trust_next_cert(struct slice *certs, struct slice *out, struct fault *f)
{
    if (certs->n == 0)
        return 1;
    return der_get_whole(certs, DER_SEQUENCE, out) == 0
               ? 0
               : fault_set(f, FAULT_MALFORMED, "trust.ca", "a certificate cannot be read");
}

/* ---- reading ---- */

static int take_cert(void *arg, struct slice cert, struct fault *f)
{
    struct buf *der = arg;

    (void)f;
    buf_put_slice(der, cert);
    return 0;
}

static int take_pkcs7(struct buf *message, struct buf *der, struct fault *f)
{
    return certs_walk(message, take_cert, der, f);
}

static int take_pem(struct slice text, struct buf *der, struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE", "PKCS7", NULL};
    struct buf one;
    size_t label = 0;
    int rc;

    buf_init(&one, CERTS_OCTETS);
    while ((rc = pem_next(&text, labels, &label, &one, f)) == 0) {
        if (label == 0)
            buf_put_slice(der, buf_slice(&one));
        else if ((rc = take_pkcs7(&one, der, f)) < 0)
            break;
        buf_reset(&one);
    }
    buf_free(&one);
    return rc < 0 ? rc : 0;
}

/* A ContentInfo begins with an OID, a certificate does not. */
static bool is_pkcs7(struct slice der)
{
    struct slice contents;

    return der_get(&der, DER_SEQUENCE, &contents) == 0 && der_peek(contents, DER_OID);
}

static int take_der(struct buf *octets, struct buf *der, struct fault *f)
{
    if (is_pkcs7(buf_slice(octets)))
        return take_pkcs7(octets, der, f);
    buf_put_slice(der, buf_slice(octets));
    return 0;
}

int trust_read_certs(struct slice octets, struct buf *der, struct fault *f)
{
    static const char begin[] = "-----BEGIN ";
    struct buf binary;
    int rc;

    buf_init(der, CERTS_OCTETS);
    if (octets.n > 0 && memmem(octets.p, octets.n, begin, strlen(begin)) != NULL) {
        rc = take_pem(octets, der, f);
    } else {
        buf_init(&binary, CERTS_OCTETS);
        if (octets.n > 0 && octets.p[0] == DER_SEQUENCE)
            buf_put_slice(&binary, octets);
        else if (base64_get(octets, &binary) < 0) /* as EST has it: RFC 7030 4.1.3 */
            buf_reset(&binary);
        rc = take_der(&binary, der, f);
        buf_free(&binary);
    }
    if (rc == 0 && (der->n == 0 || buf_failed(der)))
        rc = fault_set(f, FAULT_MALFORMED, "trust.ca", "there are no certificates, or too many");
    return rc < 0 ? fault_rename(f, "trust.ca") : 0;
}

int trust_read_file(const char *path, struct buf *der, struct fault *f)
{
    struct buf text = {0};
    int rc = file_read(path, CERTS_OCTETS, &text, f);

    if (rc == 0)
        rc = trust_read_certs(buf_slice(&text), der, f);
    buf_free(&text);
    return rc;
}

/* ---- whom to believe ---- */

static X509 *open_cert(struct slice der)
{
    const uint8_t *p = der.p;

    return der.n > ANYCERT_MAX ? NULL : d2i_X509(NULL, &p, (long)der.n);
}

static STACK_OF(X509) * open_all(struct slice certs, struct fault *f)
{
    STACK_OF(X509) *list = sk_X509_new_null();
    struct slice one;

    while (list != NULL && trust_next_cert(&certs, &one, f) == 0) {
        X509 *x = sk_X509_num(list) < TRUST_CAS_MAX ? open_cert(one) : NULL;

        if (x == NULL || sk_X509_push(list, x) == 0) {
            X509_free(x);
            sk_X509_pop_free(list, X509_free);
            list = NULL;
        }
    }
    if (list == NULL || certs.n > 0) {
        sk_X509_pop_free(list, X509_free);
        fault_set(f, FAULT_MALFORMED, "trust.ca",
                  "a certificate cannot be read, or there are too "
                  "many");
        return NULL;
    }
    return list;
}

static X509_STORE *store_of(STACK_OF(X509) * anchors)
{
    X509_STORE *store = X509_STORE_new();

    for (int i = 0; store != NULL && i < sk_X509_num(anchors); i++)
        if (X509_STORE_add_cert(store, sk_X509_value(anchors, i)) != 1) {
            X509_STORE_free(store);
            return NULL;
        }
    return store;
}

static bool below(X509_STORE *store, X509 *x, STACK_OF(X509) * others, int64_t now)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool yes = false;

    if (ctx != NULL && X509_STORE_CTX_init(ctx, store, x, others) == 1) {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
        X509_VERIFY_PARAM_set_time(param, now);
        yes = X509_verify_cert(ctx) == 1;
    }
    X509_STORE_CTX_free(ctx);
    return yes;
}

/* One that an anchor leads to, or of the same name and key as one. */
static bool believed(X509_STORE *store, X509 *x, STACK_OF(X509) * all, int64_t now)
{
    if (below(store, x, all, now))
        return true;
    for (int i = 0; i < sk_X509_num(all); i++) {
        X509 *other = sk_X509_value(all, i);

        if (other != x &&
            X509_NAME_cmp(X509_get_subject_name(x), X509_get_subject_name(other)) == 0 &&
            EVP_PKEY_eq(X509_get0_pubkey(x), X509_get0_pubkey(other)) == 1 &&
            below(store, other, all, now))
            return true;
    }
    return false;
}

static int take_one(X509_STORE *store, STACK_OF(X509) * all, X509 *x, struct slice der, int64_t now,
                    struct buf *out, struct trust_item *item, struct fault *f)
{
    struct anycert *a = xcalloc(1, sizeof(*a));
    int rc = anycert_parse(der, a, f);

    if (rc == 0 && !a->ca)
        rc = fault_set(f, FAULT_DENIED, "trust.ca", "a certificate is no CA's");
    if (rc == 0 && a->not_after <= now) {
        log_info("trust.expired-left-out", "source", item->source->name, NULL);
    } else if (rc == 0 && !believed(store, x, all, now)) {
        rc = fault_set(f, FAULT_DENIED, "trust.ca",
                       "a certificate is below none of those that are trusted");
    } else if (rc == 0) {
        buf_put_slice(out, der);
        item->entries++;
        if (item->next_update == 0 || a->not_after < item->next_update)
            item->next_update = a->not_after;
    }
    free(a);
    return rc;
}

static int take_believed(struct slice certs, STACK_OF(X509) * all, STACK_OF(X509) * anchors,
                         int64_t now, struct buf *out, struct trust_item *item, struct fault *f)
{
    X509_STORE *store = store_of(anchors);
    int rc =
        store == NULL ? fault_set(f, FAULT_INTERNAL, "trust.ca", "OpenSSL cannot be set up") : 0;
    struct slice der;

    for (int i = 0; i < sk_X509_num(all) && rc == 0; i++) {
        rc = trust_next_cert(&certs, &der, f);
        if (rc == 0)
            rc = take_one(store, all, sk_X509_value(all, i), der, now, out, item, f);
    }
    X509_STORE_free(store);
    if (rc == 0 && buf_failed(out))
        rc = fault_set(f, FAULT_TOO_LARGE, "trust.ca", "the certificates are too large together");
    if (rc == 0 && out->n == 0)
        rc = fault_set(f, FAULT_CONFLICT, "trust.ca", "all certificates have expired");
    return rc;
}

int trust_check_ca(struct slice octets, struct slice anchors, int64_t now, struct buf *out,
                   struct trust_item *item, struct fault *f)
{
    STACK_OF(X509) *all = NULL, *known = NULL;
    struct buf certs;
    int rc = trust_read_certs(octets, &certs, f);

    item->entries = 0;
    item->next_update = 0;
    if (rc == 0 && (all = open_all(buf_slice(&certs), f)) == NULL)
        rc = -(int)f->code;
    if (rc == 0 && (known = open_all(anchors, f)) == NULL)
        rc = -(int)f->code;
    if (rc == 0)
        rc = take_believed(buf_slice(&certs), all, known, now, out, item, f);
    item->there = rc == 0;
    sk_X509_pop_free(all, X509_free);
    sk_X509_pop_free(known, X509_free);
    buf_free(&certs);
    return rc;
}
