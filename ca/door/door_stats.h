/*
 * What the door counts since cerca-ca started, for metrics. Belongs to the loop.
 */
#ifndef CA_DOOR_DOOR_STATS_H
#define CA_DOOR_DOOR_STATS_H

#include "lib/conf.h"
#include "lib/metrics.h"

#define DOOR_RULES_MAX 128 /* of refusals, counted apart; the others together */

/* The stretches of an issued request's way, each from the end of the one before. */
enum door_stretch {
    STRETCH_DECIDE, /* waiting for a worker, evidence, policy, draft */
    STRETCH_INTENT, /* its durable commit */
    STRETCH_SIGN,
    STRETCH_FINISH, /* verifying, the second commit, the view */
    STRETCHES
};

struct door_rule {
    char rule[64];
    uint64_t n;
};

struct door_stats {
    uint64_t *issued; /* by profile, in the configuration's order */
    uint64_t issued_cas, again, dry, waits, unavailable, refused;
    struct door_rule rule[DOOR_RULES_MAX];
    size_t n_rules;
    uint64_t other_rules;
    uint64_t revoked[12]; /* by CRLReason (RFC 5280 5.3.1); 6: put on hold, 8: released */
    uint64_t not_revoked; /* refusals of that */
    struct metric_histogram took, stretch[STRETCHES];
};

void door_stats_init(struct door_stats *s, const struct conf *c);
void door_stats_free(struct door_stats *s);
/* A refusal, or "not now". */
void door_stats_fault(struct door_stats *s, const struct fault *f);
/* A revocation, hold or release that was done. */
void door_stats_revoked(struct door_stats *s, uint8_t reason);

#endif
