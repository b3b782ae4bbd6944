#include "lib/signrecord.h"

#include <string.h>

#include "lib/wire.h"

void signrecord_put(struct buf *b, const struct signrecord_entry *e)
{
    wire_put_u64(b, e->number);
    wire_put_fixed(b, e->key, sizeof(e->key));
    wire_put_fixed(b, e->serial, sizeof(e->serial));
    wire_put_fixed(b, e->tbs_hash, sizeof(e->tbs_hash));
}

void signrecord_get(const uint8_t octets[SIGNRECORD_ENTRY], struct signrecord_entry *out)
{
    struct wire_in w;

    wire_in_init(&w, slice_of(octets, SIGNRECORD_ENTRY));
    out->number = wire_get_u64(&w);
    wire_get_fixed(&w, out->key, sizeof(out->key));
    wire_get_fixed(&w, out->serial, sizeof(out->serial));
    wire_get_fixed(&w, out->tbs_hash, sizeof(out->tbs_hash));
}

#define KIND_CRL 1 /* no serial of ours begins like that: their leading bits are 01 */

void signrecord_crl_put(uint32_t scope, uint64_t number, uint8_t serial[SERIAL_LEN])
{
    struct buf b;

    buf_init(&b, SERIAL_LEN);
    wire_put_u32(&b, (uint32_t)KIND_CRL << 24);
    wire_put_u32(&b, scope);
    wire_put_u64(&b, number);
    memcpy(serial, b.p, SERIAL_LEN);
    buf_free(&b);
}

bool signrecord_crl_get(const uint8_t serial[SERIAL_LEN], uint32_t *scope, uint64_t *number)
{
    struct wire_in w;
    bool crl;

    wire_in_init(&w, slice_of(serial, SERIAL_LEN));
    crl = wire_get_u32(&w) == (uint32_t)KIND_CRL << 24;
    *scope = wire_get_u32(&w);
    *number = wire_get_u64(&w);
    return crl;
}
