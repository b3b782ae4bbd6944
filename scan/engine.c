#include "scan/engine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/clock.h"
#include "scan/permute.h"
#include "scan/target.h"

#define BEGIN_A_TURN 64     /* targets, before what is ready has its turn */
#define DESCRIPTORS_KEPT 64 /* for all that is not a connection */
#define AHEAD_US 100000 /* turns of all that may be taken before their time: then targets wait */
#define AHEAD_MS 20

struct engine {
    struct target_world world;
    struct engine_events events;
    void *arg;
    struct permutation order;
    uint64_t next;    /* position */
    uint64_t dropped; /* the least position of a target that was; UINT64_MAX: none */
    uint64_t done, results;
    uint32_t active, limit;
    bool started, stopped, paused, told;
    struct target *first, *last; /* at work, by position */
    struct loop_task more;
    struct loop_timer *later; /* the same, when there are turns again */
};

static void begin_more(void *arg);

static void on_result(void *arg, const struct scan_result *r)
{
    struct engine *e = arg;

    e->results++;
    e->events.result(e->arg, r);
}

static void link_target(struct engine *e, struct target *t)
{
    t->prev = e->last;
    if (e->last != NULL)
        e->last->next = t;
    else
        e->first = t;
    e->last = t;
    e->active++;
}

static void unlink_target(struct engine *e, struct target *t)
{
    if (t->prev != NULL)
        t->prev->next = t->next;
    else
        e->first = t->next;
    if (t->next != NULL)
        t->next->prev = t->prev;
    else
        e->last = t->prev;
    e->active--;
}

static void on_ended(void *arg, struct target *t)
{
    struct engine *e = arg;

    if (!t->dropped)
        e->done++;
    else if (t->position < e->dropped)
        e->dropped = t->position;
    unlink_target(e, t);
    target_free(t);
    loop_defer(e->world.loop, &e->more);
}

/* One less than there is room for: others need descriptors too. */
static uint32_t connections_here(uint32_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= (rlim_t)wanted + DESCRIPTORS_KEPT)
        return wanted;
    return limit.rlim_cur > DESCRIPTORS_KEPT ? (uint32_t)limit.rlim_cur - DESCRIPTORS_KEPT : 1;
}

int engine_new(struct loop *l, const struct scan_job *job, const struct engine_events *events,
               void *arg, struct engine **out, struct fault *f)
{
    struct engine *e = xcalloc(1, sizeof(*e));

    *out = NULL;
    e->world.loop = l;
    e->world.job = *job;
    e->world.result = on_result;
    e->world.ended = on_ended;
    e->world.arg = e;
    e->events = *events;
    e->arg = arg;
    e->limit = connections_here(job->connections);
    e->more.fn = begin_more;
    e->more.arg = e;
    e->later = loop_timer(l, begin_more, e);
    e->dropped = UINT64_MAX;
    pace_init(&e->world.pace, job);
    space_init(&e->world.space);
    e->world.resolver = resolver_new(l);
    if (handshakes_new(&e->world.handshakes, f) != 0) {
        engine_free(e);
        return -(int)f->code;
    }
    *out = e;
    return 0;
}

void engine_free(struct engine *e)
{
    struct target *t, *next;

    if (e == NULL)
        return;
    for (t = e->first; t != NULL; t = next) {
        next = t->next;
        target_free(t);
    }
    loop_defer_cancel(&e->more);
    loop_timer_free(e->later);
    resolver_free(e->world.resolver);
    handshakes_free(e->world.handshakes);
    pace_free(&e->world.pace);
    space_free(&e->world.space);
    free(e);
}

int engine_add(struct engine *e, const struct scan_range *r, struct fault *f)
{
    return space_add(&e->world.space, r, f);
}

static void begin_one(struct engine *e)
{
    struct space_target at;
    uint64_t position = e->next++;
    struct target *t;

    space_at(&e->world.space, permutation_at(&e->order, position), &at);
    if (at.range->name == NULL && space_excluded(&e->world.space, at.address)) {
        e->world.excluded++;
        e->done++;
        return;
    }
    t = target_new(&e->world, position, &at);
    link_target(e, t);
    target_begin(t);
}

static bool may_begin(const struct engine *e)
{
    return !e->stopped && !e->paused && e->active < e->limit && e->next < e->world.space.n;
}

static bool is_ahead(const struct engine *e)
{
    return pace_ahead(&e->world.pace, clock_mono_us()) > AHEAD_US;
}

static void begin_more(void *arg)
{
    struct engine *e = arg;

    for (unsigned i = 0; i < BEGIN_A_TURN && may_begin(e) && !is_ahead(e); i++)
        begin_one(e);
    if (may_begin(e) && is_ahead(e)) {
        loop_timer_set(e->later, AHEAD_MS);
    } else if (may_begin(e)) {
        loop_defer(e->world.loop, &e->more);
    } else if (e->active == 0 && !e->told && (e->stopped || e->next == e->world.space.n)) {
        e->told = true;
        e->events.done(e->arg);
    }
}

void engine_start(struct engine *e)
{
    e->started = true;
    permutation_init(&e->order, e->world.space.n, e->world.job.seed);
    e->next = e->world.job.position < e->world.space.n ? e->world.job.position : e->world.space.n;
    loop_defer(e->world.loop, &e->more);
}

void engine_stop(struct engine *e)
{
    struct target *t, *next;

    e->stopped = e->world.stopping = true;
    for (t = e->first; t != NULL; t = next) {
        next = t->next;
        target_stop(t);
    }
    if (e->started)
        loop_defer(e->world.loop, &e->more);
}

void engine_pause(struct engine *e, bool paused)
{
    if (e->paused == paused)
        return;
    e->paused = paused;
    if (e->started && !paused)
        loop_defer(e->world.loop, &e->more);
}

/* All before it have ended. */
static uint64_t finished(const struct engine *e)
{
    uint64_t n = e->first != NULL ? e->first->position : e->next;

    return n < e->dropped ? n : e->dropped;
}

void engine_progress(const struct engine *e, struct scan_progress *out)
{
    *out = (struct scan_progress){.total = e->world.space.n,
                                  .excluded = e->world.excluded,
                                  .started = e->next,
                                  .done = e->done,
                                  .finished = finished(e),
                                  .results = e->results,
                                  .connections = e->world.connected};
}
