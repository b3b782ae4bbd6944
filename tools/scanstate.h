/*
 * Where a scan is, in a file, so that it can go on later: the seed of its order and how many of
 * that order are done, for the same targets (by a hash of them).
 */
#ifndef TOOLS_SCANSTATE_H
#define TOOLS_SCANSTATE_H

#include <stdint.h>

#include "lib/fault.h"

struct scan_state {
    uint64_t seed, position;
    uint8_t targets[32]; /* SHA-256 of what is sent to the worker */
};

/* Fills seed and position if the file is there. Rule "scan.resume": it is of other targets, or no
 * such file at all; *found false: there is none. */
int scan_state_load(const char *path, struct scan_state *s, bool *found,
                    struct fault *f) WARN_UNUSED;
int scan_state_save(const char *path, const struct scan_state *s, struct fault *f) WARN_UNUSED;

#endif
