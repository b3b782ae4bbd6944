#include "lib/proto_inventory.h"

#include <stdlib.h>
#include <string.h>

void annotate_request_put(struct buf *b, const struct annotate_request *r)
{
    wire_put_u8(b, r->dry_run);
    wire_put_u32(b, r->n);
    for (uint32_t i = 0; i < r->n; i++)
        annotation_put_some(b, &r->item[i].annotation, r->item[i].mask);
}

int annotate_request_get(struct slice body, struct annotate_request *out)
{
    struct wire_in w;

    *out = (struct annotate_request){.item = NULL};
    wire_in_init(&w, body);
    out->dry_run = wire_get_flag(&w);
    out->n = wire_get_count(&w, ANNOTATE_MAX, ANNOTATION_IDENTITY + 2);
    if (wire_failed(&w) || out->n == 0)
        return -1;
    out->item = xcalloc(out->n, sizeof(*out->item));
    for (uint32_t i = 0; i < out->n; i++)
        annotation_get_some(&w, &out->item[i].annotation, &out->item[i].mask);
    if (wire_in_done(&w))
        return 0;
    free(out->item);
    *out = (struct annotate_request){.item = NULL};
    return -1;
}

void annotate_outcome_put(struct buf *b, const struct annotate_outcome *o)
{
    wire_put_u8(b, o->code);
    wire_put_u16(b, o->change);
    wire_put_text(b, o->rule);
    wire_put_text(b, o->field);
    wire_put_text(b, o->text);
}

void annotate_outcome_get(struct wire_in *w, struct annotate_outcome *out)
{
    memset(out, 0, sizeof(*out));
    out->code = wire_get_u8(w);
    out->change = wire_get_u16(w);
    wire_get_text(w, out->rule, sizeof(out->rule));
    wire_get_text(w, out->field, sizeof(out->field));
    wire_get_text(w, out->text, sizeof(out->text));
    if (out->code > FAULT_CODE_MAX || (out->change & ~ANNOTATION_ALL) != 0)
        w->failed = true;
}

void saved_filter_put(struct buf *b, const struct saved_filter *f)
{
    struct buf request;

    wire_put_text(b, f->name);
    wire_put_u8(b, f->remove);
    wire_put_text(b, f->by);
    wire_put_i64(b, f->time);
    wire_put_i64(b, f->expires_within);
    buf_init(&request, LIST_REQUEST_MAX);
    list_request_put(&request, &f->request);
    wire_put_bytes(b, buf_slice(&request));
    b->failed = b->failed || buf_failed(&request);
    buf_free(&request);
}

void saved_filter_get(struct wire_in *w, struct saved_filter *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_text(w, out->name, sizeof(out->name));
    out->remove = wire_get_flag(w);
    wire_get_text(w, out->by, sizeof(out->by));
    out->time = wire_get_i64(w);
    out->expires_within = wire_get_i64(w);
    struct slice request = wire_get_bytes(w, LIST_REQUEST_MAX);
    if (wire_failed(w))
        return;
    if (list_request_get(request, &out->request) != 0 || out->request.cursor.n > 0 ||
        !filter_name_valid(out->name) || out->expires_within < 0)
        w->failed = true;
    out->request.cursor = SLICE_NONE;
}

bool filter_name_valid(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return n > 0 && name[n] == '\0' && n < FILTER_NAME_MAX && name[0] != '-';
}

void filter_query_put(struct buf *b, const struct filter_query *q)
{
    wire_put_text(b, q->name);
    wire_put_u8(b, q->one);
}

int filter_query_get(struct slice body, struct filter_query *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->name, sizeof(out->name));
    out->one = wire_get_flag(&w);
    return wire_in_done(&w) ? 0 : -1;
}
