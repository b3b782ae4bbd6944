/*
 * The leaf hashes of a log that a restore ended, 32 octets a record, for proofs: its tiles are in
 * the public view, which cerca-ca does not read for a log that is over.
 */
#ifndef TOOLS_AUDIT_LEAVES_H
#define TOOLS_AUDIT_LEAVES_H

#include "tools/audit_stream.h"

struct leaves {
    uint64_t n;
    uint8_t (*hash)[32];
};
/* Of the first `n` records. `l` is empty; leaves_free in any case. */
int leaves_read(struct leaves *l, struct tool *t, int64_t log, uint64_t n,
                struct fault *f) WARN_UNUSED;
void leaves_free(struct leaves *l);
/* A merkle_node_at; `arg` is the leaves. */
int leaves_node_at(void *arg, unsigned level, uint64_t index, uint8_t out[32]);

#endif
