#include "watch/rules/campaign.h"

#include <string.h>

#include "lib/key.h"

const char *campaign_state_word(enum campaign_state s)
{
    static const char *const words[] = {[CAMPAIGN_RUNS] = "running",
                                        [CAMPAIGN_PAUSED] = "paused",
                                        [CAMPAIGN_CANCELLED] = "cancelled"};

    return s >= CAMPAIGN_RUNS && s <= CAMPAIGN_CANCELLED ? words[s] : "unknown";
}

bool campaign_name_valid(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n < 64 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

/* INT64_MAX / 4: times to which something may be added. */
bool campaign_sound(const struct campaign *c)
{
    return campaign_name_valid(c->name) && c->count > 0 && c->rate > 0 && c->per > 0 &&
           c->per <= CAMPAIGN_PER_MAX && c->start >= 0 && c->start < INT64_MAX / 4 &&
           c->state >= CAMPAIGN_RUNS && c->state <= CAMPAIGN_CANCELLED;
}

/* At most 2^32 * 2^25: no overflow. */
int64_t campaign_length(const struct campaign *c)
{
    return (int64_t)c->count * c->per / c->rate;
}

static bool fits(const char *wanted, const char *is)
{
    return wanted[0] == '\0' || strcmp(wanted, is) == 0;
}

static bool key_fits(const char *wanted, const char *is)
{
    return fits(wanted, is) || (strcmp(wanted, "rsa") == 0 && strncmp(is, "rsa", 3) == 0);
}

bool campaign_wants(const struct campaign *c, const struct campaign_what *is, int64_t created)
{
    const struct campaign_what *w = &c->what;

    return created <= c->created && fits(w->profile, is->profile) && fits(w->owner, is->owner) &&
           fits(w->issuer, is->issuer) && key_fits(w->key_type, is->key_type) &&
           fits(w->algorithm, is->algorithm);
}

/* A place of 2^32, so that the product fits: a length is below 2^57, and is cut in two. */
int64_t campaign_at(const struct campaign *c, const uint8_t identity[16])
{
    int64_t length = campaign_length(c);
    uint8_t hash[32];
    int64_t place = 0;

    sha256(slice_of(identity, 16), hash);
    for (size_t i = 0; i < 4; i++)
        place = place << 8 | hash[i];
    return c->start + (length >> 32) * place + ((length & UINT32_MAX) * (place >> 1) >> 31);
}

bool campaign_change(struct campaign *c, enum campaign_verb verb, int64_t now)
{
    int64_t from;

    if (verb == CAMPAIGN_PAUSE && c->state == CAMPAIGN_RUNS) {
        c->state = CAMPAIGN_PAUSED;
        c->paused = now;
        return true;
    }
    if (verb == CAMPAIGN_RESUME && c->state == CAMPAIGN_PAUSED) {
        from = c->paused > c->start ? c->paused : c->start;
        c->start += now > from ? now - from : 0;
        c->state = CAMPAIGN_RUNS;
        c->paused = 0;
        return true;
    }
    if (verb != CAMPAIGN_CANCEL || c->state == CAMPAIGN_CANCELLED)
        return false;
    c->state = CAMPAIGN_CANCELLED;
    return true;
}
