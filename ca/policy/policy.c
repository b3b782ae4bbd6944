#include "ca/policy/policy.h"

#include <stdio.h>
#include <string.h>

#include "ca/policy/policy_run.h"
#include "lib/annotation.h"
#include "lib/clock.h"

void decision_free(struct decision *d)
{
    if (d != NULL)
        buf_free(&d->bytes);
}

/* ---- validity ---- */

static int refuse_validity(const char *rule, int64_t not_after, int64_t latest, struct fault *f)
{
    char given[CLOCK_TEXT_SIZE], text[CLOCK_TEXT_SIZE], allowed[64];

    clock_format(not_after, given);
    clock_format(latest, text);
    snprintf(allowed, sizeof(allowed), "at the latest %s", text);
    return fault_refuse(f, rule, "not_after", slice_str(given), allowed);
}

static int asked_end(const struct issue_request *r, int64_t now, int64_t usual, int64_t *end,
                     struct fault *f)
{
    const int64_t longest = (int64_t)200 * 365 * 86400;

    if (r->validity != 0 && r->not_after != 0)
        return fault_set(f, FAULT_MALFORMED, "validity.both",
                         "give a validity or an end, not both");
    if (r->validity < 0 || r->validity > longest || r->not_after > now + longest)
        return fault_set(f, FAULT_MALFORMED, "validity.range", "the validity is out of range");
    *end = now + (r->validity != 0 ? r->validity : usual);
    if (r->not_after != 0)
        *end = r->not_after;
    if (*end <= now)
        return fault_set(f, FAULT_POLICY, "validity.past", "the end of validity has passed");
    return 0;
}

/* A longer life that was asked for is refused; the profile's default is clamped to the
 * first end in its chain (a certificate is no use beyond its chain, RFC 5280 6.1.3 (a)(2)). */
int policy_validity(const struct conf_profile *p, const struct policy_issuer *issuer,
                    const struct issue_request *r, int64_t now, int64_t *not_before,
                    int64_t *not_after, struct fault *f)
{
    const struct policy_issuer *first = policy_first_to_end(issuer);
    bool asked = r->validity != 0 || r->not_after != 0;
    int64_t latest = now + p->validity_max;
    int64_t end = 0;

    *not_before = 0;
    *not_after = 0;
    if (first->not_after <= now)
        return fault_set(f, FAULT_POLICY, "validity.issuer", "the issuer \"%s\" has expired",
                         first->conf->name);
    if (p->no_expiry && !asked) {
        *not_before = now - p->backdate;
        *not_after = PROFILE_NO_EXPIRY;
        return 0;
    }
    if (asked_end(r, now, p->validity, &end, f) != 0)
        return -(int)f->code;
    if (end > latest)
        return refuse_validity("validity.max", end, latest, f);
    if (end > first->not_after && asked)
        return refuse_validity("validity.issuer", end, first->not_after, f);
    *not_before = now - p->backdate;
    *not_after = end < first->not_after ? end : first->not_after;
    return 0;
}

/* ---- owner ---- */

/* What this CA makes for itself belongs to nobody else: who asks from outside has a kind in his
 * name ("operator:alice"). */
static bool owner_required(const struct policy_input *in)
{
    if (in->profile->owner_required)
        return true;
    return in->conf != NULL && in->requester != NULL && strchr(in->requester, ':') != NULL &&
           (conf_inventory_required(in->conf, in->profile->name) & ANNOTATION_OWNER) != 0;
}

static int check_owner(const struct policy_input *in, const char *owner, struct fault *f)
{
    if (owner[0] == '\0' && owner_required(in))
        return fault_refuse(f, "owner.required", "owner", SLICE_NONE,
                            "a person or team who answers for the certificate");
    for (const char *c = owner; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return fault_refuse(f, "owner.syntax", "owner", slice_str(owner),
                                "printable characters");
    return 0;
}

/* ---- the steps ---- */

static int step_key(struct policy_run *r, struct fault *f)
{
    const struct spki *key = &r->in->csr->key;
    struct decision *d = r->d;

    d->spki = key->der;
    spki_hash(key, d->spki_hash);
    spki_key_id(key, d->subject_key_id);
    return policy_key(r->in->profile, r->in->own, key, f);
}

static int step_constraints(struct policy_run *r, struct fault *f)
{
    return policy_constraints(&r->in->issuer, r->d, f);
}

static int step_validity(struct policy_run *r, struct fault *f)
{
    const struct policy_input *in = r->in;
    struct decision *d = r->d;
    int rc = policy_validity(in->profile, &in->issuer, in->request, in->now, &d->not_before,
                             &d->not_after, f);

    d->no_rev_avail = profile_no_rev_avail(in->profile, d->not_before, d->not_after);
    return rc;
}

static int step_owner(struct policy_run *r, struct fault *f)
{
    return check_owner(r->in, r->in->request->owner, f);
}

static const struct {
    const char *name;
    int (*check)(struct policy_run *r, struct fault *f);
} steps[] = {
    {"requester", policy_requester},   {"key", step_key},
    {"extensions", policy_extensions}, {"san", policy_sans},
    {"subject", policy_subject},       {"constraints", step_constraints},
    {"validity", step_validity},       {"owner", step_owner},
};

static void note(struct policy_run *r, const struct fault *f)
{
    r->refused = true;
    if (r->first->code == FAULT_NONE)
        *r->first = *f;
    if (r->in->report != NULL)
        policy_report_refusal(r, f);
}

bool policy_goes_on(struct policy_run *r, struct fault *f)
{
    if (r->in->report == NULL)
        return false;
    note(r, f);
    fault_clear(f);
    return true;
}

static void run_steps(struct policy_run *r)
{
    struct fault f;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        r->step = steps[i].name;
        r->refused = false;
        fault_clear(&f);
        if (steps[i].check(r, &f) != 0) {
            note(r, &f);
            if (r->in->report == NULL)
                return;
        } else if (r->in->report != NULL && !r->refused) {
            policy_report_step(r);
        }
    }
}

/* What the profile alone says. */
static void begin(const struct policy_input *in, struct decision *d)
{
    const struct conf_profile *p = in->profile;

    memset(d, 0, sizeof(*d));
    buf_init(&d->bytes, NAME_DER_MAX + CONSTRAINTS_MAX);
    d->profile = p->name;
    d->alg = profile_alg(p, in->issuer.conf);
    d->key_usage = profile_key_usage(p, in->csr->key.type);
    d->eku = p->eku;
    d->eku_critical = p->eku_critical;
    d->ca = p->ca;
    d->path_len = p->ca ? p->path_len : -1;
    d->must_staple = p->must_staple;
    d->ocsp_no_check = p->ocsp_no_check;
    d->key_reuse = p->key_reuse;
}

int policy_decide(const struct policy_input *in, struct decision *out, struct fault *f)
{
    struct policy_run r = {.in = in, .d = out, .first = f};

    fault_clear(f);
    begin(in, out);
    run_steps(&r);
    if (f->code != FAULT_NONE) {
        decision_free(out);
        return -(int)f->code;
    }
    if (in->report != NULL)
        policy_report_made(&r);
    policy_identity(in->profile->name, out->subject, &out->sans, out->identity);
    return 0;
}
