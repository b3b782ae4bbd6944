/*
 * The evaluation of all rules and alerts, in short slices: what has changed, by the change
 * sequence; what the clock has made due; and everything, at the start and once a day. Evaluating
 * again does no harm, since what was told is kept with each alert; so nothing of this is durable.
 *
 * One thread calls everything here but what says that any may.
 */
#ifndef CA_LIFECYCLE_EVALUATE_H
#define CA_LIFECYCLE_EVALUATE_H

#include "ca/lifecycle/counted.h"
#include "ca/lifecycle/judge.h"

struct evaluator;

struct evaluator_parts {
    struct judge_parts judge;
    /* Fills in the channels of a notice; any thread. NULL: nobody is told. */
    void (*route)(void *arg, struct outbox_notice *o);
    void *route_arg;
    bool (*stopping)(void *arg); /* asked between lines; NULL: never */
    void *stopping_arg;
    uint64_t
        follow_max; /* changes that are followed rather than all evaluated; 0: many. For tests */
};
struct evaluator *evaluator_new(const struct evaluator_parts *parts);
void evaluator_free(struct evaluator *e);

/* What is true of the CA itself: a condition that is there, or (severity 0) not. `name` is a status
 * item's, "store", "crl.issuing"; `text` says what is wrong. */
struct ca_condition {
    char rule[64], subject[160];
    enum severity severity;
    uint32_t told;    /* thresholds, for what ends */
    int64_t deadline; /* 0: none */
    char text[256];
};

/* Works for about `budget_us` of wall time at `now`. *next: when there is something to do again by
 * the clock; `now` itself when this slice was not enough. -FAULT_UNAVAILABLE while the indexes are
 * rebuilt: later. */
int evaluator_run(struct evaluator *e, int64_t now, uint64_t budget_us, int64_t *next,
                  struct fault *f) WARN_UNUSED;
/* Everything of the CA itself as it is now: conditions that are not among these are gone. */
int evaluator_conditions(struct evaluator *e, const struct ca_condition *c, size_t n, int64_t now,
                         struct fault *f) WARN_UNUSED;
/* Digests, when it is time. */
int evaluator_digests(struct evaluator *e, int64_t now, struct fault *f) WARN_UNUSED;
/* Nothing is issued just now, and why; NULL: it is. */
void evaluator_closed(struct evaluator *e, const char *why);
/* Have all evaluated anew, soon. Any thread. */
void evaluator_again(struct evaluator *e);
/* An exception of this identity was made or taken back. Any thread. */
void evaluator_excepted(struct evaluator *e, const uint8_t identity[16]);

struct evaluator_summary {
    int64_t evaluated; /* when the last whole evaluation ended; 0: not yet */
    int64_t counted;   /* as of when `sums` are; 0: there was no whole evaluation yet */
    bool running;      /* one is under way ... */
    uint64_t so_far;   /* ... and has come to so many lines */
    uint64_t took_us;  /* of processor time of this thread, the last one */
    uint64_t looked;   /* lines looked at since the start */
    uint64_t change;   /* of the sequence that is evaluated */
    uint64_t due;      /* scheduled */
    /* All lines, right after each change; what shows neither in a change nor in a line's own times
     * (the end of an issuer, a CA that is closed) with the next whole evaluation. By the day that
     * it ends on is counted whose newest certificate lasts, with nothing that follows it: not
     * revoked or retired ones. */
    struct counted_sums sums;
};
/* Any thread. */
void evaluator_summary(struct evaluator *e, struct evaluator_summary *out);

#endif
