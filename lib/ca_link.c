#include "lib/ca_link.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/log.h"
#include "lib/proto.h"

#define BUCKETS 1024
#define QUEUE_MAX ((size_t)64 << 20)

struct question {
    uint64_t id, until_us;
    uint16_t type;
    struct buf body;
    ca_link_reply reply;
    void *arg;
    struct question *next, *prev; /* in order of time */
    struct question *same;        /* in its bucket */
};

struct ca_link {
    struct loop *loop;
    struct ca_link_options o;
    struct permit permits[CA_LINK_ANSWERS_MAX + 1];
    struct conn_callbacks callbacks;
    struct conn *conn;           /* NULL: not connected */
    struct loop_timer *deadline; /* of the first question */
    uint64_t last_id;
    struct question *first, *last; /* sent and not answered */
    struct question *bucket[BUCKETS];
    bool lost;                           /* and that was said */
    pthread_mutex_t lock;                /* over what follows */
    struct question *fresh, *fresh_last; /* for the loop to send */
    size_t waiting;                      /* all of them */
    bool posted, closed;
};

/* ---- answering ---- */

static void take_out(struct ca_link *k, struct question *q)
{
    struct question **at = &k->bucket[q->id % BUCKETS];

    while (*at != q)
        at = &(*at)->same;
    *at = q->same;
    *(q->prev != NULL ? &q->prev->next : &k->first) = q->next;
    *(q->next != NULL ? &q->next->prev : &k->last) = q->prev;
}

static void end(struct ca_link *k, struct question *q, uint16_t type, struct slice body,
                const struct fault *f)
{
    pthread_mutex_lock(&k->lock);
    k->waiting--;
    pthread_mutex_unlock(&k->lock);
    q->reply(q->arg, type, body, f);
    buf_free(&q->body);
    free(q);
}

static void end_unavailable(struct ca_link *k, struct question *q, uint32_t retry_after,
                            const char *rule, const char *text)
{
    struct fault f;

    fault_clear(&f);
    (void)fault_unavailable(&f, retry_after, rule, "%s; retry after %u s", text, retry_after);
    end(k, q, MSG_FAULT, SLICE_NONE, &f);
}

static void end_all(struct ca_link *k, const char *rule, const char *text)
{
    for (struct question *q = k->first, *next; q != NULL; q = next) {
        next = q->next;
        take_out(k, q);
        end_unavailable(k, q, 2, rule, text);
    }
}

static struct question *find(const struct ca_link *k, uint64_t id)
{
    struct question *q = k->bucket[id % BUCKETS];

    while (q != NULL && q->id != id)
        q = q->same;
    return q;
}

static void on_answer(struct conn *conn, void *owner, const struct frame *frame)
{
    struct ca_link *k = owner;
    struct question *q = find(k, frame->id);
    struct fault f;

    (void)conn;
    if (q == NULL) /* past its deadline */
        return;
    take_out(k, q);
    if (frame->type != MSG_FAULT)
        end(k, q, frame->type, frame->body, NULL);
    else if (fault_get(frame->body, &f) == 0)
        end(k, q, MSG_FAULT, SLICE_NONE, &f);
    else
        end_unavailable(k, q, 5, "est.ca", "cerca-ca answers nonsense");
}

static void on_closed(struct conn *conn, void *owner)
{
    struct ca_link *k = owner;

    (void)conn;
    k->conn = NULL;
    log_warn("ca.lost", NULL);
    end_all(k, "est.ca", "cerca-ca has gone");
}

/* ---- asking ---- */

/* All have the same time, so the first that was asked is the first to end. */
static void set_deadline(struct ca_link *k)
{
    uint64_t now = clock_mono_us();

    if (k->first != NULL)
        loop_timer_set(k->deadline,
                       k->first->until_us > now ? (k->first->until_us - now + 999) / 1000 : 0);
}

static void on_deadline(void *arg)
{
    struct ca_link *k = arg;
    uint64_t now = clock_mono_us();

    for (struct question *q = k->first, *next; q != NULL && now >= q->until_us; q = next) {
        next = q->next;
        take_out(k, q);
        end_unavailable(k, q, 5, "est.deadline", "this takes too long");
    }
    set_deadline(k);
}

static bool connected(struct ca_link *k)
{
    struct buf path;
    struct fault f;
    int fd;

    if (k->conn != NULL)
        return true;
    fault_clear(&f);
    buf_init(&path, PATH_MAX);
    k->o.socket(k->o.conf, &path);
    fd = connect_unix(buf_cstr(&path), &f);
    buf_free(&path);
    if (fd >= 0)
        k->conn = conn_new(k->loop, fd, &k->callbacks, k);
    else if (!k->lost)
        log_fault(LOG_LEVEL_WARN, "ca.unreachable", &f, NULL);
    k->lost = fd < 0;
    return fd >= 0;
}

static void send_question(struct ca_link *k, struct question *q)
{
    struct question **bucket;

    if (!connected(k)) {
        end_unavailable(k, q, 5, "est.ca", "cerca-ca is not there");
        return;
    }
    q->id = ++k->last_id;
    q->until_us = clock_mono_us() + (uint64_t)(k->o.conf->sign_timeout + CA_LINK_SPARE_S) * 1000000;
    bucket = &k->bucket[q->id % BUCKETS];
    q->same = *bucket;
    *bucket = q;
    q->next = NULL;
    q->prev = k->last;
    *(k->last != NULL ? &k->last->next : &k->first) = q;
    k->last = q;
    if (k->first == q)
        set_deadline(k);
    conn_send(k->conn, q->type, q->id, buf_slice(&q->body), -1);
    buf_free(&q->body); /* wiped: a secret may be in there */
}

static struct question *take_fresh(struct ca_link *k)
{
    struct question *q;

    pthread_mutex_lock(&k->lock);
    q = k->fresh;
    k->fresh = k->fresh_last = NULL;
    k->posted = false;
    pthread_mutex_unlock(&k->lock);
    return q;
}

static void send_fresh(void *arg)
{
    struct ca_link *k = arg;

    for (struct question *q = take_fresh(k), *next; q != NULL; q = next) {
        next = q->next;
        send_question(k, q);
    }
}

/* Under the lock. False: it is closed, or full. */
static bool add_fresh(struct ca_link *k, struct question *q, bool *post)
{
    *post = false;
    if (k->closed || k->waiting >= CA_LINK_MAX)
        return false;
    k->waiting++;
    *(k->fresh_last != NULL ? &k->fresh_last->next : &k->fresh) = q;
    k->fresh_last = q;
    *post = !k->posted;
    k->posted = true;
    return true;
}

void ca_link_ask(struct ca_link *k, uint16_t type, struct buf *body, ca_link_reply reply, void *arg)
{
    struct question *q = xcalloc(1, sizeof *q);
    struct fault f;
    bool added, post;

    *q = (struct question){.type = type, .body = *body, .reply = reply, .arg = arg};
    memset(body, 0, sizeof *body);
    pthread_mutex_lock(&k->lock);
    added = add_fresh(k, q, &post);
    pthread_mutex_unlock(&k->lock);
    if (post)
        loop_post(k->loop, send_fresh, k);
    if (added)
        return;
    fault_clear(&f);
    (void)fault_unavailable(&f, 2, "busy", "too many requests at once; retry after 2 s");
    reply(arg, MSG_FAULT, SLICE_NONE, &f);
    buf_free(&q->body);
    free(q);
}

/* ---- the link itself ---- */

static void permit_answers(struct ca_link *k)
{
    size_t n = 0;

    k->permits[n++] = (struct permit){MSG_FAULT, FRAME_BODY_MAX, on_answer};
    for (size_t i = 0; i < k->o.n_answers && i < CA_LINK_ANSWERS_MAX; i++)
        k->permits[n++] = (struct permit){k->o.answers[i], FRAME_BODY_MAX, on_answer};
    k->callbacks = (struct conn_callbacks){
        .permits = k->permits, .n_permits = n, .closed = on_closed, .queue_max = QUEUE_MAX};
}

struct ca_link *ca_link_new(struct loop *l, const struct ca_link_options *o)
{
    struct ca_link *k = xcalloc(1, sizeof *k);

    k->loop = l;
    k->o = *o;
    permit_answers(k);
    pthread_mutex_init(&k->lock, NULL);
    k->deadline = loop_timer(l, on_deadline, k);
    return k;
}

void ca_link_close(struct ca_link *k)
{
    pthread_mutex_lock(&k->lock);
    k->closed = true;
    pthread_mutex_unlock(&k->lock);
    for (struct question *q = take_fresh(k), *next; q != NULL; q = next) {
        next = q->next;
        end_unavailable(k, q, 2, "stopping", "the server is stopping");
    }
    end_all(k, "stopping", "the server is stopping");
    conn_close(k->conn);
    k->conn = NULL;
}

void ca_link_free(struct ca_link *k)
{
    if (k == NULL)
        return;
    loop_timer_free(k->deadline);
    pthread_mutex_destroy(&k->lock);
    free(k);
}
