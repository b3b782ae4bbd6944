/*
 * Serial numbers: 16 octets of bits 01, then 46 bits of strictly increasing 100-microsecond
 * ticks, then 80 bits from the CSPRNG. So the DER INTEGER is always positive and minimal
 * (RFC 5280 4.1.2.2 allows up to 20 octets), rows are appended in order, and nobody
 * guesses one.
 */
#ifndef CA_DOOR_SERIAL_H
#define CA_DOOR_SERIAL_H

#include <stdatomic.h>

#include "lib/tbs.h"

struct serial_source {
    _Atomic uint64_t last_tick;
};

/* `last_tick` is the newest one recorded (struct store_stats). */
void serial_init(struct serial_source *s, uint64_t last_tick);
/* From any thread. Whether the clock is right is asked before (store_clock). */
void serial_next(struct serial_source *s, uint8_t out[SERIAL_LEN]);

#endif
