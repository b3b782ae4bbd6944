#include "ca/signer/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/signer/guard_form.h"
#include "ca/signer/guard_profile.h"
#include "lib/clock.h"
#include "lib/oid.h"
#include "lib/profile.h"

/* notBefore is set back so that relying parties with a slow clock agree. The configuration's
 * cap on leaves contains that; its validity of a CA certificate does not. */
#define BACKDATE_MAX (24 * 3600)
#define CLOCK_SLACK 60 /* between cerca-ca's look at the clock and ours */
#define SUBJECT_MAX NAME_DER_MAX
#define FOLDED_MAX (2 * NAME_DER_MAX) /* BMPString grows by half */

static const struct slice *const extensions_allowed[] = {
    &oid_subject_key_id,    &oid_key_usage,        &oid_subject_alt_name,
    &oid_basic_constraints, &oid_name_constraints, &oid_crl_distribution_points,
    &oid_authority_key_id,  &oid_ext_key_usage,    &oid_authority_info_access,
    &oid_tls_feature,       &oid_no_rev_avail,     &oid_ocsp_no_check,
    &oid_ms_ca_security,    &oid_freshest_crl,
};

int guard_new(const struct conf *conf, struct guard *out, struct fault *f)
{
    int rc = 0;

    memset(out, 0, sizeof(*out));
    out->conf = conf;
    out->issuer = xcalloc(conf->n_issuers, sizeof(out->issuer[0]));
    for (size_t i = 0; i < conf->n_issuers && rc == 0; i++) {
        struct guard_issuer *g = &out->issuer[i];

        g->conf = &conf->issuers[i];
        buf_init(&g->subject, SUBJECT_MAX);
        buf_init(&g->folded, FOLDED_MAX);
        buf_init(&g->constraints, CONSTRAINTS_MAX);
        buf_init(&g->spki, CERT_MAX);
        rc = name_parse(g->conf->subject, &g->subject, f);
        if (rc == 0)
            rc = name_fold(buf_slice(&g->subject), &g->folded, f);
        if (rc == 0)
            rc = constraints_put(g->conf->permitted, g->conf->n_permitted, g->conf->excluded,
                                 g->conf->n_excluded, &g->constraints, f);
        out->n++;
    }
    if (rc != 0)
        guard_free(out);
    return rc;
}

void guard_free(struct guard *g)
{
    for (size_t i = 0; i < g->n; i++) {
        buf_free(&g->issuer[i].subject);
        buf_free(&g->issuer[i].folded);
        buf_free(&g->issuer[i].constraints);
        buf_free(&g->issuer[i].spki);
    }
    free(g->issuer);
    memset(g, 0, sizeof(*g));
}

int guard_set_key(struct guard_issuer *i, struct slice spki, unsigned long handle, struct fault *f)
{
    int rc;

    buf_reset(&i->spki);
    buf_put_slice(&i->spki, spki);
    rc = spki_parse(buf_slice(&i->spki), &i->key, f);
    if (rc != 0)
        return rc;
    spki_key_id(&i->key, i->key_id);
    spki_hash(&i->key, i->spki_hash);
    i->handle = handle;
    i->ours = true;
    return 0;
}

int guard_generation(const struct guard *g, const uint8_t generation[8], struct fault *f)
{
    if (memcmp(generation, g->conf->generation, 8) == 0)
        return 0;
    return fault_unavailable(f, 1, "signer.generation",
                             "the request was made under another configuration");
}

int guard_find(const struct guard *g, const char *name, const struct guard_issuer **out,
               struct fault *f)
{
    *out = NULL;
    for (size_t i = 0; i < g->n; i++) {
        if (strcmp(g->issuer[i].conf->name, name) != 0)
            continue;
        if (!g->issuer[i].ours)
            return fault_unavailable(f, 60, "signer.key", "issuer %s has no key in this token",
                                     name);
        *out = &g->issuer[i];
        return 0;
    }
    return fault_set(f, FAULT_NOT_FOUND, "signer.issuer", "no issuer %s here", name);
}

static int check_serial(const struct cert *c, struct fault *f)
{
    /* RFC 5280 4.1.2.2 allows 20; ours always have this form. */
    if (c->serial.n != SERIAL_LEN || (c->serial.p[0] & 0xc0) != 0x40)
        return fault_refuse(f, "signer.serial", "serialNumber", SLICE_NONE,
                            "16 octets with leading bits 01");
    return 0;
}

static int check_extensions(const struct cert *c, struct fault *f)
{
    size_t n = sizeof(extensions_allowed) / sizeof(extensions_allowed[0]);

    for (size_t i = 0; i < c->n_extensions; i++) {
        struct slice oid = c->extension[i].oid;
        size_t k = 0;

        while (k < n && !slice_eq(oid, *extensions_allowed[k]))
            k++;
        if (k == n)
            return fault_refuse(
                f, "signer.extension", "extensions", oid,
                "key identifiers, key usages, basic constraints, alternative "
                "names, name constraints, AIA, CRL distribution points, "
                "freshest CRL, TLS feature, noRevAvail, OCSP no check and the security identifier "
                "of Microsoft");
    }
    return 0;
}

/* Nothing begins further back than cerca-ca sets it back and keeps an intent open: who could
 * choose any past could have signed "then" with a key that was stolen since. */
static int check_validity(const struct cert *c, int64_t cap, int64_t oldest, int64_t now,
                          struct fault *f)
{
    char allowed[96], span[CLOCK_TEXT_SIZE];

    if (c->not_after >= c->not_before && c->not_after - c->not_before <= cap &&
        c->not_before <= now + CLOCK_SLACK && c->not_after <= now + cap && c->not_before >= oldest)
        return 0;
    clock_format_span(cap, span);
    (void)snprintf(allowed, sizeof(allowed), "at most %s, from now", span);
    return fault_refuse(f, "signer.validity", "validity", SLICE_NONE, allowed);
}

/* RFC 5280 4.2.1.1: keyIdentifier equals the issuer's subject key identifier;
 * only a self-signed certificate may do without. */
static int check_authority(const struct guard_issuer *by, const struct cert *c, bool self,
                           struct fault *f)
{
    if (self && c->authority_key_id.p == NULL)
        return 0;
    if (!slice_eq(c->authority_key_id, slice_of(by->key_id, sizeof(by->key_id))))
        return fault_refuse(f, "signer.authority", "authorityKeyIdentifier", SLICE_NONE,
                            "the identifier of this issuer's key");
    return 0;
}

static bool same_key(const struct guard_issuer *i, const struct cert *c)
{
    return i->ours && slice_eq(c->key.der, buf_slice(&i->spki));
}

/* A name that relying parties take for that of a CA, whatever its string types and case. */
static int check_subject(const struct guard *g, const struct cert *c, struct fault *f)
{
    struct buf folded;
    int rc;

    buf_init(&folded, FOLDED_MAX);
    rc = name_fold(c->subject, &folded, f);
    for (size_t i = 0; i < g->n && rc == 0; i++)
        if (slice_eq(buf_slice(&folded), buf_slice(&g->issuer[i].folded)))
            rc = fault_refuse(f, "signer.subject", "subject", slice_str(g->issuer[i].conf->name),
                              "a name that is no CA's");
    buf_free(&folded);
    return rc;
}

/* No certificate may pass a CA's key or name off as somebody else's. */
static int check_stranger(const struct guard *g, const struct cert *c, struct fault *f)
{
    for (size_t i = 0; i < g->n; i++)
        if (same_key(&g->issuer[i], c))
            return fault_refuse(f, "signer.spki", "subjectPublicKeyInfo",
                                slice_str(g->issuer[i].conf->name), "a key that is no CA's");
    return check_subject(g, c, f);
}

static int check_leaf(const struct guard *g, const struct guard_issuer *by, const struct cert *c,
                      const struct conf_profile **profile, struct fault *f)
{
    int rc;

    if (!by->conf->signs_leaves && (c->eku != EKU_OCSP_SIGNING || by->conf->ocsp_url[0] == '\0'))
        return fault_refuse(f, "signer.leaf", "basicConstraints", SLICE_NONE,
                            "CA certificates only, from this issuer, and OCSP responders where "
                            "it has an ocsp_url");
    /* It goes on saying what became of what it issued (RFC 6960 4.2.2.2). */
    if (by->conf->state == ISSUER_CRL_ONLY && c->eku != EKU_OCSP_SIGNING)
        return fault_refuse(f, "signer.state", "issuer", slice_str(by->conf->name),
                            "CRLs and OCSP responders only, from an issuer that is crl-only");
    /* RFC 5280 4.2.1.3 and 4.2.1.9: keyCertSign needs cA. */
    if ((c->key_usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0)
        return fault_refuse(f, "signer.leaf", "keyUsage", SLICE_NONE,
                            "neither keyCertSign nor cRLSign without cA");
    rc = check_stranger(g, c, f);
    /* RFC 6960 4.2.2.2: who has id-kp-OCSPSigning from a CA speaks for it, so above all no purpose
     * that was not configured. */
    return rc == 0 ? guard_profile(g->conf, by->conf, c, profile, f) : rc;
}

/* As its parent, or by a cross certificate that the configuration allows. */
static bool certifies(const struct conf_issuer *by, const struct conf_issuer *child)
{
    for (size_t i = 0; i < child->n_cross; i++)
        if (strcmp(child->cross[i], by->name) == 0)
            return true;
    return strcmp(child->parent, by->name) == 0;
}

/* The configured issuer that this CA certificate is for: its name, its parent,
 * and its key where we hold that. NULL when it is for none of them. */
static int find_child(const struct guard *g, const struct guard_issuer *by, const struct cert *c,
                      const struct guard_issuer **out, struct fault *f)
{
    *out = NULL;
    for (size_t i = 0; i < g->n; i++) {
        const struct guard_issuer *child = &g->issuer[i];

        if (!certifies(by->conf, child->conf) || !slice_eq(c->subject, buf_slice(&child->subject)))
            continue;
        if (child->ours && !same_key(child, c))
            return fault_refuse(f, "signer.spki", "subjectPublicKeyInfo",
                                slice_str(child->conf->name), "the key of that issuer");
        *out = child;
        break;
    }
    for (size_t i = 0; i < g->n && *out != NULL; i++)
        if (&g->issuer[i] != *out && same_key(&g->issuer[i], c) && !same_key(*out, c))
            return fault_refuse(f, "signer.spki", "subjectPublicKeyInfo",
                                slice_str(g->issuer[i].conf->name), "no other issuer's key");
    return 0;
}

/* RFC 5280 4.2.1.10: neither wider nor narrower than configured. */
static int check_constraints(const struct guard_issuer *child, const struct cert *c,
                             struct fault *f)
{
    const struct cert_extension *e = cert_find(c, oid_name_constraints);

    if (slice_eq(e != NULL ? e->value : SLICE_NONE, buf_slice(&child->constraints)))
        return 0;
    return fault_refuse(f, "signer.constraints", "nameConstraints", slice_str(child->conf->name),
                        "the configured name constraints");
}

/* A configured issuer's certificate has nothing that a profile could add. */
static int check_child(const struct guard_issuer *by, const struct guard_issuer *child,
                       const struct cert *c, struct fault *f)
{
    /* RFC 6960 4.2.2.2: with id-kp-OCSPSigning it would answer for its own issuer. */
    if (c->has_eku || c->must_staple || c->no_rev_avail || c->ocsp_no_check || c->sid.n > 0)
        return fault_refuse(f, "signer.ca", c->has_eku ? "extKeyUsage" : "extensions", SLICE_NONE,
                            "neither purposes nor statements about leaves with cA");
    if (c->tbs_alg != by->conf->alg)
        return fault_refuse(f, "signer.algorithm", "signature", slice_str(sig_alg_name(c->tbs_alg)),
                            sig_alg_name(by->conf->alg));
    if (child->conf->path_len >= 0 && (c->path_len < 0 || c->path_len > child->conf->path_len))
        return fault_refuse(f, "signer.path-length", "basicConstraints",
                            slice_str(child->conf->name), "the configured path length or less");
    return check_constraints(child, c, f);
}

static int check_ca(const struct guard *g, const struct guard_issuer *by, const struct cert *c,
                    const struct guard_issuer **child, const struct conf_profile **profile,
                    struct fault *f)
{
    bool self = slice_eq(c->subject, c->issuer);
    int rc;

    *child = NULL;
    /* A root signs itself whatever else it may sign. */
    if (!self && (!by->conf->signs_cas || by->conf->state == ISSUER_CRL_ONLY))
        return fault_refuse(f, "signer.ca", "basicConstraints", SLICE_NONE,
                            "no CA certificates from this issuer");
    if ((c->key_usage & KU_KEY_CERT_SIGN) == 0 ||
        (c->key_usage & ~(KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0)
        return fault_refuse(f, "signer.ca", "keyUsage", SLICE_NONE,
                            "keyCertSign with cA, and cRLSign besides");
    if (c->sans.n > 0)
        return fault_refuse(f, "signer.ca", "subjectAltName", SLICE_NONE,
                            "no alternative names with cA");
    rc = find_child(g, by, c, child, f);
    if (rc != 0 || *child != NULL)
        return rc != 0 ? rc : check_child(by, *child, c, f);
    /* Somebody else's CA, of a profile that makes them. */
    rc = check_stranger(g, c, f);
    return rc == 0 ? guard_profile(g->conf, by->conf, c, profile, f) : rc;
}

/* The most that a draft may be valid for. */
static int64_t longest(const struct guard_issuer *by, const struct guard_issuer *child,
                       const struct conf_profile *profile, const struct cert *c)
{
    if (child != NULL)
        return child->conf->validity + BACKDATE_MAX;
    /* fits_span has looked at it: only without an end is a certificate longer than that. */
    if (profile->no_expiry && c->not_after == PROFILE_NO_EXPIRY)
        return PROFILE_NO_EXPIRY;
    return profile->ca ? profile->validity_max + profile->backdate : by->conf->leaf_validity_max;
}

int guard_check(const struct guard *g, const struct guard_issuer *by, const struct cert *draft,
                int64_t now, struct fault *f)
{
    bool ca = draft->has_basic_constraints && draft->ca;
    int64_t oldest = now - BACKDATE_MAX - g->conf->intent_grace - CLOCK_SLACK;
    const struct guard_issuer *child = NULL;
    const struct conf_profile *profile = NULL;
    int rc;

    if (!slice_eq(draft->issuer, buf_slice(&by->subject)))
        return fault_refuse(f, "signer.issuer-name", "issuer", SLICE_NONE, by->conf->subject);
    if (!guard_profile_alg(g->conf, by->conf, draft->tbs_alg))
        return fault_refuse(f, "signer.algorithm", "signature",
                            slice_str(sig_alg_name(draft->tbs_alg)), sig_alg_name(by->conf->alg));
    rc = check_serial(draft, f);
    if (rc == 0)
        rc = check_extensions(draft, f);
    if (rc == 0)
        rc = ca ? check_ca(g, by, draft, &child, &profile, f)
                : check_leaf(g, by, draft, &profile, f);
    if (rc == 0)
        rc = check_authority(by, draft, child == by, f);
    if (rc == 0)
        rc = check_validity(draft, longest(by, child, profile, draft), oldest, now, f);
    return rc == 0 ? guard_form(by->conf, draft, child == by, f) : rc;
}
