/* When a program that has ended is started again. Pure: no clock, no process. */
#ifndef CA_SUPERVISE_BACKOFF_H
#define CA_SUPERVISE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 5000
#define BACKOFF_RESET_MS 10000 /* a life this long forgets the ends before it */

struct backoff {
    uint32_t last_ms; /* 0: none since the last long life */
};

/* Milliseconds to wait after a life of `lived_ms`. */
uint32_t backoff_next(struct backoff *b, uint64_t lived_ms);

struct ending {
    bool final; /* not started again before a reload */
    char reason[128];
};
/* What a wait status means (lib/exitcode.h). */
void ending_read(int wait_status, struct ending *out);

#endif
