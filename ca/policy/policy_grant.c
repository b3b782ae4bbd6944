/* Who may ask, and what single operators may ask for (the configuration's grants). */
#include <string.h>

#include "ca/policy/policy_run.h"

/* The name of the operator who asks; NULL when another door was used. */
static const char *operator_of(const struct policy_input *in)
{
    const char *prefix = "operator:";

    if (in->requester == NULL || strncmp(in->requester, prefix, strlen(prefix)) != 0)
        return NULL;
    return in->requester + strlen(prefix);
}

static bool listed(char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* The next grant of the requester from *at on; *any says that he has one at all, for whatever
 * profile. */
static const struct conf_grant *next_grant(const struct policy_input *in, size_t *at, bool *any)
{
    const char *name = operator_of(in);

    while (name != NULL && in->conf != NULL && *at < in->conf->n_grants) {
        const struct conf_grant *g = &in->conf->grants[(*at)++];

        if (strcmp(g->operator, name) != 0)
            continue;
        *any = true;
        if (g->n_profiles == 0 || listed(g->profiles, g->n_profiles, in->profile->name))
            return g;
    }
    return NULL;
}

/* Does it say anything about names, rather than leave them to the profile? */
static bool names_names(const struct conf_grant *g)
{
    return g->n_dns + g->n_ip + g->n_email + g->n_uri + g->n_upn > 0;
}

static bool has_name(const struct conf_grant *g, const struct san *s)
{
    size_t n;
    char *const *patterns = grant_patterns(g, s->kind, &n);

    if (profile_sid_of(s).n > 0)
        return g->sid;
    if (s->kind != SAN_UPN && !names_names(g))
        return true;
    return pattern_has_name(s, patterns, n);
}

static int deny(struct fault *f, const char *rule, const char *field, const char *value,
                const char *allowed)
{
    (void)fault_refuse(f, rule, field, slice_str(value), allowed);
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

int policy_requester(struct policy_run *r, struct fault *f)
{
    const struct conf_profile *p = r->in->profile;
    const char *name = operator_of(r->in);
    bool any = false;
    size_t at = 0;

    if (p->n_operators > 0 && (name == NULL || !listed(p->operators, p->n_operators, name))) {
        (void)fault_refuse(f, "requester.operator", "requester",
                           slice_str(r->in->requester != NULL ? r->in->requester : ""),
                           "the operators of the profile");
    } else if (next_grant(r->in, &at, &any) == NULL && any) {
        (void)fault_refuse(f, "grant.profile", "profile", slice_str(p->name),
                           "the profiles of the grants of this operator");
    } else {
        return 0;
    }
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

int policy_grant_name(const struct policy_input *in, const struct san *s, struct fault *f)
{
    const struct conf_grant *g;
    bool any = false;
    size_t at = 0;

    while ((g = next_grant(in, &at, &any)) != NULL)
        if (has_name(g, s))
            return 0;
    if (!any)
        return 0;
    (void)policy_refuse_name("grant.name", s, "the names of the grants of this operator", f);
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

bool policy_grant_vouches(const struct policy_input *in, const struct san *s)
{
    const struct conf_grant *g;
    bool any = false;
    size_t at = 0;

    while ((g = next_grant(in, &at, &any)) != NULL)
        if (has_name(g, s))
            return true;
    return false;
}

bool policy_names_bound(const struct policy_input *in)
{
    const struct conf_grant *g;
    bool any = false;
    size_t at = 0;

    if (in->authorisation != NULL && in->authorisation->names != NULL)
        return !in->authorisation->subject;
    while ((g = next_grant(in, &at, &any)) != NULL)
        if (!names_names(g))
            return false;
    return any;
}

int policy_approver(const struct conf *conf, const struct conf_profile *p, const char *requester,
                    enum conf_role role, const struct san_list *names, struct fault *f)
{
    const struct policy_input in = {.conf = conf, .profile = p, .requester = requester};
    enum conf_role least = p->role > ROLE_OPERATOR ? p->role : ROLE_OPERATOR;
    const char *name = operator_of(&in);
    bool any = false;
    size_t at = 0;

    if (name == NULL || role < least)
        return deny(f, "approver.role", "approver", requester, conf_role_name(least));
    if (p->n_approvers > 0 && !listed(p->approvers, p->n_approvers, name))
        return deny(f, "approver.operator", "approver", requester, "the approvers of the profile");
    if (next_grant(&in, &at, &any) == NULL && any)
        return deny(f, "grant.profile", "profile", p->name,
                    "the profiles of the grants of this operator");
    for (size_t i = 0; i < names->n; i++)
        if (policy_grant_name(&in, &names->item[i], f) != 0)
            return -(int)f->code;
    return 0;
}

/* What a profile would allow says nothing about a certificate that no profile made. */
static bool covers_profile(const struct conf_grant *g, const char *profile)
{
    if (profile == NULL)
        return names_names(g);
    return g->n_profiles == 0 || listed(g->profiles, g->n_profiles, profile);
}

/* Has `who` a grant for this? */
static bool covered(const struct conf *conf, const char *who, const char *profile,
                    const struct san *s)
{
    for (size_t i = 0; i < conf->n_grants; i++) {
        const struct conf_grant *g = &conf->grants[i];

        if (strcmp(g->operator, who) == 0 && covers_profile(g, profile) &&
            (s == NULL || has_name(g, s)))
            return true;
    }
    return false;
}

/* Has `who` a grant for this that says nothing of names? */
static bool unbound(const struct conf *conf, const char *who, const char *profile)
{
    for (size_t i = 0; i < conf->n_grants; i++) {
        const struct conf_grant *g = &conf->grants[i];

        if (strcmp(g->operator, who) == 0 && covers_profile(g, profile) && !names_names(g))
            return true;
    }
    return false;
}

int policy_grants_cover(const struct conf *conf, const char *requester, const char *profile,
                        const struct san_list *sans, struct fault *f)
{
    const struct policy_input in = {.requester = requester};
    const char *who = operator_of(&in);
    bool any = false;

    for (size_t i = 0; who != NULL && i < conf->n_grants; i++)
        any = any || strcmp(conf->grants[i].operator, who) == 0;
    if (!any)
        return 0;
    if (!covered(conf, who, profile, NULL))
        return deny(f, "grant.profile", "profile", profile != NULL ? profile : "none",
                    "the profiles of the grants of this operator");
    if (sans->n == 0 && !unbound(conf, who, profile))
        return deny(f, "grant.name", "names", "none", "the names of the grants of this operator");
    for (size_t i = 0; i < sans->n; i++) {
        if (covered(conf, who, profile, &sans->item[i]))
            continue;
        (void)policy_refuse_name("grant.name", &sans->item[i],
                                 "the names of the grants of this operator", f);
        f->code = FAULT_DENIED;
        return -FAULT_DENIED;
    }
    return 0;
}
