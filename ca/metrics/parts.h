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
/* Of them, in inventory.c. */
void metrics_inventory(const struct metrics_parts *p, struct buf *out);
void metrics_programs(const struct metrics_parts *p, struct buf *out);

/* Behind those, on a worker: certificates of the CA, and of metrics.names ... */
void metrics_certificates(const struct metrics_parts *p, struct buf *out);
/* ... and alerts, the outbox, backups. `sums` is kept from one time to the next; zeroed at first.
 */
struct alert_sums {
    bool known;
    uint64_t not_before_us; /* when they are counted again */
    uint64_t n[ALERT_RESOLVED][SEVERITY_CRITICAL + 1];
};
void metrics_told(const struct metrics_parts *p, struct alert_sums *sums, struct buf *out);

#endif
