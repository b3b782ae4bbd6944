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

static int64_t every(const struct slot *s)
{
    return s->name.kind == CRL_DELTA ? s->a->conf->crl_delta : s->a->conf->crl_every;
}

/* RFC 5280 5.2.3: a full one and a delta of the same time would have to have the same number. */
static int64_t not_with(const struct slot *other, int64_t at, int64_t now)
{
    if (other == NULL || of_the_future(&other->row, now) || at > other->row.this_update)
        return at;
    return other->row.this_update + 1;
}

int64_t crl_slot_due(const struct slot *s, int64_t now)
{
    const struct store_crl *c = &s->row;
    int64_t at;

    if (crl_slot_offline(s))
        return INT64_MAX;
    at = c->scheduled + every(s);
    if (c->published == 0 || s->interrupted || s->missing || s->renew || of_the_future(c, now))
        at = now;
    if (s->dirty && at > s->dirty_since + s->a->conf->crl_delay)
        at = s->dirty_since + s->a->conf->crl_delay;
    if (s->failed)
        at = crl_slot_waits(s, now) ? s->retry_at : now;
    if (s->waiting != NULL)
        at = now;
    return s->name.kind == CRL_SHARD
               ? at
               : not_with(s->name.kind == CRL_DELTA ? s->full : s->delta, at, now);
}

static const char *state_of(const struct slot *s, int64_t now)
{
    const struct store_crl *c = &s->row;
    int64_t delay = s->a->conf->crl_delay;

    if (!s->loaded)
        return "loading";
    if (c->published == 0 || s->missing)
        return "none";
    if (now >= c->next_update)
        return "expired";
    if (crl_slot_offline(s))
        return now >= c->next_update - (c->next_update - c->this_update) / REMIND_PART ? "due"
                                                                                       : "current";
    if (of_the_future(c, now) || now > c->scheduled + every(s) + LATE ||
        (s->dirty && now > s->dirty_since + delay + LATE))
        return "late";
    return "current";
}

void crl_slot_row(const struct slot *s, int64_t now, struct crl_row *out)
{
    const struct store_crl *c = &s->row;

    memset(out, 0, sizeof(*out));
    snprintf(out->issuer, sizeof(out->issuer), "%s", s->a->conf->name);
    crl_name_print(&s->name, out->list);
    snprintf(out->state, sizeof(out->state), "%s", state_of(s, now));
    if (s->failed)
        snprintf(out->text, sizeof(out->text), "%s", s->why.text);
    out->installed = crl_slot_offline(s);
    out->number = c->published;
    out->base = s->name.kind == CRL_DELTA ? c->base : 0;
    out->this_update = c->this_update;
    out->next_update = c->next_update;
    out->next = crl_slot_offline(s) || !s->loaded ? 0 : crl_slot_due(s, now);
    out->entries = c->entries;
    out->octets = c->octets;
}

/* The worst state, the oldest of them and what comes first. */
static void merge_row(struct crl_row *all, const struct crl_row *r)
{
    static const char *const worse[] = {"current", "due", "late", "expired", "none"};
    size_t a = 0, b = 0;

    while (strcmp(worse[a], all->state) != 0)
        a++;
    while (strcmp(worse[b], r->state) != 0)
        b++;
    if (b > a)
        memcpy(all->state, r->state, sizeof(all->state));
    if (all->text[0] == '\0')
        memcpy(all->text, r->text, sizeof(all->text));
    if (r->this_update < all->this_update) {
        all->number = r->number;
        all->this_update = r->this_update;
    }
    if (r->next_update < all->next_update)
        all->next_update = r->next_update;
    if (r->next < all->next)
        all->next = r->next;
    all->entries += r->entries;
    all->octets += r->octets;
}

static void parts_row(const struct parts *parts, int64_t now, struct crl_row *out)
{
    struct crl_row one;

    crl_slot_row(&parts->slot[0], now, out);
    for (size_t i = 1; i < parts->n; i++) {
        crl_slot_row(&parts->slot[i], now, &one);
        merge_row(out, &one);
    }
    snprintf(out->list, sizeof(out->list), "%u shards", parts->n);
}

size_t crl_rows(const struct crl_publisher *p, size_t authority, struct crl_row *out, size_t max)
{
    const struct slot *s = &p->slot[authority];
    int64_t now = clock_now();
    size_t n = 0;

    if (s->a->certificate.n == 0 || max == 0)
        return 0;
    crl_slot_row(s, now, &out[n++]);
    if (!s->loaded)
        return n;
    if (s->delta != NULL && s->delta->loaded && n < max)
        crl_slot_row(s->delta, now, &out[n++]);
    for (const struct parts *at = atomic_load(&s->parts); at != NULL && n < max; at = at->next)
        if (at->slot[0].loaded)
            parts_row(at, now, &out[n++]);
    return n;
}

/* "crl.issuing", "crl.issuing.delta", "crl.issuing.8-shards" */
static void name_item(const struct crl_row *r, char *out, size_t size)
{
    bool full = strcmp(r->list, "full") == 0;

    snprintf(out, size, "crl.%.32s%s%.20s", r->issuer, full ? "" : ".", full ? "" : r->list);
    for (char *at = out; *at != '\0'; at++)
        if (*at == ' ')
            *at = '-';
}

void crl_status(const struct crl_row *r, struct status_item *out)
{
    char age[CLOCK_TEXT_SIZE], next[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];
    int64_t now = clock_now();

    memset(out, 0, sizeof(*out));
    name_item(r, out->name, sizeof(out->name));
    out->by = r->number != 0 ? r->next_update : 0;
    snprintf(out->state, sizeof(out->state), "%s", r->state);
    out->ok = strcmp(r->state, "current") == 0 || (r->installed && r->number == 0) ||
              (strcmp(r->state, "loading") == 0 && r->text[0] == '\0');
    clock_format_span(r->this_update < now ? now - r->this_update : 0, age);
    clock_format(r->next, next);
    clock_format(r->next_update, until);
    if (r->number == 0)
        snprintf(out->text, sizeof(out->text), "%.200s",
                 r->installed ? "its key is not here: cerca crl install" : r->text);
    else if (r->text[0] != '\0')
        snprintf(out->text, sizeof(out->text), "number %llu, valid until %s, the next one: %.150s",
                 (unsigned long long)r->number, until, r->text);
    else
        snprintf(out->text, sizeof(out->text),
                 "number %llu, %llu entries, age %s, valid until %s, next %s",
                 (unsigned long long)r->number, (unsigned long long)r->entries, age, until,
                 r->installed ? "to be installed" : next);
}
