#include "lib/conn_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 32

struct queued {
    struct queued *next;
    int fd; /* ours; -1: none */
    size_t n;
    uint8_t datagram[];
};

union one_fd {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(int))];
};

void conn_queue_init(struct conn_queue *q)
{
    *q = (struct conn_queue){0};
    q->end = &q->first;
}

void conn_queue_put(struct conn_queue *q, uint16_t type, uint64_t id, struct slice body, int fd)
{
    struct queued *o = xcalloc(1, sizeof *o + FRAME_HEADER + body.n);
    o->fd = fd;
    o->n = FRAME_HEADER + body.n;
    frame_put_header(o->datagram, type, id);
    if (body.n > 0)
        memcpy(o->datagram + FRAME_HEADER, body.p, body.n);
    *q->end = o;
    q->end = &o->next;
    q->octets += o->n;
    q->frames++;
}

static void pop(struct conn_queue *q)
{
    struct queued *o = q->first;
    q->first = o->next;
    if (!q->first)
        q->end = &q->first;
    q->octets -= o->n;
    q->frames--;
    if (o->fd >= 0)
        close(o->fd);
    explicit_bzero(o->datagram, o->n); /* a secret may be in there */
    free(o);
}

static void attach(struct msghdr *m, union one_fd *control, int fd)
{
    memset(control, 0, sizeof *control);
    m->msg_control = control->room;
    m->msg_controllen = sizeof control->room;
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
}

/* How many were sent, or -1. */
static int write_batch(struct conn_queue *q, int fd)
{
    struct mmsghdr m[BATCH];
    struct iovec iov[BATCH];
    union one_fd control[BATCH];
    unsigned n = 0;
    for (struct queued *o = q->first; o && n < BATCH; o = o->next, n++) {
        iov[n] = (struct iovec){.iov_base = o->datagram, .iov_len = o->n};
        m[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[n], .msg_iovlen = 1}};
        if (o->fd >= 0)
            attach(&m[n].msg_hdr, &control[n], o->fd);
    }
    return sendmmsg(fd, m, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

enum queue_result conn_queue_write(struct conn_queue *q, int fd)
{
    while (q->first) {
        int sent = write_batch(q, fd);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN ? QUEUE_BLOCKED : QUEUE_BROKEN;
        while (sent-- > 0)
            pop(q);
    }
    return QUEUE_EMPTY;
}

void conn_queue_drop(struct conn_queue *q)
{
    while (q->first)
        pop(q);
}
