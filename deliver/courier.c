#include "deliver/courier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deliver/job.h"
#include "deliver/link.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/step.h"

/* Asked again after so long in any case: a clock may have been set. */
#define LOOK_MS 30000
#define AGAIN_MS 1000

struct lane {
    struct courier *courier;
    const struct channel_keys *keys;
    struct job *jobs; /* under way, and settling */
    size_t n_jobs;
    struct loop_timer *look;
    bool asking, again;
};

struct courier {
    struct loop *loop;
    const struct conf *conf;
    struct transfers *transfers;
    struct link *link;
    struct lane *lane; /* of each channel */
    bool draining;
};

static void look(struct lane *l);

/* ---- settling ---- */

static void forget(struct lane *l, struct job *j)
{
    struct job **at = &l->jobs;

    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    l->n_jobs--;
    job_free(j);
}

static void tell(struct job *j);

static void on_noted(void *arg, struct slice body, const struct fault *f)
{
    struct job *j = arg;
    struct lane *l = j->owner;

    (void)body;
    if (f != NULL && fault_retryable(f)) {
        j->settling = false; /* told again when the connection is back, or soon */
        loop_timer_set(l->look, AGAIN_MS);
        return;
    }
    forget(l, j);
    if (f == NULL) {
        look(l);
        return;
    }
    /* It is due as before: not sent again and again as fast as that goes. */
    log_fault(LOG_LEVEL_ERROR, "notify.outcome.refused", f, NULL);
    loop_timer_set(l->look, LOOK_MS);
}

static void tell(struct job *j)
{
    struct lane *l = j->owner;
    struct buf b;

    j->settling = true;
    buf_init(&b, 2048);
    outcome_put(&b, &j->outcome);
    STEP("watch.told.before");
    link_ask(l->courier->link, MSG_WATCH_OUTCOME, buf_slice(&b), on_noted, j);
    buf_free(&b);
}

static void on_done(struct job *j)
{
    const char *channel = j->outcome.channel;

    STEP("watch.delivered");
    if (j->outcome.kind == OUTCOME_DELIVERED)
        log_info("notify.delivered", "channel", channel, "id", j->item.notice.id, "server",
                 j->outcome.why, NULL);
    else
        log_warn("notify.failed", "channel", channel, "id", j->item.notice.id, "why",
                 j->outcome.why, NULL);
    tell(j);
}

/* ---- taking ---- */

static bool has(const struct lane *l, uint64_t number)
{
    for (const struct job *j = l->jobs; j != NULL; j = j->next)
        if (j->item.notice.number == number)
            return true;
    return false;
}

static void take(struct lane *l, const struct due_item *item)
{
    struct job *j;

    if (has(l, item->notice.number) || l->n_jobs >= COURIER_AT_ONCE || l->courier->draining)
        return;
    j = xcalloc(1, sizeof(*j));
    j->keys = l->keys;
    j->item = *item;
    j->owner = l;
    j->done = on_done;
    j->next = l->jobs;
    l->jobs = j;
    l->n_jobs++;
    job_start(j, l->courier->transfers);
}

/* When to ask without being woken. */
static void set_look(struct lane *l, int64_t next)
{
    int64_t now = clock_now();
    uint64_t wait = LOOK_MS;

    if (next != 0 && next < now + LOOK_MS / 1000)
        wait = next > now ? (uint64_t)(next - now) * 1000 : AGAIN_MS;
    loop_timer_set(l->look, wait);
}

static void take_all(struct lane *l, struct slice body)
{
    struct due_item *item = xcalloc(1, sizeof(*item));
    struct wire_in w;
    int64_t next;
    uint32_t n;

    wire_in_init(&w, body);
    next = wire_get_i64(&w);
    n = wire_get_count(&w, WATCH_DUE_MAX, 64);
    for (uint32_t i = 0; i < n && !wire_failed(&w); i++) {
        due_item_get(&w, item);
        if (!wire_failed(&w))
            take(l, item);
    }
    if (!wire_in_done(&w))
        log_warn("watch.due.malformed", NULL);
    free(item);
    set_look(l, next);
}

static void on_due(void *arg, struct slice body, const struct fault *f)
{
    struct lane *l = arg;

    l->asking = false;
    if (f != NULL)
        loop_timer_set(l->look, fault_retryable(f) ? AGAIN_MS : LOOK_MS);
    else
        take_all(l, body);
    if (l->again && f == NULL)
        look(l);
}

/* Those under way are among the first that are due: with as many as may be at once, whatever is new
 * is seen. */
static void look(struct lane *l)
{
    struct due_request r = {.max = COURIER_AT_ONCE};
    struct buf b;

    l->again = l->asking;
    if (l->asking || l->courier->draining || l->n_jobs >= COURIER_AT_ONCE)
        return;
    l->asking = true;
    memcpy(r.channel, l->keys->target.conf->name, strlen(l->keys->target.conf->name) + 1);
    buf_init(&b, 128);
    due_request_put(&b, &r);
    link_ask(l->courier->link, MSG_WATCH_DUE, buf_slice(&b), on_due, l);
    buf_free(&b);
}

static void on_look(void *arg)
{
    struct lane *l = arg;

    for (struct job *j = l->jobs, *next; j != NULL; j = next) {
        next = j->next;
        if (j->outcome.kind != 0 && !j->settling)
            tell(j);
    }
    look(l);
}

static void on_wake(void *arg)
{
    struct courier *c = arg;

    for (size_t i = 0; i < c->conf->n_channels; i++)
        on_look(&c->lane[i]);
}

/* ---- whole ---- */

int courier_new(struct loop *l, const struct conf *conf, const struct channel_keys *keys,
                struct courier **out, struct fault *f)
{
    static const struct link_callbacks cb = {on_wake};
    struct courier *c = xcalloc(1, sizeof(*c));

    *out = NULL;
    c->loop = l;
    c->conf = conf;
    c->transfers = transfers_new(l, f);
    if (c->transfers == NULL) {
        free(c);
        return -(int)f->code;
    }
    c->lane = xcalloc(conf->n_channels, sizeof(c->lane[0]));
    for (size_t i = 0; i < conf->n_channels; i++) {
        c->lane[i].courier = c;
        c->lane[i].keys = &keys[i];
        c->lane[i].look = loop_timer(l, on_look, &c->lane[i]);
    }
    c->link = link_new(l, conf, &cb, c);
    *out = c;
    return 0;
}

void courier_drain(struct courier *c)
{
    c->draining = true;
}

size_t courier_busy(const struct courier *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->conf->n_channels; i++)
        n += c->lane[i].n_jobs;
    return n;
}

void courier_free(struct courier *c)
{
    if (c == NULL)
        return;
    link_free(c->link);
    transfers_free(c->transfers);
    for (size_t i = 0; i < c->conf->n_channels; i++) {
        for (struct job *j = c->lane[i].jobs, *next; j != NULL; j = next) {
            next = j->next;
            job_free(j);
        }
        loop_timer_free(c->lane[i].look);
    }
    free(c->lane);
    free(c);
}
