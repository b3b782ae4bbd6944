#include "ca/observe/forget.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"

#define EVERY_MS 5000

struct forgetter {
    struct loop *loop;
    struct store *store;
    struct loop_timer *timer;
    int64_t life;
    bool further, draining;
    uint8_t after[OBSERVATION_KEY]; /* which was looked at last */
    size_t looked;
    struct store_op op;
    struct store_forget forget;
};

static int look(void *arg, const uint8_t key[OBSERVATION_KEY], const struct observation *o)
{
    struct forgetter *g = arg;

    g->looked++;
    memcpy(g->after, key, sizeof(g->after));
    if (o->last < g->forget.before)
        memcpy(g->forget.key[g->forget.n++], key, OBSERVATION_KEY);
    return 0;
}

static void again(struct forgetter *g)
{
    if (!g->draining)
        loop_timer_set(g->timer, EVERY_MS);
}

static void forgotten(void *arg)
{
    struct forgetter *g = arg;

    if (g->op.result != 0)
        log_fault(LOG_LEVEL_WARN, "observations.kept", &g->op.fault, NULL);
    else if (g->forget.dropped > 0)
        log_info("observations.forgotten", "n", log_num((int64_t)g->forget.dropped), NULL);
    again(g);
}

static void on_stored(struct store_op *op)
{
    struct forgetter *g = op->arg;

    loop_post(g->loop, forgotten, g);
}

static void on_tick(void *arg)
{
    struct forgetter *g = arg;
    struct fault f;
    int rc;

    fault_clear(&f);
    g->looked = g->forget.n = 0;
    g->forget.before = clock_now() - g->life;
    rc = store_clock(g->store, &f);
    if (rc == 0)
        rc = store_observations(g->store, g->further ? g->after : NULL, STORE_FORGET_MAX, look, g,
                                &f);
    g->further = rc == 0 && g->looked == STORE_FORGET_MAX;
    if (rc != 0 || g->forget.n == 0) {
        again(g);
        return;
    }
    g->op = (struct store_op){.kind = STORE_FORGET,
                              .forget = &g->forget,
                              .time = clock_now(),
                              .done = on_stored,
                              .arg = g};
    store_submit(g->store, &g->op);
}

struct forgetter *forgetter_new(const struct conf *conf, struct loop *loop, struct store *store)
{
    struct forgetter *g;

    if (conf->scan_forgotten == 0)
        return NULL;
    g = xcalloc(1, sizeof(*g));
    g->loop = loop;
    g->store = store;
    g->life = conf->scan_forgotten;
    g->timer = loop_timer(loop, on_tick, g);
    again(g);
    return g;
}

void forgetter_drain(struct forgetter *g)
{
    if (g == NULL)
        return;
    g->draining = true;
    loop_timer_clear(g->timer);
}

void forgetter_free(struct forgetter *g)
{
    if (g == NULL)
        return;
    loop_timer_free(g->timer);
    free(g);
}
