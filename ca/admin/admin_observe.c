/* What scans have seen: taken over, and listed. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/lifecycle/follow.h"
#include "ca/lifecycle/judge.h"
#include "ca/lifecycle/places.h"
#include "lib/clock.h"
#include "lib/proto_alert.h"
#include "lib/proto_observe.h"

#define LOOK_MAX 500       /* rows that are looked at for one page */
#define TIME_MAX_US 100000 /* of one answer: others wait for the worker */

/* ---- taking over ---- */

static void recorded(void *arg, const struct scan_recorded *what, const struct fault *f)
{
    struct ask *q = arg;

    if (f->code != FAULT_NONE) {
        ask_fail(q, f);
        return;
    }
    scan_recorded_put(&q->out, what);
    ask_answer(q, MSG_SCAN_RECORDED, buf_slice(&q->out));
}

void record_scan(struct ask *q)
{
    const struct requester *who = &q->client->who;

    recorder_submit(q->client->admin->recorder, buf_slice(&q->in), who->name, who->origin, recorded,
                    q);
}

/* ---- listing ---- */

struct page {
    const struct admin *admin;
    struct observation_query query;
    struct page_head head;
    struct buf rows;
    struct cert_row newest, row, room;
    int64_t now;
    uint64_t begun;
    size_t looked;
    struct fault *fault;
};

static int take_line(struct page *p, const uint8_t identity[IDENTITY_LEN], struct places_line *out,
                     struct fault *f)
{
    struct store *s = p->admin->parts.store;
    struct annotation a;
    struct store_line line;
    struct cert_ref follower;
    bool known;
    int rc = store_line(s, identity, false, &line, f);

    if (rc == 0)
        rc = store_get(s, &line.newest, &p->newest, f);
    if (rc == 0)
        rc = store_annotation(s, identity, &a, &known, f);
    if (rc != 0)
        return rc;
    *out = (struct places_line){.newest = &p->newest, .retired = a.retired};
    out->followed = line_follower(s, &p->newest, &p->room, &follower);
    if (out->followed)
        out->followed_since = p->room.finished != 0 ? p->room.finished : p->room.created;
    return 0;
}

static const char *source_word(enum store_source s)
{
    return s == SOURCE_ISSUED ? "issued" : s == SOURCE_IMPORTED ? "imported" : "scanned";
}

static int compare_one(struct page *p, const struct observation *o, struct observation_info *out)
{
    struct store_place place = {.kind = PLACE_SERVED, .ref = o->ref, .observation = o};
    struct places_line line;
    uint32_t bits;
    int rc = take_line(p, o->identity, &line, p->fault);

    if (rc == 0)
        rc = places_compare(p->admin->parts.store, &line, &place, p->now, &bits, p->fault);
    if (rc == 0)
        rc = store_get(p->admin->parts.store, &o->ref, &p->row, p->fault);
    if (rc != 0)
        return rc;
    compare_text(bits, out->compare, sizeof(out->compare));
    judge_name(&p->row, out->name, sizeof(out->name));
    (void)snprintf(out->source, sizeof(out->source), "%s", source_word(p->row.source));
    out->not_after = p->row.not_after;
    return 0;
}

static void describe(const struct observation *o, struct observation_info *out)
{
    char number[8];

    memset(out, 0, sizeof(*out));
    memcpy(out->host, o->host, sizeof(out->host));
    memcpy(out->address, o->address, sizeof(out->address));
    memcpy(out->sni, o->sni, sizeof(out->sni));
    out->port = o->port;
    (void)snprintf(out->starttls, sizeof(out->starttls), "%s", scan_starttls_word(o->starttls));
    (void)snprintf(out->outcome, sizeof(out->outcome), "%s", scan_outcome_word(o->outcome));
    (void)snprintf(out->stage, sizeof(out->stage), "%s", scan_stage_word(o->stage));
    memcpy(out->detail, o->detail, sizeof(out->detail));
    if (o->has_chosen) {
        (void)snprintf(out->version, sizeof(out->version), "%s",
                       tls_version_name((enum tls_version)o->version));
        (void)snprintf(out->suite, sizeof(out->suite), "%s", tls_suite_name(o->suite, number));
    }
    out->offered = o->offered;
    out->demands_client = o->demands_client;
    out->stapled = o->stapled;
    out->n_chain = o->n_chain;
    out->proved = o->proved;
    out->has_certificate = o->has_certificate;
    memcpy(out->fingerprint, o->fingerprint, sizeof(out->fingerprint));
    memcpy(out->identity, o->identity, sizeof(out->identity));
    out->served = o->served;
    out->first = o->first;
    out->last = o->last;
    memcpy(out->by, o->by, sizeof(out->by));
}

/* Is it one of the words? */
static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = strstr(words, word); at != NULL; at = strstr(at + 1, word))
        if ((at == words || at[-1] == ' ') && (at[n] == '\0' || at[n] == ' '))
            return true;
    return false;
}

static bool wanted(const struct observation_query *q, const struct observation_info *i)
{
    if (q->host[0] != '\0' && strcmp(q->host, i->host) != 0 && strcmp(q->host, i->address) != 0 &&
        strcmp(q->host, i->sni) != 0)
        return false;
    return q->compare[0] == '\0' || has_word(i->compare, q->compare) ||
           strcmp(q->compare, i->outcome) == 0;
}

static int add(void *arg, const uint8_t key[OBSERVATION_KEY], const struct observation *o)
{
    struct page *p = arg;
    struct observation_info info;

    p->looked++;
    memcpy(p->head.at, key, sizeof(p->head.at));
    describe(o, &info);
    memcpy(info.key, key, sizeof(info.key));
    if (o->has_certificate && compare_one(p, o, &info) != 0) {
        if (p->fault->code != FAULT_NOT_FOUND) /* the index is behind, soon it is not */
            return 1;
        fault_clear(p->fault);
    }
    if (wanted(&p->query, &info)) {
        observation_info_put(&p->rows, &info);
        p->head.n++;
    }
    p->head.more = p->head.n == OBSERVATION_PAGE_MAX || clock_mono_us() - p->begun > TIME_MAX_US;
    return p->head.more;
}

static void read_observations(struct ask *q)
{
    struct page *p = xcalloc(1, sizeof(*p));

    p->admin = q->client->admin;
    p->now = clock_now();
    p->begun = clock_mono_us();
    p->fault = &q->fault;
    buf_init(&p->rows, FRAME_BODY_MAX);
    cert_row_init(&p->newest);
    cert_row_init(&p->row);
    cert_row_init(&p->room);
    if (observation_query_get(buf_slice(&q->in), &p->query) != 0) {
        (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
    } else if (store_observations(p->admin->parts.store, p->query.further ? p->query.after : NULL,
                                  LOOK_MAX, add, p, &q->fault) == 0 &&
               q->fault.code == FAULT_NONE) {
        p->head.more = p->head.more || p->looked == LOOK_MAX;
        page_head_put(&q->out, &p->head);
        buf_put_slice(&q->out, buf_slice(&p->rows));
    }
    cert_row_free(&p->newest);
    cert_row_free(&p->row);
    cert_row_free(&p->room);
    buf_free(&p->rows);
    free(p);
}

void list_observations(struct ask *q)
{
    ask_read(q, MSG_OBSERVATION_LISTED, read_observations);
}
