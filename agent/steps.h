/* The steps of agent/state.h. */
#ifndef AGENT_STEPS_H
#define AGENT_STEPS_H

#include "agent/state.h"
#include "agent/work.h"

struct work {
    const struct agent_cert *c;
    struct work_order order;
    struct record r;
    enum agent_state to;  /* where a step that succeeds leads; set to the table's before it */
    enum agent_state bad; /* where one that fails does; likewise */
    int64_t retry_after;  /* that a server asked for; 0: nothing */
};

#define STEP_WAITS 1 /* r.next says until when */

/* 0, STEP_WAITS, or a fault. */
int step_do(struct work *w, struct fault *f) WARN_UNUSED;
/* Facts about the certificate of a version into w->r. */
int step_facts(struct work *w, unsigned version, struct fault *f) WARN_UNUSED;
/* When it is due, by what is in the record. */
int64_t step_due(const struct agent_cert *c, const struct record *r);

#endif
