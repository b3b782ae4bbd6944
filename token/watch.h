/*
 * The watchdog: no call into a PKCS#11 module may take longer than its limit.
 * A module that hangs cannot be interrupted, so the process ends instead, and
 * cercad starts it again.
 *
 * Every call of the module stands between watch_enter and watch_leave, from
 * whichever thread. Before watch_start nothing is watched.
 */
#ifndef TOKEN_WATCH_H
#define TOKEN_WATCH_H

#include <stdint.h>

/* Starts the watching thread, once a process. `hung` (may be NULL) is called on
 * it when `call` is past its limit: the time to tell those who wait. Then the process
 * ends with EXITCODE_TOKEN, at the latest WATCH_GRACE_MS later. */
#define WATCH_GRACE_MS 300
void watch_start(int64_t limit_ms, void (*hung)(const char *call));

/* `call` is a constant string. Calls do not nest. */
void watch_enter(const char *call);
/* The same with a limit of its own, at least: making an RSA key takes seconds. */
void watch_enter_slow(const char *call, int64_t least_ms);
void watch_leave(void);

#endif
