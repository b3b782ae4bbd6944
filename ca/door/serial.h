/*
 * Serial numbers: 16 octets of bits 01, then 46 bits of strictly increasing 100-microsecond
 * ticks, then 80 bits from the CSPRNG. So the DER INTEGER is always positive and minimal
 * (RFC 5280 4.1.2.2 allows up to 20 octets), rows are appended in order, and nobody
 * guesses one.
 */
#ifndef CA_DOOR_SERIAL_H
#define CA_DOOR_SERIAL_H

#include <stdatomic.h>

#include "lib/fault.h"
#include "lib/tbs.h"

/* How far the clock may stand behind the newest recorded serial: small corrections by NTP. */
#define SERIAL_CLOCK_SLACK 60 /* seconds */

/* How far the clock may run ahead of the time since boot: NTP steps less than this after hours
 * without a network. */
#define SERIAL_CLOCK_JUMP 3600 /* seconds */

struct serial_source {
    _Atomic uint64_t last_tick;
    /* When the machine was booted, by the clock as it was first found right: seconds. */
    _Atomic int64_t boot;
};

/* `last_tick` is the newest one recorded (struct store_stats). */
void serial_init(struct serial_source *s, uint64_t last_tick);
/* From any thread. Refused with rule "clock.behind" when the clock is too far behind
 * what was recorded: times in certificates would be wrong, and revocations seem to be of the
 * future. Refused with rule "clock.jumped" when it has gone ahead of the time since boot: one
 * serial of the future would stop issuing, once the clock is right again, until then. That lasts
 * until the clock is set back or cerca-ca starts anew. */
int serial_next(struct serial_source *s, uint8_t out[SERIAL_LEN], struct fault *f) WARN_UNUSED;
/* The check alone, for `cerca status`. */
int serial_clock_check(struct serial_source *s, struct fault *f) WARN_UNUSED;

#endif
