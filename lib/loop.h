/*
 * The event loop of every program: one thread, epoll, timers, signals, and a
 * way in for other threads. All functions belong to the loop's thread, save
 * loop_post.
 */
#ifndef LIB_LOOP_H
#define LIB_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

struct loop *loop_new(void);
/* Last: connections, listeners, watches and timers are freed before their loop.
 * Posts that have not run are dropped. */
void loop_free(struct loop *l);
/* Runs until loop_stop; the turn that stops is finished, so that answers still leave. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

#define LOOP_READ 1u
#define LOOP_WRITE 2u
#define LOOP_HANGUP 4u /* told beside LOOP_READ, wanted or not: the other end is gone */
typedef void (*loop_io)(void *arg, unsigned ready);
struct loop_watch;
/* Calls `fn` when fd is ready (hang-ups count as readable). The fd stays the caller's. */
struct loop_watch *loop_watch(struct loop *l, int fd, unsigned want, loop_io fn, void *arg);
void loop_watch_want(struct loop_watch *w, unsigned want);
/* Safe inside its own callback; events already fetched for it are dropped. */
void loop_unwatch(struct loop_watch *w);

typedef void (*loop_call)(void *arg);
struct loop_timer;
/* A timer, not running yet. */
struct loop_timer *loop_timer(struct loop *l, loop_call fn, void *arg);
void loop_timer_set(struct loop_timer *t, uint64_t milliseconds); /* once, from now */
void loop_timer_clear(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

/* Handles a signal on the loop (the signal is blocked and read from a signalfd;
 * call before threads start). */
typedef void (*loop_signal_fn)(void *arg, int signo);
void loop_signal(struct loop *l, int signo, loop_signal_fn fn, void *arg);

/* From any thread: have `fn(arg)` run on the loop soon, in order of posting.
 * Many posts cost one wake-up. */
void loop_post(struct loop *l, loop_call fn, void *arg);
/* Calls `fn` at the end of every turn of the loop, after all ready events were
 * handled (for batching writes); one per loop. */
void loop_each_turn(struct loop *l, loop_call fn, void *arg);

/* A call at the end of this turn, after loop_each_turn's: any number of them, each
 * kept by whoever wants it (lib/conn.c writes its queues so). Zeroed memory with fn and
 * arg set is ready for use. */
struct loop_task {
    loop_call fn;
    void *arg;
    struct loop_task *next, *prev; /* the loop's; NULL while not deferred */
};
/* Deferring what is deferred already changes nothing. */
void loop_defer(struct loop *l, struct loop_task *t);
void loop_defer_cancel(struct loop_task *t);

/* One object that all users of this kind on a loop share (receive buffers), made
 * by the first who asks and dropped with the loop. */
void *loop_shared(struct loop *l, void *(*make)(void), void (*drop)(void *));

#endif
