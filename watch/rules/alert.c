#include "watch/rules/alert.h"

#include <stdio.h>
#include <string.h>

#include "lib/key.h"

/* An alert that stays is written anew this often, so that "last seen" says something. */
#define SEEN_EVERY INT64_C(86400)

void alert_key(const char *rule, const char *subject, uint8_t out[ALERT_KEY])
{
    uint8_t hash[32];

    sha256_two(slice_of(rule, strlen(rule) + 1), slice_str(subject), hash);
    memcpy(out, hash, ALERT_KEY);
}

const char *alert_state_word(enum alert_state s)
{
    static const char *const words[] = {
        [ALERT_RAISED] = "raised",
        [ALERT_ACKNOWLEDGED] = "acknowledged",
        [ALERT_RESOLVED] = "resolved",
        [ALERT_MARK] = "mark",
    };

    return words[s];
}

const char *alert_level_word(enum alert_level l)
{
    static const char *const words[] = {"owner", "team", "security"};

    return words[l];
}

/* ---- times ---- */

static int64_t escalation(const struct watch_times *t, const struct alert *a)
{
    bool critical = a->severity == SEVERITY_CRITICAL;
    int64_t team = critical ? t->team_critical : t->team;
    int64_t security = critical ? t->security_critical : t->security;

    if (a->level == ALERT_OWNER && team != 0)
        return a->first_seen + team;
    if (a->level < ALERT_SECURITY && security != 0)
        return a->first_seen + security;
    return 0;
}

static int64_t repeat(const struct watch_times *t, const struct alert *a)
{
    int64_t every = a->severity == SEVERITY_CRITICAL ? t->repeat_critical : t->repeat;

    return every == 0 ? 0 : a->notified + every;
}

/* What can wait is not told in quiet hours. */
static int64_t not_before(const struct watch_times *t, const struct alert *a, int64_t at)
{
    int64_t until;

    return a->severity < SEVERITY_CRITICAL && watch_quiet(t, at, &until) ? until : at;
}

static void set_next(const struct watch_times *t, struct alert *a)
{
    int64_t up = escalation(t, a), again = repeat(t, a);

    a->next = 0;
    if (a->state != ALERT_RAISED || a->severity == SEVERITY_INFO)
        return;
    a->next = up != 0 && (again == 0 || up < again) ? up : again;
    if (a->next != 0)
        a->next = not_before(t, a, a->next);
}

/* ---- steps ---- */

static void tell(const struct watch_times *t, const struct alert_input *in,
                 struct alert_outcome *out, enum notice_kind kind)
{
    out->changed = out->tell = true;
    out->kind = kind;
    out->after = not_before(t, &out->alert, in->now);
    out->alert.notified = in->now;
}

static void clear_acknowledgement(struct alert *a)
{
    a->by[0] = a->note[0] = '\0';
    a->acknowledged = 0;
    a->acknowledged_at = 0;
}

static void raise(const struct watch_times *t, const struct alert *was,
                  const struct alert_input *in, struct alert_outcome *out)
{
    struct alert *a = &out->alert;

    *a = *in->seen;
    a->state = ALERT_RAISED;
    a->times = (was == NULL ? 0 : was->times) + 1;
    a->first_seen = a->last_seen = in->now;
    a->resolved = 0;
    a->level = ALERT_OWNER;
    clear_acknowledgement(a);
    tell(t, in, out, NOTICE_RAISED);
}

static bool same_facts(const struct alert *a, const struct alert *seen)
{
    return a->deadline == seen->deadline && a->severity == seen->severity &&
           strcmp(a->owner, seen->owner) == 0 && strcmp(a->contact, seen->contact) == 0 &&
           strcmp(a->name, seen->name) == 0;
}

static void take_facts(struct alert *a, const struct alert *seen)
{
    a->deadline = seen->deadline;
    a->severity = seen->severity;
    memcpy(a->owner, seen->owner, sizeof(a->owner));
    memcpy(a->contact, seen->contact, sizeof(a->contact));
    memcpy(a->name, seen->name, sizeof(a->name));
    memcpy(a->summary, seen->summary, sizeof(a->summary));
}

/* Still there. A threshold that was told is never told again, also when the clock went back. */
static void stays(const struct watch_times *t, const struct alert_input *in,
                  struct alert_outcome *out)
{
    struct alert *a = &out->alert;
    const struct alert *seen = in->seen;
    bool passed = (seen->told & ~a->told) != 0, worse = seen->severity > a->severity;

    if (passed || worse || !same_facts(a, seen) || in->now - a->last_seen >= SEEN_EVERY) {
        out->changed = true;
        take_facts(a, seen);
        a->last_seen = in->now;
    }
    a->told |= seen->told;
    if (a->state == ALERT_ACKNOWLEDGED && a->severity > a->acknowledged_at) {
        a->state = ALERT_RAISED;
        clear_acknowledgement(a);
    }
    if (passed || worse)
        tell(t, in, out, NOTICE_RAISED);
}

static void seen(const struct watch_times *t, const struct alert *was, const struct alert_input *in,
                 struct alert_outcome *out)
{
    if (was == NULL || was->state == ALERT_RESOLVED || was->epoch != in->seen->epoch)
        raise(t, was, in, out);
    else
        stays(t, in, out);
}

static void time_passed(const struct watch_times *t, const struct alert_input *in,
                        struct alert_outcome *out)
{
    struct alert *a = &out->alert;
    int64_t up = escalation(t, a);

    if (a->state != ALERT_RAISED || a->next == 0 || in->now < a->next)
        return;
    if (up != 0 && in->now >= up) {
        a->level++;
        tell(t, in, out, NOTICE_ESCALATED);
    } else {
        tell(t, in, out, NOTICE_REPEATED);
    }
}

static void gone(const struct watch_times *t, const struct alert_input *in,
                 struct alert_outcome *out)
{
    out->alert.state = ALERT_RESOLVED;
    out->alert.resolved = in->now;
    clear_acknowledgement(&out->alert);
    tell(t, in, out, NOTICE_RESOLVED);
}

static void acknowledge(const struct watch_times *t, const struct alert_input *in,
                        struct alert_outcome *out)
{
    struct alert *a = &out->alert;
    bool first = a->state == ALERT_RAISED;

    a->state = ALERT_ACKNOWLEDGED;
    a->acknowledged = in->now;
    a->acknowledged_at = a->severity;
    (void)snprintf(a->by, sizeof(a->by), "%s", in->by);
    (void)snprintf(a->note, sizeof(a->note), "%s", in->note);
    out->changed = true;
    if (first)
        tell(t, in, out, NOTICE_ACKNOWLEDGED);
}

static void unacknowledge(const struct alert_input *in, struct alert_outcome *out)
{
    if (out->alert.state != ALERT_ACKNOWLEDGED)
        return;
    out->changed = true;
    out->alert.state = ALERT_RAISED;
    out->alert.notified = in->now; /* the next repetition counts from here */
    clear_acknowledgement(&out->alert);
}

void alert_step(const struct watch_times *t, const struct alert *was, const struct alert_input *in,
                struct alert_outcome *out)
{
    bool open = was != NULL && (was->state == ALERT_RAISED || was->state == ALERT_ACKNOWLEDGED);

    memset(out, 0, sizeof(*out));
    if (was != NULL)
        out->alert = *was;
    if (in->verb == ALERT_SEEN)
        seen(t, was, in, out);
    else if (open && in->verb == ALERT_GONE)
        gone(t, in, out);
    else if (open && in->verb == ALERT_ACKNOWLEDGE)
        acknowledge(t, in, out);
    else if (open && in->verb == ALERT_UNACKNOWLEDGE)
        unacknowledge(in, out);
    else if (open && in->verb == ALERT_TIME)
        time_passed(t, in, out);
    if (out->changed)
        set_next(t, &out->alert);
}
