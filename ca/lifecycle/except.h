/* The exceptions from findings that are in force, in memory. One thread. */
#ifndef CA_LIFECYCLE_EXCEPT_H
#define CA_LIFECYCLE_EXCEPT_H

#include "ca/store/alerts.h"
#include "watch/rules/finding.h"

struct excepted {
    struct exception *row; /* by rule and subject */
    size_t n, room;
};
int excepted_load(struct excepted *x, struct store *s, struct fault *f) WARN_UNUSED;
void excepted_free(struct excepted *x);
/* The one that lets this identity break the rule at `now`; NULL: none. */
const struct exception *excepted_find(const struct excepted *x, enum finding rule,
                                      const uint8_t identity[16], int64_t now);

#endif
