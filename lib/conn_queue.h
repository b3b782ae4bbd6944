/* What one connection has still to send: whole datagrams, in order, each with at
 * most one descriptor. lib/conn.h is what programs use. */
#ifndef LIB_CONN_QUEUE_H
#define LIB_CONN_QUEUE_H

#include "lib/frame.h"

struct queued;

struct conn_queue {
    struct queued *first, **end;
    size_t octets; /* headers and bodies that wait */
    size_t frames;
};

void conn_queue_init(struct conn_queue *q);
/* Copies the body; takes over fd (or -1). */
void conn_queue_put(struct conn_queue *q, uint16_t type, uint64_t id, struct slice body, int fd);
enum queue_result {
    QUEUE_EMPTY = 0,   /* all sent */
    QUEUE_BLOCKED = 1, /* the socket is full; the rest waits */
    QUEUE_BROKEN = -1, /* errno says why */
};
/* Sends as much as the socket takes, many datagrams a system call. */
enum queue_result conn_queue_write(struct conn_queue *q, int fd) WARN_UNUSED;
/* Drops everything, closing its descriptors. */
void conn_queue_drop(struct conn_queue *q);

#endif
