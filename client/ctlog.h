/*
 * A Certificate Transparency log as a client reads it: RFC 6962, or c2sp.org/static-ct-api. Each
 * call is one jailed child (client/jail.h) that asks and parses; what it hands back is read anew,
 * hashed and checked by signature here. So a log can lie about nothing that its head covers, and a
 * child that was taken over can leave out at most what is not kept. For a process with one thread.
 */
#ifndef CLIENT_CTLOG_H
#define CLIENT_CTLOG_H

#include "client/ctentry.h"
#include "client/cthead.h"
#include "lib/merkle.h"

struct ct_log {
    const char *url;   /* without a slash at its end */
    const char *trust; /* PEM file, the only anchors; NULL: those of the system */
    bool tiles;        /* static-ct-api */
    struct slice spki; /* of its key */
    int timeout_ms;    /* of one request, more than 0 */
    const struct texts *domains;
};

/* Its head, whose signature was verified. Rules of client/cthead.h, "ct.answer" (another HTTP
 * status than 200; with a time to wait: FAULT_UNAVAILABLE), "http.failed", "jail.*". */
int ct_log_head(const struct ct_log *l, struct ct_head *out, struct fault *f) WARN_UNUSED;

/* One entry, in order. `e` is empty but where it is to be kept. */
typedef int (*ct_entry_take)(void *arg, uint64_t index, const uint8_t hash[32], enum ct_what what,
                             const struct ct_entry *e, struct fault *f);
/* Some of the entries [first, end) of a tree of `size`, as many as come in a while, but one at
 * least. *next: the first that did not come. What `take` was told of is true when the tree fits.
 * Rules also "ct.entry", "ct.precert". */
int ct_log_entries(const struct ct_log *l, uint64_t size, uint64_t first, uint64_t end,
                   ct_entry_take take, void *arg, uint64_t *next, struct fault *f) WARN_UNUSED;

/* The tree of the first `size` entries of a log that has `now`, whose root is `root`. Rule
 * "ct.tree": the log gives no such tree. */
int ct_log_tree(const struct ct_log *l, uint64_t size, const uint8_t root[32], uint64_t now,
                struct merkle *out, struct fault *f) WARN_UNUSED;

#endif
