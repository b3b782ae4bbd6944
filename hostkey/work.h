/* What cerca-agent-key does for one token: lib/proto_hostkey.h, one thing after the other. */
#ifndef HOSTKEY_WORK_H
#define HOSTKEY_WORK_H

#include "lib/proto_hostkey.h"
#include "token/token.h"

#define HOSTKEY_ONLY_MAX 4

struct hostkey {
    struct token token; /* logged in */
    size_t n_only;      /* not 0: keys are shown and used only if they are one of these, */
    const char *only[HOSTKEY_ONLY_MAX]; /* and none is made or destroyed */
};

/* The answer to one message into `out`, emptied first; its type is returned, or a negative fault
 * code. -FAULT_UNAVAILABLE: the token failed, so this process is of no more use. Rules
 * "hostkey.message", "hostkey.allowed", those of hostkey/content.h and token/. */
int hostkey_do(struct hostkey *h, uint16_t type, struct slice body, struct buf *out,
               struct fault *f) WARN_UNUSED;

#endif
