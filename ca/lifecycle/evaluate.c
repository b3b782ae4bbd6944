#include "ca/lifecycle/evaluate_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

#define DAY INT64_C(86400)
#define MARGIN INT64_C(7200) /* what is due while all is evaluated */
#define BACK INT64_C(3600)   /* the clock went back: what was scheduled may be wrong */
#define SLICE_KEYS 4096

struct evaluator *evaluator_new(const struct evaluator_parts *parts)
{
    struct evaluator *e = xcalloc(1, sizeof(*e));

    e->parts = *parts;
    e->shared = xcalloc(1, sizeof(*e->shared));
    e->parts.judge.shared = e->shared;
    e->judge = judge_new(&e->parts.judge);
    steps_init(&e->steps);
    pthread_mutex_init(&e->lock, NULL);
    return e;
}

void evaluator_free(struct evaluator *e)
{
    if (e == NULL)
        return;
    judge_free(e->judge);
    due_free(&e->due);
    steps_free(&e->steps);
    excepted_free(&e->except);
    counted_free(&e->counted);
    free(e->known);
    free(e->shared);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

void evaluator_closed(struct evaluator *e, const char *why)
{
    judge_closed(e->judge, why);
}

void evaluator_again(struct evaluator *e)
{
    e->again = true;
}

void evaluator_summary(struct evaluator *e, struct evaluator_summary *out)
{
    pthread_mutex_lock(&e->lock);
    *out = e->summary;
    pthread_mutex_unlock(&e->lock);
}

static bool stopping(const struct evaluator *e)
{
    return e->parts.stopping != NULL && e->parts.stopping(e->parts.stopping_arg);
}

/* ---- one line ---- */

static void count(struct evaluator *e, const struct judged *j, int64_t now)
{
    const struct line_facts *l = &j->facts;
    int64_t day = l->life.not_after / DAY;
    struct counted_as as = {.state = (uint8_t)j->verdict.state};

    if (!l->followed && !l->revoked && !l->retired && day > 0 && day < 1 << 24)
        as.ends = (uint32_t)day;
    for (unsigned i = 0; j->found != 0 && i < FINDINGS; i++) {
        if ((j->found & FINDING_BIT(i)) == 0)
            continue;
        if (excepted_find(&e->except, (enum finding)i, j->identity, now) != NULL)
            as.excepted |= (uint32_t)FINDING_BIT(i);
        else
            as.found |= (uint32_t)FINDING_BIT(i);
    }
    counted_put(&e->counted, j->identity, &as);
}

/* Lines are read by the indexes as they are: what they do not have yet is followed later. But by
 * older ones, an alert that a renewal has resolved would be raised again, or one resolved that is
 * still there: so before anything is told they have to have all that was committed when the slice
 * began. */
static int settle(struct evaluator *e, struct fault *f)
{
    int rc = store_index_wait(e->parts.judge.store, f);

    e->fresh = rc == 0;
    return rc;
}

static int judge_settled(struct evaluator *e, struct store_moment *m, const struct store_line *line,
                         int64_t now, struct judged *j, struct fault *f)
{
    unsigned want = JUDGE_FINDINGS | (m == NULL ? 0 : JUDGE_SHARED);
    struct store_line again;
    int rc = judge_line(e->judge, m, line, now, want, j, f);

    if (rc != 0 || e->fresh || !evaluator_tells(e, j, now))
        return rc;
    rc = settle(e, f);
    if (rc == 0)
        rc = store_line(e->parts.judge.store, line->identity, false, &again, f);
    if (rc == 0)
        rc = judge_line(e->judge, m, &again, now, want, j, f);
    return rc;
}

/* With a moment: of a whole evaluation. */
static int look(struct evaluator *e, struct store_moment *m, const struct store_line *line,
                int64_t now, struct fault *f)
{
    struct judged j;
    int rc;

    j.why = NULL;
    rc = judge_settled(e, m, line, now, &j, f);
    if (rc == -FAULT_NOT_FOUND)
        return 0; /* the index is behind, or the moment is: its change comes */
    if (rc != 0)
        return rc;
    e->looked++;
    if (j.verdict.next < e->horizon)
        due_push(&e->due, j.verdict.next, DUE_LINE, line->identity);
    count(e, &j, now);
    rc = evaluator_stranger_newest(e, &j, now, f);
    if (rc == 0)
        rc = evaluator_agent(e, m, &j, m == NULL, now, f);
    return rc == 0 ? evaluator_tell(e, &j, m == NULL, now, f) : rc;
}

/* The condition of an alert whose line is gone is gone. */
static int gone(struct evaluator *e, const uint8_t identity[IDENTITY_LEN], int64_t now,
                struct fault *f)
{
    static const char *const rules[] = {"expiry", "renewal.stuck", "renewal.failed",
                                        "renewal.late"};
    uint8_t key[ALERT_KEY];
    char hex[33];
    int rc = 0;

    counted_remove(&e->counted, identity);
    hex_encode(slice_of(identity, IDENTITY_LEN), hex);
    for (size_t i = 0; rc == 0 && i < sizeof(rules) / sizeof(rules[0]); i++) {
        alert_key(rules[i], hex, key);
        rc = evaluator_step(e, ALERT_GONE, NULL, key, now, f);
    }
    return rc;
}

int evaluator_look_at(struct evaluator *e, const uint8_t identity[IDENTITY_LEN], int64_t now,
                      struct fault *f)
{
    struct store *s = e->parts.judge.store;
    struct store_line line;
    int rc = store_line(s, identity, false, &line, f);

    if (rc == -FAULT_NOT_FOUND && !e->fresh) {
        rc = settle(e, f);
        if (rc == 0)
            rc = store_line(s, identity, false, &line, f);
    }
    if (rc == -FAULT_NOT_FOUND)
        return gone(e, identity, now, f);
    return rc == 0 ? look(e, NULL, &line, now, f) : rc;
}

/* ---- exceptions ---- */

/* When one ends, what it was for counts again. `of`: of this identity alone. */
static void schedule_exceptions(struct evaluator *e, const uint8_t *of, int64_t now)
{
    uint8_t identity[IDENTITY_LEN];

    for (size_t i = 0; i < e->except.n; i++) {
        const struct exception *x = &e->except.row[i];
        bool one = hex_decode(x->subject, identity, sizeof(identity)) == 0;

        if (x->until <= now || x->until >= e->horizon)
            continue;
        if (one && (of == NULL || memcmp(of, identity, sizeof(identity)) == 0))
            due_push(&e->due, x->until, DUE_LINE, identity);
        else if (!one && x->until < e->full_at)
            e->full_at = x->until;
    }
}

void evaluator_excepted(struct evaluator *e, const uint8_t identity[16])
{
    pthread_mutex_lock(&e->lock);
    if (e->n_asked < ASKED_MAX)
        memcpy(e->asked[e->n_asked++], identity, IDENTITY_LEN);
    else
        e->again = true;
    pthread_mutex_unlock(&e->lock);
}

static size_t take_asked(struct evaluator *e, uint8_t out[ASKED_MAX][IDENTITY_LEN])
{
    size_t n;

    pthread_mutex_lock(&e->lock);
    n = e->n_asked;
    memcpy(out, e->asked, n * sizeof(out[0]));
    e->n_asked = 0;
    pthread_mutex_unlock(&e->lock);
    return n;
}

static int run_asked(struct evaluator *e, int64_t now, struct fault *f)
{
    uint8_t identity[ASKED_MAX][IDENTITY_LEN];
    size_t n = take_asked(e, identity);
    int rc = n == 0 ? 0 : excepted_load(&e->except, e->parts.judge.store, f);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        schedule_exceptions(e, identity[i], now);
        rc = evaluator_look_at(e, identity[i], now, f);
    }
    if (rc == 0 && n > 0)
        rc = steps_flush(e, f);
    if (rc != 0)
        e->again = true;
    return rc;
}

/* ---- what is due ---- */

static int look_at_due(struct evaluator *e, const struct due_entry *d, int64_t now, struct fault *f)
{
    if (d->kind == DUE_ALERT)
        return evaluator_step(e, ALERT_TIME, NULL, d->id, now, f);
    return evaluator_look_at(e, d->id, now, f);
}

static int run_due(struct evaluator *e, int64_t now, bool *more, struct fault *f)
{
    struct due_entry d[SLICE_LINES];
    size_t n = 0;
    int rc = 0;

    while (n < SLICE_LINES && due_pop(&e->due, now, &d[n]))
        n++;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = look_at_due(e, &d[i], now, f);
    if (rc == 0)
        rc = steps_flush(e, f);
    for (size_t i = 0; rc != 0 && i < n; i++)
        due_push(&e->due, d[i].at, (enum due_kind)d[i].kind, d[i].id); /* again, later */
    *more = n == SLICE_LINES;
    return rc;
}

/* ---- everything ---- */

/* Exceptions and campaigns as they are now; `again` is asked for anew when that fails. */
static int read_wishes(struct evaluator *e, struct fault *f)
{
    int rc;

    e->again = false;
    rc = excepted_load(&e->except, e->parts.judge.store, f);
    if (rc == 0)
        rc = judge_campaigns(e->judge, f);
    if (rc != 0)
        e->again = true;
    return rc;
}

/* While all is evaluated, the rest goes by what has changed, and then all of it once more: who asks
 * again and again never keeps it from its end. */
static int go_on(struct evaluator *e, int64_t now, struct fault *f)
{
    int rc = read_wishes(e, f);

    if (rc != 0)
        return rc;
    e->once_more = true;
    schedule_exceptions(e, NULL, now);
    return 0;
}

static int begin_all(struct evaluator *e, int64_t now, struct fault *f)
{
    uint64_t indexed;
    bool asked = e->again;
    int rc = read_wishes(e, f);

    if (rc == 0)
        rc = store_indexed(e->parts.judge.store, &indexed, f);
    if (rc == 0 && !e->begun)
        rc = evaluator_mark_load(e, indexed, f);
    if (rc == 0 && !e->begun)
        rc = evaluator_mark_keep(e, now, f);
    if (rc != 0) {
        e->again = e->again || asked;
        return rc;
    }
    e->so_far = 0;
    e->begun = true;
    e->covered = indexed;
    e->once_more = false;
    e->due.lost = false;
    e->phase = PHASE_KEYS;
    memset(&e->keys, 0, sizeof(e->keys));
    keybits_clear(e->shared);
    e->behind = false;
    e->horizon = now + DAY + MARGIN;
    e->full_at = now + DAY;
    e->full_us = 0;
    schedule_exceptions(e, NULL, now);
    counted_begin(&e->counted, now / DAY);
    return 0;
}

static void keep_key(void *arg, const uint8_t key[KEY_PART])
{
    struct evaluator *e = arg;

    keybits_add(e->shared, key);
}

/* Nearly all keys are of one identity alone: to know the others beforehand takes a twentieth of the
 * time of looking for each. What is recorded from now on is told by its change. */
static int all_keys(struct evaluator *e, struct fault *f)
{
    int rc = store_shared_keys(e->parts.judge.store, &e->keys, SLICE_KEYS, keep_key, e, f);

    if (rc == 0 && e->keys.ended)
        e->phase = PHASE_LINES;
    return rc;
}

struct page {
    size_t n;
    struct store_line line[SLICE_LINES];
};

static int keep_line(void *arg, const struct store_line *l)
{
    struct page *p = arg;

    p->line[p->n++] = *l;
    return 0;
}

static int all_lines(struct evaluator *e, int64_t now, struct fault *f)
{
    struct store_moment *m = NULL;
    struct page p = {.n = 0};
    size_t n;
    int rc = store_lines(e->parts.judge.store, e->behind ? e->line : NULL, SLICE_LINES, false,
                         keep_line, &p, &n, f);

    if (rc == 0)
        rc = store_moment_begin(e->parts.judge.store, &m, f);
    for (size_t i = 0; rc == 0 && i < p.n; i++)
        rc = look(e, m, &p.line[i], now, f);
    store_moment_end(m);
    if (rc == 0)
        rc = steps_flush(e, f);
    if (rc != 0)
        return rc;
    e->behind = p.n > 0;
    e->so_far += p.n;
    if (p.n > 0)
        memcpy(e->line, p.line[p.n - 1].identity, sizeof(e->line));
    else
        e->phase = PHASE_ALERTS;
    return 0;
}

struct open_alerts {
    size_t n;
    struct alert alert[SLICE_LINES];
    uint8_t key[SLICE_LINES][ALERT_KEY];
};

static int keep_open(void *arg, const uint8_t key[ALERT_KEY], const struct alert *a)
{
    struct open_alerts *o = arg;

    if (a->state == ALERT_RESOLVED && !alert_of_stranger(a))
        return 0;
    memcpy(o->key[o->n], key, ALERT_KEY);
    o->alert[o->n++] = *a;
    return 0;
}

static void end_all(struct evaluator *e, int64_t now)
{
    e->phase = PHASE_NONE;
    counted_end(&e->counted);
    pthread_mutex_lock(&e->lock);
    e->summary.evaluated = now;
    e->summary.took_us = e->full_us;
    pthread_mutex_unlock(&e->lock);
    if (e->due.lost)
        e->full_at = now + BACK;
    if (e->once_more)
        e->full_at = now;
}

/* What is open is looked at once more: that its condition is gone shows nowhere else. */
static int all_alerts(struct evaluator *e, int64_t now, struct fault *f)
{
    struct open_alerts *o = xcalloc(1, sizeof(*o));
    uint8_t at[ALERT_KEY];
    size_t n;
    int rc = store_alerts(e->parts.judge.store, e->behind ? e->alert : NULL, SLICE_LINES, keep_open,
                          o, at, &n, f);

    for (size_t i = 0; rc == 0 && i < o->n; i++) {
        if (alert_of_stranger(&o->alert[i]))
            rc = evaluator_stranger_again(e, &o->alert[i], now, f);
        else if (o->alert[i].has_identity)
            rc = evaluator_look_at(e, o->alert[i].identity, now, f);
        if (rc == 0 && alert_of_agent(&o->alert[i]))
            rc = evaluator_agent_again(e, &o->alert[i], now, f);
        if (rc == 0)
            rc = evaluator_step(e, ALERT_TIME, NULL, o->key[i], now, f);
    }
    if (rc == 0)
        rc = steps_flush(e, f);
    if (rc == 0 && n < SLICE_LINES)
        end_all(e, now);
    e->behind = n > 0;
    if (rc == 0 && n > 0)
        memcpy(e->alert, at, sizeof(e->alert));
    free(o);
    return rc;
}

/* ---- a slice ---- */

static int run_slice(struct evaluator *e, int64_t now, bool *more, struct fault *f)
{
    uint64_t begun = clock_mono_us();
    bool changes = false, due = false;
    int rc = 0;

    if (e->again && e->phase != PHASE_NONE)
        rc = go_on(e, now, f);
    else if (e->again || e->full_at == 0 || now >= e->full_at || now + BACK < e->last_now ||
             (e->phase == PHASE_NONE && evaluator_catches_up(e)))
        rc = begin_all(e, now, f);
    e->last_now = now;
    e->fresh = false;
    if (rc == 0)
        rc = evaluator_follow(e, now, &changes, f);
    if (rc == 0)
        rc = run_asked(e, now, f);
    if (rc == 0)
        rc = run_due(e, now, &due, f);
    if (rc == 0 && e->phase == PHASE_KEYS)
        rc = all_keys(e, f);
    else if (rc == 0 && e->phase == PHASE_LINES)
        rc = all_lines(e, now, f);
    else if (rc == 0 && e->phase == PHASE_ALERTS)
        rc = all_alerts(e, now, f);
    e->full_us += clock_mono_us() - begun;
    *more = changes || due || e->phase != PHASE_NONE;
    return rc;
}

static void keep_summary(struct evaluator *e, int64_t now)
{
    pthread_mutex_lock(&e->lock);
    e->summary.running = e->phase != PHASE_NONE;
    e->summary.so_far = e->so_far;
    e->summary.looked = e->looked;
    e->summary.change = e->change;
    e->summary.due = e->due.n;
    if (e->summary.evaluated != 0) {
        e->summary.counted = now;
        e->summary.sums = e->counted.sums;
    }
    pthread_mutex_unlock(&e->lock);
}

int evaluator_run(struct evaluator *e, int64_t now, uint64_t budget_us, int64_t *next,
                  struct fault *f)
{
    uint64_t begun = clock_mono_us();
    bool more = true;
    int rc = 0;

    while (rc == 0 && more && !stopping(e) && clock_mono_us() - begun < budget_us)
        rc = run_slice(e, now, &more, f);
    if (rc != 0)
        e->steps.n = 0; /* they are found again */
    keep_summary(e, now);
    *next = more ? now : due_first(&e->due);
    if (e->full_at < *next)
        *next = e->full_at;
    return rc;
}
