/*
 * The programs of a CA, run by the command itself for as long as it needs them: to set one up, and
 * where no daemon is wanted.
 */
#ifndef TOOLS_PROGRAMS_H
#define TOOLS_PROGRAMS_H

#include "tools/tool.h"

/* Makes tokens and keys that are missing. */
int programs_provision(const struct tool *t, const struct conf *conf, struct fault *f) WARN_UNUSED;

typedef int (*programs_use)(struct tool *t, const struct conf *conf, void *arg, struct fault *f);
/* Runs a signer for each token, calls `use` once all of them listen, and stops them. What a program
 * that failed wrote is said. */
int programs_with_signers(struct tool *t, const struct conf *conf, programs_use use, void *arg,
                          struct fault *f) WARN_UNUSED;
/* The same with cerca-ca, which serves on the admin socket meanwhile. */
int programs_with_core(struct tool *t, const struct conf *conf, programs_use use, void *arg,
                       struct fault *f) WARN_UNUSED;

/* A programs_use: issues the issuers' certificates that are missing. `arg` is not looked at. */
int programs_bootstrap(struct tool *t, const struct conf *conf, void *arg,
                       struct fault *f) WARN_UNUSED;

#endif
