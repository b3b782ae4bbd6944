/* The campaigns that run, and whom they pull forward: read once, asked many times. One thread. */
#ifndef CA_LIFECYCLE_CAMPAIGNS_H
#define CA_LIFECYCLE_CAMPAIGNS_H

#include "ca/door/authority.h"
#include "ca/store/campaigns.h"

struct campaigns {
    size_t n;
    struct campaign row[CAMPAIGNS_MAX];
};
/* Those that are neither paused nor cancelled. */
int campaigns_load(struct campaigns *c, struct store *s, struct fault *f) WARN_UNUSED;
/* What campaigns look at, of an issued certificate with that owner in force. Within
 * authorities_read. */
void campaigns_look(const struct authorities *all, const struct cert_row *row, const char *owner,
                    struct campaign_what *out);
/* The one that pulls it forward the furthest, and to when; NULL: none does. `all` as above. */
const struct campaign *campaigns_pull(const struct campaigns *c, const struct authorities *all,
                                      const struct cert_row *row, const char *owner, int64_t *at);

#endif
