#include "est/certs.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pkcs7.h>

#include "lib/der.h"
#include "lib/oid.h"

/* DER of a SET OF has its members in order (X.690 11.6). */
static size_t next_smallest(const struct slice *cert, size_t n, const bool *used)
{
    size_t best = n;

    for (size_t i = 0; i < n; i++)
        if (!used[i] && (best == n || slice_cmp(cert[i], cert[best]) < 0))
            best = i;
    return best;
}

static void put_certificates(struct buf *out, const struct slice *cert, size_t n)
{
    struct der_mark set = der_open(out, DER_CONTEXT_CONSTRUCTED(0));
    bool used[CERTS_MAX] = {false};

    if (n > CERTS_MAX)
        out->failed = true;
    for (size_t done = 0; done < n && !buf_failed(out); done++) {
        size_t i = next_smallest(cert, n, used);

        used[i] = true;
        buf_put_slice(out, cert[i]);
    }
    der_close(out, set);
}

void certs_put(struct buf *out, const struct slice *cert, size_t n)
{
    struct der_mark info = der_open(out, DER_SEQUENCE), content, sd, encapsulated;

    der_put_oid(out, oid_cms_signed_data);
    content = der_open(out, DER_CONTEXT_CONSTRUCTED(0));
    sd = der_open(out, DER_SEQUENCE);
    der_put_u64(out, 1);
    der_put(out, DER_SET, SLICE_NONE);
    encapsulated = der_open(out, DER_SEQUENCE);
    der_put_oid(out, oid_cms_data);
    der_close(out, encapsulated);
    put_certificates(out, cert, n);
    der_put(out, DER_SET, SLICE_NONE);
    der_close(out, sd);
    der_close(out, content);
    der_close(out, info);
}

/* ---- reading ---- */

static int malformed(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "est.certs.der", "not a PKCS#7 message in DER");
}

struct walk {
    certs_each each;
    void *arg;
    size_t n;
};

/* CertificateSet: a Certificate is the only member without a tag of its own (RFC 5652 10.2.2). */
static int read_set(struct slice set, struct walk *w, struct fault *f)
{
    int rc = 0;

    while (rc == 0 && !der_end(set)) {
        struct slice whole;
        uint8_t tag;

        if (der_get_any(&set, &tag, NULL, &whole) != 0)
            return malformed(f);
        if (tag != DER_SEQUENCE)
            continue;
        w->n++;
        rc = w->each(w->arg, whole, f);
    }
    return rc;
}

/* SignedData (RFC 5652 5.1); what is not certificates is only stepped over. */
static int read_signed_data(struct slice sd, struct walk *w, struct fault *f)
{
    struct slice set;
    uint64_t version;
    uint8_t tag;
    int rc = 0;

    if (der_get_u64(&sd, &version) != 0 || der_get(&sd, DER_SET, &set) != 0 ||
        der_get(&sd, DER_SEQUENCE, &set) != 0)
        return malformed(f);
    if (der_peek(sd, DER_CONTEXT_CONSTRUCTED(0)))
        rc = der_get(&sd, DER_CONTEXT_CONSTRUCTED(0), &set) == 0 ? read_set(set, w, f)
                                                                 : malformed(f);
    while (rc == 0 && !der_end(sd))
        rc = der_get_any(&sd, &tag, &set, NULL) == 0 ? 0 : malformed(f);
    return rc;
}

static int read_info(struct slice der, struct walk *w, struct fault *f)
{
    struct slice info, type, content, sd;
    int rc;

    if (der_get(&der, DER_SEQUENCE, &info) != 0 || !der_end(der) || der_get_oid(&info, &type) != 0)
        return malformed(f);
    if (!slice_eq(type, oid_cms_signed_data))
        return fault_set(f, FAULT_MALFORMED, "est.certs.type",
                         "a message of another type than SignedData");
    if (der_get(&info, DER_CONTEXT_CONSTRUCTED(0), &content) != 0 || !der_end(info) ||
        der_get(&content, DER_SEQUENCE, &sd) != 0 || !der_end(content))
        return malformed(f);
    rc = read_signed_data(sd, w, f);
    if (rc == 0 && w->n == 0)
        rc = fault_set(f, FAULT_NOT_FOUND, "est.certs.none", "there is no certificate in it");
    return rc;
}

/* The same in DER; -1: OpenSSL cannot read it either. */
static int to_der(struct buf *b)
{
    const uint8_t *p = b->p;
    PKCS7 *p7 = b->n > LONG_MAX ? NULL : d2i_PKCS7(NULL, &p, (long)b->n);
    uint8_t *der = NULL;
    int n = p7 == NULL || p != b->p + b->n ? -1 : i2d_PKCS7(p7, &der);

    if (n > 0) {
        buf_reset(b);
        buf_put(b, der, (size_t)n);
    }
    OPENSSL_free(der);
    PKCS7_free(p7);
    ERR_clear_error();
    return n > 0 && !buf_failed(b) ? 0 : -1;
}

static int count(void *arg, struct slice cert, struct fault *f)
{
    (void)arg;
    (void)cert;
    (void)f;
    return 0;
}

int certs_walk(struct buf *der, certs_each each, void *arg, struct fault *f)
{
    struct walk first = {count, NULL, 0}, again = {count, NULL, 0}, all = {each, arg, 0};
    int rc = read_info(buf_slice(der), &first, f);

    if (rc == -FAULT_MALFORMED && to_der(der) == 0)
        rc = read_info(buf_slice(der), &again, f);
    return rc == 0 ? read_info(buf_slice(der), &all, f) : rc;
}

static int keep(void *arg, struct slice cert, struct fault *f)
{
    struct certs *all = arg;

    if (all->n == CERTS_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "est.certs.count", "more than %d certificates",
                         CERTS_MAX);
    all->cert[all->n++] = cert;
    return 0;
}

int certs_get(struct buf *der, struct certs *out, struct fault *f)
{
    int rc;

    out->n = 0;
    rc = certs_walk(der, keep, out, f);
    if (rc < 0)
        out->n = 0;
    return rc;
}
