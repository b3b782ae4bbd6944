/*
 * The job that evaluates: a thread of low priority that works in slices of some milliseconds and
 * rests between them, longer while certificates are issued. While the clock is in doubt nothing is
 * evaluated but what concerns the CA itself.
 */
#ifndef CA_LIFECYCLE_LIFECYCLE_H
#define CA_LIFECYCLE_LIFECYCLE_H

#include "ca/lifecycle/condition.h"
#include "lib/loop.h"

struct lifecycle;

typedef void (*lifecycle_item)(void *arg, const struct status_item *i);
struct lifecycle_parts {
    struct judge_parts judge;
    struct loop *loop;
    void (*route)(void *arg, struct outbox_notice *o); /* as of struct evaluator_parts */
    void *route_arg;
};

/* Starts the thread. On the loop. */
int lifecycle_open(const struct lifecycle_parts *parts, struct lifecycle **out,
                   struct fault *f) WARN_UNUSED;
/* How the CA itself is: asked on the loop, every few seconds. Calls fn for each item of the
 * status. */
void lifecycle_collect(struct lifecycle *l, void (*collect)(void *arg, lifecycle_item fn, void *to),
                       void *arg);
/* Ends the thread: before the store. NULL is fine. */
void lifecycle_stop(struct lifecycle *l);
/* After it. NULL is fine. */
void lifecycle_free(struct lifecycle *l);

/* Have all evaluated anew. Any thread. */
void lifecycle_again(struct lifecycle *l);
/* An exception of that subject, an identity in hexadecimal or "*", was made or taken back. Any
 * thread. */
void lifecycle_excepted(struct lifecycle *l, const char *subject);
/* Fills in what a step of an alert needs of the evaluation (ca/store/alerts.h). Any thread. */
void lifecycle_step(struct lifecycle *l, struct store_alert *step);
/* Any thread. */
void lifecycle_summary(struct lifecycle *l, struct evaluator_summary *out);
void lifecycle_status(struct lifecycle *l, struct status_item *out);

#endif
