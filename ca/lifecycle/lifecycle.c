#include "ca/lifecycle/lifecycle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/lifecycle/evaluate_inner.h"
#include "ca/store/pace.h"
#include "lib/clock.h"
#include "lib/jobtimes.h"
#include "lib/log.h"

#define SLICE_US 4000
#define REST_US 4000 /* after a slice that was not enough */
/* While others change the store, as many times as long as the slice took. */
#define REST_BUSY 4
#define REST_MAX_US 200000
#define IDLE_MS 1000 /* changes are looked for */
#define RETRY_MS 5000
#define COLLECT_FIRST_MS 2000
#define COLLECT_MS 5000
#define CONDITIONS_MAX 256

/* What was collected on the loop, for the thread. */
struct collected {
    size_t n;
    char closed[LINE_TEXT]; /* why nothing is issued */
    struct ca_condition condition[CONDITIONS_MAX];
};

struct lifecycle {
    struct lifecycle_parts parts;
    struct watch_times times;
    struct evaluator *evaluator;
    pthread_t thread;
    bool runs;
    struct loop_timer *timer;
    void (*collect)(void *arg, lifecycle_item fn, void *to);
    void *collect_arg;
    struct pace pace; /* the thread's */

    pthread_mutex_t lock;
    pthread_cond_t wake;
    _Atomic bool stop;
    struct collected *collected; /* the newest, not taken yet */
    struct fault why;            /* of the last slice */
    bool doubt;                  /* the clock */
};

/* ---- on the loop ---- */

static void add_item(void *arg, const struct status_item *i)
{
    struct collected *c = arg;

    if (c->n < CONDITIONS_MAX && condition_of_status(i, &c->condition[c->n]))
        c->n++;
    if (strcmp(i->name, "issuing") == 0 && !i->ok)
        notice_set(c->closed, sizeof(c->closed), i->text);
}

static void add_issuers(struct lifecycle *l, struct collected *c)
{
    const struct authorities *all = l->parts.judge.authorities;
    int64_t now = clock_now();

    for (size_t i = 0; i < all->n && c->n < CONDITIONS_MAX; i++) {
        const struct authority *a = &all->item[i];
        struct watch_life life = {a->parsed.not_before, a->parsed.not_after};

        if (a->certificate.n > 0 && conf_successor(l->parts.judge.conf, a->conf) == NULL &&
            condition_of_issuer(&l->times, a->conf->name, &life, now, &c->condition[c->n]))
            c->n++;
    }
}

static void on_timer(void *arg)
{
    struct lifecycle *l = arg;
    struct collected *c = xcalloc(1, sizeof(*c)), *old;

    l->collect(l->collect_arg, add_item, c);
    add_issuers(l, c);
    pthread_mutex_lock(&l->lock);
    old = l->collected;
    l->collected = c;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
    free(old);
    loop_timer_set(l->timer, COLLECT_MS);
}

void lifecycle_collect(struct lifecycle *l, void (*collect)(void *arg, lifecycle_item fn, void *to),
                       void *arg)
{
    l->collect = collect;
    l->collect_arg = arg;
    l->timer = loop_timer(l->parts.loop, on_timer, l);
    loop_timer_set(l->timer, COLLECT_FIRST_MS);
}

/* ---- the thread ---- */

static struct collected *take_collected(struct lifecycle *l)
{
    struct collected *c;

    pthread_mutex_lock(&l->lock);
    c = l->collected;
    l->collected = NULL;
    pthread_mutex_unlock(&l->lock);
    return c;
}

static int look_at_ca(struct lifecycle *l, int64_t now, struct fault *f)
{
    struct collected *c = take_collected(l);
    int rc = 0;

    if (c == NULL)
        return 0;
    evaluator_closed(l->evaluator, c->closed);
    rc = evaluator_conditions(l->evaluator, c->condition, c->n, now, f);
    free(c);
    return rc;
}

static void note(struct lifecycle *l, const struct fault *f, bool doubt)
{
    if (f->code != FAULT_NONE && strcmp(f->rule, l->why.rule) != 0)
        log_fault(f->code == FAULT_UNAVAILABLE ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
                  "lifecycle.waiting", f, NULL);
    pthread_mutex_lock(&l->lock);
    l->why = *f;
    l->doubt = doubt;
    pthread_mutex_unlock(&l->lock);
}

/* After a slice that was not enough. */
static uint64_t rest_after(uint64_t took, bool busy)
{
    uint64_t us = busy ? REST_BUSY * took : REST_US;

    return us < REST_US ? REST_US : us > REST_MAX_US ? REST_MAX_US : us;
}

/* Works a slice; for how long to rest, in microseconds. */
static uint64_t work(struct lifecycle *l)
{
    uint64_t begun = clock_mono_us();
    int64_t now = clock_now(), next = now;
    bool busy = pace_busy(&l->pace), doubt;
    struct fault f, none;
    int rc;

    fault_clear(&f);
    fault_clear(&none);
    doubt = store_clock(l->parts.judge.store, &none) != 0;
    rc = look_at_ca(l, now, &f);
    if (rc == 0 && !doubt)
        rc = evaluator_run(l->evaluator, now, SLICE_US, &next, &f);
    if (rc == 0 && !doubt)
        rc = evaluator_digests(l->evaluator, now, &f);
    if (rc == 0)
        fault_clear(&f);
    if (!doubt && f.code != FAULT_UNAVAILABLE)
        job_noted(JOB_EVALUATION, rc == 0);
    note(l, &f, doubt);
    if (rc != 0 || doubt)
        return (uint64_t)RETRY_MS * 1000;
    if (next <= now)
        return rest_after(clock_mono_us() - begun, busy);
    return (uint64_t)IDLE_MS * 1000;
}

static void rest(struct lifecycle *l, uint64_t us)
{
    uint64_t until = clock_mono_us() + us;
    struct timespec at = {.tv_sec = (time_t)(until / 1000000),
                          .tv_nsec = (long)(until % 1000000) * 1000};

    pthread_mutex_lock(&l->lock);
    while (!l->stop && l->collected == NULL &&
           pthread_cond_timedwait(&l->wake, &l->lock, &at) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&l->lock);
}

static void *lifecycle_main(void *arg)
{
    struct lifecycle *l = arg;

    /* Issuing goes first. */
    pace_begin(&l->pace, l->parts.judge.store, PACE_LEAST);
    while (!l->stop)
        rest(l, work(l));
    return NULL;
}

static bool is_stopping(void *arg)
{
    struct lifecycle *l = arg;

    return l->stop;
}

int lifecycle_open(const struct lifecycle_parts *parts, struct lifecycle **out, struct fault *f)
{
    struct lifecycle *l = xcalloc(1, sizeof(*l));
    struct evaluator_parts evaluation = {.judge = parts->judge,
                                         .route = parts->route,
                                         .route_arg = parts->route_arg,
                                         .stopping = is_stopping,
                                         .stopping_arg = l};
    pthread_condattr_t attr;

    *out = NULL;
    l->parts = *parts;
    watch_times_read(parts->judge.conf, &l->times);
    l->evaluator = evaluator_new(&evaluation);
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&l->thread, NULL, lifecycle_main, l) != 0) {
        lifecycle_free(l);
        return fault_set(f, FAULT_INTERNAL, "lifecycle.thread", "no thread for the evaluation");
    }
    l->runs = true;
    *out = l;
    return 0;
}

void lifecycle_stop(struct lifecycle *l)
{
    if (l == NULL || !l->runs)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    l->runs = false;
}

void lifecycle_free(struct lifecycle *l)
{
    if (l == NULL)
        return;
    loop_timer_free(l->timer);
    evaluator_free(l->evaluator);
    free(l->collected);
    pthread_cond_destroy(&l->wake);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* ---- for others ---- */

void lifecycle_again(struct lifecycle *l)
{
    evaluator_again(l->evaluator);
}

void lifecycle_excepted(struct lifecycle *l, const char *subject)
{
    uint8_t identity[IDENTITY_LEN];

    if (hex_decode(subject, identity, sizeof(identity)) == 0)
        evaluator_excepted(l->evaluator, identity);
    else
        evaluator_again(l->evaluator);
}

void lifecycle_step(struct lifecycle *l, struct store_alert *step)
{
    step->times = &l->times;
    step->notice = evaluator_notice;
    step->arg = l->evaluator;
}

void lifecycle_summary(struct lifecycle *l, struct evaluator_summary *out)
{
    evaluator_summary(l->evaluator, out);
}

void lifecycle_status(struct lifecycle *l, struct status_item *out)
{
    char at[CLOCK_TEXT_SIZE] = "not yet";
    struct evaluator_summary s;

    memset(out, 0, sizeof(*out));
    evaluator_summary(l->evaluator, &s);
    if (s.evaluated != 0)
        clock_format(s.evaluated, at);
    (void)snprintf(out->name, sizeof(out->name), "lifecycle");
    pthread_mutex_lock(&l->lock);
    out->ok = l->why.code == FAULT_NONE || l->why.code == FAULT_UNAVAILABLE;
    (void)snprintf(out->state, sizeof(out->state), "%s",
                   l->doubt || l->why.code == FAULT_UNAVAILABLE ? "waiting"
                   : l->why.code != FAULT_NONE                  ? "failing"
                   : s.running                                  ? "evaluating"
                                                                : "ready");
    if (l->why.code != FAULT_NONE)
        (void)snprintf(out->text, sizeof(out->text), "%s", l->why.text);
    else if (s.running)
        (void)snprintf(out->text, sizeof(out->text),
                       "%" PRIu64 " identities so far; the last time all of them %s", s.so_far, at);
    else
        (void)snprintf(out->text, sizeof(out->text),
                       "%" PRIu64 " identities evaluated %s, %" PRIu64 " due or overdue",
                       s.sums.lines, at, s.sums.by_state[LINE_DUE] + s.sums.by_state[LINE_OVERDUE]);
    pthread_mutex_unlock(&l->lock);
}
