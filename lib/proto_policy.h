/* The message that explains a decision (lib/proto.h says how messages are read and written). */
#ifndef LIB_PROTO_POLICY_H
#define LIB_PROTO_POLICY_H

#include "lib/proto.h"

#define EXPLAIN_STEPS_MAX 64

/* One thing that was looked at. */
struct explain_step {
    char step[32];
    bool refused;
    char rule[64];      /* of the refusal; "" otherwise */
    struct slice value; /* UTF-8 */
    struct slice allowed;
    char text[256]; /* of the refusal */
};

/* MSG_EXPLAINED, the answer to MSG_EXPLAIN, whose body is that of MSG_ISSUE without a token. */
struct explained {
    bool allowed;
    char profile[64];
    char issuer[64];
    struct slice steps; /* as explain_step_put wrote them */
    struct slice tbs;   /* DER, with a serial number that is not used; empty when refused */
};

void explain_step_put(struct buf *b, const struct explain_step *s);
void explained_put(struct buf *b, const struct explained *e);
int explained_get(struct slice body, struct explained *out) WARN_UNUSED;
/* The next step of e->steps, which moves; -1 when malformed or at the end. */
int explain_step_get(struct slice *steps, struct explain_step *out) WARN_UNUSED;

#endif
