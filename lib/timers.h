/* The timers of one loop: a heap by time due; equal times run in the order they were set.
 * lib/loop.h is what programs use. */
#ifndef LIB_TIMERS_H
#define LIB_TIMERS_H

#include <stddef.h>

#include "lib/loop.h"

struct timers {
    struct loop_timer **heap;
    size_t n, cap;
    uint64_t sequence;
};

struct loop_timer *timers_new(struct timers *t, loop_call fn, void *arg);
/* For epoll_wait: milliseconds until the first is due, rounded up; -1: none runs. */
int timers_wait_ms(const struct timers *t, uint64_t now_us);
/* Calls those due at `now_us`; what they set themselves waits for the next call. */
void timers_run(struct timers *t, uint64_t now_us);
/* Frees the heap, not the timers. */
void timers_free(struct timers *t);

#endif
