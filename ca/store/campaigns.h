/* Campaigns (watch/rules/campaign.h), a row each by name. Few: they are read whole. */
#ifndef CA_STORE_CAMPAIGNS_H
#define CA_STORE_CAMPAIGNS_H

#include "ca/store/store.h"
#include "watch/rules/campaign.h"

#define CAMPAIGNS_MAX 64

/* STORE_CAMPAIGN: with CAMPAIGN_CREATE keeps `row`, in the place of a cancelled one of that name
 * or, when there are CAMPAIGNS_MAX, of any cancelled one; else changes the one of row.name at
 * op->time. Recorded. Out: `row` as it is now. Refused: "campaign.known", "campaign.many",
 * "campaign.unknown", "campaign.state". */
struct store_campaign {
    enum campaign_verb verb;
    struct campaign row;
};

/* All of them in the order of names: at most CAMPAIGNS_MAX, *n of them. */
int store_campaigns(struct store *s, struct campaign out[CAMPAIGNS_MAX], size_t *n,
                    struct fault *f) WARN_UNUSED;

#endif
