#include "watch/rules/hint.h"

#include <stdio.h>
#include <string.h>

/* RFC 9773 4.3.2 wants less than a day; who lives shortly asks often. */
#define RETRY_LONGEST (INT64_C(6) * 3600)
#define RETRY_SHORTEST INT64_C(60)
#define RETRY_SHARE 100 /* of the life */

static int64_t between(int64_t v, int64_t least, int64_t most)
{
    if (v > most)
        v = most;
    return v < least ? least : v;
}

/* As the hash of the certificate says: from 0 to `range`. */
static int64_t spread(const uint8_t fingerprint[32], int64_t range)
{
    uint64_t v = 0;

    for (size_t i = 0; i < sizeof(v); i++)
        v = v << 8 | fingerprint[i];
    return range <= 0 ? 0 : (int64_t)(v % ((uint64_t)range + 1));
}

static void of_life(const struct watch_times *t, const struct hint_facts *h, struct hint *out)
{
    int64_t opens = watch_opens(t, &h->life);
    int64_t half = (watch_late(t, &h->life) - opens) / 2;

    out->reason = HINT_LIFE;
    out->start = opens + spread(h->fingerprint, half);
    out->end = out->start + half;
}

static void sooner(struct hint *out, enum hint_reason why, int64_t at, int64_t width)
{
    if (at >= out->start)
        return;
    *out = (struct hint){.reason = why, .start = at, .end = at + width};
}

/* RFC 9773 4.2: an end that is not behind the start makes the window invalid. */
static void keep_within(const struct watch_life *l, struct hint *out)
{
    int64_t last = l->not_after > l->not_before ? l->not_after : l->not_before + 1;

    out->start = between(out->start, l->not_before, last - 1);
    out->end = between(out->end, out->start + 1, last);
}

void hint_make(const struct watch_times *t, const struct hint_facts *h, struct hint *out)
{
    int64_t life = h->life.not_after - h->life.not_before;

    of_life(t, h, out);
    if (h->pulled && !h->followed)
        sooner(out, HINT_CAMPAIGN, h->pulled_at, HINT_PULLED);
    if (h->revoked)
        sooner(out, HINT_REVOKED, h->revoked_at, 1);
    keep_within(&h->life, out);
    out->retry_after = (uint32_t)between(life / RETRY_SHARE, RETRY_SHORTEST, RETRY_LONGEST);
}

void hint_explain(const struct watch_times *t, const struct hint_facts *h, const struct hint *made,
                  char out[HINT_TEXT])
{
    if (h->revoked)
        (void)snprintf(out, HINT_TEXT, "it is revoked or on hold: get another one at once");
    else if (h->followed)
        (void)snprintf(out, HINT_TEXT, "another certificate has taken its place");
    else if (made->reason == HINT_CAMPAIGN)
        (void)snprintf(out, HINT_TEXT, "pulled forward by the campaign %.200s", h->because);
    else
        (void)snprintf(out, HINT_TEXT,
                       "renewing begins at %u%% of its life and is late from %u%% on", t->opens,
                       t->late);
}
