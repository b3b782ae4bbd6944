/* OCSPResponse (RFC 6960 4.2.1), read as a client. */
#include <string.h>

#include "lib/der.h"
#include "lib/ocsp_inner.h"
#include "lib/oid.h"

static int get_status(struct slice *in, enum ocsp_status *out)
{
    struct slice v;

    *out = OCSP_INTERNAL_ERROR;
    if (der_get(in, DER_ENUMERATED, &v) < 0 || v.n != 1 || v.p[0] > OCSP_UNAUTHORIZED ||
        v.p[0] == 4)
        return -1;
    *out = (enum ocsp_status)v.p[0];
    return 0;
}

/* GeneralizedTime; fractions are not written (4.2.2.1 follows RFC 5280). */
static int get_generalized(struct slice *in, int64_t *out)
{
    *out = 0;
    return der_peek(*in, DER_GENERALIZED_TIME) ? der_get_time(in, out) : -1;
}

static int get_revoked(struct slice info, struct ocsp_single *out)
{
    struct slice wrapped, reason;

    if (get_generalized(&info, &out->revoked_at) < 0)
        return -1;
    if (der_end(info))
        return 0;
    if (der_get(&info, DER_CONTEXT_CONSTRUCTED(0), &wrapped) < 0 || !der_end(info) ||
        der_get(&wrapped, DER_ENUMERATED, &reason) < 0 || !der_end(wrapped) || reason.n != 1)
        return -1;
    out->reason = reason.p[0];
    return 0;
}

static int get_cert_status(struct slice *in, struct ocsp_single *out)
{
    struct slice contents;
    uint8_t tag;

    if (der_get_any(in, &tag, &contents, NULL) < 0)
        return -1;
    switch (tag) {
    case DER_CONTEXT(0):
        out->status = OCSP_GOOD;
        return der_end(contents) ? 0 : -1;
    case DER_CONTEXT_CONSTRUCTED(1):
        out->status = OCSP_REVOKED;
        return get_revoked(contents, out);
    case DER_CONTEXT(2):
        out->status = OCSP_UNKNOWN;
        return der_end(contents) ? 0 : -1;
    default:
        return -1;
    }
}

static int take_single_extension(void *arg, const struct cert_extension *e, struct fault *f)
{
    struct ocsp_single *out = arg;
    struct slice value = e->value;

    if (!slice_eq(e->oid, oid_ocsp_archive_cutoff))
        return 1;
    if (get_generalized(&value, &out->archive_cutoff) < 0 || !der_end(value))
        return ocsp_malformed(f, "archiveCutoff");
    return 0;
}

static int get_single(struct slice *in, struct ocsp_cert_id *id, struct ocsp_single *out,
                      struct fault *f)
{
    struct slice seq, next;

    memset(out, 0, sizeof(*out));
    if (der_get(in, DER_SEQUENCE, &seq) < 0 || ocsp_cert_id_get(&seq, id) < 0)
        return ocsp_malformed(f, "a CertID");
    out->cert_id = id->der;
    if (get_cert_status(&seq, out) < 0)
        return ocsp_malformed(f, "certStatus");
    if (get_generalized(&seq, &out->this_update) < 0)
        return ocsp_malformed(f, "thisUpdate");
    if (der_peek(seq, DER_CONTEXT_CONSTRUCTED(0)) &&
        (der_get(&seq, DER_CONTEXT_CONSTRUCTED(0), &next) < 0 ||
         get_generalized(&next, &out->next_update) < 0 || !der_end(next)))
        return ocsp_malformed(f, "nextUpdate");
    if (ocsp_extensions(&seq, 1, take_single_extension, out, f) < 0)
        return -(int)f->code;
    return der_end(seq) ? 0 : ocsp_malformed(f, "an answer for one certificate");
}

static int get_singles(struct slice list, struct ocsp_response *out, struct fault *f)
{
    while (!der_end(list)) {
        if (out->n == OCSP_CERTS_MAX)
            return fault_set(f, FAULT_TOO_LARGE, "ocsp.certs",
                             "OCSP: at most %d certificates in a response", OCSP_CERTS_MAX);
        if (get_single(&list, &out->id[out->n], &out->single[out->n], f) < 0)
            return -(int)f->code;
        out->n++;
    }
    return 0;
}

static int get_responder(struct slice *in, struct ocsp_response *out)
{
    struct slice wrapped;

    if (der_peek(*in, DER_CONTEXT_CONSTRUCTED(1)))
        return der_get(in, DER_CONTEXT_CONSTRUCTED(1), &wrapped) == 0 &&
                       der_get_whole(&wrapped, DER_SEQUENCE, &out->by_name) == 0 && der_end(wrapped)
                   ? 0
                   : -1;
    return der_get(in, DER_CONTEXT_CONSTRUCTED(2), &wrapped) == 0 &&
                   der_get(&wrapped, DER_OCTET_STRING, &out->by_key) == 0 && der_end(wrapped) &&
                   out->by_key.n == 20
               ? 0
               : -1;
}

static int take_response_extension(void *arg, const struct cert_extension *e, struct fault *f)
{
    struct ocsp_response *out = arg;

    return slice_eq(e->oid, oid_ocsp_nonce) ? ocsp_nonce_get(e->value, &out->nonce, f) : 1;
}

static int get_data(struct slice whole, struct ocsp_response *out, struct fault *f)
{
    struct slice data, list;

    /* version is DEFAULT v1, so it is not written (X.690 11.5). */
    if (der_get(&whole, DER_SEQUENCE, &data) < 0 || get_responder(&data, out) < 0)
        return ocsp_malformed(f, "responderID");
    if (get_generalized(&data, &out->produced_at) < 0)
        return ocsp_malformed(f, "producedAt");
    if (der_get(&data, DER_SEQUENCE, &list) < 0)
        return ocsp_malformed(f, "responses");
    if (get_singles(list, out, f) < 0 ||
        ocsp_extensions(&data, 1, take_response_extension, out, f) < 0)
        return -(int)f->code;
    return der_end(data) ? 0 : ocsp_malformed(f, "octets behind the response data");
}

static int get_certs(struct slice *in, struct ocsp_response *out)
{
    struct slice wrapped, list, one;

    if (der_end(*in))
        return 0;
    if (der_get(in, DER_CONTEXT_CONSTRUCTED(0), &wrapped) < 0 || !der_end(*in) ||
        der_get(&wrapped, DER_SEQUENCE, &list) < 0 || !der_end(wrapped))
        return -1;
    while (!der_end(list)) {
        if (der_get_whole(&list, DER_SEQUENCE, &one) < 0)
            return -1;
        if (out->n_certs < OCSP_CHAIN_MAX)
            out->cert[out->n_certs++] = one;
    }
    return 0;
}

static int get_basic(struct slice octets, struct ocsp_response *out, struct fault *f)
{
    struct slice seq, alg;

    if (der_get(&octets, DER_SEQUENCE, &seq) < 0 || !der_end(octets) ||
        der_get_whole(&seq, DER_SEQUENCE, &out->data) < 0 ||
        der_get_whole(&seq, DER_SEQUENCE, &alg) < 0 ||
        der_get_bit_octets(&seq, &out->signature) < 0 || get_certs(&seq, out) < 0)
        return ocsp_malformed(f, "not a basic response");
    if (sig_alg_get(&alg, &out->alg) < 0)
        out->alg = SIG_NONE;
    return get_data(out->data, out, f);
}

static int get_response(struct slice der, struct ocsp_response *out, struct fault *f)
{
    struct slice seq, wrapped, typed, oid, octets;

    if (der_get(&der, DER_SEQUENCE, &seq) < 0 || !der_end(der) ||
        get_status(&seq, &out->status) < 0)
        return ocsp_malformed(f, "not a response");
    if (out->status != OCSP_SUCCESSFUL)
        return der_end(seq) ? 0 : ocsp_malformed(f, "an error with more behind it");
    if (der_get(&seq, DER_CONTEXT_CONSTRUCTED(0), &wrapped) < 0 || !der_end(seq) ||
        der_get(&wrapped, DER_SEQUENCE, &typed) < 0 || !der_end(wrapped) ||
        der_get_oid(&typed, &oid) < 0 || der_get(&typed, DER_OCTET_STRING, &octets) < 0 ||
        !der_end(typed))
        return ocsp_malformed(f, "responseBytes");
    if (!slice_eq(oid, oid_ocsp_basic))
        return fault_set(f, FAULT_MALFORMED, "ocsp.type", "OCSP: not a basic response");
    return get_basic(octets, out, f);
}

int ocsp_response_parse(struct slice der, struct ocsp_response *out, struct fault *f)
{
    int rc;

    memset(out, 0, sizeof(*out));
    out->status = OCSP_INTERNAL_ERROR;
    if (der.n > OCSP_RESPONSE_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "ocsp.size", "OCSP: at most %d octets a response",
                         OCSP_RESPONSE_MAX);
    rc = get_response(der, out, f);
    if (rc < 0) {
        memset(out, 0, sizeof(*out));
        out->status = OCSP_INTERNAL_ERROR;
    }
    return rc;
}
