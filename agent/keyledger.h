/*
 * STATE/NAME/keys: which keys in the token are ours, and of which version each is. An id is chosen
 * at random and noted before a key with it is made, and forgotten after that is destroyed, so that
 * whatever is killed, no key of ours is left over, and none that is not ours is ever destroyed.
 */
#ifndef AGENT_KEYLEDGER_H
#define AGENT_KEYLEDGER_H

#include "agent/conf/conf.h"
#include "lib/buf.h"

#define KEYLEDGER_ID 20 /* octets of CKA_ID */
#define KEYLEDGER_MAX 512

struct keyledger {
    size_t n;
    struct keyledger_line {
        unsigned version;
        uint8_t id[KEYLEDGER_ID];
    } line[KEYLEDGER_MAX];
};

/* Empty when there is none. Rule "agent.keys" (it cannot be read as one). */
int keyledger_load(const struct agent_cert *c, struct keyledger *out, struct fault *f) WARN_UNUSED;
/* Durable. */
int keyledger_save(const struct agent_cert *c, const struct keyledger *l,
                   struct fault *f) WARN_UNUSED;
int keyledger_add(struct keyledger *l, unsigned version, const uint8_t id[KEYLEDGER_ID],
                  struct fault *f) WARN_UNUSED;
void keyledger_drop(struct keyledger *l, size_t i);

#endif
