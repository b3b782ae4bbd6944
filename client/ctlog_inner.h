/* What the jailed child does for client/ctlog.c. */
#ifndef CLIENT_CTLOG_INNER_H
#define CLIENT_CTLOG_INNER_H

#include "client/ctlog.h"

#define CT_ROUND_MAX ((size_t)64 << 20) /* octets that a child hands back of entries */
#define CT_ROUND_US 10000000            /* after this a child asks nothing more */

struct ct_asking {
    const struct ct_log *log;
    uint64_t size, first, end; /* entries; of a tree: `first` of `size` */
};

/* For jail_run, each with a struct ct_asking. The head: as ct_head_put writes it. */
int ct_child_head(void *arg, struct buf *out, struct fault *f);
/* For each entry u8 enum ct_what, then its hash; or of CT_UNDER two strings with their lengths, the
 * TimestampedEntry and the precertificate. */
int ct_child_entries(void *arg, struct buf *out, struct fault *f);
/* The tree of the first `first` entries, as merkle_put writes it. */
int ct_child_tree(void *arg, struct buf *out, struct fault *f);

#endif
