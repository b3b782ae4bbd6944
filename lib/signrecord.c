#include "lib/signrecord.h"

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
