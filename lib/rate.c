#include "lib/rate.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/key.h"

#define WAYS 4

/* Until when what was done is paid for: the theoretical arrival time of the next. */
struct place {
    uint64_t source, until_us;
};

struct rate {
    uint64_t every_us, burst_us, secret;
    pthread_mutex_t lock; /* over the places */
    struct place place[RATE_SOURCES / WAYS][WAYS];
};

struct rate *rate_new(uint32_t n, int64_t per)
{
    struct rate *r = xcalloc(1, sizeof(*r));

    r->burst_us = (uint64_t)per * 1000000;
    r->every_us = r->burst_us / n;
    random_bytes(&r->secret, sizeof(r->secret));
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void rate_free(struct rate *r)
{
    if (r == NULL)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* A mix in which every bit counts (SplitMix64). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

/* The source's own place, else that of the one that is done soonest. */
static struct place *find(struct rate *r, uint64_t source)
{
    struct place *set = r->place[mix(source ^ r->secret) % (RATE_SOURCES / WAYS)], *best = &set[0];

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].source == source)
            return &set[i];
        if (set[i].until_us < best->until_us)
            best = &set[i];
    }
    *best = (struct place){.source = source};
    return best;
}

uint32_t rate_take(struct rate *r, uint64_t source, uint64_t now_us)
{
    struct place *p;
    uint64_t until, wait = 0;

    pthread_mutex_lock(&r->lock);
    p = find(r, source);
    until = (p->until_us > now_us ? p->until_us : now_us) + r->every_us;
    if (until - now_us > r->burst_us)
        wait = (until - now_us - r->burst_us + 999999) / 1000000;
    else
        p->until_us = until;
    pthread_mutex_unlock(&r->lock);
    return (uint32_t)wait;
}
