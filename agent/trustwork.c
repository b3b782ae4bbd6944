#include "agent/trustwork.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/due.h"
#include "agent/trust/trust.h"
#include "lib/clock.h"
#include "lib/key.h"
#include "lib/log.h"

#define JITTER                                                                                     \
    10 /* a look comes up to a tenth of `every` early, so that hosts do not come at once */

/* The end of what is installed is near, although its sources answer or because they do not. */
static int late(const struct trust_status *s, int64_t now, struct fault *f)
{
    char end[CLOCK_TEXT_SIZE];

    if (s->late_from == 0 || now < s->late_from)
        return 0;
    clock_format(s->next_update, end);
    return fault_set(f, FAULT_UNAVAILABLE, "trust.late",
                     "what is installed ends at %s, and nothing newer is there", end);
}

/* What the next look may change by itself waits; everything else is for people. */
static bool loud(const struct trust_status *s, const struct fault *why, int64_t now)
{
    struct fault f;
    bool away = strcmp(why->rule, "trust.fetch") == 0 || strncmp(why->rule, "jail.", 5) == 0;

    return !away || s->next_update == 0 || late(s, now, &f) < 0;
}

static void note_seen(struct record *r, const struct trust_status *s)
{
    r->n_seen = 0;
    for (size_t i = 0; i < s->seen.n && r->n_seen < RECORD_SEEN_MAX; i++) {
        struct record_seen *to = &r->seen[r->n_seen++];
        const struct deploy_seen *from = &s->seen.item[i];

        (void)snprintf(to->service, sizeof(to->service), "%.32s", from->service);
        (void)snprintf(to->address, sizeof(to->address), "%.127s", from->address);
        (void)snprintf(to->served, sizeof(to->served), "%.64s", from->served);
        to->at = from->at;
    }
}

static void note(struct record *r, const struct trust_status *s, int64_t now)
{
    r->version = s->version;
    r->not_before = s->n > 0 ? s->item[0].this_update : 0;
    r->not_after = s->next_update;
    if (s->changed) {
        r->verified = now;
        note_seen(r, s);
    }
}

static void move(struct record *r, enum agent_state to, int64_t now)
{
    if (r->state == to)
        return;
    r->state = to;
    r->since = now;
}

static void well(const struct agent_trust *t, struct record *r, int64_t now, uint64_t random)
{
    r->failures = 0;
    r->rule[0] = r->reason[0] = '\0';
    r->next = now + t->every - (int64_t)(random % (uint64_t)(t->every / JITTER + 1));
    move(r, STATE_VERIFIED, now);
}

/* True: people have to know, and do not yet. While they do, what waits does not hide the reason. */
static bool failed(const struct agent_trust *t, struct record *r, const struct trust_status *s,
                   const struct fault *why, int64_t now, uint64_t random)
{
    bool is_loud = loud(s, why, now), was = r->state == STATE_STUCK;
    bool knew = was && strcmp(r->rule, why->rule) == 0;
    int64_t wait = backoff(++r->failures, s->next_update - now, why->retry_after, random);

    r->next = now + (wait < t->every ? wait : t->every);
    if (is_loud || !was) {
        (void)snprintf(r->rule, sizeof(r->rule), "%s", why->rule);
        (void)snprintf(r->reason, sizeof(r->reason), "%s", why->text);
    }
    if (is_loud)
        move(r, STATE_STUCK, now);
    return is_loud && !knew;
}

static void tell(const struct agent_trust *t, const struct fault *why)
{
    struct fault f = {0};

    log_fault(LOG_LEVEL_ERROR, "trust.stuck", why, "entry", t->as.name, NULL);
    if (deploy_hook(&t->as, DEPLOY_FAILED, why, &f) < 0)
        log_fault(LOG_LEVEL_ERROR, "agent.hook", &f, "entry", t->as.name, NULL);
}

static enum work_result look(const struct agent_trust *t, int64_t timeout, struct record *r,
                             struct fault *f)
{
    struct trust_status *s = xcalloc(1, sizeof(*s));
    struct fault written = {0};
    int64_t now = clock_now();
    bool stuck = false;
    uint64_t random;
    int rc = trust_refresh(t, timeout, s, f);

    random_bytes(&random, sizeof(random));
    note(r, s, now);
    if (rc == 0)
        rc = late(s, now, f);
    if (rc == 0)
        well(t, r, now, random);
    else
        stuck = failed(t, r, s, f, now, random);
    free(s);
    if (record_save(&t->as, r, &written) < 0) {
        *f = written;
        return WORK_FAILED;
    }
    if (stuck)
        tell(t, f);
    return rc == 0 ? WORK_WELL : r->state == STATE_STUCK ? WORK_FAILED : WORK_WAITS;
}

enum work_result trust_work(const struct agent_trust *t, int64_t timeout, struct record *r,
                            struct fault *f)
{
    struct record own;
    enum work_result result = WORK_FAILED;
    int lock = work_lock(&t->as, f);

    if (lock < 0)
        return f->code == FAULT_CONFLICT ? WORK_BUSY : WORK_FAILED;
    if (record_load(&t->as, r == NULL ? &own : r, f) == 0)
        result = look(t, timeout, r == NULL ? &own : r, f);
    (void)close(lock);
    return result;
}
