/* Which versions and suites a target is asked for, and what its answers mean. Pure. */
#ifndef SCAN_TARGET_ASK_H
#define SCAN_TARGET_ASK_H

#include "scan/target.h"

/* Begins with the newest version. Is there something to ask? */
bool ask_begin(struct target *t);
/* Takes the end of the connection that asked. Is there something left to ask? */
bool ask_answered(struct target *t, const struct talk *talk);

#endif
