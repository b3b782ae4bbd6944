#include "lib/agentstate.h"

#include <string.h>

static const char *const kinds[] = {
    [KIND_CERTIFICATE] = "certificate",
    [KIND_CRL] = "crl",
    [KIND_TRUST] = "trust",
};

static const char *const states[] = {
    [STATE_TRACKED] = "tracked",
    [STATE_DUE] = "due",
    [STATE_KEY] = "key",
    [STATE_CSR] = "csr",
    [STATE_SUBMITTED] = "submitted",
    [STATE_AWAITING_APPROVAL] = "awaiting_approval",
    [STATE_ISSUED] = "issued",
    [STATE_STAGED] = "staged",
    [STATE_INSTALLED] = "installed",
    [STATE_RELOADED] = "reloaded",
    [STATE_VERIFIED] = "verified",
    [STATE_ROLLED_BACK] = "rolled_back",
    [STATE_STUCK] = "stuck",
    [STATE_REMOVED] = "removed",
};

const char *agent_kind_word(enum agent_kind k)
{
    return k >= KIND_CERTIFICATE && k <= KIND_TRUST ? kinds[k] : "";
}

const char *agent_state_word(enum agent_state s)
{
    return s >= STATE_TRACKED && s <= STATE_MAX ? states[s] : "";
}

bool agent_kind_parse(const char *word, enum agent_kind *out)
{
    for (unsigned i = KIND_CERTIFICATE; i <= KIND_TRUST; i++) {
        if (strcmp(kinds[i], word) == 0) {
            *out = (enum agent_kind)i;
            return true;
        }
    }
    return false;
}

bool agent_state_parse(const char *word, enum agent_state *out)
{
    for (unsigned i = STATE_TRACKED; i <= STATE_MAX; i++) {
        if (strcmp(states[i], word) == 0) {
            *out = (enum agent_state)i;
            return true;
        }
    }
    return false;
}

bool agent_state_fails(enum agent_state s)
{
    return s == STATE_STUCK || s == STATE_ROLLED_BACK;
}
