#include "lib/proto_token.h"

#include <string.h>

static void patterns_put(struct buf *b, const struct token_patterns *p)
{
    wire_put_u32(b, p->n);
    for (uint32_t i = 0; i < p->n; i++)
        wire_put_text(b, p->item[i]);
}

static void patterns_get(struct wire_in *w, struct token_patterns *out)
{
    out->n = wire_get_count(w, TOKEN_PATTERNS_MAX, 4);
    for (uint32_t i = 0; i < out->n; i++)
        wire_get_text(w, out->item[i], sizeof(out->item[i]));
}

void token_request_put(struct buf *b, const struct token_request *r)
{
    wire_put_text(b, r->profile);
    patterns_put(b, &r->names);
    wire_put_u32(b, r->uses);
    wire_put_i64(b, r->life);
    wire_put_text(b, r->owner);
    wire_put_text(b, r->sid);
    wire_put_text(b, r->upn);
    wire_put_text(b, r->subject);
    wire_put_u8(b, r->dry_run);
}

int token_request_get(struct slice body, struct token_request *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->profile, sizeof(out->profile));
    patterns_get(&w, &out->names);
    out->uses = wire_get_u32(&w);
    out->life = wire_get_i64(&w);
    wire_get_text(&w, out->owner, sizeof(out->owner));
    wire_get_text(&w, out->sid, sizeof(out->sid));
    wire_get_text(&w, out->upn, sizeof(out->upn));
    wire_get_text(&w, out->subject, sizeof(out->subject));
    out->dry_run = wire_get_flag(&w);
    return wire_in_done(&w) ? 0 : -1;
}

void token_created_put(struct buf *b, const struct token_created *c)
{
    wire_put_u64(b, c->id);
    wire_put_i64(b, c->expires);
    wire_put_bytes(b, c->text);
}

int token_created_get(struct slice body, struct token_created *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    out->id = wire_get_u64(&w);
    out->expires = wire_get_i64(&w);
    out->text = wire_get_bytes(&w, TOKEN_TEXT_MAX);
    return wire_in_done(&w) ? 0 : -1;
}

void token_info_put(struct buf *b, const struct token_info *t)
{
    wire_put_u64(b, t->id);
    wire_put_text(b, t->state);
    wire_put_text(b, t->profile);
    patterns_put(b, &t->names);
    wire_put_u32(b, t->uses);
    wire_put_u32(b, t->left);
    wire_put_i64(b, t->created);
    wire_put_i64(b, t->expires);
    wire_put_text(b, t->owner);
    wire_put_text(b, t->sid);
    wire_put_text(b, t->upn);
    wire_put_text(b, t->subject);
    wire_put_text(b, t->created_by);
    wire_put_i64(b, t->revoked_at);
    wire_put_text(b, t->revoked_by);
}

void token_info_get(struct wire_in *w, struct token_info *out)
{
    memset(out, 0, sizeof(*out));
    out->id = wire_get_u64(w);
    wire_get_text(w, out->state, sizeof(out->state));
    wire_get_text(w, out->profile, sizeof(out->profile));
    patterns_get(w, &out->names);
    out->uses = wire_get_u32(w);
    out->left = wire_get_u32(w);
    out->created = wire_get_i64(w);
    out->expires = wire_get_i64(w);
    wire_get_text(w, out->owner, sizeof(out->owner));
    wire_get_text(w, out->sid, sizeof(out->sid));
    wire_get_text(w, out->upn, sizeof(out->upn));
    wire_get_text(w, out->subject, sizeof(out->subject));
    wire_get_text(w, out->created_by, sizeof(out->created_by));
    out->revoked_at = wire_get_i64(w);
    wire_get_text(w, out->revoked_by, sizeof(out->revoked_by));
}

void token_query_put(struct buf *b, const struct token_query *q)
{
    wire_put_u8(b, q->all);
    wire_put_u64(b, q->after);
}

int token_query_get(struct slice body, struct token_query *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    out->all = wire_get_flag(&w);
    out->after = wire_get_u64(&w);
    return wire_in_done(&w) ? 0 : -1;
}

void token_choice_put(struct buf *b, uint64_t id)
{
    wire_put_u64(b, id);
}

int token_choice_get(struct slice body, uint64_t *id)
{
    struct wire_in w;

    wire_in_init(&w, body);
    *id = wire_get_u64(&w);
    return wire_in_done(&w) ? 0 : -1;
}
