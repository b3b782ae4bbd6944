#include "lib/crl.h"

#include <string.h>

#include "lib/der.h"
#include "lib/ext.h"
#include "lib/oid.h"

/* Entries come by the million: everything in one is shorter than 128 octets, so that all lengths
 * are one octet, and it is written where it stays. */

/* 5.3.1 */
static uint8_t *write_reason(uint8_t *at, uint8_t reason)
{
    memcpy(at, crl_reason_front + 2, CRL_REASON_FRONT - 2);
    at[CRL_REASON_FRONT - 2] = reason;
    return at + CRL_REASON_FRONT - 1;
}

/* 5.3.2 */
static uint8_t *write_invalidity(uint8_t *at, int64_t t, bool *failed)
{
    static const uint8_t front[] = {DER_SEQUENCE, 24,   DER_OID,          3, 0x55,
                                    0x1d,         0x18, DER_OCTET_STRING, 17};
    size_t n;

    memcpy(at, front, sizeof(front));
    n = der_generalized_time_write(t, at + sizeof(front));
    *failed = *failed || n == 0;
    return at + sizeof(front) + n;
}

/* 4.1.2.2 of certificates: positive, no leading zeros but the one that a high bit needs. */
static uint8_t *write_serial(uint8_t *at, const uint8_t *serial, size_t n)
{
    size_t zero;

    while (n > 0 && serial[0] == 0) {
        serial++;
        n--;
    }
    zero = n == 0 || (serial[0] & 0x80) != 0 ? 1 : 0;
    at[0] = DER_INTEGER;
    at[1] = (uint8_t)(n + zero);
    at[2] = 0;
    memcpy(at + 2 + zero, serial, n);
    return at + 2 + zero + n;
}

void crl_entry_put(struct buf *b, const struct crl_entry *e)
{
    uint8_t *const begin = buf_grow(b, CRL_ENTRY_MAX), *at, *extensions;
    bool failed = false;
    size_t n;

    if (begin == NULL)
        return;
    at = write_serial(begin + 2, e->serial, e->serial_len);
    n = der_time_write(e->revoked, at);
    failed = n == 0;
    at += n;
    extensions = at;
    /* 5.3.1: unspecified is never written. */
    if (e->reason != 0)
        at = write_reason(at + 2, e->reason);
    if (e->invalidity != 0)
        at = write_invalidity(at == extensions ? at + 2 : at, e->invalidity, &failed);
    if (at > extensions) {
        extensions[0] = DER_SEQUENCE;
        extensions[1] = (uint8_t)(at - extensions - 2);
    }
    begin[0] = DER_SEQUENCE;
    begin[1] = (uint8_t)(at - begin - 2);
    b->n -= CRL_ENTRY_MAX - (size_t)(at - begin);
    b->failed = failed;
}

static void put_front(struct buf *b, const struct crl_spec *s, uint64_t entries)
{
    der_put_u64(b, 1); /* version 2 (5.1.2.1) */
    sig_alg_put(b, s->alg);
    buf_put_slice(b, s->issuer);
    der_put_time(b, s->this_update);
    der_put_time(b, s->next_update);
    if (entries > 0)
        der_put_header(b, DER_SEQUENCE, entries);
}

void crl_head_put(struct buf *b, const struct crl_spec *s, uint64_t entries)
{
    struct buf front, tail;

    buf_init(&front, CRL_SURROUND_MAX);
    buf_init(&tail, CRL_SURROUND_MAX);
    put_front(&front, s, entries);
    crl_tail_put(&tail, s);
    der_put_header(b, DER_SEQUENCE, front.n + entries + tail.n);
    buf_put_slice(b, buf_slice(&front));
    /* The reader takes lengths of 4 octets at most. */
    if (buf_failed(&front) || buf_failed(&tail) || entries > UINT32_MAX - 65536)
        b->failed = true;
    buf_free(&front);
    buf_free(&tail);
}

static void put_authority_key_id(struct buf *b, const struct crl_spec *s)
{
    struct ext_mark m = ext_open(b, oid_authority_key_id, false);
    struct der_mark seq = der_open(b, DER_SEQUENCE);

    der_put(b, DER_CONTEXT(0), slice_of(s->authority_key_id, sizeof(s->authority_key_id)));
    der_close(b, seq);
    ext_close(b, m);
}

static void put_number(struct buf *b, struct slice oid, bool critical, uint64_t number)
{
    struct ext_mark m = ext_open(b, oid, critical);

    der_put_u64(b, number);
    ext_close(b, m);
}

static void put_value(struct buf *b, struct slice oid, bool critical, struct slice value)
{
    struct ext_mark m = ext_open(b, oid, critical);

    buf_put_slice(b, value);
    ext_close(b, m);
}

void crl_tail_put(struct buf *b, const struct crl_spec *s)
{
    struct der_mark tagged = der_open(b, DER_CONTEXT_CONSTRUCTED(0));
    struct der_mark seq = der_open(b, DER_SEQUENCE);

    put_authority_key_id(b, s);
    put_number(b, oid_crl_number, false, s->number);
    if (s->delta)
        put_number(b, oid_delta_crl_indicator, true, s->base);
    if (s->idp.n > 0)
        put_value(b, oid_issuing_distribution_point, true, s->idp);
    if (s->freshest.n > 0)
        put_value(b, oid_freshest_crl, false, s->freshest);
    der_close(b, seq);
    der_close(b, tagged);
}

void crl_signature_put(struct buf *b, enum sig_alg alg, struct slice signature)
{
    sig_alg_put(b, alg);
    der_put_bit_octets(b, signature);
}

void crl_outer_put(struct buf *b, uint64_t tbs, enum sig_alg alg, struct slice signature)
{
    struct buf behind;

    buf_init(&behind, CRL_SURROUND_MAX);
    crl_signature_put(&behind, alg, signature);
    der_put_header(b, DER_SEQUENCE, tbs + behind.n);
    if (buf_failed(&behind))
        b->failed = true;
    buf_free(&behind);
}

/* 5.3, 5.3.1 */
const uint8_t crl_reason_front[CRL_REASON_FRONT] = {
    DER_SEQUENCE, 12, DER_SEQUENCE,     10, DER_OID,        3, 0x55,
    0x1d,         21, DER_OCTET_STRING, 3,  DER_ENUMERATED, 1,
};

const char *crl_reason_name(uint8_t reason)
{
    static const char *const names[] = {
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", NULL,
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise",
    };

    return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : NULL;
}
