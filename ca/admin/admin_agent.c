/* `cerca agents`, and where a certificate is: what agents have told of their hosts. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/lifecycle/places.h"
#include "lib/clock.h"
#include "lib/proto_agent.h"
#include "lib/proto_alert.h"

#define LOOK_MAX 1000 /* agents that are looked at for one page */

static int malformed(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
}

/* ---- agents ---- */

struct page {
    const struct admin *admin;
    struct agent_query query;
    struct page_head head;
    struct buf rows;
    int64_t now;
    size_t looked;
    struct fault *fault;
};

static int count_failing(void *arg, const struct installed *i)
{
    *(uint32_t *)arg += agent_state_fails(i->entry.state);
    return 0;
}

static int describe(const struct page *p, const struct reporter *r, struct agent_info *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->identity, r->identity, sizeof(out->identity));
    memcpy(out->name, r->name, sizeof(out->name));
    memcpy(out->host, r->host, sizeof(out->host));
    memcpy(out->version, r->version, sizeof(out->version));
    memcpy(out->address, r->address, sizeof(out->address));
    out->interval = r->interval;
    out->first = r->first;
    out->last = r->last;
    out->silent = p->now - r->last >= AGENT_SILENT_AFTER * (int64_t)r->interval;
    out->entries = r->entries;
    out->found = r->found;
    return store_installed(p->admin->parts.store, r->identity, "", count_failing, &out->failing,
                           p->fault);
}

static int add_agent(void *arg, const struct reporter *r)
{
    struct page *p = arg;
    struct agent_info info;

    p->looked++;
    memcpy(p->head.at, r->identity, sizeof(p->head.at));
    if (p->query.host[0] != '\0' && !reporter_is_called(r, p->query.host))
        return 0;
    if (describe(p, r, &info) != 0)
        return 1;
    if ((p->query.silent && !info.silent) || (p->query.failing && info.failing == 0))
        return 0;
    agent_info_put(&p->rows, &info);
    return ++p->head.n == AGENT_PAGE_MAX;
}

static void read_agents(struct ask *q)
{
    struct page p = {.admin = q->client->admin, .now = clock_now(), .fault = &q->fault};

    if (agent_query_get(buf_slice(&q->in), &p.query) != 0) {
        (void)malformed(&q->fault);
        return;
    }
    buf_init(&p.rows, FRAME_BODY_MAX);
    if (store_reporters(p.admin->parts.store, p.query.further ? p.query.after : NULL, LOOK_MAX,
                        add_agent, &p, &q->fault) == 0 &&
        q->fault.code == FAULT_NONE) {
        p.head.more = p.looked == LOOK_MAX || p.head.n == AGENT_PAGE_MAX;
        page_head_put(&q->out, &p.head);
        buf_put_slice(&q->out, buf_slice(&p.rows));
    }
    buf_free(&p.rows);
}

void list_agents(struct ask *q)
{
    ask_read(q, MSG_AGENT_LISTED, read_agents);
}

struct shown_agent {
    struct buf rows;
    uint32_t n;
    bool more;
};

static int add_entry(void *arg, const struct installed *i)
{
    struct shown_agent *s = arg;
    struct installed_info info = {
        .reported = i->reported, .has_identity = i->has_identity, .entry = i->entry};

    s->more = s->n == AGENT_SHOWN_MAX;
    if (s->more)
        return 1;
    memcpy(info.identity, i->identity, sizeof(info.identity));
    installed_info_put(&s->rows, &info);
    s->n++;
    return 0;
}

static void read_agent(struct ask *q)
{
    struct store *store = q->client->admin->parts.store;
    struct shown_agent s = {.n = 0};
    struct agent_show what;
    struct reporter r;

    if (agent_show_get(buf_slice(&q->in), &what) != 0) {
        (void)malformed(&q->fault);
        return;
    }
    buf_init(&s.rows, FRAME_BODY_MAX);
    if (store_reporter(store, NULL, what.identity, &r, &q->fault) == 0 &&
        store_installed(store, what.identity, what.after, add_entry, &s, &q->fault) == 0) {
        wire_put_u8(&q->out, s.more);
        wire_put_u32(&q->out, s.n);
        buf_put_slice(&q->out, buf_slice(&s.rows));
    }
    buf_free(&s.rows);
}

void show_agent(struct ask *q)
{
    ask_read(q, MSG_AGENT_SHOWN, read_agent);
}

/* ---- places ---- */

struct places {
    struct buf rows;
    uint32_t n;
    bool more;
};

static void tell_installed(const struct store_place *p, struct place_info *out)
{
    const struct agent_entry *e = &p->installed->entry;

    memcpy(out->name, e->name, sizeof(out->name));
    (void)snprintf(out->state, sizeof(out->state), "%s", agent_state_word(e->state));
    memcpy(out->text, e->reason, sizeof(out->text));
    out->seen = p->installed->reported;
    for (uint32_t i = 0; i < e->n_services; i++)
        if (e->service[i].verified > out->verified)
            out->verified = e->service[i].verified;
}

static void tell_served(const struct store_place *p, struct place_info *out)
{
    const struct observation *o = p->observation;

    out->seen = o->last;
    if (o->outcome == SCAN_LOGGED) {
        out->kind = PLACE_LOGGED;
        return;
    }
    (void)snprintf(out->state, sizeof(out->state), "%s", scan_outcome_word(o->outcome));
    (void)snprintf(out->text, sizeof(out->text), "%s", o->detail);
    out->verified = o->served;
    (void)snprintf(out->host, sizeof(out->host), "%.253s", o->host);
}

static int add_place(void *arg, const struct store_place *p)
{
    struct places *s = arg;
    struct place_info info = {.kind = p->kind};

    s->more = s->n == PLACES_TOLD_MAX;
    if (s->more)
        return 1;
    memcpy(info.fingerprint, p->fingerprint, sizeof(info.fingerprint));
    place_text(p, info.where, sizeof(info.where));
    if (p->reporter != NULL)
        memcpy(info.host, p->reporter->host, sizeof(info.host));
    if (p->installed != NULL)
        tell_installed(p, &info);
    else if (p->observation != NULL)
        tell_served(p, &info);
    else
        info.seen = p->found->seen;
    place_info_put(&s->rows, &info);
    s->n++;
    return 0;
}

static void read_places(struct ask *q)
{
    struct places s = {.n = 0};

    if (q->in.n != IDENTITY_LEN) {
        (void)malformed(&q->fault);
        return;
    }
    buf_init(&s.rows, FRAME_BODY_MAX);
    if (store_places(q->client->admin->parts.store, NULL, q->in.p, PLACES_TOLD_MAX + 1, add_place,
                     &s, &q->fault) == 0) {
        wire_put_u8(&q->out, s.more);
        wire_put_u32(&q->out, s.n);
        buf_put_slice(&q->out, buf_slice(&s.rows));
    }
    buf_free(&s.rows);
}

void list_places(struct ask *q)
{
    ask_read(q, MSG_PLACE_LISTED, read_places);
}
