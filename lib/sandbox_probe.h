/*
 * What a program cannot do in its jail, tried in it: in test builds only.
 *
 * CERCA_TEST_JAIL_PROBE names a file of deeds, a line each: a name, and what it is to be done to
 * (a path, a port, a process). Before a program enters its jail it has a child for each deed, which
 * enters the very same jail, in the same surroundings (user, descriptors, what cercad allows its
 * children), does the deed and says how that went; then the program goes on as always. The outcomes
 * are appended to FILE.report: "PROGRAM DEED ARGUMENT: done", an errno by name or "killed".
 * A release build has none of this (tests/flow/hooks-absent.t).
 */
#ifndef LIB_SANDBOX_PROBE_H
#define LIB_SANDBOX_PROBE_H

#include "lib/sandbox.h"

#ifdef CERCA_TEST_HOOKS
/* `enter` is called in each child. */
void sandbox_probe(const struct sandbox *s, int (*enter)(const struct sandbox *s, struct fault *f));
#endif

#endif
