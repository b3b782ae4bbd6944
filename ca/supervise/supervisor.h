/*
 * cercad at work: starts the programs of a configuration, starts them again, takes a
 * new configuration (HUP) all or nothing, and ends them all (TERM, INT).
 */
#ifndef CA_SUPERVISE_SUPERVISOR_H
#define CA_SUPERVISE_SUPERVISOR_H

#include "ca/supervise/command.h"

#define SUPERVISOR_DRAIN_MS 10000 /* from TERM to KILL */
#define SUPERVISOR_CHECK_MS 10000 /* a configuration's --check */

/* Takes over `first`, whose sockets are not made yet. Runs until TERM or INT. With `hint`,
 * prints what to try next once cerca-ca is ready. */
int supervisor_run(struct command *k, struct generation *first, bool hint,
                   struct fault *f) WARN_UNUSED;

#endif
