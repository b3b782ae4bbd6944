/*
 * Campaigns: what must be renewed before its time, because its key, algorithm or issuer has to go,
 * at a rate. A certificate is wanted away when it was issued when the campaign was made and all
 * that the campaign names is true of it. Its place between start and end is made of its identity's
 * hash, so that no row a certificate is kept and each stands where it stood: in any hour about as
 * many come as the rate says, more or fewer by the square root. Pure. Threads: any.
 */
#ifndef WATCH_RULES_CAMPAIGN_H
#define WATCH_RULES_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

enum campaign_state { CAMPAIGN_RUNS = 1, CAMPAIGN_PAUSED, CAMPAIGN_CANCELLED };
const char *campaign_state_word(enum campaign_state s); /* "running", "paused", "cancelled" */

/* Who is pulled forward is late so many seconds after that. */
#define CAMPAIGN_LATE INT64_C(86400)

#define CAMPAIGN_COUNT_MAX UINT32_MAX
#define CAMPAIGN_PER_MAX INT64_C(31536000)
/* A campaign, or of a certificate that is looked at: the fields up to `algorithm`. */
struct campaign_what {
    char profile[128], owner[128], issuer[64]; /* "": any */
    char key_type[24];                         /* "rsa2048"; "rsa": of any size; "": any */
    char algorithm[64];                        /* of the signature, "ecdsa-sha256"; "": any */
};
struct campaign {
    char name[64];
    struct campaign_what what;
    uint32_t count;         /* certificates when it was made; at least 1 */
    uint32_t rate;          /* so many ... */
    int64_t per;            /* ... in so many seconds */
    int64_t created, start; /* `start` moves when it goes on after a pause */
    enum campaign_state state;
    int64_t paused; /* since when */
    char by[64], reason[128];
};
/* Letters, digits, ".", "_" and "-". */
bool campaign_name_valid(const char *name);
/* May it be kept? Every number is within its bounds. */
bool campaign_sound(const struct campaign *c);
/* From start to end, in seconds. */
int64_t campaign_length(const struct campaign *c);
/* What is issued `created` and is so: is it wanted away? Whatever the state. */
bool campaign_wants(const struct campaign *c, const struct campaign_what *is, int64_t created);
/* When that identity is pulled forward to. */
int64_t campaign_at(const struct campaign *c, const uint8_t identity[16]);

enum campaign_verb { CAMPAIGN_CREATE = 1, CAMPAIGN_PAUSE, CAMPAIGN_RESUME, CAMPAIGN_CANCEL };
/* One of the last three. False: it cannot be done in this state. A pause moves what is to come by
 * its length; what was pulled forward before it stays so. */
bool campaign_change(struct campaign *c, enum campaign_verb verb, int64_t now);

#endif
