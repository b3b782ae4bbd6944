#include "watch/rules/line.h"

#include <stdio.h>

#include "lib/clock.h"
#include "watch/rules/campaign.h"

const char *line_state_word(enum line_state s)
{
    static const char *const words[] = {
        [LINE_OK] = "ok",           [LINE_RENEWED] = "renewed", [LINE_DUE] = "due",
        [LINE_OVERDUE] = "overdue", [LINE_STUCK] = "stuck",     [LINE_RETIRED] = "retired",
        [LINE_ENDED] = "ended",
    };

    return s >= LINE_OK && s <= LINE_ENDED ? words[s] : "unknown";
}

bool line_automatic(enum line_method m)
{
    return m == LINE_AGENT || m == LINE_EST || m == LINE_ACME;
}

static enum line_state state_of(const struct watch_times *t, const struct line_facts *l,
                                const struct line_verdict *v, int64_t now)
{
    if (l->retired || l->revoked)
        return LINE_RETIRED;
    if (l->followed)
        return now < l->life.not_after ? LINE_RENEWED : LINE_ENDED;
    if (now >= l->life.not_after + t->forget)
        return LINE_ENDED;
    if (now < v->opens && !l->failed)
        return l->before ? LINE_RENEWED : LINE_OK;
    if (l->stuck[0] != '\0')
        return LINE_STUCK;
    return now < v->late ? LINE_DUE : LINE_OVERDUE;
}

static void pull(const struct line_facts *l, int64_t now, struct line_verdict *out)
{
    int64_t at = l->pulled_at > l->life.not_before ? l->pulled_at : l->life.not_before;

    if (l->campaign[0] == '\0' || at >= out->opens)
        return;
    out->opens = at;
    if (at + CAMPAIGN_LATE < out->late)
        out->late = at + CAMPAIGN_LATE;
    if (out->opens > now && out->opens < out->next)
        out->next = out->opens;
    if (out->late > now && out->late < out->next)
        out->next = out->late;
}

void line_judge(const struct watch_times *t, const struct line_facts *l, int64_t now,
                struct line_verdict *out)
{
    *out = (struct line_verdict){
        .opens = watch_opens(t, &l->life),
        .late = watch_late(t, &l->life),
        .next = watch_next(t, &l->life, now),
    };
    pull(l, now, out);
    out->state = state_of(t, l, out, now);
    out->told_of =
        !l->skipped && !l->followed && out->state != LINE_RETIRED && out->state != LINE_ENDED;
    if (out->told_of)
        out->passed = watch_passed(t, &l->life, now);
    out->severity = watch_expiry_severity(t, &l->life, out->passed);
}

static const char *doer(const struct line_facts *l, const char *who)
{
    switch (l->method) {
    case LINE_AGENT:
        return "its agent renews it";
    case LINE_EST:
        return "its device renews it over EST";
    case LINE_ACME:
        return "its ACME client renews it";
    case LINE_MANUAL:
    case LINE_UNKNOWN:
        break;
    }
    return who[0] != '\0' && !l->foreign ? "somebody has to renew it"
                                         : "somebody has to replace it";
}

void line_action(const struct line_facts *l, const struct line_verdict *v, const char *who,
                 char out[LINE_TEXT])
{
    char opens[CLOCK_TEXT_SIZE], late[CLOCK_TEXT_SIZE], end[CLOCK_TEXT_SIZE], why[96] = "";

    clock_format(v->opens, opens);
    clock_format(v->late, late);
    clock_format(l->life.not_after, end);
    if (l->campaign[0] != '\0' && v->opens <= l->pulled_at)
        (void)snprintf(why, sizeof(why), " (campaign %.63s)", l->campaign);
    switch (v->state) {
    case LINE_OK:
    case LINE_RENEWED:
        if (l->followed)
            (void)snprintf(out, LINE_TEXT, "nothing: another certificate has taken its place");
        else
            (void)snprintf(out, LINE_TEXT, "%s from %s on%s", doer(l, who), opens, why);
        break;
    case LINE_DUE:
        (void)snprintf(out, LINE_TEXT, "%s now; late from %s on%s", doer(l, who), late, why);
        break;
    case LINE_OVERDUE:
        (void)snprintf(out, LINE_TEXT, "%s at once: it was due by %s and ends %s", doer(l, who),
                       late, end);
        break;
    case LINE_STUCK:
        (void)snprintf(out, LINE_TEXT, "what stands in its way has to go; it ends %s", end);
        break;
    case LINE_RETIRED:
        (void)snprintf(out, LINE_TEXT, "nothing: %s",
                       l->retired ? "it is retired" : "its newest certificate is revoked");
        break;
    case LINE_ENDED:
        (void)snprintf(out, LINE_TEXT, "nothing: it is over");
        break;
    }
}
