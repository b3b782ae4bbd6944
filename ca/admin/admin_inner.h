/* What the files of the admin socket share. */
#ifndef CA_ADMIN_ADMIN_INNER_H
#define CA_ADMIN_ADMIN_INNER_H

#include <pthread.h>

#include "ca/admin/admin.h"

struct issuer_names {
    size_t n;
    char (*name)[64]; /* by number */
};

struct admin {
    struct admin_parts parts;
    struct listener *listener;
    struct admin_client *clients;
    struct ask *asks; /* not answered yet */
    struct issuer_names names;
    size_t busy;
    int64_t stranger_second; /* the second in which a stranger was last recorded */
    bool draining, checking;
    pthread_t checker;
};

/* A connection; it lives until it is closed and every request of it is answered. */
struct admin_client {
    struct admin *admin;
    struct conn *conn; /* NULL once it is gone */
    struct requester who;
    uid_t uid;
    size_t refs;
    struct admin_client *next, *prev;
};

/* One request: whom to answer, and under which frame id. */
struct ask {
    struct work work; /* first: the workers hand back this */
    struct admin_client *client;
    uint64_t id;
    struct buf in;   /* the request's body, copied */
    struct buf out;  /* the answer's body */
    uint16_t answer; /* its type; MSG_FAULT when `fault` is set */
    struct fault fault;
    struct ask *next, *prev;
    void (*read)(struct ask *q); /* run on a worker: fills out or fault */
};

struct ask *ask_new(struct admin_client *c, const struct frame *frame);
void ask_answer(struct ask *q, uint16_t type, struct slice body); /* and frees it */
void ask_fail(struct ask *q, const struct fault *f);              /* and frees it */
/* Runs q->read on a worker, then answers. */
void ask_read(struct ask *q, uint16_t answer, void (*read)(struct ask *q));

/* admin_read.c, run on workers. */
void read_list(struct ask *q);
void read_show(struct ask *q);
/* admin_status.c, on the loop. */
void tell_status(struct ask *q);
void tell_authorities(struct ask *q);
/* admin_check.c */
void start_check(struct ask *q);
void end_check(struct admin *a);

/* admin_gate.c */
void open_gate(struct ask *q);
void close_gate(struct ask *q);
void gate_item(const struct store_gate *g, struct status_item *out);

/* describe.c: a stored row as the operator sees it. */
void describe_row(const struct admin *a, const struct cert_row *row, int64_t now,
                  struct cert_info *out);
void issuer_names_load(struct admin *a);
const char *issuer_name(const struct admin *a, uint16_t number);

#endif
