#include "lib/proto_request.h"

#include <string.h>

void request_info_put(struct buf *b, const struct request_info *r)
{
    wire_put_u64(b, r->id);
    wire_put_text(b, r->kind);
    wire_put_text(b, r->state);
    wire_put_text(b, r->asked_by);
    wire_put_u32(b, r->asked_uid);
    wire_put_text(b, r->origin);
    wire_put_i64(b, r->created);
    wire_put_i64(b, r->expires);
    wire_put_fixed(b, r->generation, sizeof(r->generation));
    wire_put_fixed(b, r->sha256, sizeof(r->sha256));
    wire_put_text(b, r->text);
    wire_put_text(b, r->decided_by);
    wire_put_u32(b, r->decided_uid);
    wire_put_i64(b, r->decided_at);
    wire_put_text(b, r->result);
}

void request_info_get(struct wire_in *w, struct request_info *out)
{
    memset(out, 0, sizeof(*out));
    out->id = wire_get_u64(w);
    wire_get_text(w, out->kind, sizeof(out->kind));
    wire_get_text(w, out->state, sizeof(out->state));
    wire_get_text(w, out->asked_by, sizeof(out->asked_by));
    out->asked_uid = wire_get_u32(w);
    wire_get_text(w, out->origin, sizeof(out->origin));
    out->created = wire_get_i64(w);
    out->expires = wire_get_i64(w);
    wire_get_fixed(w, out->generation, sizeof(out->generation));
    wire_get_fixed(w, out->sha256, sizeof(out->sha256));
    wire_get_text(w, out->text, sizeof(out->text));
    wire_get_text(w, out->decided_by, sizeof(out->decided_by));
    out->decided_uid = wire_get_u32(w);
    out->decided_at = wire_get_i64(w);
    wire_get_text(w, out->result, sizeof(out->result));
}

void request_query_put(struct buf *b, const struct request_query *q)
{
    wire_put_u8(b, q->all);
    wire_put_u64(b, q->after);
}

int request_query_get(struct slice body, struct request_query *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    out->all = wire_get_flag(&w);
    out->after = wire_get_u64(&w);
    return wire_in_done(&w) ? 0 : -1;
}

void request_choice_put(struct buf *b, const struct request_choice *c)
{
    wire_put_u64(b, c->id);
    wire_put_text(b, c->reason);
}

int request_choice_get(struct slice body, struct request_choice *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->id = wire_get_u64(&w);
    wire_get_text(&w, out->reason, sizeof(out->reason));
    return wire_in_done(&w) ? 0 : -1;
}
