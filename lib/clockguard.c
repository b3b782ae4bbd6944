#include "lib/clockguard.h"

#include "lib/clock.h"

#define BOOT_UNKNOWN INT64_MIN
#define RETRY_AFTER 60

static int64_t boot_by_clock(int64_t now)
{
    return now - (int64_t)(clock_boot_us() / 1000000);
}

void clock_guard_init(struct clock_guard *g, int64_t newest)
{
    atomic_store(&g->newest, newest);
    atomic_store(&g->boot, BOOT_UNKNOWN);
}

static int behind(int64_t seconds, struct fault *f)
{
    return fault_unavailable(f, RETRY_AFTER, "clock.behind",
                             "the clock is %lld s behind the newest commit; issuing stops until it "
                             "is set right, or if it is: cerca open",
                             (long long)seconds);
}

static int away(int64_t seconds, struct fault *f)
{
    return fault_unavailable(f, RETRY_AFTER, "clock.away",
                             "the clock is %lld days ahead of the newest commit; issuing stops "
                             "until it is set right, or if it is: cerca open",
                             (long long)(seconds / 86400));
}

static int jumped(int64_t seconds, struct fault *f)
{
    return fault_unavailable(f, RETRY_AFTER, "clock.jumped",
                             "the clock has jumped ahead by %lld s; issuing stops until it is set "
                             "back, or if it is right: cerca open",
                             (long long)seconds);
}

int clock_guard_check(struct clock_guard *g, struct fault *f)
{
    int64_t now = clock_now(), newest = atomic_load(&g->newest), boot = atomic_load(&g->boot);
    int64_t by_clock = boot_by_clock(now);

    if (newest != 0 && now < newest - CLOCK_SLACK) {
        /* Being set right later, as on a machine whose clock stops with it, is no jump. */
        atomic_store(&g->boot, BOOT_UNKNOWN);
        return behind(newest - now, f);
    }
    if (boot == BOOT_UNKNOWN && newest != 0 && now - newest > CLOCK_AWAY)
        return away(now - newest, f);
    if (boot == BOOT_UNKNOWN)
        atomic_store(&g->boot, by_clock);
    else if (by_clock - boot > CLOCK_JUMP)
        return jumped(by_clock - boot, f);
    return 0;
}

int64_t clock_guard_commit(struct clock_guard *g)
{
    int64_t now = clock_now();
    struct fault none;

    fault_clear(&none);
    if (clock_guard_check(g, &none) == 0 && now > atomic_load(&g->newest))
        atomic_store(&g->newest, now);
    return atomic_load(&g->newest);
}

void clock_guard_accept(struct clock_guard *g)
{
    int64_t now = clock_now();

    atomic_store(&g->newest, now);
    atomic_store(&g->boot, boot_by_clock(now));
}
