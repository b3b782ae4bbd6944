#include "ocsp/cache.h"
#include "lib/buf.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    STRIPES = 64,
    BUCKETS_START = 64,
    ALLOCATION = 16, /* what malloc adds, about */
};

/* In a bucket's chain, and in its stripe's list by age. What finding it reads stands together: of
 * many answers none is in the processor's caches. */
struct entry {
    struct entry *next;
    struct ocsp_cache_key key;
    uint16_t n;
    bool used; /* since it was put there, or was spared last */
    struct entry *newer, *older;
    struct ocsp_cached about;
    uint8_t answer[];
};

struct stripe {
    pthread_mutex_t lock;
    struct entry **bucket;
    size_t buckets, n, octets;
    uint64_t hits;
    struct entry *newest, *oldest;
} __attribute__((aligned(64)));

struct ocsp_cache {
    struct stripe stripe[STRIPES];
    size_t stripe_max;
};

struct ocsp_cache *ocsp_cache_new(size_t max)
{
    struct ocsp_cache *c = NULL;

    if (posix_memalign((void **)&c, 64, sizeof(*c)) != 0)
        out_of_memory();
    memset(c, 0, sizeof(*c));
    c->stripe_max = max / STRIPES;
    for (size_t i = 0; i < STRIPES; i++) {
        struct stripe *s = &c->stripe[i];

        pthread_mutex_init(&s->lock, NULL);
        s->buckets = BUCKETS_START;
        s->bucket = xcalloc(s->buckets, sizeof(struct entry *));
    }
    return c;
}

/* Serials of 16 octets are random at their end. Only certificates of ours are kept, so nobody
 * chooses them. */
static uint64_t mix(const struct ocsp_cache_key *k)
{
    uint64_t h;

    memcpy(&h, &k->serial[SERIAL_LEN - sizeof(h)], sizeof(h));
    return (h ^ k->issuer) * UINT64_C(0x9e3779b97f4a7c15);
}

static struct stripe *stripe_of(struct ocsp_cache *c, const struct ocsp_cache_key *k)
{
    return &c->stripe[mix(k) >> 58];
}

static struct entry **bucket_of(struct stripe *s, const struct ocsp_cache_key *k)
{
    return &s->bucket[(mix(k) >> 24) & (s->buckets - 1)];
}

static bool same_certificate(const struct ocsp_cache_key *a, const struct ocsp_cache_key *b)
{
    return a->issuer == b->issuer && memcmp(a->serial, b->serial, SERIAL_LEN) == 0;
}

static size_t size_of(const struct entry *e)
{
    return sizeof(*e) + e->n + ALLOCATION + sizeof(struct entry *);
}

static void unlist(struct stripe *s, struct entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &s->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &s->oldest) = e->newer;
}

static void list_newest(struct stripe *s, struct entry *e)
{
    e->newer = NULL;
    e->older = s->newest;
    *(s->newest != NULL ? &s->newest->newer : &s->oldest) = e;
    s->newest = e;
}

/* Drops the entry at *at, which then is the one behind it. */
static void drop(struct stripe *s, struct entry **at)
{
    struct entry *e = *at;

    *at = e->next;
    unlist(s, e);
    s->n--;
    s->octets -= size_of(e);
    free(e);
}

/* NULL is fine. */
static void drop_entry(struct stripe *s, const struct entry *e)
{
    struct entry **at;

    if (e == NULL)
        return;
    at = bucket_of(s, &e->key);
    while (*at != e)
        at = &(*at)->next;
    drop(s, at);
}

/* The next one to go. Who was used is spared once: as good as moving it with each use, which would
 * touch others that nobody asked for. */
static struct entry *next_to_go(struct stripe *s)
{
    struct entry *e;

    while ((e = s->oldest) != NULL && e->used) {
        e->used = false;
        unlist(s, e);
        list_newest(s, e);
    }
    return e;
}

static void grow(struct stripe *s)
{
    struct entry **before = s->bucket;
    size_t n = s->buckets;

    s->buckets = 2 * n;
    s->bucket = xcalloc(s->buckets, sizeof(struct entry *));
    for (size_t i = 0; i < n; i++)
        for (struct entry *e = before[i], *next; e != NULL; e = next) {
            struct entry **at = bucket_of(s, &e->key);

            next = e->next;
            e->next = *at;
            *at = e;
        }
    free(before);
}

void ocsp_cache_free(struct ocsp_cache *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < STRIPES; i++) {
        struct stripe *s = &c->stripe[i];

        for (struct entry *e = s->newest, *older; e != NULL; e = older) {
            older = e->older;
            free(e);
        }
        free(s->bucket);
        pthread_mutex_destroy(&s->lock);
    }
    free(c);
}

static struct entry *find(struct stripe *s, const struct ocsp_cache_key *k)
{
    for (struct entry *e = *bucket_of(s, k); e != NULL; e = e->next)
        if (e->key.variant == k->variant && same_certificate(&e->key, k))
            return e;
    return NULL;
}

bool ocsp_cache_get(struct ocsp_cache *c, const struct ocsp_cache_key *k, int64_t now,
                    struct ocsp_cached *want, struct buf *answer)
{
    struct stripe *s = stripe_of(c, k);
    struct entry *e;
    bool found;

    pthread_mutex_lock(&s->lock);
    e = find(s, k);
    found = e != NULL && e->about.change == want->change && e->about.delegate == want->delegate &&
            now < e->about.renew_at;
    if (found) {
        *want = e->about;
        buf_put(answer, e->answer, e->n);
        e->used = true;
        s->hits++;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

static void outdate(struct stripe *s, const struct ocsp_cache_key *k, int64_t this_update)
{
    struct entry **at = bucket_of(s, k);

    while (*at != NULL)
        if (same_certificate(&(*at)->key, k) && (*at)->about.this_update < this_update)
            drop(s, at);
        else
            at = &(*at)->next;
}

static void add(struct stripe *s, struct entry *e)
{
    struct entry **at;

    if (s->n >= s->buckets)
        grow(s);
    at = bucket_of(s, &e->key);
    e->next = *at;
    *at = e;
    list_newest(s, e);
    s->n++;
    s->octets += size_of(e);
}

void ocsp_cache_put(struct ocsp_cache *c, const struct ocsp_cache_key *k,
                    const struct ocsp_cached *about, struct slice answer, const int64_t *newest)
{
    struct stripe *s = stripe_of(c, k);
    struct entry *e;

    if (answer.n > UINT16_MAX)
        return;
    e = xcalloc(1, sizeof(*e) + answer.n);
    e->about = *about;
    e->key = *k;
    e->n = (uint16_t)answer.n;
    memcpy(e->answer, answer.p, answer.n);
    pthread_mutex_lock(&s->lock);
    outdate(s, k, about->this_update);
    if (__atomic_load_n(newest, __ATOMIC_SEQ_CST) <= about->this_update &&
        size_of(e) <= c->stripe_max) {
        drop_entry(s, find(s, k));
        while (s->octets + size_of(e) > c->stripe_max)
            drop_entry(s, next_to_go(s));
        add(s, e);
        e = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    free(e);
}

void ocsp_cache_outdate(struct ocsp_cache *c, const struct ocsp_cache_key *k, int64_t this_update)
{
    struct stripe *s = stripe_of(c, k);

    pthread_mutex_lock(&s->lock);
    outdate(s, k, this_update);
    pthread_mutex_unlock(&s->lock);
}

void ocsp_cache_size(struct ocsp_cache *c, size_t *answers, size_t *octets, uint64_t *hits)
{
    *answers = *octets = 0;
    *hits = 0;
    for (size_t i = 0; i < STRIPES; i++) {
        struct stripe *s = &c->stripe[i];

        pthread_mutex_lock(&s->lock);
        *answers += s->n;
        *octets += s->octets;
        *hits += s->hits;
        pthread_mutex_unlock(&s->lock);
    }
}
