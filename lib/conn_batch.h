/* Receiving datagrams, many a system call, into buffers that are made once a loop.
 * lib/conn.h is what programs use. */
#ifndef LIB_CONN_BATCH_H
#define LIB_CONN_BATCH_H

#include "lib/frame.h"

#define CONN_BATCH 32

struct conn_batch;

struct datagram {
    struct slice bytes; /* empty: the peer has closed (no frame is that short) */
    int fd;             /* -1: none */
    bool cut;           /* octets or descriptors did not fit: not to be believed */
};

void *conn_batch_new(void); /* void *, because loop_shared makes it */
void conn_batch_free(void *batch);
/* What is there now: how many; 0: nothing; -1: errno says why. Descriptors of the
 * batch are the caller's once taken with conn_batch_at; conn_batch_drop closes the rest. */
int conn_batch_receive(struct conn_batch *b, int fd) WARN_UNUSED;
struct datagram conn_batch_at(struct conn_batch *b, int i);
/* Closes the descriptors that were not taken. */
void conn_batch_drop(struct conn_batch *b);

#endif
