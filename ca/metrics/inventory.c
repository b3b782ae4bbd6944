/* Sums over the inventory, which the evaluation keeps: nothing is scanned for a scrape. And what
 * cerca-ca was told of the programs beside it. On the loop. */
#include <stdio.h>

#include "ca/delegate/delegate.h"
#include "ca/enroll/enroll.h"
#include "ca/metrics/parts.h"
#include "ca/metrics/put.h"
#include "lib/clock.h"

/* ---- the inventory ---- */

static void put_states(const struct evaluator_summary *s, struct buf *out)
{
    static const char name[] = "cerca_identities";

    metric_family(out, name, METRIC_GAUGE, "Identities of the inventory, by state.");
    for (int k = LINE_OK; k <= LINE_ENDED; k++)
        put_labelled(out, name, "state", line_state_word((enum line_state)k),
                     (int64_t)s->sums.by_state[k]);
}

static void put_findings(const struct evaluator_summary *s, struct buf *out)
{
    static const char *const name[] = {"cerca_findings", "cerca_findings_excepted"};
    static const char *const help[] = {"Identities that break a rule, then.",
                                       "Likewise, with an exception that is in force."};
    static const char *const labels[] = {"rule", "severity"};

    for (size_t k = 0; k < 2; k++) {
        metric_family(out, name[k], METRIC_GAUGE, help[k]);
        for (size_t i = 0; i < FINDINGS; i++)
            put_labelled2(
                out, name[k], labels,
                (const char *[]){finding_rules[i].id, severity_word(finding_rules[i].severity)},
                (int64_t)(k == 0 ? s->sums.found[i] : s->sums.excepted[i]));
    }
}

/* By days, from today on, so that the sums stay right while the clock goes on. */
static void put_days(const char *name, const char *help, const struct evaluator_summary *s,
                     const uint32_t on[COUNTED_DAYS], struct buf *out)
{
    static const int within[] = {1, 3, 7, 14, 30, 60, 90, 180, 365};
    int64_t today = clock_now() / 86400 - s->sums.first_day, sum = 0, day = today > 0 ? today : 0;

    metric_family(out, name, METRIC_GAUGE, help);
    for (size_t i = 0; i < sizeof within / sizeof within[0]; i++) {
        char text[16];

        for (; day < COUNTED_DAYS && day <= today + within[i]; day++)
            sum += on[day];
        (void)snprintf(text, sizeof text, "%dd", within[i]);
        put_labelled(out, name, "within", text, sum);
    }
}

static void put_ends(const struct evaluator_summary *s, struct buf *out)
{
    put_days("cerca_identities_expiring",
             "Identities whose newest certificate ends within so many days and that nothing "
             "follows; each also counts in the longer times.",
             s, s->sums.ends_on, out);
    put_days("cerca_identities_due_expiring",
             "Those of them whose renewal is due or late: not one whose life of a week has just "
             "begun.",
             s, s->sums.due_on, out);
}

void metrics_inventory(const struct metrics_parts *p, struct buf *out)
{
    struct evaluator_summary s;

    if (p->lifecycle == NULL)
        return;
    lifecycle_summary(p->lifecycle, &s);
    put_one(out, "cerca_evaluated_timestamp_seconds", METRIC_GAUGE,
            "When the last whole evaluation of the inventory ended; 0: not yet.", s.evaluated);
    put_one(out, "cerca_evaluation_lag_changes", METRIC_GAUGE,
            "Changes that are not evaluated yet.",
            (int64_t)(store_newest_change(p->store) - s.change));
    put_one(out, "cerca_evaluation_due", METRIC_GAUGE, "Looks that the clock will make due.",
            (int64_t)s.due);
    if (s.evaluated == 0)
        return;
    put_states(&s, out);
    put_findings(&s, out);
    put_ends(&s, out);
}

/* ---- programs ---- */

static void put_program(struct buf *out, const char *family, const struct child_status *c,
                        int64_t value)
{
    static const char *const labels[] = {"program", "token"};

    put_labelled2(out, family, labels, (const char *[]){c->program, c->token}, value);
}

static void put_running(void *arg, const struct child_status *c)
{
    put_program(arg, "cerca_program_up", c, c->state == CHILD_RUNNING);
}

static void put_restarts(void *arg, const struct child_status *c)
{
    put_program(arg, "cerca_program_restarts_total", c, c->restarts);
}

static void put_delegates(const struct metrics_parts *p, struct buf *out)
{
    static const char name[] = "cerca_ocsp_delegate_not_after";

    if (p->delegates == NULL)
        return;
    metric_family(out, name, METRIC_GAUGE,
                  "When the certificate of an OCSP responder here ends; 0: there is none.");
    for (size_t i = 0; i < p->authorities->n; i++) {
        const struct delegate_state *s = delegates_state(p->delegates, i);

        if (s != NULL)
            put_labelled(out, name, "issuer", p->authorities->item[i].conf->name, s->not_after);
    }
}

void metrics_programs(const struct metrics_parts *p, struct buf *out)
{
    const struct counters_told told[] = {
        {"cerca-public", p->delegates != NULL ? delegates_counters(p->delegates) : NULL},
        {"cerca-enroll", p->enroll != NULL ? enroll_counters(p->enroll) : NULL}};

    metric_family(out, "cerca_program_up", METRIC_GAUGE, "Whether a program of cercad's runs.");
    admin_programs_each(p->admin, put_running, out);
    metric_family(out, "cerca_program_restarts_total", METRIC_COUNTER,
                  "How often it was started again.");
    admin_programs_each(p->admin, put_restarts, out);
    put_delegates(p, out);
    counters_write(out, told, sizeof told / sizeof told[0]);
}
