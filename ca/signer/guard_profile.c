#include "ca/signer/guard_profile.h"

#include <string.h>

#include "lib/constraints.h"
#include "lib/oid.h"
#include "lib/profile.h"

static bool fits_usage(const struct conf_profile *p, const struct cert *c)
{
    const struct cert_extension *eku = cert_find(c, oid_ext_key_usage);

    return c->key_usage == profile_key_usage(p, c->key.type) && c->eku == p->eku &&
           (eku == NULL || eku->critical == p->eku_critical) && profile_has_key(p, &c->key) &&
           c->ca == p->ca && (!p->ca || c->path_len == p->path_len);
}

/* The name patterns too: they are part of what this profile can give out. */
static bool fits_names(const struct conf_profile *p, const struct cert *c)
{
    uint32_t missing = p->san_required_kinds;

    for (size_t i = 0; i < c->sans.n; i++) {
        if (profile_refuses_name(p, &c->sans.item[i]) != NULL)
            return false;
        missing &= ~(1u << c->sans.item[i].kind);
    }
    return missing == 0 && (c->sans.n <= p->san_max || p->ca) &&
           (c->sans.n > 0 || !p->san_required);
}

static bool fits_extras(const struct conf_profile *p, const struct cert *c)
{
    return c->must_staple == p->must_staple && c->ocsp_no_check == p->ocsp_no_check &&
           c->no_rev_avail == profile_no_rev_avail(p, c->not_before, c->not_after) &&
           (c->sid.n == 0 || ((p->sid & SID_EXTENSION) != 0 && ext_sid_valid(c->sid)));
}

/* RFC 5280 4.2.1.10: neither wider nor narrower than configured. */
static bool fits_constraints(const struct conf_profile *p, const struct cert *c)
{
    const struct cert_extension *e = cert_find(c, oid_name_constraints);
    struct fault ignored;
    struct buf own;
    bool same;

    if (p->n_permitted + p->n_excluded == 0)
        return e == NULL;
    buf_init(&own, CONSTRAINTS_MAX);
    same = e != NULL &&
           constraints_put(p->permitted, p->n_permitted, p->excluded, p->n_excluded, &own,
                           &ignored) == 0 &&
           slice_eq(e->value, buf_slice(&own));
    buf_free(&own);
    return same;
}

/* RFC 5280 4.1.2.5: the last second that can be written means no known end. */
static bool fits_span(const struct conf_profile *p, const struct cert *c)
{
    return c->not_after - c->not_before <= p->validity_max + p->backdate ||
           (p->no_expiry && c->not_after == PROFILE_NO_EXPIRY);
}

int guard_profile(const struct conf *conf, const struct conf_issuer *by, const struct cert *draft,
                  const struct conf_profile **out, struct fault *f)
{
    *out = NULL;
    for (size_t i = 0; i < conf->n_profiles; i++) {
        const struct conf_profile *p = &conf->profiles[i];

        if ((strcmp(p->issuer, by->name) != 0 && !profile_is_delegate(p, by)) ||
            draft->tbs_alg != profile_alg(p, by) || !fits_usage(p, draft) ||
            !fits_names(p, draft) || !fits_extras(p, draft) || !fits_constraints(p, draft) ||
            !fits_span(p, draft))
            continue;
        *out = p;
        return 0;
    }
    return fault_refuse(f, "signer.profile", "extKeyUsage", SLICE_NONE,
                        "purposes, key usage, key, names, hash, validity and extensions of one "
                        "profile of this issuer");
}

bool guard_profile_alg(const struct conf *conf, const struct conf_issuer *by, enum sig_alg alg)
{
    bool found = alg == by->alg;

    for (size_t i = 0; i < conf->n_profiles && !found; i++)
        found = (strcmp(conf->profiles[i].issuer, by->name) == 0 ||
                 profile_is_delegate(&conf->profiles[i], by)) &&
                alg == profile_alg(&conf->profiles[i], by);
    return found;
}
