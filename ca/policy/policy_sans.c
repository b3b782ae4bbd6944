/*
 * The names of a certificate: those of the CSR, of the request and of the
 * authorisation, each looked at on its own. Identities that directories trust
 * (UPN, Microsoft security identifier) are never taken from a CSR.
 */
#include <stdio.h>
#include <string.h>

#include "ca/policy/policy_run.h"

/* Who says a name. */
enum source { FROM_CSR, FROM_REQUEST, FROM_AUTHORISATION };

static bool is_directory_identity(const struct san *s)
{
    return s->kind == SAN_UPN || profile_sid_of(s).n > 0;
}

static int check_source(const struct policy_run *r, const struct san *s, enum source from,
                        struct fault *f)
{
    if (!is_directory_identity(s) || from == FROM_AUTHORISATION ||
        (from == FROM_REQUEST && policy_grant_vouches(r->in, s)))
        return 0;
    return policy_refuse_name(s->kind == SAN_UPN ? "san.upn.source" : "san.sid.source", s,
                              "an authorisation, or an operator whose grant says so", f);
}

/* A bearer may have fewer names than the profile allows, never more. */
static int check_authorised(const struct policy_input *in, const struct san *s, struct fault *f)
{
    const struct policy_authorisation *a = in->authorisation;

    if (a == NULL || a->names == NULL || san_list_has(a->names, s))
        return 0;
    return policy_refuse_name("authorisation.name", s, "the names of the authorisation", f);
}

/* ---- security identifiers ---- */

/* The extension and the URI, as the profile has them; the URI is the profile's own form. */
static int set_sid(struct policy_run *r, struct slice sid, struct fault *f)
{
    const struct conf_profile *p = r->in->profile;
    struct decision *d = r->d;
    struct san uri = {SAN_URI, SLICE_NONE};

    if (!ext_sid_valid(sid))
        return fault_refuse(f, "san.sid", "sid", sid, "S-1- and decimal numbers");
    if (p->sid == SID_NONE)
        return fault_refuse(f, "san.sid", "sid", sid, "no security identifier in this profile");
    if (d->sid_uri[0] != '\0' && !slice_is(sid, d->sid_uri + strlen(PROFILE_SID_URI)))
        return fault_refuse(f, "san.sid", "sid", sid, "one security identifier");
    (void)snprintf(d->sid_uri, sizeof(d->sid_uri), "%s%.*s", PROFILE_SID_URI, (int)sid.n,
                   (const char *)sid.p);
    if ((p->sid & SID_EXTENSION) != 0)
        d->sid = slice_str(d->sid_uri + strlen(PROFILE_SID_URI));
    uri.value = slice_str(d->sid_uri);
    return (p->sid & SID_URI) != 0 ? san_list_add(&d->sans, &uri, f) : 0;
}

/* ---- names ---- */

static int check_name(const struct policy_run *r, const struct san *s, enum source from,
                      struct fault *f)
{
    if (check_source(r, s, from, f) != 0)
        return -(int)f->code;
    if (profile_sid_of(s).n == 0 && policy_name(r->in->profile, s, f) != 0)
        return -(int)f->code;
    if (from != FROM_AUTHORISATION && check_authorised(r->in, s, f) != 0)
        return -(int)f->code;
    return policy_grant_name(r->in, s, f);
}

static int add_name(struct policy_run *r, const struct san *s, enum source from, struct fault *f)
{
    int rc = check_name(r, s, from, f);

    if (rc != 0 && from == FROM_CSR && (r->in->profile->drop & DROP_SAN) != 0) {
        fault_clear(f);
        return 0;
    }
    if (rc == 0 && profile_sid_of(s).n > 0)
        return set_sid(r, profile_sid_of(s), f);
    /* A refused one is kept when more refusals are looked for, so that what is compared with the
     * names is not refused for its sake. */
    if (rc != 0 && !policy_goes_on(r, f))
        return rc;
    return san_list_add(&r->d->sans, s, f);
}

static int add_list(struct policy_run *r, const struct san_list *l, enum source from,
                    struct fault *f)
{
    for (size_t i = 0; i < l->n; i++)
        if (add_name(r, &l->item[i], from, f) != 0 && !policy_goes_on(r, f))
            return -(int)f->code;
    return 0;
}

static int add_authorised(struct policy_run *r, struct fault *f)
{
    const struct policy_authorisation *a = r->in->authorisation;
    struct san upn, sid;

    if (a != NULL && a->upn != NULL && a->upn[0] != '\0') {
        upn = (struct san){SAN_UPN, slice_str(a->upn)};
        if (add_name(r, &upn, FROM_AUTHORISATION, f) != 0)
            return -(int)f->code;
    }
    if (a == NULL || a->sid == NULL || a->sid[0] == '\0')
        return 0;
    if (set_sid(r, slice_str(a->sid), f) != 0)
        return -(int)f->code;
    sid = (struct san){SAN_URI, slice_str(r->d->sid_uri)};
    return policy_grant_name(r->in, &sid, f);
}

/* ---- how many, and which there must be ---- */

static int check_kinds(const struct policy_run *r, struct fault *f)
{
    uint32_t missing = r->in->profile->san_required_kinds;

    for (size_t i = 0; i < r->d->sans.n; i++)
        missing &= ~(1u << r->d->sans.item[i].kind);
    for (unsigned k = SAN_DNS; k <= SAN_KIND_MAX; k++)
        if ((missing & (1u << k)) != 0)
            return fault_refuse(f, "san.required.kind", "san", SLICE_NONE,
                                san_kind_name((enum san_kind)k));
    return 0;
}

static int check_count(const struct policy_run *r, struct fault *f)
{
    const struct conf_profile *p = r->in->profile;
    char count[24], allowed[32];

    if (r->d->sans.n == 0 && p->san_required)
        return fault_refuse(f, "san.required", "san", SLICE_NONE,
                            "at least one subject alternative name");
    if (r->d->sans.n <= p->san_max)
        return check_kinds(r, f);
    (void)snprintf(count, sizeof(count), "%zu", r->d->sans.n);
    (void)snprintf(allowed, sizeof(allowed), "at most %zu", p->san_max);
    return fault_refuse(f, "san.count", "san", slice_str(count), allowed);
}

int policy_sans(struct policy_run *r, struct fault *f)
{
    if (add_list(r, &r->in->csr->sans, FROM_CSR, f) != 0 ||
        add_list(r, &r->in->request->sans, FROM_REQUEST, f) != 0)
        return -(int)f->code;
    if (add_authorised(r, f) != 0 && !policy_goes_on(r, f))
        return -(int)f->code;
    return check_count(r, f);
}
