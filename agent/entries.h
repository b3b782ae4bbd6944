/* All that the agent keeps, of both kinds: certificates first, then what services trust. */
#ifndef AGENT_ENTRIES_H
#define AGENT_ENTRIES_H

#include "agent/conf/trust.h"
#include "agent/work.h"
#include "lib/agentstate.h"

struct entry {
    enum agent_kind kind;
    const struct agent_cert *as;     /* name, folders, files, services */
    const struct agent_trust *trust; /* NULL: a certificate */
};

size_t entries_count(const struct agent_conf *c);
struct entry entries_at(const struct agent_conf *c, size_t i);
/* False: there is none of that name. */
bool entries_find(const struct agent_conf *c, const char *name, struct entry *out);
/* work_on, or trust_work, which has no windows and no keys. */
enum work_result entry_work(const struct entry *e, const struct work_order *o, struct record *r,
                            struct fault *f);

#endif
