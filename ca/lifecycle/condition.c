#include "ca/lifecycle/condition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/lifecycle/evaluate_inner.h"
#include "lib/clock.h"

/* ---- which they are ---- */

/* Names of status items without which nothing is issued, or nobody believes what was. */
static const char *const critical[] = {"issuing", "store", "hsm", "signer", "crl", "clock", "view"};

/* Items that are well and still want somebody. */
static const struct {
    const char *name, *state;
} wanting[] = {{"issuer", "ends soon"}, {"backup", "late"}};

/* "crl.issuing" is a "crl". */
static bool is_a(const char *name, const char *kind)
{
    size_t n = strlen(kind);

    return strncmp(name, kind, n) == 0 && (name[n] == '\0' || name[n] == '.');
}

static bool is_well(const struct status_item *i)
{
    for (size_t k = 0; k < sizeof(wanting) / sizeof(wanting[0]); k++)
        if (is_a(i->name, wanting[k].name) && strcmp(i->state, wanting[k].state) == 0)
            return false;
    return i->ok;
}

bool condition_of_status(const struct status_item *i, struct ca_condition *out)
{
    memset(out, 0, sizeof(*out));
    if (is_well(i) || is_a(i->name, "lifecycle"))
        return false;
    (void)snprintf(out->rule, sizeof(out->rule), "ca.%.*s", (int)strcspn(i->name, "."), i->name);
    notice_set(out->subject, sizeof(out->subject), i->name);
    out->severity = SEVERITY_WARNING;
    for (size_t k = 0; !i->ok && k < sizeof(critical) / sizeof(critical[0]); k++)
        if (is_a(i->name, critical[k]))
            out->severity = SEVERITY_CRITICAL;
    out->told = 1;
    (void)snprintf(out->text, sizeof(out->text), "%.60s: %.180s", i->state, i->text);
    return true;
}

bool condition_of_issuer(const struct watch_times *t, const char *name,
                         const struct watch_life *life, int64_t now, struct ca_condition *out)
{
    char passed[64], end[CLOCK_TEXT_SIZE];

    memset(out, 0, sizeof(*out));
    out->told = watch_passed(t, life, now);
    if (out->told == 0)
        return false;
    watch_passed_text(t, life, out->told, passed);
    clock_format(life->not_after, end);
    (void)snprintf(out->rule, sizeof(out->rule), "ca.expiry");
    (void)snprintf(out->subject, sizeof(out->subject), "issuer.%.64s", name);
    out->severity = SEVERITY_CRITICAL;
    out->deadline = life->not_after;
    (void)snprintf(out->text, sizeof(out->text),
                   "%s: the certificate of this issuer ends %s (docs/rollover.md)", passed, end);
    return true;
}

/* ---- since when ---- */

struct known {
    struct ca_condition c;
    uint8_t key[ALERT_KEY];
    int64_t since;
    bool raised, there;
};

static struct known *known_find(struct evaluator *e, const uint8_t key[ALERT_KEY])
{
    for (size_t i = 0; i < e->n_known; i++)
        if (memcmp(e->known[i].key, key, ALERT_KEY) == 0)
            return &e->known[i];
    return NULL;
}

static struct known *known_add(struct evaluator *e, const uint8_t key[ALERT_KEY], int64_t since)
{
    struct known *k;

    if (e->n_known == e->known_room) {
        e->known_room = e->known_room == 0 ? 16 : 2 * e->known_room;
        e->known = xreallocarray(e->known, e->known_room, sizeof(e->known[0]));
    }
    k = &e->known[e->n_known++];
    memset(k, 0, sizeof(*k));
    memcpy(k->key, key, ALERT_KEY);
    k->since = since;
    return k;
}

static int load_open(void *arg, const uint8_t key[ALERT_KEY], const struct alert *a)
{
    struct evaluator *e = arg;

    if (!a->has_identity && a->state != ALERT_RESOLVED)
        known_add(e, key, a->first_seen)->raised = true;
    return 0;
}

static int load_known(struct evaluator *e, struct fault *f)
{
    uint8_t at[ALERT_KEY];
    size_t n = SLICE_LINES;
    int rc = 0;

    e->n_known = 0;
    for (bool first = true; rc == 0 && n == SLICE_LINES; first = false)
        rc = store_alerts(e->parts.judge.store, first ? NULL : at, SLICE_LINES, load_open, e, at,
                          &n, f);
    e->known_loaded = rc == 0;
    return rc;
}

static int raise(struct evaluator *e, struct known *k, const struct ca_condition *c, int64_t now,
                 struct fault *f)
{
    struct alert a = {.severity = c->severity, .told = c->told, .deadline = c->deadline};

    memcpy(a.rule, c->rule, sizeof(a.rule));
    memcpy(a.subject, c->subject, sizeof(a.subject));
    memcpy(a.name, c->subject, sizeof(a.name));
    notice_set(a.summary, sizeof(a.summary), c->text);
    k->raised = true;
    return evaluator_step(e, ALERT_SEEN, &a, k->key, now, f);
}

static int one(struct evaluator *e, const struct ca_condition *c, int64_t now, struct fault *f)
{
    uint8_t key[ALERT_KEY];
    struct known *k;
    bool same;

    alert_key(c->rule, c->subject, key);
    k = known_find(e, key);
    if (k == NULL)
        k = known_add(e, key, now);
    same = k->raised && k->c.severity == c->severity && k->c.told == c->told;
    k->there = true;
    k->c = *c;
    if (same || (!k->raised && now - k->since < e->parts.judge.conf->alert_after))
        return 0;
    return raise(e, k, c, now, f);
}

static int not_there(struct evaluator *e, int64_t now, struct fault *f)
{
    size_t kept = 0;
    int rc = 0;

    for (size_t i = 0; i < e->n_known; i++) {
        struct known *k = &e->known[i];

        if (rc == 0 && !k->there && k->raised)
            rc = evaluator_step(e, ALERT_GONE, NULL, k->key, now, f);
        if (rc != 0 || k->there)
            e->known[kept++] = *k;
    }
    e->n_known = kept;
    return rc;
}

int evaluator_conditions(struct evaluator *e, const struct ca_condition *c, size_t n, int64_t now,
                         struct fault *f)
{
    int rc = e->known_loaded ? 0 : load_known(e, f);

    for (size_t i = 0; i < e->n_known; i++)
        e->known[i].there = false;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = one(e, &c[i], now, f);
    if (rc == 0)
        rc = not_there(e, now, f);
    if (rc == 0)
        rc = steps_flush(e, f);
    if (rc != 0)
        e->known_loaded = false; /* begin anew, from what is recorded */
    return rc;
}
