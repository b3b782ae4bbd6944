#include "ca/door/strangers.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"

struct stranger {
    bool used;
    uint64_t source;
    struct requester who;
    struct fault newest;
    uint64_t more;     /* since the last record */
    int64_t since;     /* when that was */
    uint64_t since_us; /* monotonic */
};

struct strangers {
    uint64_t interval_ms;
    strangers_record record;
    void *arg;
    struct loop_timer *timer;
    bool ticking;
    struct stranger of[STRANGERS_MAX + 1]; /* the last: all that had no place */
};

static uint64_t source_of(const struct requester *who)
{
    return who->source != 0 ? who->source : who->uid;
}

static struct stranger *find(struct strangers *s, uint64_t source)
{
    struct stranger *free_one = NULL;

    for (size_t i = 0; i < STRANGERS_MAX; i++) {
        if (s->of[i].used && s->of[i].source == source)
            return &s->of[i];
        if (!s->of[i].used && free_one == NULL)
            free_one = &s->of[i];
    }
    return free_one != NULL ? free_one : &s->of[STRANGERS_MAX];
}

static void begin(struct stranger *x)
{
    x->more = 0;
    x->since = clock_now();
    x->since_us = clock_mono_us();
}

static void tell(struct strangers *s, struct stranger *x)
{
    if (x == &s->of[STRANGERS_MAX])
        (void)snprintf(x->who.name, sizeof(x->who.name), "other strangers");
    s->record(s->arg, &x->who, &x->newest, x->more, x->since);
}

/* Who goes on has one record an interval; who stopped is forgotten. */
static void on_tick(void *arg)
{
    struct strangers *s = arg;
    uint64_t now = clock_mono_us();

    s->ticking = false;
    for (size_t i = 0; i <= STRANGERS_MAX; i++) {
        struct stranger *x = &s->of[i];

        if (x->used && now - x->since_us >= s->interval_ms * 1000) {
            x->used = x->more > 0;
            if (x->used)
                tell(s, x);
            begin(x);
        }
        s->ticking = s->ticking || x->used;
    }
    if (s->ticking)
        loop_timer_set(s->timer, s->interval_ms);
}

void strangers_refused(struct strangers *s, const struct requester *who, const struct fault *f,
                       uint32_t n)
{
    struct stranger *x = find(s, source_of(who));
    bool first = !x->used;

    x->who = *who;
    x->newest = *f;
    if (!first) {
        x->more += n;
        return;
    }
    x->used = true;
    x->source = source_of(who);
    begin(x);
    x->more = n - 1;
    s->record(s->arg, who, f, 0, x->since);
    if (!s->ticking)
        loop_timer_set(s->timer, s->interval_ms);
    s->ticking = true;
}

void strangers_flush(struct strangers *s)
{
    for (size_t i = 0; i <= STRANGERS_MAX; i++) {
        if (s->of[i].more == 0)
            continue;
        tell(s, &s->of[i]);
        begin(&s->of[i]);
    }
}

struct strangers *strangers_new(struct loop *l, uint64_t interval_ms, strangers_record fn,
                                void *arg)
{
    struct strangers *s = xcalloc(1, sizeof(*s));

    s->interval_ms = interval_ms;
    s->record = fn;
    s->arg = arg;
    s->timer = loop_timer(l, on_tick, s);
    return s;
}

void strangers_free(struct strangers *s)
{
    if (s == NULL)
        return;
    loop_timer_free(s->timer);
    free(s);
}
