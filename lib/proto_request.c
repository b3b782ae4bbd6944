#include "lib/proto_request.h"

#include <string.h>

void request_names_print(const struct san_list *l, struct buf *out)
{
    for (size_t i = 0; i < l->n; i++) {
        buf_put_str(out, i > 0 ? " " : "");
        san_print(&l->item[i], out);
    }
}

static void certificate_put(struct buf *b, const struct request_certificate *c)
{
    wire_put_text(b, c->profile);
    wire_put_text(b, c->owner);
    wire_put_text(b, c->subject);
    wire_put_text(b, c->names);
    wire_put_text(b, c->key);
    wire_put_fixed(b, c->spki_hash, sizeof(c->spki_hash));
    wire_put_text(b, c->behind);
    wire_put_u8(b, c->needed);
    wire_put_u8(b, c->n);
    for (size_t i = 0; i < c->n; i++)
        wire_put_text(b, c->approved_by[i]);
    wire_put_u8(b, c->has_serial);
    wire_put_fixed(b, c->serial, sizeof(c->serial));
}

static void certificate_get(struct wire_in *w, struct request_certificate *out)
{
    wire_get_text(w, out->profile, sizeof(out->profile));
    wire_get_text(w, out->owner, sizeof(out->owner));
    wire_get_text(w, out->subject, sizeof(out->subject));
    wire_get_text(w, out->names, sizeof(out->names));
    wire_get_text(w, out->key, sizeof(out->key));
    wire_get_fixed(w, out->spki_hash, sizeof(out->spki_hash));
    wire_get_text(w, out->behind, sizeof(out->behind));
    out->needed = wire_get_u8(w);
    out->n = wire_get_u8(w);
    if (out->n > REQUEST_APPROVERS_MAX)
        w->failed = true;
    for (size_t i = 0; !wire_failed(w) && i < out->n; i++)
        wire_get_text(w, out->approved_by[i], sizeof(out->approved_by[i]));
    out->has_serial = wire_get_flag(w);
    wire_get_fixed(w, out->serial, sizeof(out->serial));
}

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
    certificate_put(b, &r->certificate);
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
    certificate_get(w, &out->certificate);
}

void request_query_put(struct buf *b, const struct request_query *q)
{
    wire_put_u8(b, q->all);
    wire_put_u64(b, q->after);
    wire_put_text(b, q->kind);
    wire_put_text(b, q->profile);
    wire_put_text(b, q->asked_by);
    wire_put_text(b, q->name);
}

int request_query_get(struct slice body, struct request_query *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->all = wire_get_flag(&w);
    out->after = wire_get_u64(&w);
    wire_get_text(&w, out->kind, sizeof(out->kind));
    wire_get_text(&w, out->profile, sizeof(out->profile));
    wire_get_text(&w, out->asked_by, sizeof(out->asked_by));
    wire_get_text(&w, out->name, sizeof(out->name));
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
