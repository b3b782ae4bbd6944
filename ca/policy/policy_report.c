/* A decision told step by step, for who wants to know why. */
#include <stdio.h>
#include <string.h>

#include "ca/policy/policy_run.h"
#include "lib/clock.h"
#include "lib/name.h"

#define TEXT_MAX 4096

struct told {
    struct buf value, allowed;
};

static void tell(const struct policy_run *r, const char *step, struct told *t)
{
    struct policy_step s = {
        .step = step, .value = buf_cstr(&t->value), .allowed = buf_cstr(&t->allowed)};

    r->in->report->step(r->in->report->arg, &s);
}

void policy_report_refusal(const struct policy_run *r, const struct fault *f)
{
    struct policy_step s = {
        .step = r->step, .value = f->value, .allowed = f->allowed, .refusal = f};

    r->in->report->step(r->in->report->arg, &s);
}

/* ---- each step: what was found, and what would have been allowed ---- */

static void put_list(char *const *words, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", words[i]);
}

static void tell_requester(const struct policy_input *in, const struct decision *d, struct told *t)
{
    (void)d;
    buf_put_str(&t->value, in->requester != NULL ? in->requester : "");
    buf_printf(&t->allowed, "role %s", conf_role_name(in->profile->role));
    if (in->profile->n_operators > 0)
        buf_put_str(&t->allowed, ", of the operators ");
    put_list(in->profile->operators, in->profile->n_operators, &t->allowed);
}

static void tell_key(const struct policy_input *in, const struct decision *d, struct told *t)
{
    char type[24];

    (void)d;
    key_describe(in->csr->key.type, in->csr->key.bits, type);
    buf_put_str(&t->value, type);
    put_list(in->profile->key_types, in->profile->n_key_types, &t->allowed);
}

static void tell_extensions(const struct policy_input *in, const struct decision *d, struct told *t)
{
    const struct csr *csr = in->csr;
    const char *between = "";

    (void)d;
    if (csr->has_key_usage) {
        conf_print_usages(csr->key_usage, &t->value);
        between = ", ";
    }
    if (csr->has_eku) {
        buf_put_str(&t->value, between);
        conf_print_purposes(csr->eku, &t->value);
        between = ", ";
    }
    if (csr->n_other > 0)
        buf_printf(&t->value, "%s%zu without effect", between, csr->n_other);
    if ((in->profile->drop & DROP_EXTENSIONS) != 0)
        buf_put_str(&t->allowed, "anything; what is not in the profile is dropped");
}

static void put_patterns(const struct conf_profile *p, enum san_kind kind, struct buf *out)
{
    size_t n;
    char *const *patterns = profile_patterns(p, kind, &n);

    buf_printf(out, "%s%s", out->n > 0 ? "; " : "", san_kind_name(kind));
    if (n > 0)
        buf_put_str(out, " ");
    put_list(patterns, n, out);
}

static void tell_sans(const struct policy_input *in, const struct decision *d, struct told *t)
{
    for (size_t i = 0; i < d->sans.n; i++) {
        buf_put_str(&t->value, i > 0 ? ", " : "");
        san_print(&d->sans.item[i], &t->value);
    }
    for (unsigned k = SAN_DNS; k <= SAN_KIND_MAX; k++)
        if ((in->profile->san_kinds & (1u << k)) != 0)
            put_patterns(in->profile, (enum san_kind)k, &t->allowed);
    if (t->allowed.n == 0)
        buf_put_str(&t->allowed, "no names");
}

static void tell_subject(const struct policy_input *in, const struct decision *d, struct told *t)
{
    const struct conf_profile *p = in->profile;

    name_print(d->subject, &t->value);
    if (p->subject != NULL && p->subject[0] != '\0')
        buf_put_str(&t->allowed, p->subject);
    else
        buf_put_str(&t->allowed, p->cn_must_be_san ? "CN one of the names" : "any CN");
}

static void tell_validity(const struct policy_input *in, const struct decision *d, struct told *t)
{
    char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];

    clock_format(d->not_before, from);
    clock_format(d->not_after, to);
    buf_printf(&t->value, "%s to %s", from, to);
    clock_format_span(in->profile->validity_max, from);
    clock_format(in->issuer.not_after, to);
    buf_printf(&t->allowed, "at most %s, not beyond the issuer's %s", from, to);
}

static void tell_owner(const struct policy_input *in, const struct decision *d, struct told *t)
{
    (void)d;
    buf_put_str(&t->value, in->request->owner);
    buf_put_str(&t->allowed, in->profile->owner_required ? "required" : "optional");
}

static void tell_constraints(const struct policy_input *in, const struct decision *d,
                             struct told *t)
{
    (void)d;
    for (const struct policy_issuer *i = &in->issuer; i != NULL; i = i->above)
        if (i->constraints != NULL && i->constraints->permitted.n + i->constraints->excluded.n > 0)
            buf_printf(&t->allowed, "%s%s", t->allowed.n > 0 ? ", " : "the names that are left by ",
                       i->conf->name);
}

static const struct {
    const char *step;
    void (*tell)(const struct policy_input *in, const struct decision *d, struct told *t);
} steps[] = {
    {"requester", tell_requester},   {"key", tell_key},
    {"extensions", tell_extensions}, {"san", tell_sans},
    {"subject", tell_subject},       {"validity", tell_validity},
    {"owner", tell_owner},           {"constraints", tell_constraints},
};

void policy_report_step(const struct policy_run *r)
{
    struct told t;

    buf_init(&t.value, TEXT_MAX);
    buf_init(&t.allowed, TEXT_MAX);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (strcmp(steps[i].step, r->step) == 0)
            steps[i].tell(r->in, r->d, &t);
    tell(r, r->step, &t);
    buf_free(&t.value);
    buf_free(&t.allowed);
}

/* ---- what nobody asked for ---- */

static void tell_made(const struct policy_run *r, const char *step, const char *value,
                      const char *why)
{
    struct policy_step s = {.step = step, .value = value, .allowed = why};

    r->in->report->step(r->in->report->arg, &s);
}

void policy_report_made(const struct policy_run *r)
{
    static const char *const reuse[] = {"forbid", "same-identity", "allow"};
    const struct decision *d = r->d;

    if (d->constraints.n > 0)
        tell_made(r, "name_constraints", "those of the profile", "RFC 5280 4.2.1.10");
    tell_made(r, "signature", sig_alg_name(d->alg), "");
    if (d->sid.n > 0)
        tell_made(r, "sid", d->sid_uri + strlen(PROFILE_SID_URI), "");
    if (d->must_staple)
        tell_made(r, "must_staple", "status_request", "RFC 7633");
    if (d->ocsp_no_check)
        tell_made(r, "ocsp_no_check", "no OCSP or CRL address", "RFC 6960 4.2.2.2.1");
    if (d->no_rev_avail)
        tell_made(r, "no_rev_avail", "no OCSP or CRL address", "RFC 9608");
    if (r->in->profile->approvals > 0)
        tell_made(r, "approval", r->in->profile->approvals > 1 ? "two operators" : "one operator",
                  "who did not ask; cerca request");
    tell_made(r, "key_reuse", reuse[d->key_reuse],
              "looked at in the store when the certificate is recorded");
}
