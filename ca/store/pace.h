/*
 * How a background thread of cerca-ca steps back behind whoever waits for an answer: it has little
 * of the processors when others want them, and while others change the store it rests as long as it
 * works, since the kernel's priorities see neither the disk nor what the processors share.
 *
 * One thread. It must not hold a lock for long that others wait for.
 */
#ifndef CA_STORE_PACE_H
#define CA_STORE_PACE_H

#include "ca/store/store.h"

#define PACE_BACKGROUND 10 /* niceness of what somebody waits for in the end */
#define PACE_LEAST 19

struct pace {
    struct store *store;
    uint64_t change;               /* the newest one when it was last looked at */
    uint64_t changed_us, since_us; /* when it was another; when the work went on. 0: not yet */
};

/* On the thread that works: of itself, and of threads that it starts. */
void pace_begin(struct pace *p, struct store *s, int niceness);
/* Does somebody change the store? The caller's own changes count too. */
bool pace_busy(struct pace *p);
/* After a piece of work of some milliseconds: rests while it is busy, at most ten milliseconds. */
void pace_rest(struct pace *p);

#endif
