#include "lib/proto_watch.h"

#include <string.h>

void due_request_put(struct buf *b, const struct due_request *r)
{
    wire_put_text(b, r->channel);
    wire_put_u32(b, r->max);
}

int due_request_get(struct slice body, struct due_request *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->channel, sizeof(out->channel));
    out->max = wire_get_u32(&w);
    return wire_in_done(&w) && out->max >= 1 && out->max <= WATCH_DUE_MAX ? 0 : -1;
}

void due_item_put(struct buf *b, uint32_t tries, const char *ticket, const struct notice *n)
{
    wire_put_u32(b, tries);
    wire_put_text(b, ticket);
    notice_put(b, n);
}

void due_item_get(struct wire_in *w, struct due_item *out)
{
    memset(out, 0, sizeof(*out));
    out->tries = wire_get_u32(w);
    wire_get_text(w, out->ticket, sizeof(out->ticket));
    notice_get(w, &out->notice);
}

void outcome_put(struct buf *b, const struct outcome *o)
{
    wire_put_u64(b, o->number);
    wire_put_text(b, o->channel);
    wire_put_u8(b, (uint8_t)o->kind);
    wire_put_u32(b, o->retry_after);
    wire_put_text(b, o->why);
    wire_put_text(b, o->ticket);
    wire_put_u8(b, o->closed);
}

int outcome_get(struct slice body, struct outcome *out)
{
    struct wire_in w;
    uint8_t kind;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->number = wire_get_u64(&w);
    wire_get_text(&w, out->channel, sizeof(out->channel));
    kind = wire_get_u8(&w);
    out->retry_after = wire_get_u32(&w);
    wire_get_text(&w, out->why, sizeof(out->why));
    wire_get_text(&w, out->ticket, sizeof(out->ticket));
    out->closed = wire_get_flag(&w);
    out->kind = (enum outcome_kind)kind;
    return wire_in_done(&w) && kind >= OUTCOME_DELIVERED && kind <= OUTCOME_REFUSED ? 0 : -1;
}

void notify_channel_put(struct buf *b, const char *channel)
{
    wire_put_text(b, channel);
}

int notify_channel_get(struct slice body, char channel[WATCH_NAME_SIZE])
{
    struct wire_in w;

    wire_in_init(&w, body);
    wire_get_text(&w, channel, WATCH_NAME_SIZE);
    return wire_in_done(&w) ? 0 : -1;
}

void tested_put(struct buf *b, const struct tested *t)
{
    wire_put_u8(b, t->delivered);
    wire_put_text(b, t->id);
    wire_put_text(b, t->why);
}

int tested_get(struct slice body, struct tested *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->delivered = wire_get_flag(&w);
    wire_get_text(&w, out->id, sizeof(out->id));
    wire_get_text(&w, out->why, sizeof(out->why));
    return wire_in_done(&w) ? 0 : -1;
}

void notify_query_put(struct buf *b, const struct notify_query *q)
{
    wire_put_u64(b, q->after);
    wire_put_text(b, q->channel);
    wire_put_u8(b, q->parked);
}

int notify_query_get(struct slice body, struct notify_query *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->after = wire_get_u64(&w);
    wire_get_text(&w, out->channel, sizeof(out->channel));
    out->parked = wire_get_flag(&w);
    return wire_in_done(&w) ? 0 : -1;
}

void notify_row_put(struct buf *b, const struct notify_row *r)
{
    wire_put_u64(b, r->number);
    wire_put_text(b, r->id);
    wire_put_u8(b, (uint8_t)r->kind);
    wire_put_u8(b, (uint8_t)r->severity);
    wire_put_text(b, r->channel);
    wire_put_u8(b, r->parked);
    wire_put_u32(b, r->tries);
    wire_put_i64(b, r->time);
    wire_put_i64(b, r->next);
    wire_put_i64(b, r->tried);
    wire_put_text(b, r->why);
    wire_put_text(b, r->rule);
    wire_put_text(b, r->subject);
    wire_put_text(b, r->summary);
}

void notify_row_get(struct wire_in *w, struct notify_row *out)
{
    memset(out, 0, sizeof(*out));
    out->number = wire_get_u64(w);
    wire_get_text(w, out->id, sizeof(out->id));
    out->kind = (enum notice_kind)wire_get_u8(w);
    out->severity = (enum severity)wire_get_u8(w);
    wire_get_text(w, out->channel, sizeof(out->channel));
    out->parked = wire_get_flag(w);
    out->tries = wire_get_u32(w);
    out->time = wire_get_i64(w);
    out->next = wire_get_i64(w);
    out->tried = wire_get_i64(w);
    wire_get_text(w, out->why, sizeof(out->why));
    wire_get_text(w, out->rule, sizeof(out->rule));
    wire_get_text(w, out->subject, sizeof(out->subject));
    wire_get_text(w, out->summary, sizeof(out->summary));
}

void notify_decision_put(struct buf *b, const struct notify_decision *d)
{
    wire_put_u8(b, d->drop);
    wire_put_u64(b, d->number);
    wire_put_text(b, d->channel);
}

int notify_decision_get(struct slice body, struct notify_decision *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->drop = wire_get_flag(&w);
    out->number = wire_get_u64(&w);
    wire_get_text(&w, out->channel, sizeof(out->channel));
    return wire_in_done(&w) ? 0 : -1;
}

void notify_number_put(struct buf *b, uint64_t number)
{
    wire_put_u64(b, number);
}

int notify_number_get(struct slice body, uint64_t *number)
{
    struct wire_in w;

    wire_in_init(&w, body);
    *number = wire_get_u64(&w);
    return wire_in_done(&w) ? 0 : -1;
}
