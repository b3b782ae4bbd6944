/* How far an entry is, for programs and for people. */
#include <stdio.h>

#include "agent/deploy/deploy.h"
#include "tools/agent_tool.h"

static json_t *time_or_null(int64_t t)
{
    return t > 0 ? json_time(t) : json_null();
}

static json_t *services_json(const struct record *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n_seen; i++) {
        json_t *o = json_object();

        json_put(o, "service", json_text(r->seen[i].service));
        json_put(o, "address", json_text(r->seen[i].address));
        json_put(o, "served", json_text(r->seen[i].served));
        json_put(o, "at", time_or_null(r->seen[i].at));
        (void)json_array_append_new(list, o);
    }
    return list;
}

json_t *agent_entry_json(const struct entry *e, const struct record *r)
{
    json_t *o = json_object();
    unsigned in_force;
    struct fault f;

    json_put(o, "name", json_text(e->as->name));
    json_put(o, "kind", json_text(agent_kind_word(e->kind)));
    json_put(o, "state", json_text(agent_state_word(r->state)));
    json_put(o, "since", time_or_null(r->since));
    json_put(o, "doing", json_text(state_row(r->state)->does));
    json_put(o, "next", time_or_null(r->next));
    json_put(o, "version", json_integer(r->version));
    json_put(o, "in_force",
             deploy_current(e->as, &in_force, &f) == 0 ? json_integer(in_force) : json_null());
    json_put(o, "failures", json_integer(r->failures));
    json_put(o, "rule", json_text(r->rule));
    json_put(o, "reason", json_text(r->reason));
    json_put(o, "not_before", time_or_null(r->not_before));
    json_put(o, "not_after", time_or_null(r->not_after));
    json_put(o, "fingerprint", json_text(r->fingerprint));
    json_put(o, "verified", time_or_null(r->verified));
    json_put(o, "services", services_json(r));
    return o;
}

const char *agent_time_text(int64_t t, char out[CLOCK_TEXT_SIZE])
{
    if (t > 0)
        clock_format(t, out);
    else
        (void)snprintf(out, CLOCK_TEXT_SIZE, "not known");
    return out;
}

/* The record's version is the one under way, which need not be what services see. */
static void put_versions(const struct entry *e, const struct record *r, struct buf *out)
{
    char a[CLOCK_TEXT_SIZE], b[CLOCK_TEXT_SIZE];
    unsigned in_force;
    struct fault f;
    bool some = deploy_current(e->as, &in_force, &f) == 0;

    if (some) {
        buf_printf(out, "in force: version %u", in_force);
        if (r->fingerprint[0] != '\0')
            buf_printf(out, ", valid from %s until %s", agent_time_text(r->not_before, a),
                       agent_time_text(r->not_after, b));
        buf_put_str(out, "\n");
    }
    if (r->version > 0 && (!some || in_force != r->version))
        buf_printf(out, "waiting: version %u, which services do not see\n", r->version);
}

void agent_entry_text(const struct entry *e, const struct record *r, struct buf *out)
{
    char a[CLOCK_TEXT_SIZE];

    buf_printf(out, "%s is %s", e->as->name, agent_state_word(r->state));
    if (r->since > 0)
        buf_printf(out, " since %s", agent_time_text(r->since, a));
    buf_put_str(out, "\n");
    if (r->reason[0] != '\0')
        buf_printf(out, "because: %s (%s), %u times in a row\n", r->reason, r->rule, r->failures);
    buf_printf(out, "next: it %s%s%s\n", state_row(r->state)->does, r->next > 0 ? ", " : "",
               r->next > 0 ? agent_time_text(r->next, a) : "");
    put_versions(e, r, out);
    for (size_t i = 0; i < r->n_seen; i++)
        buf_printf(out, "service: %s at %s served %.16s... %s\n", r->seen[i].service,
                   r->seen[i].address, r->seen[i].served[0] != '\0' ? r->seen[i].served : "nothing",
                   agent_time_text(r->seen[i].at, a));
}
