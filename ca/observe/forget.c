#include "ca/observe/forget.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"

#define SLICE_MS 5000 /* between two slices of a pass */
#define PASSES 200    /* in the time after which something is forgotten; and */
#define PASS_MS_MIN 5000
#define PASS_MS_MAX 3600000 /* at least hourly */

struct forgetter {
    struct loop *loop;
    struct store *store;
    struct loop_timer *timer;
    int64_t life;
    bool further, draining;
    uint8_t after[OBSERVATION_KEY]; /* which was looked at last */
    size_t looked;
    struct cert_row row; /* room */
    struct store_op op;
    struct store_forget forget;
};

/* What cannot be read stays. */
static bool lasts(struct forgetter *g, const struct observation *o)
{
    struct fault f;

    return o->outcome == SCAN_LOGGED && o->has_certificate &&
           (store_get(g->store, &o->ref, &g->row, &f) != 0 || g->row.not_after >= g->forget.before);
}

static int look(void *arg, const uint8_t key[OBSERVATION_KEY], const struct observation *o)
{
    struct forgetter *g = arg;

    g->looked++;
    memcpy(g->after, key, sizeof(g->after));
    if (o->last < g->forget.before && !lasts(g, o))
        memcpy(g->forget.key[g->forget.n++], key, OBSERVATION_KEY);
    return 0;
}

static uint64_t pause_of(const struct forgetter *g)
{
    uint64_t pass = (uint64_t)g->life * 1000 / PASSES;

    if (g->further)
        return SLICE_MS;
    if (pass < PASS_MS_MIN)
        return PASS_MS_MIN;
    return pass < PASS_MS_MAX ? pass : PASS_MS_MAX;
}

static void again(struct forgetter *g)
{
    if (!g->draining)
        loop_timer_set(g->timer, pause_of(g));
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
    cert_row_init(&g->row);
    g->timer = loop_timer(loop, on_tick, g);
    loop_timer_set(g->timer, SLICE_MS);
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
    cert_row_free(&g->row);
    free(g);
}
