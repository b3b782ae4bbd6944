#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "tools/report.h"

const unsigned report_spans[REPORT_SPANS] = {7, 14, 30, 60, 90};

static struct tally *const *tallies(struct report_sums *s, struct tally *out[6])
{
    out[0] = &s->owner;
    out[1] = &s->issuer;
    out[2] = &s->key;
    out[3] = &s->signature;
    out[4] = &s->profile;
    out[5] = NULL;
    return out;
}

void sums_init(struct report_sums *s)
{
    struct tally *all[6];

    memset(s, 0, sizeof(*s));
    for (struct tally *const *t = tallies(s, all); *t != NULL; t++)
        tally_init(*t);
}

void sums_free(struct report_sums *s)
{
    struct tally *all[6];

    for (struct tally *const *t = tallies(s, all); *t != NULL; t++)
        tally_free(*t);
}

bool report_is_bare(const struct cert_info *i)
{
    return strcmp(i->status, "valid") == 0 && !i->followed && i->annotation.retired == 0 &&
           !requester_own(i->requester);
}

unsigned report_month(int64_t t)
{
    char text[CLOCK_TEXT_SIZE];
    unsigned long year, month;
    char *end;

    clock_format(t, text);
    year = strtoul(text, &end, 10);
    month = *end == '-' ? strtoul(end + 1, NULL, 10) : 1;
    return (unsigned)(year * 12 + month - 1);
}

static size_t month_of(unsigned first, int64_t then)
{
    unsigned month = report_month(then);

    return month < first || month - first >= REPORT_MONTHS ? REPORT_MONTHS - 1 : month - first;
}

static void add_status(struct report_sums *s, const char *status)
{
    s->all++;
    s->active += strcmp(status, "valid") == 0;
    s->expired += strcmp(status, "expired") == 0;
    s->revoked += strcmp(status, "revoked") == 0;
    s->held += strcmp(status, "held") == 0;
    s->other += strcmp(status, "open") == 0 || strcmp(status, "abandoned") == 0;
}

static void add_to(struct tally *t, const char *name, const struct cert_info *i, bool active,
                   int64_t now)
{
    struct tally_row *row = tally_of(t, name[0] != '\0' ? name : "(none)");
    bool soon = active && i->not_after < now + REPORT_SOON;

    row->all++;
    row->active += active;
    row->soon += soon;
    row->bare += soon && report_is_bare(i);
    if (!active || i->annotation.reviewed == 0)
        return;
    row->reviewed++;
    if (row->oldest == 0 || i->annotation.reviewed < row->oldest)
        row->oldest = i->annotation.reviewed;
}

void sums_add(struct report_sums *s, const struct cert_info *i, int64_t now)
{
    bool active = strcmp(i->status, "valid") == 0;

    add_status(s, i->status);
    add_to(&s->owner, i->owner, i, active, now);
    add_to(&s->issuer, i->issuer, i, active, now);
    add_to(&s->key, i->key, i, active, now);
    add_to(&s->signature, i->signature, i, active, now);
    add_to(&s->profile, i->profile, i, active, now);
    if (!active)
        return;
    s->months[month_of(report_month(now), i->not_after)]++;
    s->unowned += i->owner[0] == '\0' && !requester_own(i->requester);
    s->foreign += i->source != SOURCE_ISSUED;
    for (size_t n = 0; n < REPORT_SPANS; n++) {
        bool ends = i->not_after < now + report_spans[n] * REPORT_DAY;

        s->ends[n] += ends;
        s->bare[n] += ends && report_is_bare(i);
    }
}
