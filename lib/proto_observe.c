#include "lib/proto_observe.h"

#include <string.h>

void scan_record_put(struct buf *b, const struct scan_record *r)
{
    wire_put_text(b, r->job);
    wire_put_u32(b, r->n);
    for (uint32_t i = 0; i < r->n; i++)
        wire_put_bytes(b, r->result[i]);
}

int scan_record_get(struct slice body, struct scan_record *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->job, sizeof(out->job));
    out->n = wire_get_count(&w, SCAN_RECORD_MAX, 4);
    for (uint32_t i = 0; i < out->n; i++)
        out->result[i] = wire_get_bytes(&w, FRAME_BODY_MAX);
    return wire_in_done(&w) && out->n > 0 ? 0 : -1;
}

void scan_recorded_put(struct buf *b, const struct scan_recorded *r)
{
    wire_put_u32(b, r->taken);
    wire_put_u32(b, r->fresh);
    wire_put_u32(b, r->strangers);
}

int scan_recorded_get(struct slice body, struct scan_recorded *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    out->taken = wire_get_u32(&w);
    out->fresh = wire_get_u32(&w);
    out->strangers = wire_get_u32(&w);
    return wire_in_done(&w) ? 0 : -1;
}

void observation_query_put(struct buf *b, const struct observation_query *q)
{
    wire_put_text(b, q->host);
    wire_put_text(b, q->compare);
    wire_put_u8(b, q->further);
    wire_put_fixed(b, q->after, sizeof(q->after));
}

int observation_query_get(struct slice body, struct observation_query *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->host, sizeof(out->host));
    wire_get_text(&w, out->compare, sizeof(out->compare));
    out->further = wire_get_flag(&w);
    wire_get_fixed(&w, out->after, sizeof(out->after));
    return wire_in_done(&w) ? 0 : -1;
}

void observation_info_put(struct buf *b, const struct observation_info *i)
{
    wire_put_fixed(b, i->key, sizeof(i->key));
    wire_put_text(b, i->host);
    wire_put_text(b, i->address);
    wire_put_text(b, i->sni);
    wire_put_u16(b, i->port);
    wire_put_text(b, i->starttls);
    wire_put_text(b, i->outcome);
    wire_put_text(b, i->stage);
    wire_put_text(b, i->detail);
    wire_put_text(b, i->compare);
    wire_put_text(b, i->version);
    wire_put_text(b, i->suite);
    wire_put_u8(b, i->offered);
    wire_put_u8(b, i->demands_client);
    wire_put_u8(b, i->stapled);
    wire_put_u8(b, i->n_chain);
    wire_put_u8(b, i->proved);
    wire_put_u8(b, i->has_certificate);
    wire_put_fixed(b, i->fingerprint, sizeof(i->fingerprint));
    wire_put_fixed(b, i->identity, sizeof(i->identity));
    wire_put_text(b, i->name);
    wire_put_text(b, i->source);
    wire_put_i64(b, i->not_after);
    wire_put_i64(b, i->served);
    wire_put_i64(b, i->first);
    wire_put_i64(b, i->last);
    wire_put_text(b, i->by);
}

void observation_info_get(struct wire_in *w, struct observation_info *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_fixed(w, out->key, sizeof(out->key));
    wire_get_text(w, out->host, sizeof(out->host));
    wire_get_text(w, out->address, sizeof(out->address));
    wire_get_text(w, out->sni, sizeof(out->sni));
    out->port = wire_get_u16(w);
    wire_get_text(w, out->starttls, sizeof(out->starttls));
    wire_get_text(w, out->outcome, sizeof(out->outcome));
    wire_get_text(w, out->stage, sizeof(out->stage));
    wire_get_text(w, out->detail, sizeof(out->detail));
    wire_get_text(w, out->compare, sizeof(out->compare));
    wire_get_text(w, out->version, sizeof(out->version));
    wire_get_text(w, out->suite, sizeof(out->suite));
    out->offered = wire_get_u8(w);
    out->demands_client = wire_get_flag(w);
    out->stapled = wire_get_flag(w);
    out->n_chain = wire_get_u8(w);
    out->proved = wire_get_flag(w);
    out->has_certificate = wire_get_flag(w);
    wire_get_fixed(w, out->fingerprint, sizeof(out->fingerprint));
    wire_get_fixed(w, out->identity, sizeof(out->identity));
    wire_get_text(w, out->name, sizeof(out->name));
    wire_get_text(w, out->source, sizeof(out->source));
    out->not_after = wire_get_i64(w);
    out->served = wire_get_i64(w);
    out->first = wire_get_i64(w);
    out->last = wire_get_i64(w);
    wire_get_text(w, out->by, sizeof(out->by));
}

void job_info_put(struct buf *b, const struct job_info *i)
{
    wire_put_text(b, i->name);
    wire_put_text(b, i->state);
    wire_put_i64(b, i->every);
    wire_put_i64(b, i->started);
    wire_put_i64(b, i->finished);
    wire_put_i64(b, i->next);
    wire_put_u64(b, i->position);
    wire_put_u64(b, i->total);
    wire_put_u64(b, i->results);
}

void job_info_get(struct wire_in *w, struct job_info *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_text(w, out->name, sizeof(out->name));
    wire_get_text(w, out->state, sizeof(out->state));
    out->every = wire_get_i64(w);
    out->started = wire_get_i64(w);
    out->finished = wire_get_i64(w);
    out->next = wire_get_i64(w);
    out->position = wire_get_u64(w);
    out->total = wire_get_u64(w);
    out->results = wire_get_u64(w);
}

void job_change_put(struct buf *b, const struct job_change *c)
{
    wire_put_text(b, c->name);
    wire_put_u8(b, (uint8_t)c->verb);
}

int job_change_get(struct slice body, struct job_change *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->name, sizeof(out->name));
    out->verb = (enum job_verb)wire_get_u8(&w);
    return wire_in_done(&w) && out->verb >= JOB_PAUSE && out->verb <= JOB_RUN ? 0 : -1;
}
