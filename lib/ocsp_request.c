/* OCSPRequest (RFC 6960 4.1.1), read and written. */
#include <string.h>

#include "lib/der.h"
#include "lib/ocsp_inner.h"
#include "lib/oid.h"

/* 4.4.7.1: algorithms that we do not know are passed over, what is not even a list is not. */
static int take_preferred(struct slice value, struct ocsp_request *out, struct fault *f)
{
    struct slice list, one, whole;
    enum sig_alg alg;

    if (der_get(&value, DER_SEQUENCE, &list) < 0 || !der_end(value))
        return ocsp_malformed(f, "preferred signature algorithms");
    while (!der_end(list)) {
        if (der_get(&list, DER_SEQUENCE, &one) < 0 || !der_peek(one, DER_SEQUENCE))
            return ocsp_malformed(f, "a preferred signature algorithm");
        whole = one;
        if (sig_alg_get(&whole, &alg) == 0 && out->n_preferred < OCSP_PREFERRED_MAX)
            out->preferred[out->n_preferred++] = alg;
    }
    return 0;
}

static int take_request_extension(void *arg, const struct cert_extension *e, struct fault *f)
{
    struct ocsp_request *out = arg;

    if (slice_eq(e->oid, oid_ocsp_nonce))
        return ocsp_nonce_get(e->value, &out->nonce, f);
    if (slice_eq(e->oid, oid_ocsp_preferred_algs))
        return take_preferred(e->value, out, f);
    /* 4.4.3: every client must take the basic response, the only one there is. */
    return slice_eq(e->oid, oid_ocsp_acceptable) ? 0 : 1;
}

static int take_single_extension(void *arg, const struct cert_extension *e, struct fault *f)
{
    (void)arg;
    (void)e;
    (void)f;
    return 1;
}

static int get_list(struct slice list, struct ocsp_request *out, struct fault *f)
{
    struct slice one;
    int rc;

    while (!der_end(list)) {
        if (out->n == OCSP_CERTS_MAX)
            return fault_set(f, FAULT_TOO_LARGE, "ocsp.certs",
                             "OCSP: at most %d certificates in a request", OCSP_CERTS_MAX);
        if (der_get(&list, DER_SEQUENCE, &one) < 0 || ocsp_cert_id_get(&one, &out->id[out->n]) < 0)
            return ocsp_malformed(f, "a CertID");
        rc = ocsp_extensions(&one, 0, take_single_extension, NULL, f);
        if (rc < 0)
            return rc;
        if (!der_end(one))
            return ocsp_malformed(f, "a request for one certificate");
        out->n++;
    }
    return out->n > 0
               ? 0
               : fault_set(f, FAULT_MALFORMED, "ocsp.certs", "OCSP: a request for no certificate");
}

/* version DEFAULT v1, written out by some although X.690 11.5 forbids it. */
static int get_version(struct slice *in)
{
    struct slice wrapped;
    uint64_t version;

    if (!der_peek(*in, DER_CONTEXT_CONSTRUCTED(0)))
        return 0;
    return der_get(in, DER_CONTEXT_CONSTRUCTED(0), &wrapped) == 0 &&
                   der_get_u64(&wrapped, &version) == 0 && der_end(wrapped) && version == 0
               ? 0
               : -1;
}

/* [n] EXPLICIT, OPTIONAL, of one element that is not looked into. */
static int pass_over(struct slice *in, uint8_t tag)
{
    struct slice wrapped;

    if (!der_peek(*in, tag))
        return 0;
    return der_get(in, tag, &wrapped) == 0 && der_get_any(&wrapped, NULL, NULL, NULL) == 0 &&
                   der_end(wrapped)
               ? 0
               : -1;
}

static int get_tbs(struct slice tbs, struct ocsp_request *out, struct fault *f)
{
    struct slice list;
    int rc;

    if (get_version(&tbs) < 0)
        return ocsp_malformed(f, "version");
    if (pass_over(&tbs, DER_CONTEXT_CONSTRUCTED(1)) < 0)
        return ocsp_malformed(f, "requestorName");
    if (der_get(&tbs, DER_SEQUENCE, &list) < 0)
        return ocsp_malformed(f, "requestList");
    rc = get_list(list, out, f);
    if (rc == 0)
        rc = ocsp_extensions(&tbs, 2, take_request_extension, out, f);
    if (rc == 0 && !der_end(tbs))
        rc = ocsp_malformed(f, "octets behind the request");
    return rc;
}

int ocsp_request_parse(struct slice der, struct ocsp_request *out, struct fault *f)
{
    struct slice seq, tbs;
    int rc;

    out->n = 0;
    out->n_preferred = 0;
    out->nonce = SLICE_NONE;
    if (der.n > OCSP_REQUEST_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "ocsp.size", "OCSP: at most %d octets a request",
                         OCSP_REQUEST_MAX);
    if (der_get(&der, DER_SEQUENCE, &seq) < 0 || !der_end(der) ||
        der_get(&seq, DER_SEQUENCE, &tbs) < 0 || pass_over(&seq, DER_CONTEXT_CONSTRUCTED(0)) < 0 ||
        !der_end(seq))
        rc = ocsp_malformed(f, "not a request");
    else
        rc = get_tbs(tbs, out, f);
    if (rc < 0) {
        out->n = 0;
        out->n_preferred = 0;
        out->nonce = SLICE_NONE;
    }
    return rc;
}

void ocsp_request_put(struct buf *b, struct slice cert_id, struct slice nonce)
{
    struct der_mark request = der_open(b, DER_SEQUENCE), tbs = der_open(b, DER_SEQUENCE);
    struct der_mark list = der_open(b, DER_SEQUENCE);

    der_put(b, DER_SEQUENCE, cert_id);
    der_close(b, list);
    ocsp_nonce_put(b, 2, nonce);
    der_close(b, tbs);
    der_close(b, request);
}
