/*
 * When a certificate should be renewed: a window as in RFC 9773 4.2, by the same rule by which
 * people are told that renewals are due and late (times.h). It begins in the first half of the time
 * between these two and is as long as that half: where it begins is made of the certificate, so it
 * is the same whenever it is asked for, and those that were issued together are not renewed
 * together. It is never before notBefore or behind notAfter. Pure. Threads: any.
 */
#ifndef WATCH_RULES_HINT_H
#define WATCH_RULES_HINT_H

#include "watch/rules/times.h"

#define HINT_TEXT 256
/* The window of who is pulled forward, seconds. */
#define HINT_PULLED 3600

struct hint_facts {
    struct watch_life life;
    uint8_t fingerprint[32];
    bool followed;       /* another certificate has taken its place */
    bool revoked;        /* or on hold ... */
    int64_t revoked_at;  /* ... since then */
    bool pulled;         /* a campaign wants it renewed ... */
    int64_t pulled_at;   /* ... by then ... */
    const char *because; /* ... its name, and its reason */
};

enum hint_reason { HINT_LIFE = 1, HINT_CAMPAIGN, HINT_REVOKED };
struct hint {
    enum hint_reason reason;
    int64_t start, end;   /* start < end */
    uint32_t retry_after; /* seconds until it is worth asking again (RFC 9773 4.3) */
};
void hint_make(const struct watch_times *t, const struct hint_facts *h, struct hint *out);
/* Why then, in a line. */
void hint_explain(const struct watch_times *t, const struct hint_facts *h, const struct hint *made,
                  char out[HINT_TEXT]);

#endif
