#include "scan/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/log.h"

#define STACK_OCTETS (256 << 10)

struct resolution {
    struct resolution *next;
    char *name;
    resolved fn; /* NULL: cancelled */
    void *arg;
    uint8_t address[RESOLVE_ADDRESSES_MAX][16];
    size_t n;
    bool here;
    const char *why;
};

struct queue {
    struct resolution *first, **end;
};

struct resolver {
    pthread_mutex_t lock;
    pthread_cond_t work;
    unsigned users; /* its threads, and its owner */
    unsigned threads, idle;
    bool closed;
    struct queue asked, answered;
    int wake; /* eventfd */
    struct loop_watch *watch;
};

static void queue_put(struct queue *q, struct resolution *r)
{
    r->next = NULL;
    *q->end = r;
    q->end = &r->next;
}

static struct resolution *queue_take_all(struct queue *q)
{
    struct resolution *first = q->first;

    q->first = NULL;
    q->end = &q->first;
    return first;
}

static struct resolution *queue_take(struct queue *q)
{
    struct resolution *first = q->first;

    if (first == NULL)
        return NULL;
    q->first = first->next;
    if (q->first == NULL)
        q->end = &q->first;
    return first;
}

static void free_resolution(struct resolution *q)
{
    free(q->name);
    free(q);
}

static void free_all(struct resolution *q)
{
    struct resolution *next;

    for (; q != NULL; q = next) {
        next = q->next;
        free_resolution(q);
    }
}

/* With the lock, which is gone afterwards. */
static void leave(struct resolver *r)
{
    bool last = --r->users == 0;

    pthread_mutex_unlock(&r->lock);
    if (!last)
        return;
    free_all(queue_take_all(&r->asked));
    free_all(queue_take_all(&r->answered));
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->work);
    close(r->wake);
    free(r);
}

static void take_address(struct resolution *q, const struct sockaddr *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t *to = q->address[q->n];

    if (a->sa_family == AF_INET) {
        memcpy(to, mapped, sizeof(mapped));
        memcpy(to + 12, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
    } else if (a->sa_family == AF_INET6) {
        memcpy(to, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, 16);
    } else {
        return;
    }
    for (size_t i = 0; i < q->n; i++)
        if (memcmp(q->address[i], to, 16) == 0)
            return;
    q->n++;
}

static void look_up(struct resolution *q)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int rc = getaddrinfo(q->name, NULL, &hints, &found);

    if (rc != 0) {
        q->here = rc == EAI_MEMORY || rc == EAI_SYSTEM;
        q->why = rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc);
        return;
    }
    for (const struct addrinfo *a = found; a != NULL && q->n < RESOLVE_ADDRESSES_MAX;
         a = a->ai_next)
        take_address(q, a->ai_addr);
    freeaddrinfo(found);
    q->why = q->n == 0 ? "no address" : "";
}

/* With the lock. */
static void answer(struct resolver *r, struct resolution *q)
{
    const uint64_t one = 1;

    queue_put(&r->answered, q);
    if (write(r->wake, &one, sizeof(one)) < 0)
        return; /* full: the loop is awake already */
}

static void *work(void *arg)
{
    struct resolver *r = arg;

    pthread_mutex_lock(&r->lock);
    while (!r->closed) {
        struct resolution *q = queue_take(&r->asked);

        if (q == NULL) {
            r->idle++;
            pthread_cond_wait(&r->work, &r->lock);
            r->idle--;
            continue;
        }
        pthread_mutex_unlock(&r->lock);
        look_up(q);
        pthread_mutex_lock(&r->lock);
        answer(r, q);
    }
    leave(r);
    return NULL;
}

static void on_answers(void *arg, unsigned ready)
{
    struct resolver *r = arg;
    struct resolution *q, *next;
    uint64_t count;
    (void)ready;

    if (read(r->wake, &count, sizeof(count)) < 0)
        return;
    pthread_mutex_lock(&r->lock);
    q = queue_take_all(&r->answered);
    pthread_mutex_unlock(&r->lock);
    for (; q != NULL; q = next) {
        next = q->next;
        if (q->fn != NULL)
            q->fn(q->arg, (const uint8_t(*)[16])q->address, q->n, q->here, q->why);
        free_resolution(q);
    }
}

struct resolver *resolver_new(struct loop *l)
{
    struct resolver *r = xcalloc(1, sizeof(*r));

    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->work, NULL);
    r->users = 1;
    r->asked.end = &r->asked.first;
    r->answered.end = &r->answered.first;
    r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->wake < 0) { /* nobody would ever be answered */
        log_error("scan.resolver", "call", "eventfd", "reason", strerror(errno), NULL);
        exit(EXIT_FAILURE);
    }
    r->watch = loop_watch(l, r->wake, LOOP_READ, on_answers, r);
    return r;
}

void resolver_free(struct resolver *r)
{
    if (r == NULL)
        return;
    loop_unwatch(r->watch);
    pthread_mutex_lock(&r->lock);
    r->closed = true;
    pthread_cond_broadcast(&r->work);
    leave(r);
}

/* With the lock. Without a single thread nobody would ever look. */
static void no_thread(struct resolver *r, int error)
{
    struct resolution *q = r->threads == 0 ? queue_take(&r->asked) : NULL;

    if (q == NULL)
        return;
    q->here = true;
    q->why = error == EAGAIN ? "no thread can be made here" : strerror(error);
    answer(r, q);
}

/* With the lock. */
static void another_thread(struct resolver *r)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int error;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_OCTETS);
    r->users++;
    r->threads++;
    error = pthread_create(&thread, &attributes, work, r);
    if (error != 0) {
        r->users--;
        r->threads--;
        no_thread(r, error);
    }
    pthread_attr_destroy(&attributes);
}

struct resolution *resolver_ask(struct resolver *r, const char *name, resolved fn, void *arg)
{
    struct resolution *q = xcalloc(1, sizeof(*q));

    q->name = xstrdup(name);
    q->fn = fn;
    q->arg = arg;
    pthread_mutex_lock(&r->lock);
    queue_put(&r->asked, q);
    if (r->idle == 0 && r->threads < RESOLVE_THREADS)
        another_thread(r);
    else
        pthread_cond_signal(&r->work);
    pthread_mutex_unlock(&r->lock);
    return q;
}

void resolution_cancel(struct resolution *q)
{
    q->fn = NULL; /* read on the loop's thread only */
}
