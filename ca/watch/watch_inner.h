/* What the files of the watch socket share. */
#ifndef CA_WATCH_WATCH_INNER_H
#define CA_WATCH_WATCH_INNER_H

#include "ca/watch/watch.h"
#include "lib/caller.h"

struct watch {
    struct watch_parts parts;
    struct listener *listener;
    struct callers clients;
    struct loop_timer *beat, *limit;
    struct watch_wait *waits; /* tests */
    _Atomic bool woken;       /* a wake is on its way to the loop */
    bool draining;
};

/* An operation of the outbox and what comes after it, on the loop. */
struct watch_step {
    struct store_op op; /* first */
    struct store_outbox outbox;
    struct watch *watch;
    void (*after)(struct watch_step *s); /* frees it */
    void *arg;
    uint64_t id;
};
struct watch_step *step_new(struct watch *w, enum outbox_verb verb,
                            void (*after)(struct watch_step *s), void *arg);
/* Submits it. */
void step_go(struct watch_step *s);
void step_free(struct watch_step *s);

/* test.c: what became of a delivery that may be a test's. */
void test_settled(struct watch *w, const struct outcome *o);
void test_end_all(struct watch *w);
/* beat.c */
void beat_start(struct watch *w);

#endif
