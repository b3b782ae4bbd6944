/*
 * The metrics socket: cerca-admin asks for what it serves to Prometheus, and for nothing else. The
 * text is made here, in parts that each fit a frame (ca/metrics/parts.h): sums, times and states
 * that `cerca status` or a list would tell an auditor too, and never a secret.
 */
#ifndef CA_METRICS_METRICS_H
#define CA_METRICS_METRICS_H

#include "ca/admin/admin.h"

struct metrics;

struct metrics_parts {
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
    struct view *view;
    struct authorities *authorities;
    struct workers *readers;
    struct door *door;
    struct crl_publisher *crls;
    struct admin *admin;
    struct lifecycle *lifecycle;
    struct delegates *delegates; /* NULL: nobody asks for responders here */
    struct enroll *enroll;       /* NULL: nobody enrolls here */
    struct signer_link **links;  /* one a token */
    size_t n_links;
};

/* Serves on a listening descriptor, which it takes over. */
struct metrics *metrics_new(const struct metrics_parts *parts, int listen_fd);
/* After the readers and the door, before the admin socket. NULL is fine. */
void metrics_free(struct metrics *m);

#endif
