/* What is told of a CRL: when the next one is due, and whether something is wrong. */
#include <stdio.h>
#include <string.h>

#include "ca/crl/slot.h"
#include "lib/clock.h"

#define LATE 60       /* seconds past its time before it is called late */
#define REMIND_PART 4 /* an installed CRL is asked for in the last quarter of its life */

bool crl_slot_offline(const struct slot *s)
{
    return s->a->link == NULL;
}

bool crl_slot_waits(const struct slot *s, int64_t now)
{
    return s->failed && now < s->retry_at && s->retry_at <= now + CRL_PAUSE_MAX;
}

/* The clock was set back since: relying parties take it for one that is not valid yet. */
static bool of_the_future(const struct store_crl *c, int64_t now)
{
    return c->this_update > now + CRL_CLOCK_SLACK;
}

int64_t crl_slot_due(const struct slot *s, int64_t now)
{
    const struct store_crl *c = &s->row;
    int64_t at;

    if (crl_slot_offline(s))
        return INT64_MAX;
    if (s->waiting != NULL)
        return now;
    at = c->scheduled + s->a->conf->crl_every;
    if (c->published == 0 || c->number > c->published || s->missing || of_the_future(c, now))
        at = now;
    if (s->dirty && at > s->dirty_since + s->a->conf->crl_delay)
        at = s->dirty_since + s->a->conf->crl_delay;
    if (s->failed)
        at = crl_slot_waits(s, now) ? s->retry_at : now;
    return at;
}

static const char *state_of(const struct slot *s, int64_t now)
{
    const struct store_crl *c = &s->row;
    int64_t every = s->a->conf->crl_every, delay = s->a->conf->crl_delay;

    if (c->published == 0 || s->missing)
        return "none";
    if (now >= c->next_update)
        return "expired";
    if (crl_slot_offline(s))
        return now >= c->next_update - (c->next_update - c->this_update) / REMIND_PART ? "due"
                                                                                       : "current";
    if (of_the_future(c, now) || now > c->scheduled + every + LATE ||
        (s->dirty && now > s->dirty_since + delay + LATE))
        return "late";
    return "current";
}

void crl_slot_row(const struct slot *s, int64_t now, struct crl_row *out)
{
    const struct store_crl *c = &s->row;

    memset(out, 0, sizeof(*out));
    snprintf(out->issuer, sizeof(out->issuer), "%s", s->a->conf->name);
    snprintf(out->state, sizeof(out->state), "%s", state_of(s, now));
    if (s->failed)
        snprintf(out->text, sizeof(out->text), "%s", s->why.text);
    out->installed = crl_slot_offline(s);
    out->number = c->published;
    out->this_update = c->this_update;
    out->next_update = c->next_update;
    out->next = crl_slot_offline(s) ? 0 : crl_slot_due(s, now);
    out->entries = c->entries;
    out->octets = c->octets;
}

bool crl_row_of(const struct crl_publisher *p, size_t authority, struct crl_row *out)
{
    const struct slot *s = &p->slot[authority];

    if (!s->loaded)
        return false;
    crl_slot_row(s, clock_now(), out);
    return true;
}

bool crl_status(const struct crl_publisher *p, size_t authority, struct status_item *out)
{
    char age[CLOCK_TEXT_SIZE], next[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];
    struct crl_row r;
    int64_t now = clock_now();

    memset(out, 0, sizeof(*out));
    if (!crl_row_of(p, authority, &r))
        return false;
    snprintf(out->name, sizeof(out->name), "crl.%.56s", r.issuer);
    snprintf(out->state, sizeof(out->state), "%s", r.state);
    out->ok = strcmp(r.state, "current") == 0 || (r.installed && r.number == 0);
    clock_format_span(r.this_update < now ? now - r.this_update : 0, age);
    clock_format(r.next, next);
    clock_format(r.next_update, until);
    if (r.number == 0)
        snprintf(out->text, sizeof(out->text), "%.200s",
                 r.installed ? "its key is not here: cerca crl install" : r.text);
    else if (r.text[0] != '\0')
        snprintf(out->text, sizeof(out->text), "number %llu, valid until %s, the next one: %.150s",
                 (unsigned long long)r.number, until, r.text);
    else
        snprintf(out->text, sizeof(out->text),
                 "number %llu, %llu entries, age %s, valid until %s, next %s",
                 (unsigned long long)r.number, (unsigned long long)r.entries, age, until,
                 r.installed ? "to be installed" : next);
    return true;
}
