/*
 * Connections between programs: AF_UNIX SOCK_SEQPACKET sockets on a loop, with
 * the peer's identity (SO_PEERCRED), a permit table of what the peer may send, and
 * a queue for what we send. Reading goes on while writing is blocked; a peer
 * that lets the queue grow past its bound is cut off.
 */
#ifndef LIB_CONN_H
#define LIB_CONN_H

#include <sys/types.h>

#include "lib/fault.h"
#include "lib/frame.h"
#include "lib/loop.h"

struct conn;

/* Added to a permit's max: this frame may carry a descriptor. One that comes
 * uninvited closes the connection, so that no handler leaks what it did not expect. */
#define PERMIT_FD ((size_t)1 << 31)

struct permit {
    uint16_t type;
    size_t max; /* octets of body, PERMIT_FD */
    void (*handle)(struct conn *c, void *owner, const struct frame *frame);
};

struct conn_peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
};

struct conn_callbacks {
    const struct permit *permits;
    size_t n_permits;
    /* The connection is gone (peer closed, broke the rules, queue bound); called
     * once, from the loop; the conn is freed after it returns. */
    void (*closed)(struct conn *c, void *owner);
    size_t queue_max; /* octets queued for writing; 0: 16 MiB */
};

/* Takes over fd (made non-blocking). A frame of a type without a permit, too
 * long or malformed is logged and closes the connection. Reads many datagrams a wake-up. */
struct conn *conn_new(struct loop *l, int fd, const struct conn_callbacks *cb, void *owner);
/* Queues one frame; what fits is written at once or at the end of the turn, many a system call.
 * A failure to write closes the connection, later, through `closed`. `fd` (or -1) is duplicated. */
void conn_send(struct conn *c, uint16_t type, uint64_t id, struct slice body, int fd);
/* MSG_FAULT: why what frame `id` asked for is not done. */
void conn_send_fault(struct conn *c, uint64_t id, const struct fault *f);
/* Closes and frees now, without calling `closed`. NULL is fine. */
void conn_close(struct conn *c);
const struct conn_peer *conn_peer(const struct conn *c);
size_t conn_queued(const struct conn *c);
/* Stops and starts reading from this peer (back-pressure of a fair share). Frames that were
 * read in the same batch (at most 31) are still handled. */
void conn_pause(struct conn *c, bool paused);

/* A listening socket at path (mode 0600 or as given), replacing a dead one. Used by cercad,
 * and by a program that is started alone. Returns the descriptor, CLOEXEC, or a negative fault
 * code. */
int listen_unix(const char *path, unsigned mode, struct fault *f) WARN_UNUSED;
struct listener;
/* Accepts on fd (taken over); `accepted` gets each new descriptor and the peer. */
typedef void (*listener_accepted)(void *arg, int fd, const struct conn_peer *peer);
struct listener *listener_new(struct loop *l, int fd, listener_accepted fn, void *arg);
/* From now on programs of ours (lib/kin.h) are let in only if they are this one ("": none is; the
 * text stays the caller's). Others than those are not asked: who may open the socket decides. */
void listener_for(struct listener *s, const char *program);
void listener_free(struct listener *s);
/* Connects; the descriptor, CLOEXEC and non-blocking, or a negative fault code. */
int connect_unix(const char *path, struct fault *f) WARN_UNUSED;
int peer_of(int fd, struct conn_peer *out) WARN_UNUSED;

/* For command lines: a blocking connection that asks one thing at a time. */
struct client;
int client_open(const char *path, struct client **out, struct fault *f) WARN_UNUSED;
/* The same over one end of a socket pair, which is taken over. */
struct client *client_of(int fd);
void client_free(struct client *c);
/* Sends and waits for the frame with the same id (its body is good until the
 * next call). MSG_FAULT answers come back as the fault. timeout_ms 0: none. Connection lost:
 * FAULT_UNAVAILABLE, rule "connection". */
int client_call(struct client *c, uint16_t type, struct slice body, int timeout_ms,
                struct frame *answer, struct fault *f) WARN_UNUSED;
/* The same, passing along a descriptor (-1: none), which stays the caller's. */
int client_call_fd(struct client *c, uint16_t type, struct slice body, int fd, int timeout_ms,
                   struct frame *answer, struct fault *f) WARN_UNUSED;
/* Waits for one more frame of the last call (progress). */
int client_more(struct client *c, int timeout_ms, struct frame *answer,
                struct fault *f) WARN_UNUSED;

#endif
