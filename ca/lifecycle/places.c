#include "ca/lifecycle/places.h"

#include <stdio.h>
#include <string.h>

#define NO_TLS_BITS (1u << SCAN_NO_TLS | 1u << SCAN_NO_STARTTLS)

/* Is what its services were seen to serve something else than what lies on the disk? */
static bool serves_others(const struct installed *i)
{
    for (uint32_t k = 0; k < i->entry.n_services; k++) {
        const struct agent_service *s = &i->entry.service[k];

        if (s->has_served && i->entry.has_fingerprint &&
            memcmp(s->served, i->entry.fingerprint, sizeof(s->served)) != 0)
            return true;
    }
    return false;
}

static void take_place(const struct store_place *p, struct compare_place *out)
{
    memset(out, 0, sizeof(*out));
    if (p->observation != NULL) {
        const struct observation *o = p->observation;

        out->at = o->outcome == SCAN_LOGGED ? COMPARE_AT_LOGGED : COMPARE_AT_SERVED;
        out->looked = o->last;
        out->gone = o->served != o->last;
        out->shown = !o->proved && o->n_chain > 0;
        out->no_tls = (NO_TLS_BITS & 1u << o->outcome) != 0;
        out->flaws = o->flaws;
    } else if (p->installed != NULL) {
        out->at = COMPARE_AT_INSTALLED;
        out->looked = p->installed->reported;
        out->serves_others = serves_others(p->installed);
    } else {
        out->at = COMPARE_AT_FOUND;
        out->looked = p->found->seen;
    }
}

static void take_row(const struct cert_row *row, struct compare_known *out)
{
    out->told = row->source != SOURCE_SCANNED;
    out->issued = row->source == SOURCE_ISSUED;
    out->revoked = row->state == CERT_REVOKED || row->state == CERT_HELD;
    out->ends = row->not_after;
}

static int read_other(struct store *s, const struct cert_ref *ref, struct compare_known *out,
                      struct fault *f)
{
    struct cert_row row;
    int rc;

    cert_row_init(&row);
    rc = store_get(s, ref, &row, f);
    if (rc == 0)
        take_row(&row, out);
    cert_row_free(&row);
    return rc;
}

static int64_t since(const struct cert_row *row)
{
    return row->finished != 0 ? row->finished : row->created;
}

int places_compare(struct store *s, const struct places_line *l, const struct store_place *p,
                   int64_t now, uint32_t *out, struct fault *f)
{
    struct compare_known k = {.retired = l->retired, .newest = true};
    struct compare_place place;
    int rc = 0;

    take_place(p, &place);
    if (memcmp(&p->ref, &l->newest->ref, sizeof(p->ref)) == 0) {
        take_row(l->newest, &k);
    } else {
        k.newest = false;
        k.since = since(l->newest);
        rc = read_other(s, &p->ref, &k, f);
    }
    if (l->followed) {
        k.newest = false;
        k.since = l->followed_since;
    }
    *out = rc == 0 ? compare(&place, &k, now) : 0;
    return rc;
}

void observation_text(const struct observation *o, char *out, size_t cap)
{
    if (o->outcome == SCAN_LOGGED) {
        (void)snprintf(out, cap, "ct:%.200s %s", o->host, o->address);
        return;
    }
    (void)snprintf(out, cap, "%.100s:%u%s%.100s%s", o->host, (unsigned)o->port,
                   o->sni[0] != '\0' ? " (" : "", o->sni, o->sni[0] != '\0' ? ")" : "");
}

void place_text(const struct store_place *p, char *out, size_t cap)
{
    if (p->observation != NULL) {
        observation_text(p->observation, out, cap);
    } else if (p->installed != NULL) {
        const struct agent_entry *e = &p->installed->entry;

        (void)snprintf(out, cap, "%.60s: %.250s", p->reporter->host,
                       e->n_files > 0 ? e->files[0] : e->name);
    } else {
        (void)snprintf(out, cap, "%.60s: %.250s", p->reporter->host, p->found->path);
    }
}

void compare_text(uint32_t found, char *out, size_t cap)
{
    size_t at = 0;

    out[0] = '\0';
    for (unsigned c = 0; c < COMPARES && at < cap; c++)
        if ((found & COMPARE_BIT(c)) != 0)
            at += (size_t)snprintf(out + at, cap - at, "%s%s", at > 0 ? " " : "",
                                   compare_word((enum compare)c));
    if (found == 0)
        (void)snprintf(out, cap, "%s", compare_word(COMPARES));
}
