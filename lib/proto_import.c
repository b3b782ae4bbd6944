#include "lib/proto_import.h"

#include <string.h>

#define ITEM_LEAST 18 /* octets: status, the lengths of origin and DER */

void import_status_put(struct buf *b, const struct import_status *s)
{
    wire_put_u8(b, s->told);
    wire_put_u8(b, s->reason);
    wire_put_i64(b, s->time);
}

void import_status_get(struct wire_in *w, struct import_status *out)
{
    out->told = wire_get_u8(w);
    out->reason = wire_get_u8(w);
    out->time = wire_get_i64(w);
    if (out->told > IMPORT_TOLD_MAX || out->reason > 10 ||
        (out->told != IMPORT_REVOKED && (out->reason != 0 || out->time != 0)))
        w->failed = true;
}

size_t import_item_size(const struct import_item *i)
{
    return ITEM_LEAST + strlen(i->origin) + i->der.n;
}

void import_request_put(struct buf *b, const struct import_request *r)
{
    wire_put_u8(b, r->dry_run);
    wire_put_text(b, r->owner);
    wire_put_text(b, r->tags);
    wire_put_u32(b, r->n);
    for (uint32_t i = 0; i < r->n; i++) {
        import_status_put(b, &r->item[i].status);
        wire_put_text(b, r->item[i].origin);
        wire_put_bytes(b, r->item[i].der);
    }
}

int import_request_get(struct slice body, struct import_request *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->dry_run = wire_get_flag(&w);
    wire_get_text(&w, out->owner, sizeof(out->owner));
    wire_get_text(&w, out->tags, sizeof(out->tags));
    out->n = wire_get_count(&w, IMPORT_MAX, ITEM_LEAST);
    for (uint32_t i = 0; i < out->n && !wire_failed(&w); i++) {
        import_status_get(&w, &out->item[i].status);
        wire_get_text(&w, out->item[i].origin, sizeof(out->item[i].origin));
        out->item[i].der = wire_get_bytes(&w, IMPORT_DER_MAX);
    }
    return wire_in_done(&w) && out->n > 0 ? 0 : -1;
}

void import_outcome_put(struct buf *b, const struct import_outcome *o)
{
    wire_put_u8(b, o->became);
    wire_put_u8(b, o->stranger);
    wire_put_u64(b, o->number);
    wire_put_text(b, o->rule);
    wire_put_text(b, o->text);
}

void import_outcome_get(struct wire_in *w, struct import_outcome *out)
{
    memset(out, 0, sizeof(*out));
    out->became = wire_get_u8(w);
    out->stranger = wire_get_flag(w);
    out->number = wire_get_u64(w);
    wire_get_text(w, out->rule, sizeof(out->rule));
    wire_get_text(w, out->text, sizeof(out->text));
    if (out->became < IMPORT_NEW || out->became > IMPORT_REFUSED)
        w->failed = true;
}
