/* A bar on standard error while long work goes on, when that is a terminal. */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool shown;       /* something stands on the line */
    uint64_t last_us; /* when it was drawn */
    /* Since when it is of this total, and how much was done then. */
    uint64_t first_us, first, total;
};

/* In zeroed memory. Draws at most ten times a second; after some seconds also how long it will
 * take yet, at the speed so far. `total` 0: not known. */
void progress_draw(struct progress *p, const char *what, uint64_t done, uint64_t total);
/* Clears the line. */
void progress_end(struct progress *p);

#endif
