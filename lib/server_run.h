/*
 * The loop of a program that serves HTTP: turns while there is something to do, and an end at TERM
 * or INT that lets requests under way finish. New connections then wait in the listening socket,
 * which is cercad's, for whoever comes next.
 */
#ifndef LIB_SERVER_RUN_H
#define LIB_SERVER_RUN_H

#include "lib/httpd.h"
#include "lib/loop.h"

struct server_run {
    struct loop *loop;
    struct httpd *httpd;        /* NULL: not serving yet */
    const char *stopping;       /* the event that is logged at the signal */
    void (*turn)(void *arg);    /* twice a second while somebody is connected; NULL: nothing */
    bool always;                /* and while nobody is */
    bool (*flushed)(void *arg); /* asked before the end: is everything told? NULL: it is */
    void *arg;
    bool tls; /* who has just come is at the handshake still, and asks soon */
    struct loop_timer *sweep;
    bool sweeping;           /* the timer is set */
    uint64_t drain_since_us; /* 0: serving */
};

/* Makes the loop and catches signals; the caller has filled in the rest. */
void server_run_open(struct server_run *s);
/* The server is there: turns begin. */
void server_run_serving(struct server_run *s);
/* After the server has gone. */
void server_run_close(struct server_run *s);
/* As many as there are processors. */
unsigned server_threads(void);

#endif
