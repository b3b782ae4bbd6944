/* The words of cerca-agent about what it looks after: in its state files, reports and lists. */
#ifndef LIB_AGENTSTATE_H
#define LIB_AGENTSTATE_H

#include "lib/buf.h"

#define AGENT_HOST_SIZE 254 /* of a host's name, with its NUL */

enum agent_kind { KIND_CERTIFICATE = 1, KIND_CRL, KIND_TRUST };

/* Where a certificate is on its way into its services; agent/state.h has the steps. */
enum agent_state {
    STATE_TRACKED = 1,
    STATE_DUE,
    STATE_KEY,
    STATE_CSR,
    STATE_SUBMITTED,
    STATE_AWAITING_APPROVAL,
    STATE_ISSUED,
    STATE_STAGED,
    STATE_INSTALLED,
    STATE_RELOADED,
    STATE_VERIFIED,
    STATE_ROLLED_BACK,
    STATE_STUCK,
    STATE_REMOVED, /* the agent looks after it no more */
};
#define STATE_MAX STATE_REMOVED
#define AGENT_STATES_ALL ((uint16_t)((1u << (STATE_MAX + 1)) - 2)) /* a bit 1 << state each */

const char *agent_kind_word(enum agent_kind k);   /* "certificate" */
const char *agent_state_word(enum agent_state s); /* "awaiting_approval" */
/* False: there is no such word. */
bool agent_kind_parse(const char *word, enum agent_kind *out) WARN_UNUSED;
bool agent_state_parse(const char *word, enum agent_state *out) WARN_UNUSED;
/* Does somebody have to look there? */
bool agent_state_fails(enum agent_state s);

#endif
