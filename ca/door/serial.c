#include "ca/door/serial.h"

#include "lib/clock.h"
#include "lib/key.h"

#define TICK_MASK ((UINT64_C(1) << 46) - 1)

void serial_init(struct serial_source *s, uint64_t last_tick)
{
    atomic_store(&s->last_tick, last_tick);
}

void serial_next(struct serial_source *s, uint8_t out[SERIAL_LEN])
{
    uint64_t last, tick;

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
}
