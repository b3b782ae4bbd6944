/* The audit log leaf by leaf, from cerca-ca: each record, and its hash as the log's tiles have it.
 */
#ifndef TOOLS_AUDIT_STREAM_H
#define TOOLS_AUDIT_STREAM_H

#include "tools/audit.h"

struct audit_stream {
    struct tool *tool;
    int64_t log;
    uint64_t tiled;  /* size of the tree that the tiles are for */
    uint64_t next;   /* index */
    struct buf page; /* leaves of the present page */
    struct wire_in leaves;
    uint32_t left; /* in it */
    bool more;     /* pages */
    bool has_tile;
    uint64_t tile_n;
    uint8_t tile[TILE_BYTES]; /* level 0 */
};

/* From record `first` on; `tiled`: the newest checkpoint's size, which is 0 here for a log that a
 * restore ended, since its tiles stand in the public view alone. */
void audit_stream_begin(struct audit_stream *s, struct tool *t, int64_t log, uint64_t first,
                        uint64_t tiled);
void audit_stream_end(struct audit_stream *s);
/* 0, 1 at the end, or a fault. `leaf` is good until the next call; `hash` is NULL beyond the tiles.
 */
int audit_stream_next(struct audit_stream *s, struct audit_leaf *leaf, const uint8_t **hash,
                      struct fault *f) WARN_UNUSED;
/* The tiles' hash alone, of any index below `tiled`. */
int audit_stream_hash(struct audit_stream *s, uint64_t index, const uint8_t **hash,
                      struct fault *f) WARN_UNUSED;

#endif
