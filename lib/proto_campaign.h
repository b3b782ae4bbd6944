/*
 * Messages about campaigns (watch/rules/campaign.h; `cerca campaign`). As in lib/proto.h.
 *
 *   MSG_CAMPAIGN_CHANGE  u8 verb (enum campaign_verb), campaign_info, of which all but the first
 *                        verb look at the name alone; MSG_CAMPAIGN_CHANGED: campaign_info
 *   MSG_CAMPAIGN_LIST    empty; MSG_CAMPAIGN_LISTED: a count, then campaign_info
 *   MSG_CAMPAIGN_COUNT   campaign_count; MSG_CAMPAIGN_COUNTED: campaign_counted, of some
 * identities: asked again from behind `at` while there is more
 */
#ifndef LIB_PROTO_CAMPAIGN_H
#define LIB_PROTO_CAMPAIGN_H

#include "lib/proto.h"

struct campaign_info {
    char name[64];
    char profile[128], owner[128], issuer[64], key_type[24], algorithm[64]; /* "": any */
    uint32_t count, rate;                                                   /* so many in `per` */
    int64_t per, created, start, paused;
    int64_t end;   /* told; not looked at in requests */
    uint8_t state; /* enum campaign_state; not looked at in MSG_CAMPAIGN_CHANGE */
    char by[64], reason[128];
};
void campaign_info_put(struct buf *b, const struct campaign_info *c);
void campaign_info_get(struct wire_in *w, struct campaign_info *out);

struct campaign_count {
    struct campaign_info of; /* there need not be such a one */
    bool further;
    uint8_t after[16]; /* an identity */
};
void campaign_count_put(struct buf *b, const struct campaign_count *c);
int campaign_count_get(struct slice body, struct campaign_count *out) WARN_UNUSED;

struct campaign_counted {
    bool more;
    uint8_t at[16];
    uint64_t renewed; /* by one that is not wanted away */
    uint64_t in_vain; /* by one that has what is wanted away itself */
    uint64_t pulled;  /* their time has come */
    uint64_t late;    /* ... a day ago */
    uint64_t blocked; /* ... and something stands in the way: cerca explain */
    uint64_t to_come;
};
void campaign_counted_put(struct buf *b, const struct campaign_counted *c);
int campaign_counted_get(struct slice body, struct campaign_counted *out) WARN_UNUSED;

#endif
