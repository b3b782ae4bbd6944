#include "ca/lifecycle/chain.h"

#include <stdio.h>

#include "lib/lint.h"

#define ISSUERS_MAX 16 /* of one name */

/* Roots sign themselves, and have no names of hosts. */
static bool is_host(const struct anycert *c)
{
    for (size_t i = 0; i < c->sans.n; i++)
        if (c->sans.item[i].kind == SAN_DNS || c->sans.item[i].kind == SAN_IP)
            return true;
    return false;
}

struct looking {
    struct slice der;
    int64_t now;
    struct cert_row *by;
    chain_found fn;
    void *arg;
};

static void on_rule(void *arg, const struct lint_rule *rule, const char *why)
{
    const struct looking *l = arg;
    char text[LINT_WHY + 64];

    (void)snprintf(text, sizeof(text), "%s: %s", rule->name, why);
    l->fn(l->arg, text);
}

/* Is l->by one that issued it, by name and key identifier? Its certificate is left in `der`. */
static bool is_issuer(const struct looking *l, struct buf *der)
{
    struct lint_links of, by;

    buf_reset(der);
    if (cert_row_der(l->by, der) != 0)
        return false;
    lint_links(l->der, &of);
    lint_links(buf_slice(der), &by);
    return lint_linked(&of, &by);
}

static bool is_good(const struct looking *l)
{
    return l->by->state == CERT_GOOD && l->now < l->by->not_after;
}

/* With a good issuer of that name what this one says of it counts, else why there is none. */
static void look_at_issuers(const struct looking *l, struct store *s, const struct cert_ref *ref,
                            size_t n)
{
    const char *bad = NULL;
    struct fault ignored;
    struct buf der;

    buf_init(&der, ANYCERT_MAX);
    for (size_t i = 0; i < n; i++) {
        if (store_get(s, &ref[i], l->by, &ignored) != 0 || !is_issuer(l, &der))
            continue;
        if (is_good(l)) {
            bad = NULL;
            lint_chain(l->der, buf_slice(&der), on_rule, (void *)(uintptr_t)l);
            break;
        }
        bad = l->by->state == CERT_GOOD ? "its issuer's certificate has ended"
                                        : "its issuer's certificate is revoked or on hold";
    }
    if (bad != NULL)
        l->fn(l->arg, bad);
    buf_free(&der);
}

void chain_look(struct store *s, struct slice der, const struct anycert *c, int64_t now,
                struct cert_row *room, chain_found fn, void *arg)
{
    const struct looking l = {.der = der, .now = now, .by = room, .fn = fn, .arg = arg};
    static const struct san_list none;
    uint8_t name[SAN_IDENTITY];
    struct cert_ref ref[ISSUERS_MAX];
    struct fault ignored;
    size_t n;

    if (slice_eq(c->issuer, c->subject)) {
        if (is_host(c))
            fn(arg, "it signed itself, so that no issuer vouches for it");
        return;
    }
    names_id(&none, c->issuer, name);
    if (store_same_names(s, name, false, ref, ISSUERS_MAX, &n, &ignored) == 0)
        look_at_issuers(&l, s, ref, n);
}
