#include "lib/hasher.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/key.h"

/* Below, waking the other thread costs more than the hash. */
#define ALONE ((size_t)65536)

struct hasher {
    struct digest *digest;
    bool threaded;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct slice piece; /* to be hashed; none when p is NULL */
    bool ending;
};

static void *hasher_main(void *arg)
{
    struct hasher *h = arg;

    pthread_mutex_lock(&h->lock);
    while (!h->ending) {
        struct slice s = h->piece;

        if (s.p == NULL) {
            pthread_cond_wait(&h->changed, &h->lock);
            continue;
        }
        pthread_mutex_unlock(&h->lock);
        digest_add(h->digest, s);
        pthread_mutex_lock(&h->lock);
        h->piece = SLICE_NONE;
        pthread_cond_broadcast(&h->changed);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

struct hasher *hasher_begin(void)
{
    struct hasher *h = xcalloc(1, sizeof(*h));

    h->digest = digest_begin(32);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->changed, NULL);
    h->threaded = pthread_create(&h->thread, NULL, hasher_main, h) == 0;
    return h;
}

void hasher_add(struct hasher *h, struct slice s)
{
    if (!h->threaded || s.n < ALONE) {
        digest_add(h->digest, s);
        return;
    }
    pthread_mutex_lock(&h->lock);
    h->piece = s;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

void hasher_wait(struct hasher *h)
{
    pthread_mutex_lock(&h->lock);
    while (h->piece.p != NULL)
        pthread_cond_wait(&h->changed, &h->lock);
    pthread_mutex_unlock(&h->lock);
}

void hasher_end(struct hasher *h, uint8_t out[32])
{
    if (h == NULL)
        return;
    pthread_mutex_lock(&h->lock);
    h->ending = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    if (h->threaded)
        pthread_join(h->thread, NULL);
    digest_end(h->digest, out);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
