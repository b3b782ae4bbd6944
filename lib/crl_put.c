#include "lib/crl.h"

#include "lib/der.h"
#include "lib/ext.h"
#include "lib/oid.h"

/* Entries come by the million: everything in one is shorter than 128 octets, so that all lengths
 * are one octet and known before anything is written. */
#define REASON_LEN 12
#define INVALIDITY_LEN 26
#define GENERALIZED_FROM INT64_C(2524608000) /* 2050 (4.1.2.5) */
#define UTC_FROM INT64_C(-631152000)         /* 1950 */

static uint8_t time_len(int64_t t)
{
    return t >= UTC_FROM && t < GENERALIZED_FROM ? 15 : 17;
}

/* 5.3.1 */
static void put_reason(struct buf *b, uint8_t reason)
{
    const uint8_t element[REASON_LEN] = {DER_SEQUENCE,     10, DER_OID,        3, 0x55,  0x1d, 0x15,
                                         DER_OCTET_STRING, 3,  DER_ENUMERATED, 1, reason};

    buf_put(b, element, sizeof(element));
}

/* 5.3.2 */
static void put_invalidity(struct buf *b, int64_t t)
{
    struct ext_mark m = ext_open(b, oid_invalidity_date, false);

    der_put_generalized_time(b, t);
    ext_close(b, m);
}

static void put_entry_head(struct buf *b, struct slice serial, uint8_t behind)
{
    uint8_t head[5 + CRL_SERIAL_MAX] = {DER_SEQUENCE, 0, DER_INTEGER};
    uint8_t n = 4;

    while (serial.n > 0 && serial.p[0] == 0)
        serial = slice_of(serial.p + 1, serial.n - 1);
    if (serial.n == 0 || (serial.p[0] & 0x80) != 0)
        head[n++] = 0;
    for (size_t i = 0; i < serial.n; i++)
        head[n++] = serial.p[i];
    head[3] = (uint8_t)(n - 4);
    head[1] = (uint8_t)(n - 2 + behind);
    buf_put(b, head, n);
}

void crl_entry_put(struct buf *b, const struct crl_entry *e)
{
    /* 5.3.1: unspecified is never written. */
    uint8_t extensions =
        (uint8_t)((e->reason != 0 ? REASON_LEN : 0) + (e->invalidity != 0 ? INVALIDITY_LEN : 0));
    uint8_t behind = (uint8_t)(time_len(e->revoked) + (extensions > 0 ? 2 + extensions : 0));

    put_entry_head(b, slice_of(e->serial, e->serial_len), behind);
    der_put_time(b, e->revoked);
    if (extensions > 0)
        buf_put(b, (const uint8_t[]){DER_SEQUENCE, extensions}, 2);
    if (e->reason != 0)
        put_reason(b, e->reason);
    if (e->invalidity != 0)
        put_invalidity(b, e->invalidity);
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

void crl_tail_put(struct buf *b, const struct crl_spec *s)
{
    struct der_mark tagged = der_open(b, DER_CONTEXT_CONSTRUCTED(0));
    struct der_mark seq = der_open(b, DER_SEQUENCE);

    put_authority_key_id(b, s);
    put_number(b, oid_crl_number, false, s->number);
    if (s->delta)
        put_number(b, oid_delta_crl_indicator, true, s->base);
    if (s->idp.n > 0) {
        struct ext_mark m = ext_open(b, oid_issuing_distribution_point, true);

        buf_put_slice(b, s->idp);
        ext_close(b, m);
    }
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

const char *crl_reason_name(uint8_t reason)
{
    static const char *const names[] = {
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", NULL,
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise",
    };

    return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : NULL;
}
