#include "ca/enroll/anchors.h"

#include <limits.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <time.h>

#include "lib/buf.h"
#include "lib/cert.h"
#include "lib/der.h"
#include "lib/file.h"
#include "lib/pem.h"

#define FILE_MAX ((size_t)1 << 20)
#define CHAIN_LONGEST 8 /* certificates */

struct anchors {
    const struct conf *conf;
    X509_STORE **store; /* one a label; NULL: it has no anchors */
};

/* ---- loading ---- */

static X509 *read_one(struct slice der)
{
    const unsigned char *p = der.p;

    return der.n > LONG_MAX ? NULL : d2i_X509(NULL, &p, (long)der.n);
}

static int add_pem(X509_STORE *s, const char *path, struct slice text, struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf der;
    size_t n = 0;
    int rc, ok = 1;

    buf_init(&der, CERT_MAX);
    while (ok == 1 && (rc = pem_next(&text, labels, NULL, &der, f)) == 0) {
        X509 *x = read_one(buf_slice(&der));

        ok = x != NULL && X509_STORE_add_cert(s, x) == 1;
        X509_free(x);
        n++;
    }
    buf_free(&der);
    if (ok == 1 && rc == 1 && n > 0)
        return 0;
    return fault_set(f, FAULT_CONFIG, "est.anchors", "%s: is no list of certificates in PEM", path);
}

static int add_file(X509_STORE *s, const char *path, struct fault *f)
{
    struct buf text;
    int rc;

    buf_init(&text, FILE_MAX);
    rc = file_read(path, FILE_MAX, &text, f);
    if (rc == 0)
        rc = add_pem(s, path, buf_slice(&text), f);
    buf_free(&text);
    if (rc != 0)
        f->code = FAULT_CONFIG;
    return rc == 0 ? 0 : -FAULT_CONFIG;
}

static int load_label(const struct conf_est *l, X509_STORE **out, struct fault *f)
{
    if (l->n_anchors == 0)
        return 0;
    *out = X509_STORE_new();
    if (*out == NULL)
        out_of_memory();
    for (size_t i = 0; i < l->n_anchors; i++)
        if (add_file(*out, l->anchors[i], f) != 0)
            return -(int)f->code;
    return 0;
}

int anchors_load(const struct conf *c, struct anchors **out, struct fault *f)
{
    struct anchors *a = xcalloc(1, sizeof(*a));

    *out = NULL;
    a->conf = c;
    a->store = xcalloc(c->n_est + 1, sizeof(X509_STORE *));
    for (size_t i = 0; i < c->n_est; i++)
        if (load_label(&c->est[i], &a->store[i], f) != 0) {
            anchors_free(a);
            return -(int)f->code;
        }
    *out = a;
    return 0;
}

void anchors_free(struct anchors *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < a->conf->n_est; i++)
        X509_STORE_free(a->store[i]);
    free(a->store);
    free(a);
}

/* ---- verifying ---- */

static int deny(struct fault *f, const char *why)
{
    (void)fault_refuse(f, "est.manufacturer", "certificate", slice_str(why),
                       "a certificate below an anchor of this label");
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

/* NULL: it is no chain. */
static STACK_OF(X509) * read_chain(struct slice chain)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    struct slice one;
    bool ok = all != NULL;

    while (ok && chain.n > 0) {
        X509 *x = der_get_whole(&chain, DER_SEQUENCE, &one) == 0 ? read_one(one) : NULL;

        ok = x != NULL && sk_X509_num(all) < CHAIN_LONGEST && sk_X509_push(all, x) > 0;
        if (!ok)
            X509_free(x);
    }
    if (ok && sk_X509_num(all) > 0)
        return all;
    sk_X509_pop_free(all, X509_free);
    return NULL;
}

/* An anchor need not be a root; an IDevID has no purpose that we could ask for. */
static int verify(X509_STORE *s, STACK_OF(X509) * chain, int64_t now, struct fault *f)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int rc = deny(f, "");

    if (ctx != NULL && X509_STORE_CTX_init(ctx, s, sk_X509_value(chain, 0), chain) == 1) {
        X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
        X509_STORE_CTX_set_time(ctx, 0, (time_t)now);
        rc = X509_verify_cert(ctx) == 1
                 ? 0
                 : deny(f, X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    }
    X509_STORE_CTX_free(ctx);
    return rc;
}

static void put_subject(const X509 *x, struct buf *out)
{
    unsigned char *der = NULL;
    int n = i2d_X509_NAME(X509_get_subject_name(x), &der);

    if (n > 0)
        buf_put(out, der, (size_t)n);
    OPENSSL_free(der);
}

int anchors_verify(const struct anchors *a, const struct conf_est *label, struct slice chain,
                   int64_t now, struct buf *subject, struct fault *f)
{
    X509_STORE *s = a->store[label - a->conf->est];
    STACK_OF(X509) *all = s == NULL ? NULL : read_chain(chain);
    int rc;

    if (all == NULL)
        return deny(f, "");
    rc = verify(s, all, now, f);
    if (rc == 0) {
        fault_clear(f);
        put_subject(sk_X509_value(all, 0), subject);
    }
    sk_X509_pop_free(all, X509_free);
    return rc == 0 && buf_failed(subject) ? deny(f, "its subject is too long") : rc;
}
