/*
 * Commands of services and hooks: argv as it is, no shell, an environment of their own, standard
 * input empty, no descriptor of ours, a process group of their own that is killed whole when the
 * time is over. A command ends when we do. What it prints is kept up to a bound, and logged. Where
 * the service manager runs it (asunit.h) it is a unit in place of a group, and ends by itself.
 */
#ifndef AGENT_DEPLOY_COMMAND_H
#define AGENT_DEPLOY_COMMAND_H

#include "lib/buf.h"
#include "lib/fault.h"

#define COMMAND_OUTPUT_MAX 16384 /* octets; the rest is read and dropped */
#define COMMAND_ENV_MAX 8
/* Where argv[0] is looked for. */
#define COMMAND_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct command {
    const char *const *argv; /* ended by NULL */
    int64_t limit;           /* seconds; 0: 60 */
    /* NAME and value, beside PATH, LANG and HOME. */
    struct {
        const char *name, *value;
    } env[COMMAND_ENV_MAX];
    size_t n_env;
    const char *bind_from, *bind_to; /* a folder that it sees in another's place; NULL: none */
};

/* The same, never 0. */
int64_t command_limit(const struct command *c);
/* 0 when it ended with status 0. Rule: "command.failed", with how it ended and the end of what
 * it printed; "command.limit"; "command.start" (not found, may not be run); "command.bind" (the
 * system allows no view of its own; nothing was run). `output` may be NULL. */
int command_run(const struct command *c, struct buf *output, struct fault *f) WARN_UNUSED;
/* Does the system allow a view of its own? */
bool command_can_bind(void);

#endif
