#include "lib/proto_agent.h"

#include <string.h>

#include "lib/anycert.h"

/* ---- words ---- */

static const char *const places[] = {[PLACE_INSTALLED] = "installed",
                                     [PLACE_FOUND] = "found",
                                     [PLACE_SERVED] = "served",
                                     [PLACE_LOGGED] = "logged"};

const char *place_kind_word(enum place_kind k)
{
    return k >= PLACE_INSTALLED && k <= PLACE_LOGGED ? places[k] : "";
}

/* ---- an entry ---- */

static void service_put(struct buf *b, const struct agent_service *s)
{
    wire_put_text(b, s->recipe);
    wire_put_text(b, s->address);
    wire_put_u8(b, s->has_served);
    wire_put_fixed(b, s->served, sizeof(s->served));
    wire_put_i64(b, s->verified);
}

static void service_get(struct wire_in *w, struct agent_service *out)
{
    wire_get_text(w, out->recipe, sizeof(out->recipe));
    wire_get_text(w, out->address, sizeof(out->address));
    out->has_served = wire_get_flag(w);
    wire_get_fixed(w, out->served, sizeof(out->served));
    out->verified = wire_get_i64(w);
}

void agent_entry_put(struct buf *b, const struct agent_entry *e)
{
    wire_put_text(b, e->name);
    wire_put_u8(b, (uint8_t)e->kind);
    wire_put_u8(b, (uint8_t)e->state);
    wire_put_i64(b, e->since);
    wire_put_i64(b, e->next);
    wire_put_text(b, e->reason);
    wire_put_text(b, e->rule);
    wire_put_u8(b, e->has_fingerprint);
    wire_put_fixed(b, e->fingerprint, sizeof(e->fingerprint));
    wire_put_u32(b, e->n_files);
    for (uint32_t i = 0; i < e->n_files; i++)
        wire_put_text(b, e->files[i]);
    wire_put_u32(b, e->n_services);
    for (uint32_t i = 0; i < e->n_services; i++)
        service_put(b, &e->service[i]);
}

void agent_entry_get(struct wire_in *w, struct agent_entry *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_text(w, out->name, sizeof(out->name));
    out->kind = (enum agent_kind)wire_get_u8(w);
    out->state = (enum agent_state)wire_get_u8(w);
    out->since = wire_get_i64(w);
    out->next = wire_get_i64(w);
    wire_get_text(w, out->reason, sizeof(out->reason));
    wire_get_text(w, out->rule, sizeof(out->rule));
    out->has_fingerprint = wire_get_flag(w);
    wire_get_fixed(w, out->fingerprint, sizeof(out->fingerprint));
    out->n_files = wire_get_count(w, AGENT_FILES_MAX, 4);
    for (uint32_t i = 0; i < out->n_files; i++)
        wire_get_text(w, out->files[i], sizeof(out->files[i]));
    out->n_services = wire_get_count(w, AGENT_SERVICES_MAX, 49);
    for (uint32_t i = 0; i < out->n_services; i++)
        service_get(w, &out->service[i]);
    if (out->name[0] == '\0' || agent_kind_word(out->kind)[0] == '\0' ||
        agent_state_word(out->state)[0] == '\0')
        w->failed = true;
}

void agent_found_put(struct buf *b, const struct agent_found *f)
{
    wire_put_text(b, f->path);
    wire_put_bytes(b, f->der);
}

void agent_found_get(struct wire_in *w, struct agent_found *out)
{
    wire_get_text(w, out->path, sizeof(out->path));
    out->der = wire_get_bytes(w, ANYCERT_MAX);
    if (out->path[0] == '\0' || out->der.n == 0)
        w->failed = true;
}

/* ---- a report ---- */

void enroll_report_put(struct buf *b, const struct enroll_report *r)
{
    wire_put_text(b, r->address);
    wire_put_bytes(b, r->chain);
    wire_put_text(b, r->host);
    wire_put_text(b, r->version);
    wire_put_u32(b, r->interval);
    wire_put_u32(b, r->n);
    wire_put_u32(b, r->n_found);
}

int enroll_report_get(struct slice body, struct enroll_report *out, struct wire_in *w)
{
    memset(out, 0, sizeof(*out));
    wire_in_init(w, body);
    wire_get_text(w, out->address, sizeof(out->address));
    out->chain = wire_get_bytes(w, FRAME_BODY_MAX);
    wire_get_text(w, out->host, sizeof(out->host));
    wire_get_text(w, out->version, sizeof(out->version));
    out->interval = wire_get_u32(w);
    out->n = wire_get_count(w, AGENT_ENTRIES_MAX, 1);
    out->n_found = wire_get_u32(w);
    return !wire_failed(w) && out->host[0] != '\0' && out->n_found <= AGENT_FOUND_MAX &&
                   out->interval >= AGENT_INTERVAL_MIN && out->interval <= AGENT_INTERVAL_MAX
               ? 0
               : -1;
}

/* ---- what is known ---- */

void agent_query_put(struct buf *b, const struct agent_query *q)
{
    wire_put_text(b, q->host);
    wire_put_u8(b, q->silent);
    wire_put_u8(b, q->failing);
    wire_put_u8(b, q->further);
    wire_put_fixed(b, q->after, sizeof(q->after));
}

int agent_query_get(struct slice body, struct agent_query *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->host, sizeof(out->host));
    out->silent = wire_get_flag(&w);
    out->failing = wire_get_flag(&w);
    out->further = wire_get_flag(&w);
    wire_get_fixed(&w, out->after, sizeof(out->after));
    return wire_in_done(&w) ? 0 : -1;
}

void agent_show_put(struct buf *b, const struct agent_show *q)
{
    wire_put_fixed(b, q->identity, sizeof(q->identity));
    wire_put_text(b, q->after);
}

int agent_show_get(struct slice body, struct agent_show *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_fixed(&w, out->identity, sizeof(out->identity));
    wire_get_text(&w, out->after, sizeof(out->after));
    return wire_in_done(&w) ? 0 : -1;
}

void installed_info_put(struct buf *b, const struct installed_info *i)
{
    wire_put_i64(b, i->reported);
    wire_put_u8(b, i->has_identity);
    wire_put_fixed(b, i->identity, sizeof(i->identity));
    agent_entry_put(b, &i->entry);
}

void installed_info_get(struct wire_in *w, struct installed_info *out)
{
    out->reported = wire_get_i64(w);
    out->has_identity = wire_get_flag(w);
    wire_get_fixed(w, out->identity, sizeof(out->identity));
    agent_entry_get(w, &out->entry);
}

void agent_info_put(struct buf *b, const struct agent_info *i)
{
    wire_put_fixed(b, i->identity, sizeof(i->identity));
    wire_put_text(b, i->name);
    wire_put_text(b, i->host);
    wire_put_text(b, i->version);
    wire_put_text(b, i->address);
    wire_put_u32(b, i->interval);
    wire_put_i64(b, i->first);
    wire_put_i64(b, i->last);
    wire_put_u8(b, i->silent);
    wire_put_u32(b, i->entries);
    wire_put_u32(b, i->failing);
    wire_put_u32(b, i->found);
}

void agent_info_get(struct wire_in *w, struct agent_info *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_fixed(w, out->identity, sizeof(out->identity));
    wire_get_text(w, out->name, sizeof(out->name));
    wire_get_text(w, out->host, sizeof(out->host));
    wire_get_text(w, out->version, sizeof(out->version));
    wire_get_text(w, out->address, sizeof(out->address));
    out->interval = wire_get_u32(w);
    out->first = wire_get_i64(w);
    out->last = wire_get_i64(w);
    out->silent = wire_get_flag(w);
    out->entries = wire_get_u32(w);
    out->failing = wire_get_u32(w);
    out->found = wire_get_u32(w);
}

void place_info_put(struct buf *b, const struct place_info *i)
{
    wire_put_u8(b, (uint8_t)i->kind);
    wire_put_fixed(b, i->fingerprint, sizeof(i->fingerprint));
    wire_put_text(b, i->where);
    wire_put_text(b, i->host);
    wire_put_text(b, i->name);
    wire_put_text(b, i->state);
    wire_put_text(b, i->text);
    wire_put_i64(b, i->seen);
    wire_put_i64(b, i->verified);
}

void place_info_get(struct wire_in *w, struct place_info *out)
{
    memset(out, 0, sizeof(*out));
    out->kind = (enum place_kind)wire_get_u8(w);
    wire_get_fixed(w, out->fingerprint, sizeof(out->fingerprint));
    wire_get_text(w, out->where, sizeof(out->where));
    wire_get_text(w, out->host, sizeof(out->host));
    wire_get_text(w, out->name, sizeof(out->name));
    wire_get_text(w, out->state, sizeof(out->state));
    wire_get_text(w, out->text, sizeof(out->text));
    out->seen = wire_get_i64(w);
    out->verified = wire_get_i64(w);
    if (place_kind_word(out->kind)[0] == '\0')
        w->failed = true;
}
