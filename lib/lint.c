#include <stdarg.h>
#include <stdio.h>

#include "lib/lint_cert.h"

static const struct lint_table *const tables[] = {
    &lint_der_rules, &lint_field_rules,  &lint_alg_rules,    &lint_name_rules,
    &lint_key_rules, &lint_ext_rules,    &lint_san_rules,    &lint_usage_rules,
    &lint_ca_rules,  &lint_access_rules, &lint_policy_rules, &lint_chain_rules,
};

#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

size_t lint_rules_count(void)
{
    size_t n = 0;

    for (size_t t = 0; t < N_TABLES; t++)
        n += tables[t]->n;
    return n;
}

const struct lint_rule *lint_rule(size_t i)
{
    size_t t = 0;

    while (i >= tables[t]->n)
        i -= tables[t++]->n;
    return &tables[t]->rules[i];
}

const char *lint_severity_name(enum lint_severity s)
{
    static const char *const names[] = {"error", "warning", "notice"};

    return names[s];
}

int lint_why(char why[LINT_WHY], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, LINT_WHY, fmt, ap);
    va_end(ap);
    return -1;
}

static int draft_is_wrong(const struct lint_rule *r, const char *why, struct fault *f)
{
    return fault_set(f, FAULT_INTERNAL, r->name, "the draft breaks %s: %s", r->section, why);
}

static int lint_draft(const struct lint_cert *draft, struct fault *f)
{
    char why[LINT_WHY];

    for (size_t t = 0; t < N_TABLES; t++) {
        for (size_t i = 0; i < tables[t]->n; i++) {
            const struct lint_rule *r = &tables[t]->rules[i];

            if (r->severity == LINT_ERROR && (r->whose & LINT_OURS) != 0 &&
                r->check(draft, why) != 0)
                return draft_is_wrong(r, why, f);
        }
    }
    return 0;
}

int lint_tbs(const struct cert *c, struct fault *f)
{
    struct lint_cert draft;

    lint_read(c->tbs, true, &draft);
    return lint_draft(&draft, f);
}

int lint_issued(const struct cert *c, struct slice issuer, struct fault *f)
{
    struct lint_cert draft, by;

    if (issuer.n == 0)
        return lint_tbs(c, f);
    lint_read(c->tbs, true, &draft);
    lint_read(issuer, false, &by);
    draft.by = by.unread == NULL ? &by : NULL;
    return lint_draft(&draft, f);
}

void lint_certificate(struct slice der, struct slice issuer, lint_found found, void *arg)
{
    struct lint_cert c, by;
    char why[LINT_WHY];
    size_t n = N_TABLES;

    lint_read(der, false, &c);
    if (issuer.n > 0) {
        lint_read(issuer, false, &by);
        c.by = by.unread == NULL ? &by : NULL;
    }
    /* What was not read breaks rules by being absent: only the first table, about DER, is right. */
    if (c.unread != NULL)
        n = 1;
    for (size_t t = 0; t < n; t++) {
        for (size_t i = 0; i < tables[t]->n; i++) {
            const struct lint_rule *r = &tables[t]->rules[i];

            if ((r->whose & LINT_OTHERS) != 0 && r->check(&c, why) != 0)
                found(arg, r, why);
        }
    }
}

void lint_chain(struct slice der, struct slice issuer, lint_found found, void *arg)
{
    struct lint_cert c, by;
    char why[LINT_WHY];

    lint_read(der, false, &c);
    lint_read(issuer, false, &by);
    if (c.unread != NULL || by.unread != NULL)
        return;
    c.by = &by;
    for (size_t i = 0; i < lint_chain_rules.n; i++) {
        const struct lint_rule *r = &lint_chain_rules.rules[i];

        if (r->check != lint_chain_signature && r->check(&c, why) != 0)
            found(arg, r, why);
    }
}

void lint_links(struct slice der, struct lint_links *out)
{
    struct lint_cert c;

    lint_read(der, false, &c);
    *out = (struct lint_links){c.serial, c.issuer, c.subject, c.aki, c.ski, c.spki};
}

bool lint_linked(const struct lint_links *of, const struct lint_links *by)
{
    return of->issuer.n > 0 && slice_eq(of->issuer, by->subject) &&
           (of->aki.n == 0 || by->ski.n == 0 || slice_eq(of->aki, by->ski));
}
