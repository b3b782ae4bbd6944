/*
 * Metrics as text (the Prometheus exposition format 0.0.4). What is written is complete and valid
 * at every moment: a family's head once, then its samples.
 */
#ifndef LIB_METRICS_H
#define LIB_METRICS_H

#include "lib/buf.h"

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM };

/* The head of a family; all of its samples follow. `help` is one line. */
void metric_family(struct buf *out, const char *name, enum metric_type type, const char *help);

/* The labels of a sample, written out: issuer="root",list="full". Values may be anything. */
#define METRIC_LABELS_MAX 1024
struct metric_labels {
    char text[METRIC_LABELS_MAX];
    size_t n;
};
/* Appends one; what does not fit is cut at a character. An empty set needs no initialisation but
 * {0}. */
void metric_label(struct metric_labels *l, const char *name, const char *value);

/* `labels` NULL: none. */
void metric_sample(struct buf *out, const char *name, const struct metric_labels *labels,
                   int64_t value);

/* How long things took, from a tenth of a millisecond to half a minute. Counted by one thread. */
#define METRIC_BUCKETS 16
struct metric_histogram {
    uint64_t bucket[METRIC_BUCKETS + 1]; /* the last: longer than all others */
    uint64_t sum_us;
};
void metric_observe(struct metric_histogram *h, uint64_t us);
/* The samples NAME_bucket, NAME_sum and NAME_count, in seconds. */
void metric_histogram_put(struct buf *out, const char *name, const struct metric_labels *labels,
                          const struct metric_histogram *h);

#endif
