/*
 * Refusals of who has neither a role nor a token that is known, nor proves anything else: the first
 * of a source, a uid, a client's address or a certificate that is revoked, say, is recorded, the
 * rest of that interval are counted and recorded as one, so that nobody fills the disk by knocking.
 * Bounded: past STRANGERS_MAX sources at a time the others count as one. On the loop.
 */
#ifndef CA_DOOR_STRANGERS_H
#define CA_DOOR_STRANGERS_H

#include "ca/door/door.h"
#include "lib/loop.h"

#define STRANGERS_MAX 64

struct strangers;

/* `f` is the newest of `more` refusals since `since`; more 0: of this one alone. */
typedef void (*strangers_record)(void *arg, const struct requester *who, const struct fault *f,
                                 uint64_t more, int64_t since);

struct strangers *strangers_new(struct loop *l, uint64_t interval_ms, strangers_record fn,
                                void *arg);
/* What was counted and not recorded is lost: flush first. NULL is fine. */
void strangers_free(struct strangers *s);
/* `n` of them, from 1 on, the newest for this reason. */
void strangers_refused(struct strangers *s, const struct requester *who, const struct fault *f,
                       uint32_t n);
/* Records what was counted, now. */
void strangers_flush(struct strangers *s);

#endif
