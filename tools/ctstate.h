/*
 * How far a Certificate Transparency log was read, in a file: what its head said, and the tree of
 * the entries that were read. So whoever goes on finds out when the log has changed what it showed.
 */
#ifndef TOOLS_CTSTATE_H
#define TOOLS_CTSTATE_H

#include "lib/fault.h"
#include "lib/merkle.h"

struct ct_state {
    uint8_t log[32];    /* SHA-256 of its key */
    uint64_t size;      /* of the head that was read up to, or still is */
    uint8_t root[32];   /* of that */
    bool has_tree;      /* false: nothing before the head was read */
    struct merkle tree; /* of what was read, at most `size` */
};

/* *found false: there is no file. Rule "ct.state": it is of another log, or no such file. */
int ct_state_load(const char *path, struct ct_state *s, bool *found, struct fault *f) WARN_UNUSED;
int ct_state_save(const char *path, const struct ct_state *s, struct fault *f) WARN_UNUSED;

#endif
