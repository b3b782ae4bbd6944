#include "ca/watch/watch_inner.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/key.h"
#include "lib/log.h"
#include "lib/step.h"
#include "watch/route/route.h"

/* Of an answer, so that one more item fits. */
#define DUE_OCTETS ((size_t)40 << 10)

/* It asks for outcomes to get into the store. */
struct watch_client {
    struct caller caller; /* first */
    struct watch *owner;
};

/* ---- the outbox ---- */

static void step_back(void *arg)
{
    struct watch_step *s = arg;

    s->after(s);
}

static void step_done(struct store_op *op)
{
    struct watch_step *s = (struct watch_step *)op;

    loop_post(s->watch->parts.loop, step_back, s);
}

struct watch_step *step_new(struct watch *w, enum outbox_verb verb,
                            void (*after)(struct watch_step *s), void *arg)
{
    struct watch_step *s = xcalloc(1, sizeof(*s));

    s->watch = w;
    s->after = after;
    s->arg = arg;
    s->outbox.verb = verb;
    s->op.kind = STORE_OUTBOX;
    s->op.time = clock_now();
    s->op.outbox = &s->outbox;
    s->op.done = step_done;
    return s;
}

void step_go(struct watch_step *s)
{
    store_submit(s->watch->parts.store, &s->op);
}

void step_free(struct watch_step *s)
{
    if (s != NULL)
        free(s->outbox.add);
    free(s);
}

/* ---- what is due ---- */

struct due_list {
    struct buf items;
    uint32_t n;
};

static int add_due(void *arg, const struct outbox_delivery *d, const struct notice *n,
                   const char *ticket)
{
    struct due_list *l = arg;

    due_item_put(&l->items, d->tries, ticket, n);
    l->n++;
    return l->items.n > DUE_OCTETS;
}

static int answer_due(struct watch_client *c, const struct frame *frame, struct fault *f)
{
    struct watch *w = c->owner;
    struct due_list l = {.n = 0};
    struct due_request r;
    int64_t next = 0;
    struct buf b;
    int rc;

    if (due_request_get(frame->body, &r) != 0)
        return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
    if (conf_channel(w->parts.conf, r.channel) == NULL)
        return fault_set(f, FAULT_NOT_FOUND, "channel.unknown", "there is no such channel");
    buf_init(&l.items, FRAME_BODY_MAX - 16);
    buf_init(&b, FRAME_BODY_MAX);
    rc = store_outbox_due(w->parts.store, r.channel, clock_now(), r.max, add_due, &l, &next, f);
    if (rc == 0) {
        wire_put_i64(&b, next);
        wire_put_u32(&b, l.n);
        buf_put_slice(&b, buf_slice(&l.items));
        caller_send(&c->caller, MSG_WATCH_DUE_ARE, frame->id, buf_slice(&b), -1);
    }
    buf_free(&l.items);
    buf_free(&b);
    return rc;
}

static void on_due(struct conn *conn, void *owner, const struct frame *frame)
{
    struct watch_client *c = owner;
    struct fault f;

    fault_clear(&f);
    if (c->owner->draining)
        (void)fault_unavailable(&f, 1, "door.closed", "cerca-ca ends just now");
    else if (answer_due(c, frame, &f) == 0)
        return;
    conn_send_fault(conn, frame->id, &f);
}

/* ---- what became of it ---- */

/* The delivery and its outcome, until that is durable. */
struct settling {
    struct watch_client *client;
    struct outcome outcome;
};

static void after_outcome(struct watch_step *s)
{
    struct settling *t = s->arg;
    struct caller *c = &t->client->caller;

    STEP("watch.outcome.after");
    if (s->op.result != 0)
        log_fault(LOG_LEVEL_ERROR, "notify.outcome.failed", &s->op.fault, NULL);
    else
        test_settled(s->watch, &t->outcome);
    if (s->op.result == 0)
        caller_send(c, MSG_WATCH_NOTED, s->id, SLICE_NONE, -1);
    else
        caller_send_fault(c, s->id, &s->op.fault);
    caller_let_go(c);
    free(t);
    step_free(s);
}

/* How long it has waited, and how often. */
static int find_delivery(void *arg, const struct outbox_delivery *d, const struct notice *n)
{
    struct outbox_delivery *out = arg;

    (void)n;
    if (d->number != out->number)
        return 1;
    if (strcmp(d->channel, out->channel) != 0)
        return 0;
    *out = *d;
    return 1;
}

static int64_t next_try(struct watch *w, const struct conf_channel *channel,
                        const struct outcome *o, int64_t now)
{
    struct outbox_delivery d = {.number = o->number};
    struct fault f;
    uint32_t chance;

    if (o->kind == OUTCOME_REFUSED)
        return 0;
    fault_clear(&f);
    memcpy(d.channel, o->channel, sizeof(d.channel));
    if (o->number == 0 || store_outbox(w->parts.store, o->number - 1, find_delivery, &d, &f) != 0 ||
        d.added == 0)
        return now + 60; /* nothing is due that is not there */
    if (d.kind == NOTICE_TEST)
        return 0;
    random_bytes(&chance, sizeof(chance));
    return route_next(d.tries + 1, d.added, now, channel->give_up, o->retry_after, chance);
}

static int take_outcome(struct watch_client *c, const struct frame *frame, struct fault *f)
{
    struct watch *w = c->owner;
    const struct conf_channel *channel;
    struct settling *t;
    struct watch_step *s;
    struct outcome o;

    if (outcome_get(frame->body, &o) != 0)
        return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
    channel = conf_channel(w->parts.conf, o.channel);
    if (channel == NULL)
        return fault_set(f, FAULT_NOT_FOUND, "channel.unknown", "there is no such channel");
    t = xcalloc(1, sizeof(*t));
    *t = (struct settling){c, o};
    s = step_new(w, o.kind == OUTCOME_DELIVERED ? OUTBOX_DELIVERED : OUTBOX_FAILED, after_outcome,
                 t);
    s->id = frame->id;
    s->outbox.number = o.number;
    s->outbox.closed = o.closed;
    memcpy(s->outbox.channel, o.channel, sizeof(s->outbox.channel));
    memcpy(s->outbox.ticket, o.ticket, sizeof(s->outbox.ticket));
    notice_set(s->outbox.why, sizeof(s->outbox.why), o.why);
    if (s->outbox.verb == OUTBOX_FAILED)
        s->outbox.next = next_try(w, channel, &o, s->op.time);
    caller_hold(&c->caller);
    STEP("watch.outcome.before");
    step_go(s);
    return 0;
}

static void on_outcome(struct conn *conn, void *owner, const struct frame *frame)
{
    struct fault f;

    fault_clear(&f);
    if (take_outcome(owner, frame, &f) != 0)
        conn_send_fault(conn, frame->id, &f);
}

/* ---- routing ---- */

void watch_route(const struct conf *conf, struct outbox_notice *o)
{
    const struct conf_channel *to[OUTBOX_CHANNELS_MAX];

    o->n_channels = route_channels(conf, &o->notice, to, OUTBOX_CHANNELS_MAX);
    for (size_t i = 0; i < o->n_channels; i++)
        (void)snprintf(o->channel[i], sizeof(o->channel[i]), "%.32s", to[i]->name);
}

/* ---- the socket ---- */

static const struct permit permits[] = {{MSG_WATCH_DUE, 128, on_due},
                                        {MSG_WATCH_OUTCOME, 1024, on_outcome}};
static const struct conn_callbacks callbacks = {
    .permits = permits, .n_permits = 2, .closed = caller_closed};

static void tell_clients(void *arg)
{
    struct watch *w = arg;

    w->woken = false;
    for (const struct caller *c = w->clients.first; c != NULL; c = c->next)
        caller_send(c, MSG_WATCH_WAKE, 0, SLICE_NONE, -1);
}

/* On the store's writer thread. */
static void on_outbox(void *arg)
{
    struct watch *w = arg;

    if (!atomic_exchange(&w->woken, true))
        loop_post(w->parts.loop, tell_clients, w);
}

/* The socket's owner is cerca-watch's user; nobody else but root could connect. */
static void on_accepted(void *arg, int fd, const struct conn_peer *peer)
{
    struct watch *w = arg;
    struct watch_client *c = caller_new(&w->clients, sizeof(*c));

    (void)peer;
    c->owner = w;
    caller_connect(&c->caller, w->parts.loop, fd, &callbacks);
}

/* ---- channels that are gone ---- */

static int park_unknown(void *arg, const struct outbox_channel *c)
{
    struct watch *w = arg;
    struct watch_step *s;

    if (c->waiting == 0 || conf_channel(w->parts.conf, c->name) != NULL)
        return 0;
    log_warn("channel.gone", "channel", c->name, "waiting", log_num((int64_t)c->waiting), NULL);
    s = step_new(w, OUTBOX_PARK, step_free, NULL);
    memcpy(s->outbox.channel, c->name, sizeof(s->outbox.channel));
    (void)snprintf(s->outbox.why, sizeof(s->outbox.why), "the configuration has no such channel");
    step_go(s);
    return 0;
}

struct watch *watch_new(const struct watch_parts *parts, int listen_fd)
{
    struct watch *w = xcalloc(1, sizeof(*w));
    struct fault f;

    w->parts = *parts;
    fault_clear(&f);
    store_on_outbox(parts->store, on_outbox, w);
    if (store_outbox_channels(parts->store, park_unknown, w, &f) != 0)
        log_fault(LOG_LEVEL_ERROR, "outbox.unreadable", &f, NULL);
    if (listen_fd >= 0) {
        w->listener = listener_new(parts->loop, listen_fd, on_accepted, w);
        listener_for(w->listener, "cerca-watch");
    }
    beat_start(w);
    return w;
}

void watch_drain(struct watch *w)
{
    if (w == NULL)
        return;
    w->draining = true;
    test_end_all(w);
}

void watch_free(struct watch *w)
{
    if (w == NULL)
        return;
    listener_free(w->listener);
    test_end_all(w);
    callers_free(&w->clients);
    loop_timer_free(w->beat);
    loop_timer_free(w->limit);
    free(w);
}
