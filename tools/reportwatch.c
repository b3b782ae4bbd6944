/* Sections about what is found and told: findings, exceptions, alerts, health. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/proto_alert.h"
#include "tools/pages.h"
#include "tools/report.h"

#define RULES_MAX 256
#define OWNERS_MAX 50
#define ALERTS_MAX 200

static json_t *time_or_none(int64_t t)
{
    return t != 0 ? json_time(t) : json_text("");
}

static bool is_critical(uint8_t severity)
{
    return severity == SEVERITY_CRITICAL;
}

/* ---- findings ---- */

struct counts {
    int64_t evaluated;
    uint32_t n;
    struct finding_count rule[RULES_MAX];
    uint64_t open[SEVERITY_CRITICAL + 1], excepted;
    struct tally owner, issuer;
};

static struct counts *counts_new(void)
{
    struct counts *c = xcalloc(1, sizeof(*c));

    tally_init(&c->owner);
    tally_init(&c->issuer);
    return c;
}

static void counts_free(struct counts *c)
{
    tally_free(&c->owner);
    tally_free(&c->issuer);
    free(c);
}

static int ask_counts(struct report *r, struct counts *c, struct fault *f)
{
    struct frame answer;
    struct wire_in w;
    int rc =
        tool_call_patient(r->tool, MSG_FINDING_COUNT, SLICE_NONE, MSG_FINDING_COUNTED, &answer, f);

    if (rc != 0)
        return rc;
    wire_in_init(&w, answer.body);
    c->evaluated = wire_get_i64(&w);
    c->n = wire_get_count(&w, RULES_MAX, 1);
    for (uint32_t i = 0; i < c->n; i++)
        finding_count_get(&w, &c->rule[i]);
    return wire_in_done(&w) ? 0 : tool_broken_answer(f);
}

static void add_up(struct counts *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->rule[i].severity <= SEVERITY_CRITICAL)
            c->open[c->rule[i].severity] += c->rule[i].found;
        c->excepted += c->rule[i].excepted;
    }
}

static void count_in(struct tally *t, const char *name, const struct finding_info *i)
{
    struct tally_row *row = tally_of(t, name[0] != '\0' ? name : "(none)");

    row->active += i->until == 0;
    row->excepted += i->until != 0;
    row->critical += i->until == 0 && is_critical(i->severity);
}

static int count_one(struct wire_in *w, void *arg, struct fault *f)
{
    struct counts *c = arg;
    struct finding_info i;

    (void)f;
    finding_info_get(w, &i);
    if (wire_failed(w))
        return 0;
    for (uint32_t n = 0; n < c->n; n++) {
        if (strcmp(c->rule[n].rule, i.rule) == 0) {
            c->rule[n].found += i.until == 0;
            c->rule[n].excepted += i.until != 0;
        }
    }
    count_in(&c->owner, i.owner, &i);
    count_in(&c->issuer, i.issuer, &i);
    return 0;
}

static int one_page(struct report *r, struct finding_query *q, struct counts *c, bool *more,
                    struct fault *f)
{
    struct buf body;
    int rc;

    buf_init(&body, 1024);
    finding_query_put(&body, q);
    rc = page_call(r->tool,
                   &(struct page_call){.ask = MSG_FINDING_LIST,
                                       .answer = MSG_FINDING_LISTED,
                                       .body = buf_slice(&body),
                                       .max = FINDING_PAGE_MAX,
                                       .at = q->after},
                   count_one, c, more, f);
    buf_free(&body);
    q->further = true;
    return rc;
}

/* What the last evaluation counted gives way to what is found now. */
static int find_now(struct report *r, struct counts *c, struct fault *f)
{
    struct finding_query q = {.excepted = true};
    bool more = true;
    int rc = tool_field(q.owner, sizeof(q.owner), "--owner", r->args->list.owner, f);

    for (uint32_t i = 0; i < c->n; i++)
        c->rule[i].found = c->rule[i].excepted = 0;
    while (rc == 0 && more) {
        r->tool->started_us = clock_mono_us(); /* --timeout is for one page */
        rc = one_page(r, &q, c, &more, f);
    }
    return rc;
}

static json_t *findings_section(struct report *r, const char *text, const struct counts *c)
{
    json_t *s = report_section(r, "findings", "Findings", text);

    section_figure(s, "critical", c->open[SEVERITY_CRITICAL], true);
    section_figure(s, "warning", c->open[SEVERITY_WARNING], false);
    section_figure(s, "info", c->open[SEVERITY_INFO], false);
    section_figure(s, "accepted by an exception", c->excepted, false);
    return s;
}

static void rules_table(json_t *s, const struct counts *c)
{
    static const char *const columns[] = {"rule",     "Rule",     "severity", "Severity",
                                          "text",     "What",     "found",    "Findings",
                                          "excepted", "Accepted", NULL};
    json_t *rows = section_table(s, columns, NULL, NULL);

    for (uint32_t i = 0; i < c->n; i++) {
        json_t *o = json_object();

        json_put(o, "rule", json_text(c->rule[i].rule));
        json_put(o, "severity", json_text(severity_word((enum severity)c->rule[i].severity)));
        json_put(o, "text", json_text(c->rule[i].text));
        json_put(o, "found", json_number(c->rule[i].found));
        json_put(o, "excepted", json_number(c->rule[i].excepted));
        json_put(o, "bad", json_boolean(is_critical(c->rule[i].severity) && c->rule[i].found > 0));
        section_row(rows, o);
    }
}

static void by_name(struct report *r, struct tally *t, const char *id, const char *title,
                    const char *first)
{
    const char *const columns[] = {"name",     first,      "found",    "Findings", "critical",
                                   "Critical", "excepted", "Accepted", NULL};
    json_t *rows = section_table(report_section(r, id, title, ""), columns, "bars", "found");

    tally_sort(t);
    for (size_t i = 0; i < t->n && i < OWNERS_MAX; i++) {
        json_t *o = json_object();

        json_put(o, "name", json_text(t->row[i].name));
        json_put(o, "found", json_number(t->row[i].active));
        json_put(o, "critical", json_number(t->row[i].critical));
        json_put(o, "excepted", json_number(t->row[i].excepted));
        section_row(rows, o);
    }
}

int part_findings(struct report *r, struct fault *f)
{
    struct counts *c = counts_new();
    int rc = ask_counts(r, c, f);

    if (rc == 0)
        rc = find_now(r, c, f);
    if (rc == 0) {
        add_up(c);
        rules_table(findings_section(r,
                                     "The newest certificate of everything that must keep "
                                     "working, held against the policy in force, now.",
                                     c),
                    c);
        by_name(r, &c->owner, "finding-owners", "Findings by owner", "Owner");
        by_name(r, &c->issuer, "finding-issuers", "Findings by issuer", "Issuer");
    }
    counts_free(c);
    return rc;
}

int part_findings_counted(struct report *r, struct fault *f)
{
    struct counts *c = counts_new();
    char when[CLOCK_TEXT_SIZE], text[160];
    int rc = ask_counts(r, c, f);

    if (rc == 0) {
        add_up(c);
        clock_format(c->evaluated, when);
        (void)snprintf(
            text, sizeof(text),
            c->evaluated != 0 ? "As of %s." : "The whole inventory was not evaluated yet.", when);
        rules_table(findings_section(r, text, c), c);
    }
    counts_free(c);
    return rc;
}

/* ---- exceptions ---- */

static json_t *exception_json(const struct exception_info *e, int64_t now)
{
    json_t *o = json_object();

    json_put(o, "rule", json_text(e->rule));
    json_put(o, "subject", json_text(e->subject));
    json_put(o, "until", json_time(e->until));
    json_put(o, "state", json_text(e->until > now ? "in force" : "ended"));
    json_put(o, "approver", json_text(e->approver));
    json_put(o, "by", json_text(e->by));
    json_put(o, "reason", json_text(e->reason));
    return o;
}

struct accepted {
    json_t *rows;
    int64_t now;
};

static int add_exception(void *arg, const struct exception_info *e, struct fault *f)
{
    const struct accepted *a = arg;

    (void)f;
    section_row(a->rows, exception_json(e, a->now));
    return 0;
}

int part_exceptions(struct report *r, struct fault *f)
{
    static const char *const columns[] = {"rule",  "Rule",     "subject", "Identity", "until",
                                          "Until", "state",    "State",   "approver", "Approver",
                                          "by",    "Asked by", "reason",  "Reason",   NULL};
    struct exception_query q = {.rule = ""};
    struct accepted a = {.now = r->now};
    bool more = true;
    int rc = 0;

    a.rows = section_table(report_section(r, "exceptions", "Exceptions",
                                          "What is accepted, until when, and who said so."),
                           columns, NULL, NULL);
    while (rc == 0 && more)
        rc = page_exceptions(r->tool, &q, add_exception, &a, &more, f);
    return rc;
}

/* ---- alerts ---- */

struct told {
    uint64_t raised, acknowledged, resolved, critical;
    int64_t slowest; /* seconds until somebody acknowledged */
    json_t *rows;
};

static json_t *alert_json(const struct alert_info *i)
{
    json_t *o = json_object();

    json_put(o, "rule", json_text(i->rule));
    json_put(o, "severity", json_text(severity_word((enum severity)i->severity)));
    json_put(o, "name", json_text(i->name));
    json_put(o, "state", json_text(i->state));
    json_put(o, "first", time_or_none(i->first_seen));
    json_put(o, "acknowledged", time_or_none(i->acknowledged));
    json_put(o, "by", json_text(i->by));
    json_put(o, "told", json_text(i->level));
    json_put(o, "bad", json_boolean(is_critical(i->severity) && strcmp(i->state, "raised") == 0));
    return o;
}

static void count_alert(struct told *t, const struct alert_info *i)
{
    bool resolved = strcmp(i->state, "resolved") == 0;

    t->raised += strcmp(i->state, "raised") == 0;
    t->acknowledged += strcmp(i->state, "acknowledged") == 0;
    t->resolved += resolved;
    t->critical += !resolved && is_critical(i->severity);
    if (i->acknowledged != 0 && i->acknowledged - i->first_seen > t->slowest)
        t->slowest = i->acknowledged - i->first_seen;
    if (!resolved && json_array_size(t->rows) < ALERTS_MAX)
        section_row(t->rows, alert_json(i));
}

static int take_alert(struct wire_in *w, void *arg, struct fault *f)
{
    struct alert_info *info = xcalloc(1, sizeof(*info));

    (void)f;
    alert_info_get(w, info);
    if (!wire_failed(w))
        count_alert(arg, info);
    free(info);
    return 0;
}

static int alert_page(struct report *r, struct alert_query *q, struct told *t, bool *more,
                      struct fault *f)
{
    struct buf body;
    int rc;

    buf_init(&body, 2048);
    alert_query_put(&body, q);
    rc = page_call(r->tool,
                   &(struct page_call){.ask = MSG_ALERT_LIST,
                                       .answer = MSG_ALERT_LISTED,
                                       .body = buf_slice(&body),
                                       .max = ALERT_PAGE_MAX,
                                       .at = q->after},
                   take_alert, t, more, f);
    buf_free(&body);
    q->further = true;
    return rc;
}

int part_alerts(struct report *r, struct fault *f)
{
    static const char *const columns[] = {
        "rule",  "Rule",  "severity",   "Severity",     "name",         "Name", "state",
        "State", "first", "First seen", "acknowledged", "Acknowledged", "by",   "By",
        "told",  "Told",  NULL};
    json_t *s =
        report_section(r, "alerts", "Alerts", "Those that are not resolved, and counts of all.");
    struct told t = {.rows = section_table(s, columns, NULL, NULL)};
    struct alert_query q = {.all = true};
    bool more = true;
    int rc = 0;

    while (rc == 0 && more) {
        r->tool->started_us = clock_mono_us();
        rc = alert_page(r, &q, &t, &more, f);
    }
    section_figure(s, "raised", t.raised, false);
    section_figure(s, "acknowledged", t.acknowledged, false);
    section_figure(s, "resolved", t.resolved, false);
    section_figure(s, "critical and not resolved", t.critical, true);
    section_figure(s, "hours until the slowest acknowledgement",
                   (uint64_t)(t.slowest + 3599) / 3600, false);
    return rc;
}

/* ---- what is watched for ---- */

static void watched(json_t *rows, const char *what, const char *how)
{
    json_t *o = json_object();

    json_put(o, "what", json_text(what));
    json_put(o, "how", json_text(how));
    section_row(rows, o);
}

static void watched_span(json_t *rows, const char *what, int64_t span)
{
    char text[64];

    (void)snprintf(text, sizeof(text), span % 3600 == 0 ? "%lld h" : "%lld s",
                   (long long)(span % 3600 == 0 ? span / 3600 : span));
    watched(rows, what, span == 0 ? "never" : text);
}

static void watched_list(json_t *rows, const char *what, char *const *list, size_t n)
{
    struct buf text;

    buf_init(&text, 4096);
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%s%s", i > 0 ? ", " : "", list[i]);
    watched(rows, what, n == 0 ? "none" : buf_cstr(&text));
    buf_free(&text);
}

int part_watching(struct report *r)
{
    static const char *const columns[] = {"what", "What", "how", "As configured", NULL};
    const struct conf *c = r->tool->conf;
    json_t *rows = section_table(
        report_section(r, "watching", "What is watched for",
                       "CC7.1: procedures to detect changes that introduce vulnerabilities, and to "
                       "tell of them. Each certificate is held against the policy in force when it "
                       "changes, when something is due, and once a day."),
        columns, NULL, NULL);

    watched_list(rows, "ends are told of before", c->alert_days, c->n_alert_days);
    watched_list(rows, "of short lives, with so much left", c->alert_fractions,
                 c->n_alert_fractions);
    watched_list(rows, "profiles of which nobody is told", c->alert_skip, c->n_alert_skip);
    watched_list(rows, "distrusted issuers", c->alert_distrusted, c->n_alert_distrusted);
    watched_span(rows, "told again after", c->alert_repeat);
    watched_span(rows, "told again, critical ones, after", c->alert_repeat_critical);
    watched_span(rows, "the team is told after", c->alert_team_after);
    watched_span(rows, "security is told after", c->alert_security_after);
    watched_span(rows, "a sign of life every", c->alert_heartbeat);
    watched_span(rows, "age of a backup that is told of", c->alert_backup_age);
    return 0;
}

int part_health(struct report *r, struct fault *f)
{
    static const char *const columns[] = {"name",  "Component", "health", "Health", "state",
                                          "State", "text",      "What",   NULL};
    struct status_item item;
    struct frame answer;
    struct wire_in w;
    json_t *rows;
    uint32_t n;
    int rc = tool_call_patient(r->tool, MSG_STATUS, SLICE_NONE, MSG_STATUS_REPLY, &answer, f);

    if (rc != 0)
        return rc;
    rows = section_table(report_section(r, "health", "Health of the CA", ""), columns, NULL, NULL);
    wire_in_init(&w, answer.body);
    (void)wire_get_u8(&w);
    n = wire_get_count(&w, STATUS_ITEMS_MAX, 1);
    for (uint32_t i = 0; i < n && !wire_failed(&w); i++) {
        json_t *o = json_object();

        status_item_get(&w, &item);
        json_put(o, "name", json_text(item.name));
        json_put(o, "health", json_text(item.ok ? "ok" : "FAIL"));
        json_put(o, "state", json_text(item.state));
        json_put(o, "text", json_text(item.text));
        json_put(o, "bad", json_boolean(!item.ok));
        section_row(rows, o);
    }
    return wire_in_done(&w) ? 0 : tool_broken_answer(f);
}
