#include "lib/timers.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"

#define NOT_SET SIZE_MAX
#define MS_MAX (UINT64_MAX / 4000) /* no sum of now and this many milliseconds wraps */

struct loop_timer {
    struct timers *timers;
    loop_call fn;
    void *arg;
    uint64_t due_us, sequence;
    size_t at; /* place in the heap, or NOT_SET */
};

static bool before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->sequence < b->sequence;
}

static void place(struct timers *t, size_t at, struct loop_timer *x)
{
    t->heap[at] = x;
    x->at = at;
}

static void sift_up(struct timers *t, size_t at)
{
    struct loop_timer *x = t->heap[at];
    while (at > 0 && before(x, t->heap[(at - 1) / 2])) {
        place(t, at, t->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(t, at, x);
}

static void sift_down(struct timers *t, size_t at)
{
    struct loop_timer *x = t->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= t->n)
            break;
        if (child + 1 < t->n && before(t->heap[child + 1], t->heap[child]))
            child++;
        if (!before(t->heap[child], x))
            break;
        place(t, at, t->heap[child]);
        at = child;
    }
    place(t, at, x);
}

struct loop_timer *timers_new(struct timers *t, loop_call fn, void *arg)
{
    struct loop_timer *x = xcalloc(1, sizeof *x);
    *x = (struct loop_timer){.timers = t, .fn = fn, .arg = arg, .at = NOT_SET};
    return x;
}

static void make_room(struct timers *t)
{
    if (t->n < t->cap)
        return;
    size_t cap = t->cap ? 2 * t->cap : 16;
    struct loop_timer **heap = xcalloc(cap, sizeof(struct loop_timer *));
    if (t->n > 0)
        memcpy(heap, t->heap, t->n * sizeof(struct loop_timer *));
    free(t->heap);
    t->heap = heap;
    t->cap = cap;
}

void loop_timer_set(struct loop_timer *x, uint64_t milliseconds)
{
    struct timers *t = x->timers;
    loop_timer_clear(x);
    if (milliseconds > MS_MAX)
        milliseconds = MS_MAX;
    x->due_us = clock_mono_us() + milliseconds * 1000;
    x->sequence = t->sequence++;
    make_room(t);
    place(t, t->n++, x);
    sift_up(t, x->at);
}

void loop_timer_clear(struct loop_timer *x)
{
    if (x->at == NOT_SET)
        return;
    struct timers *t = x->timers;
    size_t at = x->at;
    x->at = NOT_SET;
    struct loop_timer *last = t->heap[--t->n];
    if (last == x)
        return;
    place(t, at, last);
    sift_up(t, at);
    sift_down(t, last->at);
}

void loop_timer_free(struct loop_timer *x)
{
    if (!x)
        return;
    loop_timer_clear(x);
    free(x);
}

int timers_wait_ms(const struct timers *t, uint64_t now_us)
{
    if (t->n == 0)
        return -1;
    uint64_t due = t->heap[0]->due_us;
    if (due <= now_us)
        return 0;
    uint64_t ms = (due - now_us + 999) / 1000;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

void timers_run(struct timers *t, uint64_t now_us)
{
    uint64_t end = t->sequence;
    while (t->n > 0 && t->heap[0]->due_us <= now_us && t->heap[0]->sequence < end) {
        struct loop_timer *x = t->heap[0];
        loop_timer_clear(x);
        x->fn(x->arg);
    }
}

void timers_free(struct timers *t)
{
    free(t->heap);
    *t = (struct timers){0};
}
