#include "ca/signer/job.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job_queue {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    unsigned threads;
    unsigned waiting;
    bool closed;
    size_t n;
    struct job *first, **end;
};

struct job *job_new(const struct frame *frame)
{
    struct slice body = frame->body;
    struct job *j = xcalloc(1, sizeof(*j) + body.n);

    j->type = frame->type;
    j->id = frame->id;
    j->fd = frame->fd;
    j->n = body.n;
    if (body.n > 0)
        memcpy(j->body, body.p, body.n);
    buf_init(&j->answer, FRAME_BODY_MAX);
    return j;
}

void job_free(struct job *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0)
        (void)close(j->fd);
    buf_free(&j->answer);
    free(j);
}

struct job_queue *job_queue_new(unsigned threads)
{
    struct job_queue *q = xcalloc(1, sizeof(*q));

    (void)pthread_mutex_init(&q->lock, NULL);
    (void)pthread_cond_init(&q->wake, NULL);
    q->threads = threads;
    q->end = &q->first;
    return q;
}

void job_queue_free(struct job_queue *q)
{
    if (q == NULL)
        return;
    for (struct job *j = q->first, *next; j != NULL; j = next) {
        next = j->next;
        job_free(j);
    }
    (void)pthread_mutex_destroy(&q->lock);
    (void)pthread_cond_destroy(&q->wake);
    free(q);
}

void job_queue_put(struct job_queue *q, struct job *j)
{
    j->next = NULL;
    (void)pthread_mutex_lock(&q->lock);
    *q->end = j;
    q->end = &j->next;
    q->n++;
    if (q->waiting > 0)
        (void)pthread_cond_signal(&q->wake);
    (void)pthread_mutex_unlock(&q->lock);
}

/* A fair share: what waits is spread over the threads. */
static struct job *cut(struct job_queue *q, size_t max)
{
    size_t share = (q->n + q->threads - 1) / q->threads;
    struct job *list = q->first, **at = &q->first;

    if (share > max)
        share = max;
    for (size_t i = 0; i < share; i++)
        at = &(*at)->next;
    q->first = *at;
    *at = NULL;
    if (q->first == NULL)
        q->end = &q->first;
    q->n -= share;
    return list;
}

struct job *job_queue_take(struct job_queue *q, size_t max)
{
    struct job *list = NULL;

    (void)pthread_mutex_lock(&q->lock);
    while (q->first == NULL && !q->closed) {
        q->waiting++;
        (void)pthread_cond_wait(&q->wake, &q->lock);
        q->waiting--;
    }
    if (!q->closed)
        list = cut(q, max);
    (void)pthread_mutex_unlock(&q->lock);
    return list;
}

void job_queue_close(struct job_queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    q->closed = true;
    (void)pthread_cond_broadcast(&q->wake);
    (void)pthread_mutex_unlock(&q->lock);
}
