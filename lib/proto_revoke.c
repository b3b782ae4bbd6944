/* Messages that revoke, put on hold and release, and about what is blocked. */
#include "lib/proto.h"

#include <string.h>

void revoke_request_put(struct buf *b, const struct revoke_request *r)
{
    wire_put_u8(b, r->release);
    wire_put_u8(b, r->block);
    wire_put_u8(b, r->reason);
    wire_put_i64(b, r->invalidity);
    wire_put_u8(b, r->block_identity);
    wire_put_u32(b, r->n);
    for (uint32_t i = 0; i < r->n; i++)
        wire_put_fixed(b, r->serial[i], SERIAL_LEN);
}

int revoke_request_get(struct slice body, struct revoke_request *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->release = wire_get_flag(&w);
    out->block = wire_get_flag(&w);
    out->reason = wire_get_u8(&w);
    out->invalidity = wire_get_i64(&w);
    out->block_identity = wire_get_flag(&w);
    out->n = wire_get_count(&w, REVOKE_MAX, SERIAL_LEN);
    for (uint32_t i = 0; i < out->n; i++)
        wire_get_fixed(&w, out->serial[i], SERIAL_LEN);
    return wire_in_done(&w) && out->n > 0 && !(out->release && out->block) ? 0 : -1;
}

void revoke_outcome_put(struct buf *b, const struct revoke_outcome *o)
{
    wire_put_u8(b, o->code);
    wire_put_text(b, o->rule);
    wire_put_text(b, o->text);
}

void revoke_outcome_get(struct wire_in *w, struct revoke_outcome *out)
{
    memset(out, 0, sizeof(*out));
    out->code = wire_get_u8(w);
    wire_get_text(w, out->rule, sizeof(out->rule));
    wire_get_text(w, out->text, sizeof(out->text));
    if (out->code > FAULT_CODE_MAX)
        w->failed = true;
}

void block_query_put(struct buf *b, const struct block_query *q)
{
    wire_put_u8(b, q->further);
    wire_put_u8(b, q->identity);
    wire_put_fixed(b, q->id, sizeof(q->id));
}

int block_query_get(struct slice body, struct block_query *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    out->further = wire_get_flag(&w);
    out->identity = wire_get_flag(&w);
    wire_get_fixed(&w, out->id, sizeof(out->id));
    return wire_in_done(&w) ? 0 : -1;
}

void block_info_put(struct buf *b, const struct block_info *i)
{
    wire_put_u8(b, i->identity);
    wire_put_fixed(b, i->id, sizeof(i->id));
    cert_info_put(b, &i->by);
}

void block_info_get(struct wire_in *w, struct block_info *out)
{
    out->identity = wire_get_flag(w);
    wire_get_fixed(w, out->id, sizeof(out->id));
    cert_info_get(w, &out->by);
}

void unblock_put(struct buf *b, const uint8_t identity[BLOCK_IDENTITY])
{
    wire_put_fixed(b, identity, BLOCK_IDENTITY);
}

int unblock_get(struct slice body, uint8_t identity[BLOCK_IDENTITY])
{
    struct wire_in w;

    wire_in_init(&w, body);
    wire_get_fixed(&w, identity, BLOCK_IDENTITY);
    return wire_in_done(&w) ? 0 : -1;
}
