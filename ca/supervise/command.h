/* The command line and the descriptors with which cercad starts each program. */
#ifndef CA_SUPERVISE_COMMAND_H
#define CA_SUPERVISE_COMMAND_H

#include "ca/supervise/generation.h"
#include "ca/supervise/pins.h"

struct command {
    const char *folder; /* of the programs: cercad's own */
    const char *conf_path;
    struct pins pins;
    int memory[MEMORIES]; /* by enum program_memory; -1: none */
};

/* Starts p under g. `control` (or -1) is the program's end of its control socket. With
 * `check` it only checks the configuration and ends with status 0 or 1. */
pid_t command_start(struct command *k, const struct generation *g, const struct program *p,
                    int control, bool check, struct fault *f) WARN_UNUSED;

#endif
