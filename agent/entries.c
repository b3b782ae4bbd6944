#include "agent/entries.h"

#include <string.h>

#include "agent/trustwork.h"
#include "lib/clock.h"

size_t entries_count(const struct agent_conf *c)
{
    return c->n_certs + c->n_trusts;
}

static enum agent_kind kind_of(const struct agent_trust *t)
{
    for (size_t i = 0; i < t->n_sources; i++)
        if (t->sources[i].kind == TRUST_CRL)
            return KIND_CRL;
    return KIND_TRUST;
}

struct entry entries_at(const struct agent_conf *c, size_t i)
{
    const struct agent_trust *t;

    if (i < c->n_certs)
        return (struct entry){KIND_CERTIFICATE, &c->certs[i], NULL};
    t = &c->trusts[i - c->n_certs];
    return (struct entry){kind_of(t), &t->as, t};
}

bool entries_find(const struct agent_conf *c, const char *name, struct entry *out)
{
    for (size_t i = 0; i < entries_count(c); i++) {
        *out = entries_at(c, i);
        if (strcmp(out->as->name, name) == 0)
            return true;
    }
    return false;
}

enum work_result entry_work(const struct entry *e, const struct work_order *o, struct record *r,
                            struct fault *f)
{
    struct record now;

    if (e->trust == NULL)
        return work_on(e->as, o, r, f);
    if (!o->now && !o->look && record_load(e->as, &now, f) == 0 && now.next > clock_now()) {
        if (r != NULL)
            *r = now;
        return now.failures > 0 ? WORK_WAITS : WORK_WELL;
    }
    return trust_work(e->trust, o->timeout, r, f);
}
