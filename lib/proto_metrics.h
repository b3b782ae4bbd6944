/*
 * Messages of the metrics socket. As in lib/proto.h.
 *
 *   MSG_METRICS      u32: which part, from 0
 *   MSG_METRICS_ARE  metrics_part: that part, whole families as lib/metrics.h writes them
 */
#ifndef LIB_PROTO_METRICS_H
#define LIB_PROTO_METRICS_H

#include "lib/proto.h"

#define METRICS_PART_MAX 61440 /* octets */
#define METRICS_PARTS_MAX 64

struct metrics_part {
    bool more; /* the next part is there too */
    struct slice text;
};
void metrics_ask_put(struct buf *b, uint32_t part);
int metrics_ask_get(struct slice body, uint32_t *part) WARN_UNUSED;
void metrics_part_put(struct buf *b, const struct metrics_part *p);
int metrics_part_get(struct slice body, struct metrics_part *out) WARN_UNUSED;

#endif
