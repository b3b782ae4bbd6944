#include "enroll/refusals.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/log.h"
#include "lib/proto_enroll.h"
#include "lib/source.h"

#define TURN_MS 1000        /* while there is somebody */
#define OTHERS REFUSALS_MAX /* the place of those that have none */

struct place {
    struct refusals *refusals;
    bool used, asked;
    uint64_t source;
    uint32_t sent; /* of n, and not noted yet */
    struct enroll_refusal what;
};

struct refusals {
    struct loop *loop;
    struct ca_link *link;
    struct loop_timer *turn;
    pthread_mutex_t lock; /* over what follows */
    bool posted;
    struct place place[REFUSALS_MAX + 1];
};

/* ---- telling ---- */

/* What was not noted is told again; who was quiet since leaves the place to others. */
static void on_reply(void *arg, uint16_t type, struct slice body, const struct fault *f)
{
    struct place *p = arg;

    (void)body;
    pthread_mutex_lock(&p->refusals->lock);
    p->asked = false;
    if (f == NULL && type == MSG_ENROLL_NOTED)
        p->what.n -= p->sent;
    pthread_mutex_unlock(&p->refusals->lock);
}

/* Under the lock: one that is due, with its message; NULL: none. */
static struct place *next_due(struct refusals *r, struct place *from, struct buf *body)
{
    for (struct place *p = from; p <= &r->place[OTHERS]; p++) {
        if (!p->used || p->asked)
            continue;
        p->used = p->what.n > 0;
        if (!p->used)
            continue;
        enroll_refusal_put(body, &p->what);
        p->sent = p->what.n;
        p->asked = true;
        return p;
    }
    return NULL;
}

static void tell(struct refusals *r)
{
    struct place *p = r->place;

    for (;;) {
        struct buf body;

        buf_init(&body, FRAME_BODY_MAX);
        pthread_mutex_lock(&r->lock);
        p = next_due(r, p, &body);
        pthread_mutex_unlock(&r->lock);
        if (p != NULL)
            ca_link_ask(r->link, MSG_ENROLL_TURNED_AWAY, &body, on_reply, p);
        buf_free(&body);
        if (p == NULL || p++ == &r->place[OTHERS])
            return;
    }
}

/* Until all places are free again: who comes then is the first, and posts. */
static void on_turn(void *arg)
{
    struct refusals *r = arg;
    bool some = false;

    tell(r);
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i <= OTHERS; i++)
        some = some || r->place[i].used;
    pthread_mutex_unlock(&r->lock);
    if (some)
        loop_timer_set(r->turn, TURN_MS);
}

static void on_first(void *arg)
{
    struct refusals *r = arg;

    pthread_mutex_lock(&r->lock);
    r->posted = false;
    pthread_mutex_unlock(&r->lock);
    on_turn(r);
}

/* ---- counting ---- */

static struct place *find(struct refusals *r, uint64_t source)
{
    struct place *free_one = NULL;

    for (size_t i = 0; i < REFUSALS_MAX; i++) {
        if (r->place[i].used && r->place[i].source == source)
            return &r->place[i];
        if (!r->place[i].used && free_one == NULL)
            free_one = &r->place[i];
    }
    return free_one != NULL ? free_one : &r->place[OTHERS];
}

void refusals_add(struct refusals *r, const char *address, const struct fault *f)
{
    struct place *p;
    bool post;

    log_fault(LOG_LEVEL_DEBUG, "enroll.turned.away", f, "address", address, NULL);
    pthread_mutex_lock(&r->lock);
    p = find(r, source_key(address));
    post = !p->used && !r->posted;
    if (!p->used)
        *p = (struct place){.refusals = r, .used = true, .source = source_key(address)};
    p->what.n += p->what.n < UINT32_MAX;
    p->what.why = *f;
    (void)snprintf(p->what.address, sizeof(p->what.address), "%s",
                   p == &r->place[OTHERS] ? "others" : address);
    r->posted = r->posted || post;
    pthread_mutex_unlock(&r->lock);
    if (post)
        loop_post(r->loop, on_first, r);
}

bool refusals_flush(struct refusals *r)
{
    bool none = true;

    tell(r);
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i <= OTHERS; i++)
        none = none && r->place[i].what.n == 0;
    pthread_mutex_unlock(&r->lock);
    return none;
}

struct refusals *refusals_new(struct loop *l, struct ca_link *k)
{
    struct refusals *r = xcalloc(1, sizeof(*r));

    r->loop = l;
    r->link = k;
    pthread_mutex_init(&r->lock, NULL);
    r->turn = loop_timer(l, on_turn, r);
    return r;
}

void refusals_free(struct refusals *r)
{
    if (r == NULL)
        return;
    loop_timer_free(r->turn);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
