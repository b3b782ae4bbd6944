/* Heartbeats of channels that ask for them, and how channels are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/watch/watch_inner.h"
#include "lib/clock.h"
#include "lib/log.h"

#define LOOK_MS 2000

static int find_channel(void *arg, const struct outbox_channel *c)
{
    struct outbox_channel *out = arg;

    if (strcmp(c->name, out->name) != 0)
        return 0;
    *out = *c;
    return 1;
}

static int channel_state(struct watch *w, const char *name, struct outbox_channel *out,
                         struct fault *f)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->name, name, strnlen(name, sizeof(out->name) - 1));
    return store_outbox_channels(w->parts.store, find_channel, out, f);
}

/* ---- heartbeats ---- */

static void put_heartbeat(struct watch *w, const struct conf_channel *c, int64_t now)
{
    struct watch_step *s = step_new(w, OUTBOX_ADD, step_free, NULL);
    struct outbox_notice *o = xcalloc(1, sizeof(*o));
    struct notice *n = &o->notice;
    char span[CLOCK_TEXT_SIZE];

    n->kind = NOTICE_HEARTBEAT;
    n->severity = SEVERITY_INFO;
    n->time = now;
    n->deadline = now + w->parts.conf->alert_heartbeat;
    notice_set(n->rule, sizeof(n->rule), "heartbeat");
    notice_set(n->summary, sizeof(n->summary), "alerting is alive");
    clock_format_span(w->parts.conf->alert_heartbeat, span);
    notice_fact(n, "comes every", span);
    o->n_channels = 1;
    memcpy(o->channel[0], c->name, strlen(c->name) + 1);
    s->outbox.add = o;
    step_go(s);
}

/* A clock that went back does not silence it. */
static bool is_time(const struct outbox_channel *c, int64_t every, int64_t now)
{
    return c->heartbeat == 0 || now - c->heartbeat >= every || c->heartbeat > now + every;
}

static void on_beat(void *arg)
{
    struct watch *w = arg;
    int64_t now = clock_now(), every = w->parts.conf->alert_heartbeat;

    for (size_t i = 0; i < w->parts.conf->n_channels && !w->draining; i++) {
        const struct conf_channel *c = &w->parts.conf->channels[i];
        struct outbox_channel state;
        struct fault f;

        fault_clear(&f);
        if (!c->heartbeat || every == 0)
            continue;
        if (channel_state(w, c->name, &state, &f) != 0)
            log_fault(LOG_LEVEL_ERROR, "outbox.unreadable", &f, NULL);
        else if (is_time(&state, every, now))
            put_heartbeat(w, c, now);
    }
    loop_timer_set(w->beat, LOOK_MS);
}

void beat_start(struct watch *w)
{
    bool some = false;

    w->beat = loop_timer(w->parts.loop, on_beat, w);
    for (size_t i = 0; i < w->parts.conf->n_channels; i++)
        some = some || w->parts.conf->channels[i].heartbeat;
    if (some && w->parts.conf->alert_heartbeat != 0)
        loop_timer_set(w->beat, LOOK_MS);
}

/* ---- status ---- */

static void add_time(struct buf *b, const char *what, int64_t t)
{
    char text[CLOCK_TEXT_SIZE];

    if (t == 0)
        return;
    clock_format(t, text);
    buf_printf(b, "; %s %s", what, text);
}

static void describe(const struct outbox_channel *c, struct status_item *out)
{
    const char *state = c->failing_since != 0 ? "failing" : c->parked > 0 ? "parked" : "ready";
    struct buf b;

    out->ok = strcmp(state, "ready") == 0;
    (void)snprintf(out->state, sizeof(out->state), "%s", state);
    buf_init(&b, 1024);
    buf_printf(&b, "%" PRIu64 " wait, %" PRIu64 " parked", c->waiting, c->parked);
    if (c->lost > 0)
        buf_printf(&b, ", %" PRIu64 " lost or dropped", c->lost);
    add_time(&b, "delivered", c->succeeded_at);
    add_time(&b, "failed", c->failed_at);
    if (c->failing_since != 0)
        buf_printf(&b, ": %s", c->why);
    notice_set(out->text, sizeof(out->text), buf_cstr(&b));
    buf_free(&b);
}

bool watch_status(struct watch *w, size_t i, struct status_item *out)
{
    struct outbox_channel c;
    struct fault f;

    *out = (struct status_item){.name = ""};
    if (w == NULL || i >= w->parts.conf->n_channels)
        return false;
    (void)snprintf(out->name, sizeof(out->name), "channel.%.48s", w->parts.conf->channels[i].name);
    fault_clear(&f);
    if (channel_state(w, w->parts.conf->channels[i].name, &c, &f) == 0) {
        describe(&c, out);
        return true;
    }
    (void)snprintf(out->state, sizeof(out->state), "unreadable");
    notice_set(out->text, sizeof(out->text), f.text);
    return true;
}
