/*
 * How many certificates a profile, a requester or an identity may get in a time. Counted with the
 * intent, in its transaction: of two requests for the last place one wins, a request whose request
 * key is known counts nothing, and a restart forgets nothing. A window begins with its first intent
 * and ends `per` seconds later. One small row for each counter that is in use.
 *
 * Refused by reserve: FAULT_UNAVAILABLE, "limit.profile", "limit.requester" or "limit.identity",
 * with retry_after the rest of the window. The first refusal of a window is recorded, the others
 * are not.
 */
#ifndef CA_STORE_LIMITS_H
#define CA_STORE_LIMITS_H

#include "ca/store/store.h"

/* Of what is counted now: the window is over when start + per has passed. */
struct limit_row {
    enum store_limit_kind kind;
    char name[STORE_NAME_MAX];
    int64_t start, per;
    uint32_t count;
    bool told; /* a refusal of this window is in the audit log */
};

typedef int (*store_limit_each)(void *arg, const struct limit_row *r);
int store_limits(struct store *s, store_limit_each fn, void *arg, struct fault *f) WARN_UNUSED;

#endif
