/* A test of a channel, and who waits for what comes of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/watch/watch_inner.h"
#include "lib/clock.h"
#include "lib/key.h"

#define SPARE_US 15000000 /* beyond the time limit of one attempt */
#define LOOK_MS 500

struct watch_wait {
    uint64_t number; /* of the test; 0: not in the outbox yet */
    char channel[OUTBOX_CHANNEL_SIZE];
    char id[NOTICE_ID_SIZE];
    uint64_t until_us;
    watch_tested fn;
    void *arg;
    struct watch_wait *next;
};

/* ---- waiting ---- */

static struct watch_wait **place_of(struct watch *w, const char *id)
{
    struct watch_wait **at = &w->waits;

    while (*at != NULL && strcmp((*at)->id, id) != 0)
        at = &(*at)->next;
    return at;
}

static void end(struct watch_wait **at, const struct tested *t, const struct fault *f)
{
    struct watch_wait *q = *at;

    *at = q->next;
    q->fn(q->arg, t, f);
    free(q);
}

static void end_slow(struct watch_wait **at, const char *text)
{
    struct fault f;

    fault_clear(&f);
    (void)fault_unavailable(&f, 30, "notify.slow", "%s; see cerca status and cerca notify list",
                            text);
    end(at, NULL, &f);
}

void test_settled(struct watch *w, const struct outcome *o)
{
    for (struct watch_wait **at = &w->waits; *at != NULL; at = &(*at)->next) {
        struct tested t = {.delivered = o->kind == OUTCOME_DELIVERED};

        if ((*at)->number != o->number || strcmp((*at)->channel, o->channel) != 0)
            continue;
        memcpy(t.id, (*at)->id, sizeof(t.id));
        memcpy(t.why, o->why, sizeof(t.why));
        end(at, &t, NULL);
        return;
    }
}

void test_end_all(struct watch *w)
{
    while (w->waits != NULL)
        end_slow(&w->waits, "cerca-ca ends just now");
}

static void on_limit(void *arg)
{
    struct watch *w = arg;
    uint64_t now = clock_mono_us();

    for (struct watch_wait **at = &w->waits; *at != NULL;) {
        if (now >= (*at)->until_us)
            end_slow(at, "cerca-watch has not said what became of it");
        else
            at = &(*at)->next;
    }
    if (w->waits != NULL)
        loop_timer_set(w->limit, LOOK_MS);
}

/* ---- asking ---- */

static void after_add(struct watch_step *s)
{
    struct watch_wait **at = place_of(s->watch, s->outbox.add->notice.id);

    if (*at != NULL && s->op.result != 0)
        end(at, NULL, &s->op.fault);
    else if (*at != NULL)
        (*at)->number = s->outbox.add->notice.number;
    step_free(s);
}

static void fill(struct notice *n, const char *who, int64_t now)
{
    uint8_t id[16];

    n->kind = NOTICE_TEST;
    n->severity = SEVERITY_INFO;
    n->time = now;
    random_bytes(id, sizeof(id));
    hex_encode(slice_of(id, sizeof(id)), n->id);
    notice_set(n->rule, sizeof(n->rule), "test");
    notice_set(n->summary, sizeof(n->summary), "this is a test of notifications; nothing is wrong");
    notice_fact(n, "asked by", who);
}

void watch_test(struct watch *w, const char *channel, const char *who, watch_tested fn, void *arg)
{
    const struct conf_channel *c = conf_channel(w->parts.conf, channel);
    struct watch_wait *q;
    struct watch_step *s;
    struct fault f;

    if (c == NULL) {
        fault_clear(&f);
        (void)fault_set(&f, FAULT_NOT_FOUND, "channel.unknown",
                        "the configuration has no channel \"%s\"", channel);
        fn(arg, NULL, &f);
        return;
    }
    s = step_new(w, OUTBOX_ADD, after_add, NULL);
    s->outbox.add = xcalloc(1, sizeof(*s->outbox.add));
    fill(&s->outbox.add->notice, who, s->op.time);
    s->outbox.add->n_channels = 1;
    memcpy(s->outbox.add->channel[0], c->name, strlen(c->name) + 1);
    q = xcalloc(1, sizeof(*q));
    *q = (struct watch_wait){.fn = fn, .arg = arg, .next = w->waits};
    memcpy(q->channel, s->outbox.add->channel[0], sizeof(q->channel));
    memcpy(q->id, s->outbox.add->notice.id, sizeof(q->id));
    q->until_us = clock_mono_us() + (uint64_t)c->timeout * 1000000 + SPARE_US;
    w->waits = q;
    if (w->limit == NULL)
        w->limit = loop_timer(w->parts.loop, on_limit, w);
    loop_timer_set(w->limit, LOOK_MS);
    step_go(s);
}
