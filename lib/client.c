#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/conn_batch.h"
#include "lib/conn_queue.h"
#include "lib/proto.h"

struct client {
    int fd;
    uint64_t id; /* of the last call */
    struct conn_batch *batch;
    int at, n; /* frames of the batch that are still to be looked at */
};

struct client *client_of(int fd)
{
    struct client *c = xcalloc(1, sizeof *c);

    c->fd = fd;
    c->batch = conn_batch_new();
    return c;
}

int client_open(const char *path, struct client **out, struct fault *f)
{
    *out = NULL;
    int fd = connect_unix(path, f);
    if (fd < 0)
        return fd;
    *out = client_of(fd);
    return 0;
}

void client_free(struct client *c)
{
    if (!c)
        return;
    conn_batch_drop(c->batch);
    conn_batch_free(c->batch);
    close(c->fd);
    free(c);
}

static uint64_t deadline_of(int timeout_ms)
{
    return timeout_ms <= 0 ? UINT64_MAX : clock_mono_us() + (uint64_t)timeout_ms * 1000;
}

static int lost(struct fault *f, const char *why)
{
    return fault_unavailable(f, 1, "connection", "connection lost: %s", why);
}

static int wait_for(struct client *c, short events, uint64_t deadline, struct fault *f)
{
    for (;;) {
        int ms = -1;
        if (deadline != UINT64_MAX) {
            uint64_t now = clock_mono_us();
            uint64_t left = deadline > now ? (deadline - now + 999) / 1000 : 0;
            ms = left > INT_MAX ? INT_MAX : (int)left;
        }
        struct pollfd p = {.fd = c->fd, .events = events};
        int r = poll(&p, 1, ms);
        if (r > 0)
            return 0;
        if (r == 0)
            return fault_unavailable(f, 1, "timeout", "no answer in time");
        if (errno != EINTR)
            return lost(f, strerror(errno));
    }
}

/* The next frame from the socket, of whatever id. */
static int next_frame(struct client *c, uint64_t deadline, struct frame *out, struct fault *f)
{
    while (c->at == c->n) {
        int r = wait_for(c, POLLIN, deadline, f);
        if (r != 0)
            return r;
        conn_batch_drop(c->batch);
        c->at = 0;
        c->n = conn_batch_receive(c->batch, c->fd);
        if (c->n < 0) {
            c->n = 0;
            return lost(f, strerror(errno));
        }
    }
    struct datagram d = conn_batch_at(c->batch, c->at++);
    if (d.bytes.n == 0) {
        c->at--; /* the end stays the end */
        return lost(f, "closed by the other side");
    }
    if (d.cut || frame_parse(d.bytes, out) != 0) {
        if (d.fd >= 0)
            close(d.fd);
        return fault_set(f, FAULT_MALFORMED, "frame", "the answer is not a frame");
    }
    out->fd = d.fd;
    return 0;
}

static int answer_of(struct client *c, uint64_t deadline, struct frame *out, struct fault *f)
{
    for (;;) {
        struct frame got;
        int r = next_frame(c, deadline, &got, f);
        if (r != 0)
            return r;
        if (got.id == c->id && got.type != MSG_FAULT) {
            *out = got;
            return 0;
        }
        if (got.fd >= 0)
            close(got.fd);
        if (got.id != c->id) /* a late answer to a call that was given up */
            continue;
        if (fault_get(got.body, f) != 0 || f->code == FAULT_NONE)
            return fault_set(f, FAULT_MALFORMED, "frame", "the answer is not a fault");
        return -(int)f->code;
    }
}

static int send_call(struct client *c, uint16_t type, struct slice body, int fd, uint64_t deadline,
                     struct fault *f)
{
    struct conn_queue q;
    int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0); /* the queue closes what it sends */
    if (fd >= 0 && copy < 0)
        return fault_set(f, FAULT_INTERNAL, "frame", "cannot pass a descriptor: %s",
                         strerror(errno));
    conn_queue_init(&q);
    conn_queue_put(&q, type, c->id, body, copy);
    int r = 0;
    while (r == 0) {
        enum queue_result sent = conn_queue_write(&q, c->fd);
        if (sent == QUEUE_EMPTY)
            break;
        /* A peer that is gone may have said why before it left: the answer tells. */
        if (sent == QUEUE_BROKEN && (errno == EPIPE || errno == ECONNRESET))
            break;
        r = sent == QUEUE_BLOCKED ? wait_for(c, POLLOUT, deadline, f) : lost(f, strerror(errno));
    }
    conn_queue_drop(&q);
    return r;
}

int client_call_fd(struct client *c, uint16_t type, struct slice body, int fd, int timeout_ms,
                   struct frame *answer, struct fault *f)
{
    *answer = (struct frame){.fd = -1};
    if (body.n > FRAME_BODY_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "frame", "a message has at most %d octets",
                         FRAME_BODY_MAX);
    uint64_t deadline = deadline_of(timeout_ms);
    c->id++;
    int r = send_call(c, type, body, fd, deadline, f);
    return r != 0 ? r : answer_of(c, deadline, answer, f);
}

int client_call(struct client *c, uint16_t type, struct slice body, int timeout_ms,
                struct frame *answer, struct fault *f)
{
    return client_call_fd(c, type, body, -1, timeout_ms, answer, f);
}

int client_more(struct client *c, int timeout_ms, struct frame *answer, struct fault *f)
{
    *answer = (struct frame){.fd = -1};
    return answer_of(c, deadline_of(timeout_ms), answer, f);
}
