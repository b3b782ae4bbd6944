/* Steps of alerts, and what is told with them. */
#include "ca/lifecycle/evaluate_inner.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"

/* ---- submitting ---- */

void steps_init(struct steps *s)
{
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->done, NULL);
}

void steps_free(struct steps *s)
{
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->done);
}

static void step_done(struct store_op *op)
{
    struct steps *s = op->arg;

    pthread_mutex_lock(&s->lock);
    if (--s->waiting == 0)
        pthread_cond_signal(&s->done);
    pthread_mutex_unlock(&s->lock);
}

static void schedule(struct evaluator *e, const uint8_t key[ALERT_KEY], const struct alert *a)
{
    if (a->state == ALERT_RAISED && a->next != 0 && a->next < e->horizon)
        due_push(&e->due, a->next, DUE_ALERT, key);
}

int steps_flush(struct evaluator *e, struct fault *f)
{
    struct steps *s = &e->steps;
    size_t n = s->n;

    s->n = 0;
    s->waiting = n;
    for (size_t i = 0; i < n; i++)
        store_submit(e->parts.judge.store, &s->op[i]);
    pthread_mutex_lock(&s->lock);
    while (s->waiting > 0)
        pthread_cond_wait(&s->done, &s->lock);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        if (s->op[i].result != 0) {
            *f = s->op[i].fault;
            return s->op[i].result;
        }
        schedule(e, s->step[i].key, &s->step[i].row);
    }
    return 0;
}

int evaluator_step(struct evaluator *e, enum alert_verb verb, const struct alert *seen,
                   const uint8_t key[ALERT_KEY], int64_t now, struct fault *f)
{
    struct alert_input in = {.verb = verb, .now = now, .seen = seen};
    struct alert_outcome o;
    struct alert was;
    struct fault none;
    struct steps *s = &e->steps;
    int rc = store_alert_get(e->parts.judge.store, key, &was, &none);

    if (rc != 0 && rc != -FAULT_NOT_FOUND) {
        *f = none;
        return rc;
    }
    alert_step(judge_times(e->judge), rc == 0 ? &was : NULL, &in, &o);
    if (!o.changed) {
        if (rc == 0)
            schedule(e, key, &was);
        return 0;
    }
    if (s->n == STEPS_MAX) {
        rc = steps_flush(e, f);
        if (rc != 0)
            return rc;
    }
    if (seen != NULL)
        s->seen[s->n] = *seen;
    in.seen = seen == NULL ? NULL : &s->seen[s->n];
    s->step[s->n] = (struct store_alert){
        .in = in, .times = judge_times(e->judge), .notice = evaluator_notice, .arg = e};
    memcpy(s->step[s->n].key, key, ALERT_KEY);
    s->op[s->n] = (struct store_op){
        .kind = STORE_ALERT, .time = now, .alert = &s->step[s->n], .done = step_done, .arg = s};
    s->n++;
    return 0;
}

/* ---- what a line tells ---- */

static void describe(const struct judged *j, const char *rule, enum severity severity,
                     struct alert *a)
{
    memset(a, 0, sizeof(*a));
    notice_set(a->rule, sizeof(a->rule), rule);
    hex_encode(slice_of(j->identity, sizeof(j->identity)), a->subject);
    notice_set(a->name, sizeof(a->name), j->name);
    a->has_identity = true;
    memcpy(a->identity, j->identity, sizeof(a->identity));
    a->severity = severity;
    a->epoch = a->deadline = j->facts.life.not_after;
    notice_set(a->owner, sizeof(a->owner), j->owner);
    notice_set(a->contact, sizeof(a->contact), j->contact);
}

/* One rule: the condition is there or not. */
struct condition {
    const char *rule;
    enum severity severity;
    uint32_t told;
    bool present;
    char text[512];
};

static int tell_rule(struct evaluator *e, const struct judged *j, bool all,
                     const struct condition *c, int64_t now, struct fault *f)
{
    uint8_t key[ALERT_KEY];
    struct alert a;

    if (!c->present && !all)
        return 0;
    describe(j, c->rule, c->severity, &a);
    a.told = c->told;
    notice_set(a.summary, sizeof(a.summary), c->text);
    alert_key(a.rule, a.subject, key);
    return evaluator_step(e, c->present ? ALERT_SEEN : ALERT_GONE, c->present ? &a : NULL, key, now,
                          f);
}

enum { OF_EXPIRY, OF_STUCK, OF_FAILED, OF_LATE, OF_LINES };

static bool excepted(const struct evaluator *e, const struct judged *j, enum finding rule,
                     int64_t now)
{
    return excepted_find(&e->except, rule, j->identity, now) != NULL;
}

/* What somebody has accepted until some day is told to nobody until then: that it ends, or that it
 * is not renewed. What is wrong with the certificate itself is another matter: accepted or not, it
 * has to be renewed. */
static void leave_out_excepted(const struct evaluator *e, const struct judged *j, int64_t now,
                               struct condition c[OF_LINES])
{
    if (excepted(e, j, FINDING_ENDED, now))
        c[OF_EXPIRY].present = false;
    if (excepted(e, j, FINDING_LATE, now) || excepted(e, j, FINDING_NEVER_RENEWED, now))
        c[OF_STUCK].present = c[OF_FAILED].present = c[OF_LATE].present = false;
}

static void find_conditions(const struct judged *j, int64_t now, struct condition c[OF_LINES])
{
    const struct line_verdict *v = &j->verdict;
    bool in_time = v->told_of && now < j->facts.life.not_after;
    bool stuck = in_time && v->state == LINE_STUCK && j->in_the_way;
    bool late = in_time && !stuck && now >= v->late && line_automatic(j->facts.method);

    c[OF_EXPIRY] = (struct condition){"expiry", v->severity, v->passed, v->passed != 0, ""};
    c[OF_STUCK] = (struct condition){"renewal.stuck", SEVERITY_WARNING, 1, stuck, ""};
    c[OF_FAILED] =
        (struct condition){"renewal.failed", SEVERITY_WARNING, 1, in_time && j->facts.failed, ""};
    c[OF_LATE] = (struct condition){"renewal.late", SEVERITY_WARNING, 1, late, ""};
}

static void write_texts(struct evaluator *e, const struct judged *j, struct condition c[OF_LINES])
{
    const struct line_facts *l = &j->facts;
    char action[LINE_TEXT], passed[64], end[CLOCK_TEXT_SIZE];

    line_action(l, &j->verdict, j->requester, action);
    watch_passed_text(judge_times(e->judge), &l->life, j->verdict.passed, passed);
    clock_format(l->life.not_after, end);
    (void)snprintf(c[OF_EXPIRY].text, sizeof(c->text), "%s: ends %s; %s", passed, end, action);
    (void)snprintf(c[OF_STUCK].text, sizeof(c->text), "cannot be renewed: %s", l->stuck);
    (void)snprintf(c[OF_FAILED].text, sizeof(c->text), "its renewal failed: %s (%s)",
                   j->attempt.text, j->attempt.by);
    (void)snprintf(c[OF_LATE].text, sizeof(c->text), "its renewal is late: %s", action);
}

static bool find_what_is_told(struct evaluator *e, const struct judged *j, int64_t now,
                              struct condition c[OF_LINES])
{
    bool any = false;

    find_conditions(j, now, c);
    leave_out_excepted(e, j, now, c);
    for (size_t i = 0; i < OF_LINES; i++)
        any = any || c[i].present;
    return any;
}

bool evaluator_tells(struct evaluator *e, const struct judged *j, int64_t now)
{
    struct condition c[OF_LINES];

    return find_what_is_told(e, j, now, c);
}

int evaluator_tell(struct evaluator *e, const struct judged *j, bool all, int64_t now,
                   struct fault *f)
{
    struct condition c[OF_LINES];
    int rc = 0;

    if (!find_what_is_told(e, j, now, c) && !all)
        return 0;
    write_texts(e, j, c);
    for (size_t i = 0; rc == 0 && i < OF_LINES; i++)
        rc = tell_rule(e, j, all, &c[i], now, f);
    return rc;
}

/* ---- notices ---- */

static const char *or_else(const char *a, const char *b)
{
    return a != NULL && a[0] != '\0' ? a : b;
}

const char *evaluator_contact(const struct conf *c, const struct alert *a)
{
    const struct conf_owner *o = conf_owner(c, a->owner);

    if (a->level == ALERT_SECURITY)
        return or_else(o == NULL ? NULL : o->security, c->alert_security);
    if (a->level == ALERT_TEAM)
        return or_else(o == NULL ? NULL : o->team, c->alert_team);
    return or_else(a->contact, or_else(o == NULL ? NULL : o->contact, c->alert_contact));
}

/* On the writer thread. */
void evaluator_notice(void *arg, const struct alert_outcome *o, struct outbox_notice *out)
{
    const struct evaluator *e = arg;
    const struct conf *c = e->parts.judge.conf;
    const struct alert *a = &o->alert;
    struct notice *n = &out->notice;
    char text[64], line[sizeof(a->name) + sizeof(a->summary) + 2];

    n->kind = o->kind;
    n->severity = a->severity;
    n->time = a->notified;
    n->first_seen = a->first_seen;
    n->deadline = a->deadline;
    notice_set(n->rule, sizeof(n->rule), a->rule);
    notice_set(n->subject, sizeof(n->subject), a->name);
    notice_set(n->owner, sizeof(n->owner), a->owner);
    notice_set(n->contact, sizeof(n->contact), evaluator_contact(c, a));
    /* the title of mails and messages is made of it alone */
    (void)snprintf(line, sizeof(line), "%s: %s", a->name, a->summary);
    notice_set(n->summary, sizeof(n->summary), line);
    hex_encode(slice_of(a->identity, sizeof(a->identity)), text);
    if (a->has_identity)
        notice_fact(n, "identity", text);
    notice_fact(n, "told", alert_level_word(a->level));
    (void)snprintf(text, sizeof(text), "%u", a->times);
    notice_fact(n, "times raised", text);
    notice_fact(n, "acknowledged by", a->by);
    notice_fact(n, "note", a->note);
    /* what is only worth knowing is told by digests, where there are any */
    if (e->parts.route != NULL &&
        (a->severity != SEVERITY_INFO || judge_times(e->judge)->digest_at < 0))
        e->parts.route(e->parts.route_arg, out);
}
