#include "deliver/link.h"

#include <limits.h>
#include <stdlib.h>

#include "lib/conn.h"
#include "lib/log.h"

#define AGAIN_MS 500
#define QUEUE_MAX ((size_t)4 << 20)

struct question {
    uint64_t id;
    uint16_t answer; /* its type */
    link_reply reply;
    void *arg;
    struct question *next;
};

struct link {
    struct loop *loop;
    const struct conf *conf;
    const struct link_callbacks *cb;
    void *arg;
    struct conn *conn; /* NULL: not connected */
    struct loop_timer *again;
    uint64_t last_id;
    struct question *questions;
    bool lost; /* and that was said */
};

/* ---- answers ---- */

static void end_all(struct link *k)
{
    struct question *all = k->questions, *next;
    struct fault f;

    k->questions = NULL;
    for (; all != NULL; all = next) {
        next = all->next;
        fault_clear(&f);
        (void)fault_unavailable(&f, 1, "watch.ca", "cerca-ca has gone");
        all->reply(all->arg, SLICE_NONE, &f);
        free(all);
    }
}

static void on_answer(struct conn *conn, void *owner, const struct frame *frame)
{
    struct link *k = owner;
    struct question **at = &k->questions, *q;
    struct fault f;

    (void)conn;
    while (*at != NULL && (*at)->id != frame->id)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    q = *at;
    *at = q->next;
    fault_clear(&f);
    if (frame->type == MSG_FAULT && fault_get(frame->body, &f) != 0)
        (void)fault_set(&f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken answer");
    else if (frame->type != MSG_FAULT && frame->type != q->answer)
        (void)fault_set(&f, FAULT_MALFORMED, "answer", "cerca-ca answers another question");
    if (f.code != FAULT_NONE)
        q->reply(q->arg, SLICE_NONE, &f);
    else
        q->reply(q->arg, frame->body, NULL);
    free(q);
}

static void on_wake(struct conn *conn, void *owner, const struct frame *frame)
{
    struct link *k = owner;

    (void)conn, (void)frame;
    k->cb->wake(k->arg);
}

static void on_closed(struct conn *conn, void *owner)
{
    struct link *k = owner;

    (void)conn;
    k->conn = NULL;
    log_warn("watch.ca.lost", NULL);
    loop_timer_set(k->again, AGAIN_MS);
    end_all(k);
}

static const struct permit permits[] = {{MSG_WATCH_DUE_ARE, FRAME_BODY_MAX, on_answer},
                                        {MSG_WATCH_NOTED, 0, on_answer},
                                        {MSG_FAULT, FRAME_BODY_MAX, on_answer},
                                        {MSG_WATCH_WAKE, 0, on_wake}};
static const struct conn_callbacks callbacks = {
    .permits = permits, .n_permits = 4, .closed = on_closed, .queue_max = QUEUE_MAX};

/* ---- the connection ---- */

static void on_again(void *arg)
{
    struct link *k = arg;
    struct buf path;
    struct fault f;
    int fd;

    fault_clear(&f);
    buf_init(&path, PATH_MAX);
    conf_watch_socket(k->conf, &path);
    fd = connect_unix(buf_cstr(&path), &f);
    buf_free(&path);
    if (fd < 0) {
        if (!k->lost)
            log_fault(LOG_LEVEL_WARN, "watch.ca.unreachable", &f, NULL);
        k->lost = true;
        loop_timer_set(k->again, AGAIN_MS);
        return;
    }
    k->lost = false;
    k->conn = conn_new(k->loop, fd, &callbacks, k);
    k->cb->wake(k->arg);
}

struct link *link_new(struct loop *l, const struct conf *conf, const struct link_callbacks *cb,
                      void *arg)
{
    struct link *k = xcalloc(1, sizeof(*k));

    k->loop = l;
    k->conf = conf;
    k->cb = cb;
    k->arg = arg;
    k->again = loop_timer(l, on_again, k);
    loop_timer_set(k->again, 0);
    return k;
}

void link_ask(struct link *k, uint16_t type, struct slice body, link_reply reply, void *arg)
{
    struct question *q;
    struct fault f;

    if (k->conn == NULL) {
        fault_clear(&f);
        (void)fault_unavailable(&f, 1, "watch.ca", "cerca-ca is not there");
        reply(arg, SLICE_NONE, &f);
        return;
    }
    q = xcalloc(1, sizeof(*q));
    *q = (struct question){.id = ++k->last_id,
                           .answer = (uint16_t)(type + 1),
                           .reply = reply,
                           .arg = arg,
                           .next = k->questions};
    k->questions = q;
    conn_send(k->conn, type, q->id, body, -1);
}

void link_free(struct link *k)
{
    if (k == NULL)
        return;
    conn_close(k->conn);
    for (struct question *q = k->questions, *next; q != NULL; q = next) {
        next = q->next;
        free(q);
    }
    loop_timer_free(k->again);
    free(k);
}
