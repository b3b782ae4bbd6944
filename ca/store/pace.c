#include "ca/store/pace.h"

#include <sys/resource.h>
#include <time.h>

#include "lib/clock.h"

#define BUSY_US 20000 /* since the last change */
#define REST_MAX_US 10000

void pace_begin(struct pace *p, struct store *s, int niceness)
{
    *p = (struct pace){.store = s, .change = store_newest_change(s)};
    (void)setpriority(PRIO_PROCESS, 0, niceness);
}

bool pace_busy(struct pace *p)
{
    uint64_t now = clock_mono_us(), change = store_newest_change(p->store);
    if (change != p->change)
        p->changed_us = now;
    p->change = change;
    return p->changed_us != 0 && now - p->changed_us < BUSY_US;
}

void pace_rest(struct pace *p)
{
    uint64_t now = clock_mono_us();
    uint64_t took = p->since_us == 0 ? 0 : now - p->since_us;
    if (pace_busy(p) && took > 0) {
        took = took < REST_MAX_US ? took : REST_MAX_US;
        struct timespec t = {.tv_nsec = (long)took * 1000};
        (void)nanosleep(&t, NULL);
        now = clock_mono_us();
    }
    p->since_us = now;
}
