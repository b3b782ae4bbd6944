/* OCSPResponse (RFC 6960 4.2.1), written. */
#include "lib/der.h"
#include "lib/ocsp_inner.h"
#include "lib/oid.h"

static const struct status_row {
    const char *name;
    uint8_t der[5]; /* OCSPResponse of an error: the status alone */
} statuses[] = {
    [OCSP_SUCCESSFUL] = {"successful", {0}},
    [OCSP_MALFORMED_REQUEST] = {"malformedRequest", {0x30, 3, 0x0a, 1, 1}},
    [OCSP_INTERNAL_ERROR] = {"internalError", {0x30, 3, 0x0a, 1, 2}},
    [OCSP_TRY_LATER] = {"tryLater", {0x30, 3, 0x0a, 1, 3}},
    [OCSP_SIG_REQUIRED] = {"sigRequired", {0x30, 3, 0x0a, 1, 5}},
    [OCSP_UNAUTHORIZED] = {"unauthorized", {0x30, 3, 0x0a, 1, 6}},
};

const char *ocsp_status_name(enum ocsp_status s)
{
    return statuses[s].name;
}

struct slice ocsp_error(enum ocsp_status s)
{
    return slice_of(statuses[s].der, sizeof(statuses[s].der));
}

const char *ocsp_cert_status_name(enum ocsp_cert_status s)
{
    static const char *const names[] = {"good", "revoked", "unknown"};

    return names[s];
}

static struct der_mark open_extension(struct buf *b, struct slice oid)
{
    struct der_mark e = der_open(b, DER_SEQUENCE);

    der_put_oid(b, oid);
    return e;
}

void ocsp_nonce_put(struct buf *b, unsigned n, struct slice nonce)
{
    struct der_mark wrapped, list, e, value;

    if (nonce.n == 0)
        return;
    wrapped = der_open(b, (uint8_t)DER_CONTEXT_CONSTRUCTED(n));
    list = der_open(b, DER_SEQUENCE);
    e = open_extension(b, oid_ocsp_nonce);
    value = der_open(b, DER_OCTET_STRING);
    der_put(b, DER_OCTET_STRING, nonce);
    der_close(b, value);
    der_close(b, e);
    der_close(b, list);
    der_close(b, wrapped);
}

/* 4.4.4 */
static void put_archive_cutoff(struct buf *b, int64_t cutoff)
{
    struct der_mark wrapped = der_open(b, DER_CONTEXT_CONSTRUCTED(1));
    struct der_mark list = der_open(b, DER_SEQUENCE);
    struct der_mark e = open_extension(b, oid_ocsp_archive_cutoff);
    struct der_mark value = der_open(b, DER_OCTET_STRING);

    der_put_generalized_time(b, cutoff);
    der_close(b, value);
    der_close(b, e);
    der_close(b, list);
    der_close(b, wrapped);
}

static void put_status(struct buf *b, const struct ocsp_single *s)
{
    struct der_mark revoked, reason;

    if (s->status != OCSP_REVOKED) {
        der_put(b, s->status == OCSP_GOOD ? DER_CONTEXT(0) : DER_CONTEXT(2), SLICE_NONE);
        return;
    }
    revoked = der_open(b, DER_CONTEXT_CONSTRUCTED(1));
    der_put_generalized_time(b, s->revoked_at);
    if (s->reason != 0) {
        reason = der_open(b, DER_CONTEXT_CONSTRUCTED(0));
        der_put(b, DER_ENUMERATED, slice_of(&s->reason, 1));
        der_close(b, reason);
    }
    der_close(b, revoked);
}

static void put_single(struct buf *b, const struct ocsp_single *s)
{
    struct der_mark single = der_open(b, DER_SEQUENCE), next;

    buf_put_slice(b, s->cert_id);
    put_status(b, s);
    der_put_generalized_time(b, s->this_update);
    if (s->next_update != 0) {
        next = der_open(b, DER_CONTEXT_CONSTRUCTED(0));
        der_put_generalized_time(b, s->next_update);
        der_close(b, next);
    }
    if (s->archive_cutoff != 0)
        put_archive_cutoff(b, s->archive_cutoff);
    der_close(b, single);
}

void ocsp_data_put(struct buf *b, const struct ocsp_data *d)
{
    struct der_mark data = der_open(b, DER_SEQUENCE), responder, list;

    responder = der_open(b, DER_CONTEXT_CONSTRUCTED(2));
    der_put(b, DER_OCTET_STRING, slice_of(d->key_id, sizeof(d->key_id)));
    der_close(b, responder);
    der_put_generalized_time(b, d->produced_at);
    list = der_open(b, DER_SEQUENCE);
    for (size_t i = 0; i < d->n; i++)
        put_single(b, &d->single[i]);
    der_close(b, list);
    ocsp_nonce_put(b, 1, d->nonce);
    der_close(b, data);
}

void ocsp_signed_put(struct buf *b, struct slice data, enum sig_alg alg, struct slice signature)
{
    buf_put_slice(b, data);
    sig_alg_put(b, alg);
    der_put_bit_octets(b, signature);
}

struct ocsp_response_mark ocsp_response_open(struct buf *b)
{
    static const uint8_t successful = OCSP_SUCCESSFUL;
    struct ocsp_response_mark m;

    m.response = der_open(b, DER_SEQUENCE).at;
    der_put(b, DER_ENUMERATED, slice_of(&successful, 1));
    m.wrapped = der_open(b, DER_CONTEXT_CONSTRUCTED(0)).at;
    m.typed = der_open(b, DER_SEQUENCE).at;
    der_put_oid(b, oid_ocsp_basic);
    m.octets = der_open(b, DER_OCTET_STRING).at;
    m.basic = der_open(b, DER_SEQUENCE).at;
    return m;
}

void ocsp_response_close(struct buf *b, struct ocsp_response_mark m, struct slice certificate)
{
    if (certificate.n > 0) {
        struct der_mark certs = der_open(b, DER_CONTEXT_CONSTRUCTED(0));

        der_put(b, DER_SEQUENCE, certificate);
        der_close(b, certs);
    }
    der_close(b, (struct der_mark){m.basic});
    der_close(b, (struct der_mark){m.octets});
    der_close(b, (struct der_mark){m.typed});
    der_close(b, (struct der_mark){m.wrapped});
    der_close(b, (struct der_mark){m.response});
}

void ocsp_response_put(struct buf *b, struct slice signed_part, struct slice certificate)
{
    struct ocsp_response_mark m = ocsp_response_open(b);

    buf_put_slice(b, signed_part);
    ocsp_response_close(b, m, certificate);
}
