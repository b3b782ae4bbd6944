/*
 * Time. Every program asks here and nowhere else, so that test builds can set
 * the clock (CERCA_TEST_CLOCK_OFFSET, seconds added to the real time, or "@FILE":
 * those in a file of at least 32 octets, at any time; absent from release builds, which a test
 * proves).
 */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_TICKS_PER_SECOND 10000 /* a tick is 100 microseconds */

int64_t clock_now(void); /* seconds since 1970-01-01T00:00:00Z */
/* What the system's own clock says when clock_now says t, for timers of the system: t, but in test
 * builds. */
int64_t clock_system(int64_t t);
uint64_t clock_ticks(void);     /* 100-microsecond ticks since then */
uint64_t clock_boot_us(void);   /* microseconds since boot, sleep included; nobody can set it */
uint64_t clock_mono_us(void);   /* monotonic microseconds, for time limits and rates */
uint64_t clock_coarse_ms(void); /* monotonic milliseconds, some late, at a fraction of the cost */

#define CLOCK_TEXT_SIZE 32
/* RFC 3339, UTC, whole seconds: 2026-11-21T09:30:00Z. */
void clock_format(int64_t t, char out[CLOCK_TEXT_SIZE]);
/* Reads that form, or a date alone (its midnight). 0, or -1. */
int clock_parse(const char *text, int64_t *out) __attribute__((warn_unused_result));
/* A span with a unit: "90d", "12h", "30m", "45s", "2w", "1y" (365 days).
 * 0, or -1 for anything else, zero, negative or overflowing. */
int clock_parse_span(const char *text, int64_t *seconds) __attribute__((warn_unused_result));
/* The shortest exact form of a span: "90d", "36h", "90s". */
void clock_format_span(int64_t seconds, char out[CLOCK_TEXT_SIZE]);

#endif
