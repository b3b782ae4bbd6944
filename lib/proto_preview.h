/*
 * Messages of `cerca policy preview`. MSG_POLICY_PREVIEW carries a descriptor of the changed
 * configuration's text and is answered by any number of MSG_POLICY_PROGRESS (check_progress) and
 * MSG_POLICY_REFUSED, then MSG_POLICY_PREVIEWED.
 */
#ifndef LIB_PROTO_PREVIEW_H
#define LIB_PROTO_PREVIEW_H

#include "lib/proto.h"

enum {
    MSG_POLICY_PREVIEW = 0x0118,
    MSG_POLICY_PROGRESS = 0x0119,
    MSG_POLICY_REFUSED = 0x011a, /* a u32 count, then that many policy_refused */
    MSG_POLICY_PREVIEWED = 0x011b,
};

/* A valid certificate that the changed policy would no longer allow. */
struct policy_refused {
    uint8_t serial[SERIAL_LEN];
    char profile[64], name[128];
    char rule[64], text[256];
};
#define POLICY_REFUSED_ROOM 560 /* octets of one, at most */
void policy_refused_put(struct buf *b, const struct policy_refused *r);
/* Reads one from w; the error sticks to w. */
void policy_refused_get(struct wire_in *w, struct policy_refused *out);

struct policy_previewed {
    uint64_t looked, refused;
};
void policy_previewed_put(struct buf *b, const struct policy_previewed *p);
int policy_previewed_get(struct slice body, struct policy_previewed *out) WARN_UNUSED;

#endif
