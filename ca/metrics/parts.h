/*
 * The parts of the metrics, each complete families of at most METRICS_PART_MAX octets. Most are
 * made on the loop, of what is in memory; one is read from the store on a worker.
 */
#ifndef CA_METRICS_PARTS_H
#define CA_METRICS_PARTS_H

#include "ca/metrics/metrics.h"
#include "lib/metrics.h"

typedef void (*metrics_part_fn)(const struct metrics_parts *p, struct buf *out);

/* On the loop. NULL-ended. */
extern const metrics_part_fn metrics_part_table[];
/* On a worker: certificates of the CA, and of metrics.names. Comes last. */
void metrics_certificates(const struct metrics_parts *p, struct buf *out);

#endif
