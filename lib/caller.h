/*
 * Who is connected to a socket and asks: known until the connection is gone and everything that was
 * asked over it is answered, so an answer that comes too late finds somebody who is not there any
 * more instead of freed memory. On the loop only.
 */
#ifndef LIB_CALLER_H
#define LIB_CALLER_H

#include "lib/conn.h"

struct callers {
    struct caller *first;
};

/* The first member of what a server keeps of each. */
struct caller {
    struct callers *all;
    struct conn *conn; /* NULL: there is none, or it is gone */
    size_t asks;       /* not answered yet */
    struct caller *next, *prev;
};

/* One more, `size` zeroed octets that begin with a struct caller, without a connection: it goes
 * with the last of its asks, or once it was connected and is that no more. Both are freed by
 * free(). */
void *caller_new(struct callers *all, size_t size);
/* Takes over fd. The owner of the connection is the caller; cb->closed is caller_closed, or ends
 * with calling that. */
void caller_connect(struct caller *c, struct loop *l, int fd, const struct conn_callbacks *cb);
void caller_closed(struct conn *conn, void *owner);
/* An ask begins, and is over: then the caller may be gone too. */
void caller_hold(struct caller *c);
void caller_let_go(struct caller *c);
/* As conn_send and conn_send_fault; to nobody if the connection is gone. */
void caller_send(const struct caller *c, uint16_t type, uint64_t id, struct slice body, int fd);
void caller_send_fault(const struct caller *c, uint64_t id, const struct fault *f);
/* At the end of a server: closes and frees all, whatever they still wait for. */
void callers_free(struct callers *all);

#endif
