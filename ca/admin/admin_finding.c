/* `cerca findings` and `cerca explain`: judged anew for each answer, on a worker. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/lifecycle/except.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/proto_alert.h"

#define LINES_PAGE 32
#define TIME_MAX_US 100000 /* of one answer: others wait for the worker */
#define NAMES_MAX 64       /* certificates of a name that are looked at */

_Static_assert(ALERT_CURSOR == IDENTITY_LEN, "an identity is a cursor");

static int malformed(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
}

/* A worker holds the authorities. */
static struct judge *judge_of(const struct admin *a)
{
    const struct judge_parts parts = {.conf = a->parts.conf,
                                      .store = a->parts.store,
                                      .authorities = a->parts.authorities,
                                      .reading = true};
    struct judge *j = judge_new(&parts);
    struct fault f;

    fault_clear(&f);
    if (judge_campaigns(j, &f) != 0)
        log_fault(LOG_LEVEL_WARN, "campaigns.unread", &f, NULL);
    if (store_issuing(a->parts.store, &f) != 0 || store_clock(a->parts.store, &f) != 0)
        judge_closed(j, f.text);
    return j;
}

/* ---- findings ---- */

struct page {
    struct ask *ask;
    struct finding_query query;
    struct page_head head;
    struct buf rows;
    struct excepted except;
    struct judged judged;
    int64_t now;
};

static void add_finding(void *arg, enum finding rule, const char *text)
{
    struct page *p = arg;
    const struct judged *j = &p->judged;
    const struct exception *e = excepted_find(&p->except, rule, j->identity, p->now);
    struct finding_info i = {.severity = (uint8_t)finding_rules[rule].severity};

    if (i.severity < p->query.severity || (e != NULL && !p->query.excepted) ||
        (p->query.rule[0] != '\0' && strcmp(p->query.rule, finding_rules[rule].id) != 0) ||
        (p->query.owner[0] != '\0' && strcmp(p->query.owner, j->owner) != 0))
        return;
    memcpy(i.identity, j->identity, sizeof(i.identity));
    (void)snprintf(i.rule, sizeof(i.rule), "%s", finding_rules[rule].id);
    memcpy(i.name, j->name, sizeof(i.name));
    notice_set(i.owner, sizeof(i.owner), j->owner);
    notice_set(i.text, sizeof(i.text), text);
    memcpy(i.serial, j->newest.serial, sizeof(i.serial));
    (void)snprintf(i.issuer, sizeof(i.issuer), "%.63s",
                   issuer_name(p->ask->client->admin, j->newest.issuer));
    i.not_after = j->facts.life.not_after;
    i.until = e == NULL ? 0 : e->until;
    finding_info_put(&p->rows, &i);
    p->head.n++;
}

struct lines {
    size_t n;
    struct store_line line[LINES_PAGE];
};

static int keep_line(void *arg, const struct store_line *l)
{
    struct lines *lines = arg;

    lines->line[lines->n++] = *l;
    return 0;
}

/* 1: the page is done. */
static int some_lines(struct page *p, struct judge *j, struct fault *f)
{
    struct lines lines = {.n = 0};
    size_t n;
    int rc =
        store_lines(p->ask->client->admin->parts.store, p->query.further ? p->query.after : NULL,
                    LINES_PAGE, !p->query.further, keep_line, &lines, &n, f);

    p->head.more = lines.n > 0;
    for (size_t i = 0; rc == 0 && i < lines.n; i++) {
        rc = judge_line(j, NULL, &lines.line[i], p->now, JUDGE_FINDINGS | JUDGE_TEXTS, &p->judged,
                        f);
        if (rc == -FAULT_NOT_FOUND)
            rc = 0;
        p->query.further = true;
        memcpy(p->query.after, lines.line[i].identity, IDENTITY_LEN);
        if (rc == 0 && p->head.n + FINDINGS > FINDING_PAGE_MAX)
            return 1;
    }
    return rc == 0 && lines.n == 0 ? 1 : rc;
}

static void read_findings(struct ask *q)
{
    struct page *p = xcalloc(1, sizeof(*p));
    struct judge *j = judge_of(q->client->admin);
    uint64_t begun = clock_mono_us();
    int rc = excepted_load(&p->except, q->client->admin->parts.store, &q->fault);

    p->ask = q;
    p->now = clock_now();
    p->judged.why = add_finding;
    p->judged.arg = p;
    buf_init(&p->rows, FRAME_BODY_MAX);
    if (rc == 0 && finding_query_get(buf_slice(&q->in), &p->query) != 0)
        rc = malformed(&q->fault);
    while (rc == 0 && clock_mono_us() - begun < TIME_MAX_US)
        rc = some_lines(p, j, &q->fault);
    if (rc >= 0) {
        memcpy(p->head.at, p->query.after, sizeof(p->head.at));
        page_head_put(&q->out, &p->head);
        buf_put_slice(&q->out, buf_slice(&p->rows));
    }
    buf_free(&p->rows);
    excepted_free(&p->except);
    judge_free(j);
    free(p);
}

void list_findings(struct ask *q)
{
    ask_read(q, MSG_FINDING_LISTED, read_findings);
}

void count_findings(struct ask *q)
{
    struct evaluator_summary s;

    lifecycle_summary(q->client->admin->parts.lifecycle, &s);
    wire_put_i64(&q->out, s.counted);
    wire_put_u32(&q->out, FINDINGS);
    for (size_t i = 0; i < FINDINGS; i++) {
        struct finding_count c = {.severity = (uint8_t)finding_rules[i].severity,
                                  .found = s.sums.found[i],
                                  .excepted = s.sums.excepted[i]};

        (void)snprintf(c.rule, sizeof(c.rule), "%s", finding_rules[i].id);
        (void)snprintf(c.text, sizeof(c.text), "%s", finding_rules[i].text);
        finding_count_put(&q->out, &c);
    }
    ask_answer(q, MSG_FINDING_COUNTED, buf_slice(&q->out));
}

/* ---- explain ---- */

struct explaining {
    struct ask *ask;
    struct judge *judge;
    int64_t now;
    size_t n;
    uint8_t identity[EXPLAIN_MAX][IDENTITY_LEN];
    struct judged judged;
    struct line_info info;
    struct excepted except;
};

static void add_note(struct explaining *x, const char *kind, const char *rule,
                     enum severity severity, const char *text)
{
    struct line_note *n = &x->info.note[x->info.n];

    if (x->info.n == EXPLAIN_LINES)
        return;
    x->info.n++;
    (void)snprintf(n->kind, sizeof(n->kind), "%s", kind);
    (void)snprintf(n->rule, sizeof(n->rule), "%s", rule);
    n->severity = (uint8_t)severity;
    notice_set(n->text, sizeof(n->text), text);
}

static void explain_finding(void *arg, enum finding rule, const char *text)
{
    struct explaining *x = arg;

    if (excepted_find(&x->except, rule, x->judged.identity, x->now) == NULL)
        add_note(x, "finding", finding_rules[rule].id, finding_rules[rule].severity, text);
}

static void explain_alert(struct explaining *x, const char *rule)
{
    uint8_t key[ALERT_KEY];
    char hex[33], text[512];
    struct alert a;
    struct fault none;

    hex_encode(slice_of(x->judged.identity, IDENTITY_LEN), hex);
    alert_key(rule, hex, key);
    if (store_alert_get(x->ask->client->admin->parts.store, key, &a, &none) != 0 ||
        a.state == ALERT_RESOLVED)
        return;
    (void)snprintf(text, sizeof(text), "%s (%s%s%s)", a.summary, alert_state_word(a.state),
                   a.by[0] != '\0' ? " by " : ", told to the ",
                   a.by[0] != '\0' ? a.by : alert_level_word(a.level));
    add_note(x, "alert", rule, a.severity, text);
}

static void explain_refusal(const struct judged *j, struct line_refused *out)
{
    if (!j->refused)
        return;
    out->at = j->attempt.last;
    out->first = j->attempt.first;
    out->times = j->attempt.times;
    out->counts = j->facts.failed && !j->facts.followed;
    memcpy(out->by, j->attempt.by, sizeof(out->by));
    memcpy(out->origin, j->attempt.origin, sizeof(out->origin));
    memcpy(out->rule, j->attempt.rule, sizeof(out->rule));
    memcpy(out->text, j->attempt.text, sizeof(out->text));
}

static int explain_line(struct explaining *x, const uint8_t identity[IDENTITY_LEN], struct fault *f)
{
    static const char *const methods[] = {
        [LINE_UNKNOWN] = "",  [LINE_AGENT] = "agent",   [LINE_EST] = "est",
        [LINE_ACME] = "acme", [LINE_MANUAL] = "manual",
    };
    const struct admin *a = x->ask->client->admin;
    struct judged *j = &x->judged;
    struct line_info *i = &x->info;
    struct store_line line;
    struct fault doubt = {0};
    int rc = store_line(a->parts.store, identity, true, &line, f);

    memset(i, 0, sizeof(*i));
    if (rc == 0)
        rc = judge_line(x->judge, NULL, &line, x->now, JUDGE_FINDINGS | JUDGE_TEXTS, j, f);
    if (rc != 0)
        return rc;
    memcpy(i->identity, j->identity, sizeof(i->identity));
    memcpy(i->name, j->name, sizeof(i->name));
    memcpy(i->profile, j->profile, sizeof(i->profile));
    memcpy(i->owner, j->owner, sizeof(i->owner));
    memcpy(i->contact, j->contact, sizeof(i->contact));
    memcpy(i->requester, j->requester, sizeof(i->requester));
    (void)snprintf(i->state, sizeof(i->state), "%s", line_state_word(j->verdict.state));
    (void)snprintf(i->method, sizeof(i->method), "%s", methods[j->facts.method]);
    line_action(&j->facts, &j->verdict, j->requester, i->action);
    memcpy(i->stuck, j->facts.stuck, sizeof(i->stuck));
    if (store_clock(a->parts.store, &doubt) != 0) /* then all of it may be wrong */
        notice_set(i->stuck, sizeof(i->stuck), doubt.text);
    memcpy(i->serial, j->newest.serial, sizeof(i->serial));
    (void)snprintf(i->issuer, sizeof(i->issuer), "%.63s", issuer_name(a, j->newest.issuer));
    i->members = line.members;
    i->not_before = j->facts.life.not_before;
    i->not_after = j->facts.life.not_after;
    i->opens = j->verdict.opens;
    i->late = j->verdict.late;
    i->followed = j->facts.followed;
    memcpy(i->follower, j->follower.serial, sizeof(i->follower));
    explain_refusal(j, &i->refused);
    explain_alert(x, "expiry");
    explain_alert(x, "renewal.failed");
    explain_alert(x, "renewal.stuck");
    explain_alert(x, "renewal.late");
    explain_alert(x, finding_rules[FINDING_STRANGER].id);
    return 0;
}

static int keep_identity(void *arg, const struct cert_row *row)
{
    struct explaining *x = arg;

    for (size_t i = 0; i < x->n; i++)
        if (memcmp(x->identity[i], row->identity, IDENTITY_LEN) == 0)
            return 0;
    if (row->state == CERT_OPEN || row->state == CERT_ABANDONED)
        return 0;
    memcpy(x->identity[x->n++], row->identity, IDENTITY_LEN);
    return x->n == EXPLAIN_MAX;
}

static int find_identities(struct explaining *x, const char *text, struct fault *f)
{
    struct store_filter q = {.now = x->now};
    struct store_cursor cursor = {0};

    if (strlen(text) == 2 * (size_t)IDENTITY_LEN &&
        hex_decode(text, x->identity[0], IDENTITY_LEN) == 0) {
        x->n = 1;
        return 0;
    }
    (void)snprintf(q.name, sizeof(q.name), "%s", text);
    if (store_list(x->ask->client->admin->parts.store, &q, NAMES_MAX, &cursor, keep_identity, x,
                   f) != 0)
        return -(int)f->code;
    if (x->n > 0)
        return 0;
    return fault_set(f, FAULT_NOT_FOUND, "identity.unknown",
                     "No certificate has this name, and no identity is called so");
}

static void read_line(struct ask *q)
{
    struct explaining *x = xcalloc(1, sizeof(*x));
    struct buf rows;
    struct wire_in w;
    char text[256];
    int rc;

    buf_init(&rows, FRAME_BODY_MAX - 4);
    x->ask = q;
    x->now = clock_now();
    x->judge = judge_of(q->client->admin);
    x->judged.why = explain_finding;
    x->judged.arg = x;
    wire_in_init(&w, buf_slice(&q->in));
    wire_get_text(&w, text, sizeof(text));
    rc = wire_in_done(&w) && text[0] != '\0' ? 0 : malformed(&q->fault);
    if (rc == 0)
        rc = excepted_load(&x->except, q->client->admin->parts.store, &q->fault);
    if (rc == 0)
        rc = find_identities(x, text, &q->fault);
    for (size_t i = 0; rc == 0 && i < x->n; i++) {
        size_t before = rows.n;

        rc = explain_line(x, x->identity[i], &q->fault);
        line_info_put(&rows, &x->info);
        if (buf_failed(&rows)) { /* as many as fit, of one name EXPLAIN_MAX at most */
            rows.n = before;
            x->n = i;
        }
    }
    if (rc == 0) {
        wire_put_u32(&q->out, (uint32_t)x->n);
        buf_put_slice(&q->out, buf_slice(&rows));
    }
    buf_free(&rows);
    excepted_free(&x->except);
    judge_free(x->judge);
    free(x);
}

void explain_lines(struct ask *q)
{
    ask_read(q, MSG_LINE_EXPLAINED, read_line);
}
