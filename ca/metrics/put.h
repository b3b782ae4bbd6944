/* Short ways to write families, for the parts. */
#ifndef CA_METRICS_PUT_H
#define CA_METRICS_PUT_H

#include "lib/metrics.h"

/* A family of one sample without labels. */
void put_one(struct buf *out, const char *name, enum metric_type type, const char *help,
             int64_t value);
/* A sample with one label, or with two. */
void put_labelled(struct buf *out, const char *family, const char *label, const char *value,
                  int64_t number);
void put_labelled2(struct buf *out, const char *family, const char *const label[2],
                   const char *const value[2], int64_t number);

#endif
