/* Messages about the inventory: what operators write about identities, and filters of lists that
 * the CA keeps under a name. See lib/proto.h. */
#ifndef LIB_PROTO_INVENTORY_H
#define LIB_PROTO_INVENTORY_H

#include "lib/proto.h"

/* MSG_ANNOTATE: the fields of `mask` of each identity as in `annotation` (nothing: unset);
 * MSG_ANNOTATED: an outcome for each, in their order. */
#define ANNOTATE_MAX 256
struct annotate_item {
    unsigned mask;
    struct annotation annotation;
};
struct annotate_request {
    bool dry_run; /* says what would change; nothing is recorded */
    uint32_t n;   /* 1 to ANNOTATE_MAX, in one frame */
    struct annotate_item *item;
};
/* Octets of one item at its longest. */
#define ANNOTATE_ITEM_MAX 4096
void annotate_request_put(struct buf *b, const struct annotate_request *r);
/* `item` is to be freed; NULL on failure. */
int annotate_request_get(struct slice body, struct annotate_request *out) WARN_UNUSED;
struct annotate_outcome {
    uint8_t code;    /* enum fault_code; FAULT_NONE: done */
    uint16_t change; /* the fields that changed; 0: all were so already */
    char rule[64], field[64], text[256];
};
void annotate_outcome_put(struct buf *b, const struct annotate_outcome *o);
/* Reads one from w; the error sticks to w. */
void annotate_outcome_get(struct wire_in *w, struct annotate_outcome *out);

/* MSG_FILTER_SAVE, answered by MSG_FILTER_SAVED, empty. The store keeps it in this form too. */
#define FILTER_NAME_MAX 64 /* with NUL; letters, digits and "._-" */
#define FILTERS_MAX 256
struct saved_filter {
    char name[FILTER_NAME_MAX];
    bool remove; /* the rest is not looked at */
    char by[64]; /* who saved it, and when: the CA says so */
    int64_t time;
    int64_t expires_within;      /* seconds from when it is used; 0: any */
    struct list_request request; /* limit 1, no cursor */
};
void saved_filter_put(struct buf *b, const struct saved_filter *f);
void saved_filter_get(struct wire_in *w, struct saved_filter *out);
bool filter_name_valid(const char *name);
/* MSG_FILTER_LIST: a name, and whether that one alone is meant, else those behind it;
 * MSG_FILTER_LISTED: a flag "there are more", a u32 count, then that many saved_filter. */
struct filter_query {
    char name[FILTER_NAME_MAX];
    bool one;
};
void filter_query_put(struct buf *b, const struct filter_query *q);
int filter_query_get(struct slice body, struct filter_query *out) WARN_UNUSED;

#endif
