#include "agent/due.h"

#include <string.h>

#include "lib/key.h"

#define DOUBLINGS 16
#define FIRST_TRIES 3 /* for a certificate that is the first */

static int64_t hint_at(const struct due_times *t, uint64_t seed)
{
    uint64_t room = (uint64_t)(t->hint_end - t->hint_start);

    return t->hint_start + (int64_t)(seed % (room + 1));
}

int64_t due_at(const struct due_times *t, uint64_t seed)
{
    int64_t life = t->not_after - t->not_before;
    int64_t due, hint;

    if (life <= 0)
        return t->not_before;
    due = t->not_before + life / 100 * t->renew_at + life % 100 * t->renew_at / 100;
    due -= (int64_t)(seed % ((uint64_t)life / 20 + 1));
    if (due < t->not_before)
        due = t->not_before;
    if (t->hint_end > t->hint_start) {
        hint = hint_at(t, seed);
        due = hint < due ? hint : due;
    }
    return due;
}

uint64_t due_seed(const char *name, const char *fingerprint)
{
    uint8_t hash[32];
    uint64_t seed;

    sha256_two(slice_str(name), slice_str(fingerprint), hash);
    memcpy(&seed, hash, sizeof(seed));
    return seed;
}

static int64_t bound(unsigned failures, int64_t most)
{
    int64_t b = BACKOFF_FIRST;

    for (unsigned i = 1; i < failures && i < DOUBLINGS && b < most; i++)
        b *= 2;
    return b < most ? b : most;
}

int64_t backoff(unsigned failures, int64_t remaining, int64_t retry_after, uint64_t random)
{
    int64_t most = remaining > 0 ? BACKOFF_MOST : BACKOFF_NONE;
    int64_t wait = (int64_t)(random % ((uint64_t)bound(failures, most) + 1));

    if (retry_after > wait)
        wait = retry_after;
    if (wait > most)
        wait = most;
    if (remaining > 0 && wait > remaining / 10)
        wait = remaining / 10;
    return wait < 1 ? 1 : wait;
}

bool due_late(int64_t not_before, int64_t not_after, int64_t now, unsigned failures)
{
    if (not_after == 0)
        return failures >= FIRST_TRIES;
    return now >= not_after - (not_after - not_before) / 5;
}
