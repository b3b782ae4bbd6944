/* `cerca alerts`: what people were told of, and that they have seen it. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/alerts.h"
#include "lib/clock.h"
#include "lib/proto_alert.h"

#define LOOK_MAX 2000 /* alerts that are looked at for one page */

_Static_assert(ALERT_CURSOR == ALERT_KEY, "an alert's key is a cursor");

static int malformed(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
}

static void describe(const uint8_t key[ALERT_KEY], const struct alert *a, struct alert_info *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->key, key, sizeof(out->key));
    memcpy(out->rule, a->rule, sizeof(out->rule));
    memcpy(out->subject, a->subject, sizeof(out->subject));
    memcpy(out->name, a->name, sizeof(out->name));
    (void)snprintf(out->state, sizeof(out->state), "%s", alert_state_word(a->state));
    out->severity = (uint8_t)a->severity;
    (void)snprintf(out->level, sizeof(out->level), "%s", alert_level_word(a->level));
    memcpy(out->owner, a->owner, sizeof(out->owner));
    memcpy(out->contact, a->contact, sizeof(out->contact));
    memcpy(out->summary, a->summary, sizeof(out->summary));
    memcpy(out->by, a->by, sizeof(out->by));
    memcpy(out->note, a->note, sizeof(out->note));
    out->times = a->times;
    out->first_seen = a->first_seen;
    out->last_seen = a->last_seen;
    out->resolved = a->resolved;
    out->acknowledged = a->acknowledged;
    out->deadline = a->deadline;
    out->next = a->next;
}

/* ---- list ---- */

struct page {
    struct alert_query query;
    struct page_head head;
    struct buf rows;
    bool full;
};

static bool wanted(const struct alert_query *q, const struct alert *a)
{
    return (q->all || a->state != ALERT_RESOLVED) && a->severity >= q->severity &&
           (q->owner[0] == '\0' || strcmp(q->owner, a->owner) == 0) &&
           (q->rule[0] == '\0' || strcmp(q->rule, a->rule) == 0) &&
           (q->contains[0] == '\0' || strcasestr(a->name, q->contains) != NULL ||
            strcasestr(a->subject, q->contains) != NULL);
}

static int add(void *arg, const uint8_t key[ALERT_KEY], const struct alert *a)
{
    struct page *p = arg;
    struct alert_info info;

    if (!wanted(&p->query, a))
        return 0;
    describe(key, a, &info);
    alert_info_put(&p->rows, &info);
    p->full = ++p->head.n == ALERT_PAGE_MAX;
    return p->full;
}

static void read_alerts(struct ask *q)
{
    struct page p = {.full = false};
    size_t n;

    if (alert_query_get(buf_slice(&q->in), &p.query) != 0) {
        (void)malformed(&q->fault);
        return;
    }
    buf_init(&p.rows, FRAME_BODY_MAX);
    if (store_alerts(q->client->admin->parts.store, p.query.further ? p.query.after : NULL,
                     LOOK_MAX, add, &p, p.head.at, &n, &q->fault) == 0) {
        p.head.more = p.full || n == LOOK_MAX;
        page_head_put(&q->out, &p.head);
        buf_put_slice(&q->out, buf_slice(&p.rows));
    }
    buf_free(&p.rows);
}

void list_alerts(struct ask *q)
{
    ask_read(q, MSG_ALERT_LISTED, read_alerts);
}

static void read_alert(struct ask *q)
{
    struct alert_info info;
    struct alert a;

    if (q->in.n != ALERT_KEY)
        (void)malformed(&q->fault);
    else if (store_alert_get(q->client->admin->parts.store, q->in.p, &a, &q->fault) == 0) {
        describe(q->in.p, &a, &info);
        alert_info_put(&q->out, &info);
    }
}

void show_alert(struct ask *q)
{
    ask_read(q, MSG_ALERT_SHOWN, read_alert);
}

/* ---- acknowledge ---- */

struct acknowledging {
    struct ask *ask;
    struct store_op op;
    struct store_alert step;
    struct alert_ack request;
};

static void acknowledged(void *arg)
{
    struct acknowledging *k = arg;
    struct alert_info info;

    if (k->op.result != 0) {
        ask_fail(k->ask, &k->op.fault);
    } else {
        describe(k->step.key, &k->step.row, &info);
        alert_info_put(&k->ask->out, &info);
        ask_answer(k->ask, MSG_ALERT_ACKED, buf_slice(&k->ask->out));
    }
    free(k);
}

static void acknowledge_done(struct store_op *op)
{
    struct acknowledging *k = op->arg;

    loop_post(k->ask->client->admin->parts.loop, acknowledged, k);
}

void acknowledge_alert(struct ask *q)
{
    const struct requester *who = &q->client->who;
    struct admin *a = q->client->admin;
    struct acknowledging *k = xcalloc(1, sizeof(*k));
    struct audit_event *e = &k->op.audit;
    char hex[2 * ALERT_KEY + 1];

    if (alert_ack_get(buf_slice(&q->in), &k->request) != 0) {
        (void)malformed(&q->fault);
        ask_fail(q, &q->fault);
        free(k);
        return;
    }
    k->ask = q;
    memcpy(k->step.key, k->request.key, ALERT_KEY);
    k->step.in.verb = k->request.back ? ALERT_UNACKNOWLEDGE : ALERT_ACKNOWLEDGE;
    k->step.in.by = who->name;
    k->step.in.note = k->request.note;
    lifecycle_step(a->parts.lifecycle, &k->step);
    k->op.kind = STORE_ALERT;
    k->op.time = clock_now();
    k->op.alert = &k->step;
    k->op.done = acknowledge_done;
    k->op.arg = k;
    e->action = AUDIT_ALERT;
    e->time = k->op.time;
    memcpy(e->generation, a->parts.conf->generation, sizeof(e->generation));
    (void)snprintf(e->actor, sizeof(e->actor), "%s", who->name);
    (void)snprintf(e->origin, sizeof(e->origin), "%s", who->origin);
    hex_encode(slice_of(k->step.key, ALERT_KEY), hex);
    (void)snprintf(e->detail, sizeof(e->detail), "%s %s: %.190s",
                   k->request.back ? "unacknowledged" : "acknowledged", hex, k->request.note);
    store_submit(a->parts.store, &k->op);
}
