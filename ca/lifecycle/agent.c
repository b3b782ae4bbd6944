/* Agents: one that reports no more, and what one is stuck with. */
#include "ca/lifecycle/evaluate_inner.h"

#include <stdio.h>
#include <string.h>

#include "ca/store/installations.h"
#include "lib/clock.h"

#define SILENT "agent.silent"
#define STUCK "agent.stuck"

struct looking {
    struct evaluator *e;
    const struct reporter *r;
    const struct judged *line; /* of the agent's own certificate */
    bool all;
    int64_t now;
    struct fault *f;
    int rc;
};

static void describe(const struct looking *l, const char *rule, const char *subject,
                     struct alert *a)
{
    memset(a, 0, sizeof(*a));
    notice_set(a->rule, sizeof(a->rule), rule);
    notice_set(a->subject, sizeof(a->subject), subject);
    a->has_identity = true;
    memcpy(a->identity, l->r->identity, sizeof(a->identity));
    a->severity = SEVERITY_WARNING;
    a->told = 1;
    notice_set(a->owner, sizeof(a->owner), l->line->owner);
    notice_set(a->contact, sizeof(a->contact), l->line->contact);
}

static int tell(struct looking *l, const struct alert *a, bool present)
{
    uint8_t key[ALERT_KEY];

    if (!present && !l->all)
        return 0;
    alert_key(a->rule, a->subject, key);
    return evaluator_step(l->e, present ? ALERT_SEEN : ALERT_GONE, present ? a : NULL, key, l->now,
                          l->f);
}

/* ---- silent ---- */

static int64_t silent_at(const struct reporter *r)
{
    return r->last + AGENT_SILENT_AFTER * (int64_t)r->interval;
}

static int tell_silent(struct looking *l)
{
    char subject[33], last[CLOCK_TEXT_SIZE], text[256];
    struct alert a;

    hex_encode(slice_of(l->r->identity, IDENTITY_LEN), subject);
    describe(l, SILENT, subject, &a);
    clock_format(l->r->last, last);
    notice_set(a.name, sizeof(a.name), l->r->host);
    (void)snprintf(text, sizeof(text),
                   "its agent has not reported since %s; what it looks after (%u) is renewed by "
                   "nobody that we know of",
                   last, l->r->entries);
    notice_set(a.summary, sizeof(a.summary), text);
    if (silent_at(l->r) > l->now && silent_at(l->r) < l->e->horizon)
        due_push(&l->e->due, silent_at(l->r), DUE_LINE, l->r->identity);
    return tell(l, &a, l->now >= silent_at(l->r));
}

/* ---- stuck ---- */

static void stuck_subject(const uint8_t identity[IDENTITY_LEN], const char *name, char out[160])
{
    char hex[33];

    hex_encode(slice_of(identity, IDENTITY_LEN), hex);
    (void)snprintf(out, 160, "%s/%s", hex, name);
}

static int tell_entry(void *arg, const struct installed *i)
{
    struct looking *l = arg;
    const struct agent_entry *e = &i->entry;
    char subject[160], text[512];
    struct alert a;

    stuck_subject(l->r->identity, e->name, subject);
    describe(l, STUCK, subject, &a);
    (void)snprintf(text, sizeof(text), "%s on %s", e->name, l->r->host);
    notice_set(a.name, sizeof(a.name), text);
    (void)snprintf(text, sizeof(text), "the agent is stuck with it%s: %s%s%s%s",
                   e->state == STATE_ROLLED_BACK ? ", and has brought the old one back" : "",
                   e->reason[0] != '\0' ? e->reason : "it does not say why",
                   e->rule[0] != '\0' ? " (" : "", e->rule, e->rule[0] != '\0' ? ")" : "");
    notice_set(a.summary, sizeof(a.summary), text);
    l->rc = tell(l, &a, agent_state_fails(e->state));
    return l->rc != 0;
}

/* ---- both ---- */

int evaluator_agent(struct evaluator *e, struct store_moment *m, const struct judged *line,
                    bool all, int64_t now, struct fault *f)
{
    struct reporter r;
    struct fault none;
    struct looking l = {.e = e, .r = &r, .line = line, .all = all, .now = now, .f = f};
    int rc = store_reporter(e->parts.judge.store, m, line->identity, &r, &none);

    if (rc == -FAULT_NOT_FOUND)
        return 0;
    if (rc != 0) {
        *f = none;
        return rc;
    }
    rc = tell_silent(&l);
    if (rc == 0)
        rc = store_installed(e->parts.judge.store, r.identity, "", tell_entry, &l, f);
    return rc == 0 ? l.rc : rc;
}

bool alert_of_agent(const struct alert *a)
{
    return strcmp(a->rule, STUCK) == 0;
}

struct entry_search {
    const struct alert *a;
    bool found;
};

static int find_entry(void *arg, const struct installed *i)
{
    struct entry_search *s = arg;
    char subject[160];

    stuck_subject(s->a->identity, i->entry.name, subject);
    s->found = strcmp(subject, s->a->subject) == 0;
    return s->found;
}

int evaluator_agent_again(struct evaluator *e, const struct alert *a, int64_t now, struct fault *f)
{
    struct entry_search s = {.a = a};
    uint8_t key[ALERT_KEY];
    int rc = store_installed(e->parts.judge.store, a->identity, "", find_entry, &s, f);

    if (rc != 0 || s.found)
        return rc;
    alert_key(a->rule, a->subject, key);
    return evaluator_step(e, ALERT_GONE, NULL, key, now, f);
}
