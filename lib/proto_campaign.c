#include "lib/proto_campaign.h"

#include <string.h>

void campaign_info_put(struct buf *b, const struct campaign_info *c)
{
    wire_put_text(b, c->name);
    wire_put_text(b, c->profile);
    wire_put_text(b, c->owner);
    wire_put_text(b, c->issuer);
    wire_put_text(b, c->key_type);
    wire_put_text(b, c->algorithm);
    wire_put_u32(b, c->count);
    wire_put_u32(b, c->rate);
    wire_put_i64(b, c->per);
    wire_put_i64(b, c->created);
    wire_put_i64(b, c->start);
    wire_put_i64(b, c->paused);
    wire_put_i64(b, c->end);
    wire_put_u8(b, c->state);
    wire_put_text(b, c->by);
    wire_put_text(b, c->reason);
}

void campaign_info_get(struct wire_in *w, struct campaign_info *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_text(w, out->name, sizeof(out->name));
    wire_get_text(w, out->profile, sizeof(out->profile));
    wire_get_text(w, out->owner, sizeof(out->owner));
    wire_get_text(w, out->issuer, sizeof(out->issuer));
    wire_get_text(w, out->key_type, sizeof(out->key_type));
    wire_get_text(w, out->algorithm, sizeof(out->algorithm));
    out->count = wire_get_u32(w);
    out->rate = wire_get_u32(w);
    out->per = wire_get_i64(w);
    out->created = wire_get_i64(w);
    out->start = wire_get_i64(w);
    out->paused = wire_get_i64(w);
    out->end = wire_get_i64(w);
    out->state = wire_get_u8(w);
    wire_get_text(w, out->by, sizeof(out->by));
    wire_get_text(w, out->reason, sizeof(out->reason));
}

void campaign_count_put(struct buf *b, const struct campaign_count *c)
{
    campaign_info_put(b, &c->of);
    wire_put_u8(b, c->further);
    wire_put_fixed(b, c->after, sizeof(c->after));
}

int campaign_count_get(struct slice body, struct campaign_count *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    campaign_info_get(&w, &out->of);
    out->further = wire_get_flag(&w);
    wire_get_fixed(&w, out->after, sizeof(out->after));
    return wire_in_done(&w) ? 0 : -1;
}

void campaign_counted_put(struct buf *b, const struct campaign_counted *c)
{
    wire_put_u8(b, c->more);
    wire_put_fixed(b, c->at, sizeof(c->at));
    wire_put_u64(b, c->renewed);
    wire_put_u64(b, c->in_vain);
    wire_put_u64(b, c->pulled);
    wire_put_u64(b, c->late);
    wire_put_u64(b, c->blocked);
    wire_put_u64(b, c->to_come);
}

int campaign_counted_get(struct slice body, struct campaign_counted *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    out->more = wire_get_flag(&w);
    wire_get_fixed(&w, out->at, sizeof(out->at));
    out->renewed = wire_get_u64(&w);
    out->in_vain = wire_get_u64(&w);
    out->pulled = wire_get_u64(&w);
    out->late = wire_get_u64(&w);
    out->blocked = wire_get_u64(&w);
    out->to_come = wire_get_u64(&w);
    return wire_in_done(&w) ? 0 : -1;
}
