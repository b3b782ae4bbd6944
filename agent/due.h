/*
 * When an entry is worked on: pure functions of times and a seed, so that a restart changes nothing
 * and a fleet does not come at once.
 */
#ifndef AGENT_DUE_H
#define AGENT_DUE_H

#include <stdbool.h>
#include <stdint.h>

struct due_times {
    int64_t not_before, not_after; /* of the certificate in force */
    unsigned renew_at;             /* percent of its life */
    int64_t hint_start, hint_end;  /* what the CA suggests; 0: nothing */
};

/* The earliest of the CA's hint, a moment in its window, and `renew_at` percent of the life less up
 * to a twentieth of it. `seed` is of the entry and its certificate. Never past the end. */
int64_t due_at(const struct due_times *t, uint64_t seed);
/* Where the seed comes from: the entry's name and the certificate's fingerprint. */
uint64_t due_seed(const char *name, const char *fingerprint);

#define BACKOFF_FIRST 30   /* seconds: up to this long after the first failure */
#define BACKOFF_MOST 86400 /* ... after many */
#define BACKOFF_NONE 3600  /* ... while there is no valid certificate */

/* Seconds until another try: anything up to a bound that doubles with each failure (full jitter),
 * at least what the server asked for, never over a tenth of the life that remains, at least 1.
 * `remaining`: seconds until the end; 0 or less: there is no valid certificate. `random`: any
 * number. */
int64_t backoff(unsigned failures, int64_t remaining, int64_t retry_after, uint64_t random);
/* So little of its life is left (a fifth), or it took so many tries to get the first, that people
 * have to look. */
bool due_late(int64_t not_before, int64_t not_after, int64_t now, unsigned failures);

#endif
