#include "ca/metrics/put.h"

void put_one(struct buf *out, const char *name, enum metric_type type, const char *help,
             int64_t value)
{
    metric_family(out, name, type, help);
    metric_sample(out, name, NULL, value);
}

void put_labelled(struct buf *out, const char *family, const char *label, const char *value,
                  int64_t number)
{
    struct metric_labels l = {0};

    metric_label(&l, label, value);
    metric_sample(out, family, &l, number);
}

void put_labelled2(struct buf *out, const char *family, const char *const label[2],
                   const char *const value[2], int64_t number)
{
    struct metric_labels l = {0};

    metric_label(&l, label[0], value[0]);
    metric_label(&l, label[1], value[1]);
    metric_sample(out, family, &l, number);
}
