#include "ca/observe/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/anycert.h"
#include "watch/rules/compare.h"

/* ---- the chain ---- */

static bool is_root(const struct anycert *c)
{
    return slice_eq(c->issuer, c->subject);
}

/* By names, and by key identifiers where both have one: who signed what is not asked here. */
static bool issued_by(const struct anycert *c, const struct anycert *by)
{
    return slice_eq(c->issuer, by->subject) &&
           (c->authority_key_id.n == 0 || by->subject_key_id.n == 0 ||
            slice_eq(c->authority_key_id, by->subject_key_id));
}

enum above { ABOVE_OTHERS, ABOVE_OUR_ROOT, ABOVE_OUR_SUB };

/* Whose certificate comes next. */
static enum above above(const struct authorities *all, const struct anycert *c)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct authority *a = &all->item[i];

        if (a->certificate.n > 0 && slice_eq(c->issuer, a->parsed.subject))
            return slice_eq(a->parsed.issuer, a->parsed.subject) ? ABOVE_OUR_ROOT : ABOVE_OUR_SUB;
    }
    return ABOVE_OTHERS;
}

/* The index of who issued `c` among those served; n: nobody. */
static size_t issuer_in(const struct anycert *chain, size_t n, const struct anycert *c)
{
    size_t i = 1;

    while (i < n && (&chain[i] == c || !issued_by(c, &chain[i])))
        i++;
    return i;
}

static uint32_t look_at_chain(const struct authorities *all, const struct anycert *chain, size_t n)
{
    uint32_t found = 0;
    size_t at = 0, steps = 0;

    if (is_root(&chain[0]))
        return COMPARE_BIT(COMPARE_SELF_SIGNED);
    while (steps < n && !is_root(&chain[at])) {
        size_t next = issuer_in(chain, n, &chain[at]);

        if (next == n)
            break;
        if (next != at + 1)
            found |= COMPARE_BIT(COMPARE_CHAIN_ORDER);
        at = next;
        steps++;
    }
    if (is_root(&chain[at]))
        return found;
    switch (above(all, &chain[at])) {
    case ABOVE_OUR_ROOT:
        return found;
    case ABOVE_OUR_SUB:
        break;
    case ABOVE_OTHERS: /* above an intermediate of others there may well be a root */
        if (at > 0)
            return found;
        break;
    }
    return found | COMPARE_BIT(n == 1 ? COMPARE_CHAIN_MISSING : COMPARE_CHAIN_INCOMPLETE);
}

/* ---- the name ---- */

/* RFC 9525 6.3: a wildcard is the whole leftmost label, and stands for one. */
static bool is_for(struct slice pattern, const char *name)
{
    const char *rest = name;

    if (pattern.n > 2 && pattern.p[0] == '*' && pattern.p[1] == '.') {
        rest = strchr(name, '.');
        if (rest == NULL || rest == name)
            return false;
        pattern = slice_of(pattern.p + 1, pattern.n - 1);
    }
    return strlen(rest) == pattern.n && strncasecmp(rest, (const char *)pattern.p, pattern.n) == 0;
}

static bool wrong_name(const struct anycert *c, const char *name)
{
    if (name[0] == '\0')
        return false;
    for (size_t i = 0; i < c->sans.n; i++)
        if (c->sans.item[i].kind == SAN_DNS && is_for(c->sans.item[i].value, name))
            return false;
    return true;
}

/* ---- all of it ---- */

static uint32_t look_at_offer(const struct scan_result *r)
{
    uint32_t found = 0;

    for (unsigned v = 0; v < TLS_VERSIONS; v++) {
        if ((r->offered & 1u << v) != 0 && tls_version_weak((enum tls_version)v))
            found |= COMPARE_BIT(COMPARE_WEAK_PROTOCOL);
        for (size_t i = 0; i < r->suites[v].n; i++)
            if (tls_suite_weak(r->suites[v].suite[i]))
                found |= COMPARE_BIT(COMPARE_WEAK_CIPHER);
    }
    if (r->has_chosen && tls_version_weak(r->version))
        found |= COMPARE_BIT(COMPARE_WEAK_PROTOCOL);
    if (r->has_chosen && tls_suite_weak(r->suite))
        found |= COMPARE_BIT(COMPARE_WEAK_CIPHER);
    return found;
}

static void take_target(const struct scan_result *r, struct observation *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->host, r->host, sizeof(out->host));
    memcpy(out->address, r->address, sizeof(out->address));
    out->port = r->port;
    out->starttls = r->starttls;
    memcpy(out->sni, r->sni, sizeof(out->sni));
    out->last = r->time;
    out->outcome = r->outcome;
    out->stage = r->stage;
    memcpy(out->detail, r->detail, sizeof(out->detail));
    out->has_alert = r->has_alert;
    out->alert = r->alert;
    out->offered = r->offered;
    out->has_chosen = r->has_chosen;
    out->version = r->has_chosen ? (uint8_t)r->version : 0;
    out->suite = r->has_chosen ? r->suite : 0;
    out->demands_client = r->demands_client;
    out->stapled = r->ocsp.n > 0;
    out->n_chain = r->n_chain;
    out->proved = r->proved || r->outcome == SCAN_SERVED || r->outcome == SCAN_LOGGED;
}

void look_take(const struct authorities *all, const struct scan_result *r, struct observation *out,
               struct slice *leaf)
{
    struct anycert *chain = xcalloc(SCAN_CHAIN_MAX, sizeof(*chain));
    struct fault ignored;
    size_t n = 0;

    take_target(r, out);
    *leaf = SLICE_NONE;
    while (n < r->n_chain && anycert_parse(r->chain[n], &chain[n], &ignored) == 0)
        n++;
    if (n > 0)
        *leaf = r->chain[0];
    if (n > 0 && r->outcome != SCAN_LOGGED) { /* no server shows that chain */
        out->flaws = look_at_offer(r) | look_at_chain(all, chain, n);
        if (wrong_name(&chain[0], r->sni))
            out->flaws |= COMPARE_BIT(COMPARE_WRONG_NAME);
    }
    free(chain);
}
