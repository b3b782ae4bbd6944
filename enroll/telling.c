#include "enroll/telling.h"

#include <stdlib.h>
#include <string.h>

#include "lib/counters.h"
#include "lib/proto.h"

#define SOON_MS 1000   /* what was counted since it was asked */
#define AGAIN_MS 10000 /* cerca-ca may be another one, which knows nothing */

struct telling {
    struct ca_link *link;
    struct loop_timer *turn;
    bool asked;
    struct counters sent, told;
};

static bool is_news(const struct telling *t)
{
    struct counters now;

    counters_now(&now);
    return memcmp(&now, &t->told, sizeof now) != 0;
}

static void on_reply(void *arg, uint16_t type, struct slice body, const struct fault *f)
{
    struct telling *t = arg;

    (void)body;
    t->asked = false;
    if (f == NULL && type == MSG_ENROLL_NOTED)
        t->told = t->sent;
    if (is_news(t))
        loop_timer_set(t->turn, SOON_MS);
}

static void tell(struct telling *t)
{
    struct buf body;

    if (t->asked)
        return;
    t->asked = true;
    counters_now(&t->sent);
    buf_init(&body, FRAME_BODY_MAX);
    counters_put(&body, &t->sent);
    ca_link_ask(t->link, MSG_COUNTERS, &body, on_reply, t);
    buf_free(&body);
}

static void on_turn(void *arg)
{
    struct telling *t = arg;

    loop_timer_set(t->turn, AGAIN_MS);
    tell(t);
}

void telling_news(struct telling *t)
{
    if (is_news(t))
        tell(t);
}

struct telling *telling_new(struct loop *l, struct ca_link *k)
{
    struct telling *t = xcalloc(1, sizeof *t);

    t->link = k;
    t->turn = loop_timer(l, on_turn, t);
    loop_timer_set(t->turn, AGAIN_MS);
    return t;
}

void telling_free(struct telling *t)
{
    if (t == NULL)
        return;
    loop_timer_free(t->turn);
    free(t);
}
