#include "lib/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn_batch.h"
#include "lib/conn_queue.h"
#include "lib/log.h"

#define QUEUE_MAX_DEFAULT ((size_t)16 << 20)
#define FLUSH_AT 32         /* frames: one sendmmsg; sooner lets the peer start on them */
#define SEND_BUFFER 1048576 /* asked of the kernel, which grants up to net.core.wmem_max */

struct conn {
    struct loop *loop;
    int fd;
    struct loop_watch *watch;
    struct conn_callbacks cb;
    void *owner;
    struct conn_peer peer;
    struct conn_queue queue;
    struct loop_task end_of_turn;
    bool paused;
    bool blocked; /* the socket was full: wait for LOOP_WRITE */
    bool mute;    /* the peer takes no more; what it had sent is still read */
    bool failed;  /* `closed` is called at the end of this turn */
    bool closing; /* ... or right now */
    bool reading; /* inside a handler ... */
    bool freed;   /* ... that closed the conn: the memory stays until it returns */
};

int peer_of(int fd, struct conn_peer *out)
{
    struct ucred u;
    socklen_t n = sizeof u;
    *out = (struct conn_peer){(uid_t)-1, (gid_t)-1, -1};
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n) != 0 || n != sizeof u)
        return -FAULT_INTERNAL;
    *out = (struct conn_peer){u.uid, u.gid, u.pid};
    return 0;
}

static void conn_free(struct conn *c)
{
    loop_defer_cancel(&c->end_of_turn);
    loop_unwatch(c->watch);
    conn_queue_drop(&c->queue);
    close(c->fd);
    if (c->reading)
        c->freed = true;
    else
        free(c);
}

static void fail(struct conn *c)
{
    c->failed = true;
    loop_defer(c->loop, &c->end_of_turn);
}

static void refuse(struct conn *c, const char *why, uint16_t type)
{
    log_warn("conn.refused", "why", why, "type", log_num(type), "uid", log_num(c->peer.uid), "pid",
             log_num(c->peer.pid), NULL);
    fail(c);
}

static const struct permit *permit_for(const struct conn *c, uint16_t type)
{
    for (size_t i = 0; i < c->cb.n_permits; i++)
        if (c->cb.permits[i].type == type)
            return &c->cb.permits[i];
    return NULL;
}

/* Why this frame may not come in; NULL: it may. */
static const char *objection(const struct permit *p, const struct frame *f)
{
    if (!p)
        return "no permit for this type";
    if (f->body.n > (p->max & ~PERMIT_FD))
        return "body too long for this type";
    if (f->fd >= 0 && !(p->max & PERMIT_FD))
        return "descriptor not permitted";
    return NULL;
}

static void take(struct conn *c, struct datagram d)
{
    struct frame f;
    if (d.bytes.n == 0) {
        fail(c);
    } else if (d.cut) {
        refuse(c, "frame did not fit", 0);
    } else if (frame_parse(d.bytes, &f) != 0) {
        refuse(c, "not a frame", 0);
    } else {
        f.fd = d.fd;
        const struct permit *p = permit_for(c, f.type);
        const char *why = objection(p, &f);
        if (!why) {
            p->handle(c, c->owner, &f);
            return;
        }
        refuse(c, why, f.type);
    }
    if (d.fd >= 0)
        close(d.fd);
}

enum read_result { READ_MORE, READ_ENOUGH, READ_FREED };

/* Handles one batch. READ_MORE: there may be more. READ_FREED: a handler closed the conn. */
static enum read_result read_batch(struct conn *c)
{
    struct conn_batch *b = loop_shared(c->loop, conn_batch_new, conn_batch_free);
    int n = conn_batch_receive(b, c->fd);
    if (n < 0) {
        log_warn("conn.read", "reason", strerror(errno), NULL);
        fail(c);
        return READ_ENOUGH;
    }
    c->reading = true;
    for (int i = 0; i < n && !c->freed && !c->failed; i++)
        take(c, conn_batch_at(b, i));
    conn_batch_drop(b);
    c->reading = false;
    if (c->freed) {
        free(c);
        return READ_FREED;
    }
    return n > 0 && !c->failed ? READ_MORE : READ_ENOUGH;
}

static void set_want(struct conn *c)
{
    loop_watch_want(c->watch,
                    (c->paused ? 0 : LOOP_READ) | (c->blocked && !c->mute ? LOOP_WRITE : 0));
}

/* The peer takes nothing more from us. It may have answered before it left, so its
 * last frames are handled before the connection is given up. */
static void write_broke(struct conn *c)
{
    if (errno != EPIPE && errno != ECONNRESET)
        log_warn("conn.write", "reason", strerror(errno), NULL);
    c->mute = true;
    conn_queue_drop(&c->queue);
    loop_defer(c->loop, &c->end_of_turn);
}

static void flush(struct conn *c)
{
    enum queue_result r = conn_queue_write(&c->queue, c->fd);
    if (r == QUEUE_BROKEN) {
        write_broke(c);
        return;
    }
    c->blocked = r == QUEUE_BLOCKED;
    set_want(c);
}

static void end_of_turn(void *arg)
{
    struct conn *c = arg;
    if (!c->failed && !c->mute)
        flush(c);
    enum read_result r = READ_MORE;
    while (r == READ_MORE && c->mute && !c->failed)
        r = read_batch(c);
    if (r == READ_FREED || (!c->failed && !c->mute))
        return;
    c->closing = true;
    c->cb.closed(c, c->owner);
    conn_free(c);
}

static void on_ready(void *arg, unsigned ready)
{
    struct conn *c = arg;
    if (c->failed)
        return;
    if (ready & LOOP_WRITE)
        loop_defer(c->loop, &c->end_of_turn);
    if ((ready & LOOP_HANGUP) || ((ready & LOOP_READ) && !c->paused))
        (void)read_batch(c);
}

struct conn *conn_new(struct loop *l, int fd, const struct conn_callbacks *cb, void *owner)
{
    struct conn *c = xcalloc(1, sizeof *c);
    c->loop = l;
    c->fd = fd;
    c->cb = *cb;
    if (c->cb.queue_max == 0)
        c->cb.queue_max = QUEUE_MAX_DEFAULT;
    c->owner = owner;
    conn_queue_init(&c->queue);
    c->end_of_turn = (struct loop_task){.fn = end_of_turn, .arg = c};
    c->watch = loop_watch(l, fd, LOOP_READ, on_ready, c);
    int size = SEND_BUFFER;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (peer_of(fd, &c->peer) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        refuse(c, "not a usable socket", 0);
    return c;
}

void conn_send(struct conn *c, uint16_t type, uint64_t id, struct slice body, int fd)
{
    if (c->failed || c->mute || c->closing)
        return;
    if (body.n > FRAME_BODY_MAX || c->queue.octets + body.n > c->cb.queue_max) {
        refuse(c, body.n > FRAME_BODY_MAX ? "own frame too long" : "peer does not read", type);
        return;
    }
    int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (fd >= 0 && copy < 0) {
        refuse(c, strerror(errno), type);
        return;
    }
    conn_queue_put(&c->queue, type, id, body, copy);
    if (c->blocked)
        return;
    if (c->queue.frames >= FLUSH_AT)
        flush(c);
    else
        loop_defer(c->loop, &c->end_of_turn);
}

void conn_close(struct conn *c)
{
    if (!c || c->closing)
        return;
    conn_free(c);
}

const struct conn_peer *conn_peer(const struct conn *c)
{
    return &c->peer;
}

size_t conn_queued(const struct conn *c)
{
    return c->queue.octets;
}

void conn_pause(struct conn *c, bool paused)
{
    c->paused = paused;
    if (!c->closing)
        set_want(c);
}
