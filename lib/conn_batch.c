#include "lib/conn_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"

#define SLOT (FRAME_HEADER + FRAME_BODY_MAX)

struct conn_batch {
    struct mmsghdr m[CONN_BATCH];
    struct iovec iov[CONN_BATCH];
    struct datagram got[CONN_BATCH];
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control[CONN_BATCH];
    int n;
    uint8_t *room; /* mapped, so that only pages that datagrams have reached are ours */
};

void *conn_batch_new(void)
{
    struct conn_batch *b = xcalloc(1, sizeof *b);
    b->room = mmap(NULL, (size_t)CONN_BATCH * SLOT, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b->room == MAP_FAILED) {
        log_error("memory.exhausted", "for", "receive buffers", NULL);
        exit(1);
    }
    for (int i = 0; i < CONN_BATCH; i++)
        b->iov[i] = (struct iovec){.iov_base = b->room + (size_t)i * SLOT, .iov_len = SLOT};
    return b;
}

void conn_batch_free(void *batch)
{
    struct conn_batch *b = batch;
    if (!b)
        return;
    munmap(b->room, (size_t)CONN_BATCH * SLOT);
    free(b);
}

/* Padding lets two descriptors in where room for one was made: keep the first, close
 * the others, and say that the datagram is not what it should be. */
static void take_descriptors(struct msghdr *h, struct datagram *d)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (d->fd < 0) {
                d->fd = fd;
            } else {
                d->cut = true;
                close(fd);
            }
        }
    }
}

static void read_header(struct conn_batch *b, int i)
{
    struct msghdr *h = &b->m[i].msg_hdr;
    b->got[i] = (struct datagram){
        .bytes = slice_of(b->iov[i].iov_base, b->m[i].msg_len),
        .fd = -1,
        .cut = (h->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0,
    };
    take_descriptors(h, &b->got[i]);
}

int conn_batch_receive(struct conn_batch *b, int fd)
{
    for (int i = 0; i < CONN_BATCH; i++)
        b->m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &b->iov[i],
                                               .msg_iovlen = 1,
                                               .msg_control = b->control[i].room,
                                               .msg_controllen = sizeof b->control[i].room}};
    int n;
    do
        n = recvmmsg(fd, b->m, CONN_BATCH, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, NULL);
    while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    /* ECONNRESET is told once, when the peer left without reading all that we sent;
     * what it had sent itself is still there to read. */
    b->n = n < 0 ? 0 : n;
    if (n < 0)
        return errno == EAGAIN ? 0 : -1;
    for (int i = 0; i < n; i++)
        read_header(b, i);
    return n;
}

struct datagram conn_batch_at(struct conn_batch *b, int i)
{
    struct datagram d = b->got[i];
    b->got[i].fd = -1;
    return d;
}

void conn_batch_drop(struct conn_batch *b)
{
    for (int i = 0; i < b->n; i++) {
        if (b->got[i].fd >= 0)
            close(b->got[i].fd);
        explicit_bzero(b->iov[i].iov_base, b->m[i].msg_len); /* a secret may be in there */
    }
    b->n = 0;
}
