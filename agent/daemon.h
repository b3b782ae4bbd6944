/*
 * The daemon: sleeps until the first entry is due, has each worked on by a process of its own, and
 * takes changes of the configuration as they come. It wakes for nothing else. Of two on one folder
 * the second does not start.
 */
#ifndef AGENT_DAEMON_H
#define AGENT_DAEMON_H

#include "agent/conf/conf.h"

/* Until a signal ends it. `c` becomes its own. */
int daemon_run(struct agent_conf *c, const char *state_dir, struct fault *f) WARN_UNUSED;
/* Tells a daemon that entries have changed; nothing when there is none. */
void daemon_wake(const struct agent_conf *c);

#endif
