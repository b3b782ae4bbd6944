/* Maintenance windows: when services may be touched. Times are UTC, as everywhere in Cerca. */
#ifndef AGENT_CONF_WINDOW_H
#define AGENT_CONF_WINDOW_H

#include "lib/fault.h"

/* "02:00-04:00", "sat 02:00-04:00", "mon-fri 22:00-04:00" (ends on the day after); first minute in,
 * last one out. */
struct window {
    uint8_t days;        /* bit 0: Monday; days on which it opens */
    uint16_t from, till; /* minutes of the day; till <= from: of the day after */
};

int window_parse(const char *text, struct window *out, struct fault *f) WARN_UNUSED;
/* The earliest time from `t` on that lies in one of them; `t` without any. */
int64_t window_next(const struct window *w, size_t n, int64_t t);

#endif
