#include "lib/proto_alert.h"

#include <string.h>

void page_head_put(struct buf *b, const struct page_head *h)
{
    wire_put_u8(b, h->more);
    wire_put_fixed(b, h->at, sizeof(h->at));
    wire_put_u32(b, h->n);
}

void page_head_get(struct wire_in *w, uint32_t max, struct page_head *out)
{
    memset(out, 0, sizeof(*out));
    out->more = wire_get_flag(w);
    wire_get_fixed(w, out->at, sizeof(out->at));
    out->n = wire_get_count(w, max, 1);
}

void alert_query_put(struct buf *b, const struct alert_query *q)
{
    wire_put_u8(b, q->all);
    wire_put_u8(b, q->severity);
    wire_put_text(b, q->owner);
    wire_put_text(b, q->rule);
    wire_put_text(b, q->contains);
    wire_put_u8(b, q->further);
    wire_put_fixed(b, q->after, sizeof(q->after));
}

int alert_query_get(struct slice body, struct alert_query *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->all = wire_get_flag(&w);
    out->severity = wire_get_u8(&w);
    wire_get_text(&w, out->owner, sizeof(out->owner));
    wire_get_text(&w, out->rule, sizeof(out->rule));
    wire_get_text(&w, out->contains, sizeof(out->contains));
    out->further = wire_get_flag(&w);
    wire_get_fixed(&w, out->after, sizeof(out->after));
    return wire_in_done(&w) ? 0 : -1;
}

void alert_info_put(struct buf *b, const struct alert_info *i)
{
    wire_put_fixed(b, i->key, sizeof(i->key));
    wire_put_text(b, i->rule);
    wire_put_text(b, i->subject);
    wire_put_text(b, i->name);
    wire_put_text(b, i->state);
    wire_put_u8(b, i->severity);
    wire_put_text(b, i->level);
    wire_put_text(b, i->owner);
    wire_put_text(b, i->contact);
    wire_put_text(b, i->summary);
    wire_put_text(b, i->by);
    wire_put_text(b, i->note);
    wire_put_u32(b, i->times);
    wire_put_i64(b, i->first_seen);
    wire_put_i64(b, i->last_seen);
    wire_put_i64(b, i->resolved);
    wire_put_i64(b, i->acknowledged);
    wire_put_i64(b, i->deadline);
    wire_put_i64(b, i->next);
}

void alert_info_get(struct wire_in *w, struct alert_info *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_fixed(w, out->key, sizeof(out->key));
    wire_get_text(w, out->rule, sizeof(out->rule));
    wire_get_text(w, out->subject, sizeof(out->subject));
    wire_get_text(w, out->name, sizeof(out->name));
    wire_get_text(w, out->state, sizeof(out->state));
    out->severity = wire_get_u8(w);
    wire_get_text(w, out->level, sizeof(out->level));
    wire_get_text(w, out->owner, sizeof(out->owner));
    wire_get_text(w, out->contact, sizeof(out->contact));
    wire_get_text(w, out->summary, sizeof(out->summary));
    wire_get_text(w, out->by, sizeof(out->by));
    wire_get_text(w, out->note, sizeof(out->note));
    out->times = wire_get_u32(w);
    out->first_seen = wire_get_i64(w);
    out->last_seen = wire_get_i64(w);
    out->resolved = wire_get_i64(w);
    out->acknowledged = wire_get_i64(w);
    out->deadline = wire_get_i64(w);
    out->next = wire_get_i64(w);
}

void alert_ack_put(struct buf *b, const struct alert_ack *a)
{
    wire_put_fixed(b, a->key, sizeof(a->key));
    wire_put_u8(b, a->back);
    wire_put_text(b, a->note);
}

int alert_ack_get(struct slice body, struct alert_ack *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_fixed(&w, out->key, sizeof(out->key));
    out->back = wire_get_flag(&w);
    wire_get_text(&w, out->note, sizeof(out->note));
    return wire_in_done(&w) ? 0 : -1;
}

void finding_query_put(struct buf *b, const struct finding_query *q)
{
    wire_put_u8(b, q->severity);
    wire_put_text(b, q->owner);
    wire_put_text(b, q->rule);
    wire_put_u8(b, q->excepted);
    wire_put_u8(b, q->further);
    wire_put_fixed(b, q->after, sizeof(q->after));
}

int finding_query_get(struct slice body, struct finding_query *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->severity = wire_get_u8(&w);
    wire_get_text(&w, out->owner, sizeof(out->owner));
    wire_get_text(&w, out->rule, sizeof(out->rule));
    out->excepted = wire_get_flag(&w);
    out->further = wire_get_flag(&w);
    wire_get_fixed(&w, out->after, sizeof(out->after));
    return wire_in_done(&w) ? 0 : -1;
}

void finding_info_put(struct buf *b, const struct finding_info *i)
{
    wire_put_fixed(b, i->identity, sizeof(i->identity));
    wire_put_text(b, i->rule);
    wire_put_u8(b, i->severity);
    wire_put_text(b, i->name);
    wire_put_text(b, i->owner);
    wire_put_text(b, i->text);
    wire_put_fixed(b, i->serial, sizeof(i->serial));
    wire_put_text(b, i->issuer);
    wire_put_i64(b, i->not_after);
    wire_put_i64(b, i->until);
}

void finding_info_get(struct wire_in *w, struct finding_info *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_fixed(w, out->identity, sizeof(out->identity));
    wire_get_text(w, out->rule, sizeof(out->rule));
    out->severity = wire_get_u8(w);
    wire_get_text(w, out->name, sizeof(out->name));
    wire_get_text(w, out->owner, sizeof(out->owner));
    wire_get_text(w, out->text, sizeof(out->text));
    wire_get_fixed(w, out->serial, sizeof(out->serial));
    wire_get_text(w, out->issuer, sizeof(out->issuer));
    out->not_after = wire_get_i64(w);
    out->until = wire_get_i64(w);
}

void finding_count_put(struct buf *b, const struct finding_count *c)
{
    wire_put_text(b, c->rule);
    wire_put_u8(b, c->severity);
    wire_put_u64(b, c->found);
    wire_put_u64(b, c->excepted);
    wire_put_text(b, c->text);
}

void finding_count_get(struct wire_in *w, struct finding_count *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_text(w, out->rule, sizeof(out->rule));
    out->severity = wire_get_u8(w);
    out->found = wire_get_u64(w);
    out->excepted = wire_get_u64(w);
    wire_get_text(w, out->text, sizeof(out->text));
}

void exception_info_put(struct buf *b, const struct exception_info *e)
{
    wire_put_text(b, e->rule);
    wire_put_text(b, e->subject);
    wire_put_i64(b, e->created);
    wire_put_i64(b, e->until);
    wire_put_text(b, e->by);
    wire_put_text(b, e->approver);
    wire_put_text(b, e->reason);
}

void exception_info_get(struct wire_in *w, struct exception_info *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_text(w, out->rule, sizeof(out->rule));
    wire_get_text(w, out->subject, sizeof(out->subject));
    out->created = wire_get_i64(w);
    out->until = wire_get_i64(w);
    wire_get_text(w, out->by, sizeof(out->by));
    wire_get_text(w, out->approver, sizeof(out->approver));
    wire_get_text(w, out->reason, sizeof(out->reason));
}

void exception_query_put(struct buf *b, const struct exception_query *q)
{
    wire_put_text(b, q->rule);
    wire_put_text(b, q->subject);
}

int exception_query_get(struct slice body, struct exception_query *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->rule, sizeof(out->rule));
    wire_get_text(&w, out->subject, sizeof(out->subject));
    return wire_in_done(&w) ? 0 : -1;
}

static void refused_put(struct buf *b, const struct line_refused *r)
{
    wire_put_i64(b, r->at);
    wire_put_i64(b, r->first);
    wire_put_u32(b, r->times);
    wire_put_u8(b, r->counts);
    wire_put_text(b, r->by);
    wire_put_text(b, r->origin);
    wire_put_text(b, r->rule);
    wire_put_text(b, r->text);
}

static void refused_get(struct wire_in *w, struct line_refused *out)
{
    out->at = wire_get_i64(w);
    out->first = wire_get_i64(w);
    out->times = wire_get_u32(w);
    out->counts = wire_get_flag(w);
    wire_get_text(w, out->by, sizeof(out->by));
    wire_get_text(w, out->origin, sizeof(out->origin));
    wire_get_text(w, out->rule, sizeof(out->rule));
    wire_get_text(w, out->text, sizeof(out->text));
}

void line_info_put(struct buf *b, const struct line_info *i)
{
    wire_put_fixed(b, i->identity, sizeof(i->identity));
    wire_put_text(b, i->name);
    wire_put_text(b, i->profile);
    wire_put_text(b, i->owner);
    wire_put_text(b, i->contact);
    wire_put_text(b, i->requester);
    wire_put_text(b, i->state);
    wire_put_text(b, i->method);
    wire_put_text(b, i->action);
    wire_put_text(b, i->stuck);
    wire_put_fixed(b, i->serial, sizeof(i->serial));
    wire_put_text(b, i->issuer);
    wire_put_u32(b, i->members);
    wire_put_i64(b, i->not_before);
    wire_put_i64(b, i->not_after);
    wire_put_i64(b, i->opens);
    wire_put_i64(b, i->late);
    wire_put_u8(b, i->followed);
    wire_put_fixed(b, i->follower, sizeof(i->follower));
    refused_put(b, &i->refused);
    wire_put_u32(b, i->n);
    for (uint32_t k = 0; k < i->n; k++) {
        wire_put_text(b, i->note[k].kind);
        wire_put_text(b, i->note[k].rule);
        wire_put_u8(b, i->note[k].severity);
        wire_put_text(b, i->note[k].text);
    }
}

void line_info_get(struct wire_in *w, struct line_info *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_fixed(w, out->identity, sizeof(out->identity));
    wire_get_text(w, out->name, sizeof(out->name));
    wire_get_text(w, out->profile, sizeof(out->profile));
    wire_get_text(w, out->owner, sizeof(out->owner));
    wire_get_text(w, out->contact, sizeof(out->contact));
    wire_get_text(w, out->requester, sizeof(out->requester));
    wire_get_text(w, out->state, sizeof(out->state));
    wire_get_text(w, out->method, sizeof(out->method));
    wire_get_text(w, out->action, sizeof(out->action));
    wire_get_text(w, out->stuck, sizeof(out->stuck));
    wire_get_fixed(w, out->serial, sizeof(out->serial));
    wire_get_text(w, out->issuer, sizeof(out->issuer));
    out->members = wire_get_u32(w);
    out->not_before = wire_get_i64(w);
    out->not_after = wire_get_i64(w);
    out->opens = wire_get_i64(w);
    out->late = wire_get_i64(w);
    out->followed = wire_get_flag(w);
    wire_get_fixed(w, out->follower, sizeof(out->follower));
    refused_get(w, &out->refused);
    out->n = wire_get_count(w, EXPLAIN_LINES, 1);
    for (uint32_t k = 0; k < out->n; k++) {
        wire_get_text(w, out->note[k].kind, sizeof(out->note[k].kind));
        wire_get_text(w, out->note[k].rule, sizeof(out->note[k].rule));
        out->note[k].severity = wire_get_u8(w);
        wire_get_text(w, out->note[k].text, sizeof(out->note[k].text));
    }
}
