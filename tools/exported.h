/*
 * An export of the audit log, as `cerca audit export` writes it: plain files in a folder.
 *
 *   export.json     format "cerca-audit-export-1", origin, size, first, keys (vkeys, a line each)
 *   records.jsonl   a line a record, from `first` to size - 1:
 *                   {"index":0,"salt":"HEX","record":"HEX"}; dropped details: an empty salt, and
 *                   SHA-256(salt || record) for a record
 *   leaf-hashes     the hash of every leaf from 0 to size - 1, 32 octets each: the level 0 tiles
 *                   of c2sp.org/tlog-tiles one behind the other
 *   checkpoints/    every checkpoint up to size, a signed note a file
 *
 * Everything in it is hostile until it is verified.
 */
#ifndef TOOLS_EXPORTED_H
#define TOOLS_EXPORTED_H

#include "tools/verify.h"

struct exported;

int exported_open(const char *dir, struct exported **out, struct fault *f) WARN_UNUSED;
void exported_close(struct exported *e);
const char *exported_origin(const struct exported *e);
const char *exported_keys(const struct exported *e);
int exported_checkpoints(const struct exported *e, struct verify *v, struct fault *f) WARN_UNUSED;
/* Every leaf into v; what is broken or missing is found there. */
int exported_leaves(struct exported *e, struct verify *v,
                    void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                    struct fault *f) WARN_UNUSED;

#endif
