#include "scan/served.h"

#include <string.h>

#include "lib/wire.h"

#define CERTIFICATE 11
#define CERTIFICATE_REQUEST 13
#define CERTIFICATE_STATUS 22
#define STATUS_REQUEST 5           /* extension: RFC 6066 8 */
#define CERTIFICATE_AUTHORITIES 47 /* extension: RFC 8446 4.2.4 */
#define CLIENT_CAS_MAX 65535

void served_init(struct served *s)
{
    memset(s, 0, sizeof(*s));
    buf_init(&s->octets, SCAN_CHAIN_OCTETS + SCAN_OCSP_MAX);
}

void served_free(struct served *s)
{
    buf_free(&s->octets);
}

void served_reset(struct served *s)
{
    struct buf kept = s->octets;

    buf_reset(&kept);
    memset(s, 0, sizeof(*s));
    s->octets = kept;
}

/* A vector of TLS whose length has so many octets. */
static struct slice vector(struct wire_in *w, size_t length_octets)
{
    size_t n = 0;
    struct slice s;

    for (size_t i = 0; i < length_octets; i++)
        n = n << 8 | wire_get_u8(w);
    if (wire_failed(w) || w->rest.n < n) {
        w->failed = true;
        return SLICE_NONE;
    }
    s = slice_of(w->rest.p, n);
    w->rest.p += n;
    w->rest.n -= n;
    return s;
}

static enum served_fault take_ocsp(struct served *s, struct slice status)
{
    struct wire_in w;
    struct slice response;

    wire_in_init(&w, status);
    if (wire_get_u8(&w) != 1) /* ocsp */
        return SERVED_OK;
    response = vector(&w, 3);
    if (!wire_in_done(&w))
        return SERVED_MALFORMED;
    if (response.n > SCAN_OCSP_MAX)
        return SERVED_TOO_LARGE;
    if (s->has_ocsp)
        return SERVED_OK;
    s->has_ocsp = true;
    s->ocsp.at = s->octets.n;
    s->ocsp.n = response.n;
    buf_put_slice(&s->octets, response);
    return buf_failed(&s->octets) ? SERVED_TOO_LARGE : SERVED_OK;
}

/* Of the first certificate only: the response is about what the server is. */
static enum served_fault take_entry_extensions(struct served *s, struct slice extensions)
{
    enum served_fault fault = SERVED_OK;
    struct wire_in w;

    wire_in_init(&w, extensions);
    while (w.rest.n > 0 && !wire_failed(&w) && fault == SERVED_OK) {
        uint16_t type = wire_get_u16(&w);
        struct slice value = vector(&w, 2);

        if (!wire_failed(&w) && type == STATUS_REQUEST && s->n_chain == 1)
            fault = take_ocsp(s, value);
    }
    return wire_failed(&w) ? SERVED_MALFORMED : fault;
}

static enum served_fault take_certificates(struct served *s, struct wire_in *w, bool tls13)
{
    struct wire_in list;
    size_t octets = 0;

    if (tls13)
        (void)vector(w, 1); /* context */
    wire_in_init(&list, vector(w, 3));
    if (!wire_in_done(w))
        return SERVED_MALFORMED;
    s->has_chain = true;
    while (list.rest.n > 0) {
        struct slice der = vector(&list, 3);
        enum served_fault fault;

        octets += der.n;
        if (wire_failed(&list))
            return SERVED_MALFORMED;
        if (s->n_chain == SCAN_CHAIN_MAX || octets > SCAN_CHAIN_OCTETS)
            return SERVED_TOO_LARGE;
        s->chain[s->n_chain].at = s->octets.n;
        s->chain[s->n_chain++].n = der.n;
        buf_put_slice(&s->octets, der);
        fault = tls13 ? take_entry_extensions(s, vector(&list, 2)) : SERVED_OK;
        if (fault != SERVED_OK || buf_failed(&s->octets))
            return fault != SERVED_OK ? fault : SERVED_TOO_LARGE;
        if (wire_failed(&list))
            return SERVED_MALFORMED;
    }
    return SERVED_OK;
}

static enum served_fault count_names(struct served *s, struct slice names)
{
    struct wire_in w;

    wire_in_init(&w, names);
    while (w.rest.n > 0 && s->client_cas < CLIENT_CAS_MAX) {
        (void)vector(&w, 2);
        if (wire_failed(&w))
            return SERVED_MALFORMED;
        s->client_cas++;
    }
    return SERVED_OK;
}

static enum served_fault take_request(struct served *s, struct wire_in *w, bool tls13, bool tls12)
{
    enum served_fault fault = SERVED_OK;
    struct wire_in extensions;

    s->demands_client = true;
    s->client_cas = 0;
    (void)vector(w, 1); /* context, or types */
    if (!tls13) {
        if (tls12)
            (void)vector(w, 2); /* signature algorithms */
        return count_names(s, vector(w, 2));
    }
    wire_in_init(&extensions, vector(w, 2));
    while (extensions.rest.n > 0 && !wire_failed(&extensions) && fault == SERVED_OK) {
        uint16_t type = wire_get_u16(&extensions);
        struct wire_in value;

        wire_in_init(&value, vector(&extensions, 2));
        if (type == CERTIFICATE_AUTHORITIES && !wire_failed(&extensions))
            fault = count_names(s, vector(&value, 2));
    }
    return wire_failed(&extensions) ? SERVED_MALFORMED : fault;
}

enum served_fault served_take(struct served *s, struct slice message, enum tls_version version)
{
    bool tls13 = version == TLS_1_3;
    enum served_fault fault = SERVED_OK;
    struct wire_in w;
    uint8_t type;

    wire_in_init(&w, message);
    type = wire_get_u8(&w);
    if (type != CERTIFICATE && type != CERTIFICATE_REQUEST && type != CERTIFICATE_STATUS)
        return SERVED_OK;
    wire_in_init(&w, vector(&w, 3));
    if (type == CERTIFICATE && !s->has_chain)
        fault = take_certificates(s, &w, tls13);
    else if (type == CERTIFICATE_REQUEST)
        fault = take_request(s, &w, tls13, version == TLS_1_2);
    else if (type == CERTIFICATE_STATUS)
        fault = take_ocsp(s, w.rest);
    return fault == SERVED_OK && wire_failed(&w) ? SERVED_MALFORMED : fault;
}

void served_point(const struct served *s, struct scan_result *out)
{
    out->n_chain = s->n_chain;
    for (size_t i = 0; i < s->n_chain; i++)
        out->chain[i] = slice_of(s->octets.p + s->chain[i].at, s->chain[i].n);
    out->ocsp = s->has_ocsp ? slice_of(s->octets.p + s->ocsp.at, s->ocsp.n) : SLICE_NONE;
    out->demands_client = s->demands_client;
    out->client_cas = s->client_cas;
}
