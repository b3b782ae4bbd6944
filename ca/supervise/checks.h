/* Before a new configuration is taken, every program looks at it: one process each. */
#ifndef CA_SUPERVISE_CHECKS_H
#define CA_SUPERVISE_CHECKS_H

#include "ca/supervise/command.h"

struct checks {
    pid_t *pid; /* of g's programs, in their order; 0: ended */
    size_t n, left;
    bool failed;
};

/* Starts all; one that cannot be started is a failed one. */
void checks_start(struct checks *s, struct command *k, const struct generation *g);
/* Tells of an ended process. True if it was one of these. */
bool checks_reaped(struct checks *s, pid_t pid, int wait_status);
/* Ends those that still run; they count as failed. */
void checks_kill(struct checks *s);
void checks_free(struct checks *s);

#endif
