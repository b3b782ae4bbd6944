#include "lib/slow.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/buf.h"
#include "lib/clock.h"

struct entry {
    bool used;
    uint64_t key;
    unsigned failures;
    uint64_t last_us; /* monotonic */
};

struct slow {
    pthread_mutex_t lock; /* over all */
    struct entry entry[SLOW_KEYS];
};

struct slow *slow_new(void)
{
    struct slow *s = xcalloc(1, sizeof(*s));

    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void slow_free(struct slow *s)
{
    if (s == NULL)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static uint64_t quiet_s(const struct entry *e)
{
    return (clock_mono_us() - e->last_us) / 1000000;
}

static const struct entry *find(const struct slow *s, uint64_t key)
{
    for (size_t i = 0; i < SLOW_KEYS; i++)
        if (s->entry[i].used && s->entry[i].key == key && quiet_s(&s->entry[i]) < SLOW_FORGET)
            return &s->entry[i];
    return NULL;
}

static uint32_t wait_of(const struct slow *s, uint64_t key)
{
    const struct entry *e = find(s, key);
    uint64_t wait = 1, quiet;

    if (e == NULL || e->failures <= SLOW_FREE)
        return 0;
    for (unsigned i = SLOW_FREE + 1; i < e->failures && wait < SLOW_MAX; i++)
        wait *= 2;
    if (wait > SLOW_MAX)
        wait = SLOW_MAX;
    quiet = quiet_s(e);
    return quiet >= wait ? 0 : (uint32_t)(wait - quiet);
}

/* The key's own place, else a free one, else that of the one quiet for longest. */
static struct entry *place(struct slow *s, uint64_t key)
{
    struct entry *best = &s->entry[0];

    for (size_t i = 0; i < SLOW_KEYS; i++) {
        struct entry *e = &s->entry[i];

        if (e->used && e->key == key)
            return e;
        if (best->used && (!e->used || e->last_us < best->last_us))
            best = e;
    }
    return best;
}

static void count(struct slow *s, uint64_t key)
{
    struct entry *e = place(s, key);

    if (!e->used || e->key != key || quiet_s(e) >= SLOW_FORGET)
        *e = (struct entry){.used = true, .key = key};
    e->failures++;
    e->last_us = clock_mono_us();
}

uint32_t slow_wait(struct slow *s, uint64_t key)
{
    uint32_t wait;

    pthread_mutex_lock(&s->lock);
    wait = wait_of(s, key);
    pthread_mutex_unlock(&s->lock);
    return wait;
}

void slow_failed(struct slow *s, uint64_t key)
{
    pthread_mutex_lock(&s->lock);
    count(s, key);
    pthread_mutex_unlock(&s->lock);
}

uint32_t slow_verdict(struct slow *s, const uint64_t *key, size_t n, bool right)
{
    uint32_t wait = 0;

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        uint32_t its = wait_of(s, key[i]);

        wait = its > wait ? its : wait;
    }
    for (size_t i = 0; i < n && wait == 0 && !right; i++)
        count(s, key[i]);
    pthread_mutex_unlock(&s->lock);
    return wait;
}
