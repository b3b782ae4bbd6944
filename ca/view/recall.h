/* What a view says that may know more than the store: read after a restore. */
#ifndef CA_VIEW_RECALL_H
#define CA_VIEW_RECALL_H

#include "ca/store/store.h"
#include "lib/viewfile.h"

/* 0, or a negative code that ends it. */
typedef int (*view_recall_row)(void *arg, const struct viewfile_row *row);

/* The newest row of every serial of the issuer that was changed after number `after`, in no order.
 * *through: every change up to this number is in the view. -FAULT_NOT_FOUND: there is no view of
 * this issuer's key; -FAULT_MALFORMED: it is damaged. */
int view_recall(const char *dir, const struct store_issuer *si, uint64_t after, view_recall_row fn,
                void *arg, uint64_t *through, struct fault *f) WARN_UNUSED;

#endif
