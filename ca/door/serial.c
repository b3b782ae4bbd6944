#include "ca/door/serial.h"

#include "lib/clock.h"
#include "lib/key.h"

#define TICK_MASK ((UINT64_C(1) << 46) - 1)
#define BOOT_UNKNOWN INT64_MIN

static int64_t boot_by_clock(void)
{
    return clock_now() - (int64_t)(clock_boot_us() / 1000000);
}

void serial_init(struct serial_source *s, uint64_t last_tick)
{
    atomic_store(&s->last_tick, last_tick);
    atomic_store(&s->boot, boot_by_clock());
}

static int jumped(int64_t ahead, struct fault *f)
{
    return fault_unavailable(f, 60, "clock.jumped",
                             "the clock has jumped ahead by %lld s; issuing stops until it is set "
                             "back, or cerca-ca is started anew if it is right now",
                             (long long)ahead);
}

static int behind(uint64_t ticks, struct fault *f)
{
    return fault_unavailable(f, 60, "clock.behind",
                             "the clock is %llu s behind the newest recorded serial; issuing "
                             "stops until it is set right",
                             (unsigned long long)(ticks / CLOCK_TICKS_PER_SECOND));
}

int serial_clock_check(struct serial_source *s, struct fault *f)
{
    uint64_t now = clock_ticks(), last = atomic_load(&s->last_tick);
    int64_t by_clock = boot_by_clock(), boot = atomic_load(&s->boot);

    if (now + (uint64_t)SERIAL_CLOCK_SLACK * CLOCK_TICKS_PER_SECOND < last) {
        /* Being set right later, as on a machine whose clock stops with it, is no jump. */
        atomic_store(&s->boot, BOOT_UNKNOWN);
        return behind(last - now, f);
    }
    if (boot == BOOT_UNKNOWN)
        atomic_store(&s->boot, by_clock);
    else if (by_clock - boot > SERIAL_CLOCK_JUMP)
        return jumped(by_clock - boot, f);
    return 0;
}

int serial_next(struct serial_source *s, uint8_t out[SERIAL_LEN], struct fault *f)
{
    uint64_t last, tick;

    if (serial_clock_check(s, f) != 0)
        return -(int)f->code;
    last = atomic_load(&s->last_tick);
    do {
        tick = clock_ticks() & TICK_MASK;
        if (tick <= last)
            tick = last + 1;
    } while (!atomic_compare_exchange_weak(&s->last_tick, &last, tick));
    random_bytes(out + 6, SERIAL_LEN - 6);
    out[0] = (uint8_t)(0x40 | (tick >> 40));
    for (int i = 1; i < 6; i++)
        out[i] = (uint8_t)(tick >> (40 - 8 * i));
    return 0;
}
