#include "ca/door/workers.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/log.h"

struct queue {
    struct work *head, *tail;
};

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct queue queue[WORK_CLASSES];
    unsigned idle;
    bool stop;
    unsigned n;
    pthread_t *thread;
    unsigned started;
};

static struct work *take(struct workers *w)
{
    for (int c = 0; c < WORK_CLASSES; c++) {
        struct queue *q = &w->queue[c];
        struct work *item = q->head;

        if (item == NULL)
            continue;
        q->head = item->next;
        if (q->head == NULL)
            q->tail = NULL;
        return item;
    }
    return NULL;
}

static void *worker_main(void *arg)
{
    struct workers *w = arg;
    struct work *item;
    unsigned index;

    pthread_mutex_lock(&w->lock);
    index = w->started++;
    for (;;) {
        item = take(w);
        if (item == NULL && w->stop)
            break;
        if (item == NULL) {
            w->idle++;
            pthread_cond_wait(&w->wake, &w->lock);
            w->idle--;
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        item->run(item, index);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct workers *workers_new(unsigned n)
{
    struct workers *w = xcalloc(1, sizeof(*w));

    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    w->n = n;
    w->thread = xcalloc(n, sizeof(*w->thread));
    for (unsigned i = 0; i < n; i++) {
        int rc = pthread_create(&w->thread[i], NULL, worker_main, w);

        if (rc != 0) {
            log_error("worker.start.failed", "call", "pthread_create", "reason", strerror(rc),
                      NULL);
            exit(1);
        }
    }
    return w;
}

void workers_free(struct workers *w)
{
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->n; i++)
        pthread_join(w->thread[i], NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w->thread);
    free(w);
}

void workers_push(struct workers *w, enum work_class c, struct work *item)
{
    struct queue *q = &w->queue[c];
    bool wake;

    item->next = NULL;
    pthread_mutex_lock(&w->lock);
    if (q->tail != NULL)
        q->tail->next = item;
    else
        q->head = item;
    q->tail = item;
    wake = w->idle > 0;
    pthread_mutex_unlock(&w->lock);
    if (wake)
        pthread_cond_signal(&w->wake);
}

unsigned workers_count(const struct workers *w)
{
    return w->n;
}
