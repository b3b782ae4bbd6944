/*
 * Work on one entry, in this process: whoever calls may be a worker of the daemon or a command. One
 * at a time an entry, by a lock in its folder.
 */
#ifndef AGENT_WORK_H
#define AGENT_WORK_H

#include "agent/record.h"

enum work_result {
    WORK_WELL,    /* nothing is wrong; what comes next is at record.next */
    WORK_PENDING, /* somebody has to approve */
    WORK_WAITS,   /* the CA is away; tried again */
    WORK_FAILED,  /* stuck or rolled back */
    WORK_BUSY,    /* another process works on it */
};

struct work_order {
    bool now;       /* renew, whether it is due or not, and waits for no back-off */
    bool fresh_key; /* ... with a new key */
    bool no_window; /* do not wait for a maintenance window */
    bool look;      /* the configuration is another: what waits, or has failed, is looked at now */
    int64_t timeout;
};

/* From where it is until it has to wait. What becomes of it is in *r (may be NULL); `f` is set for
 * WORK_FAILED, WORK_WAITS, WORK_PENDING and WORK_BUSY. */
enum work_result work_on(const struct agent_cert *c, const struct work_order *o, struct record *r,
                         struct fault *f);
/* The folder of an entry, made when it is not there. */
int work_folder(const struct agent_cert *c, struct fault *f) WARN_UNUSED;
/* Its lock: the descriptor, or -FAULT_CONFLICT when somebody has it. Close it to let go. */
int work_lock(const struct agent_cert *c, struct fault *f) WARN_UNUSED;

#endif
