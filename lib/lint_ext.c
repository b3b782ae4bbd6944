/* Extensions in general, and the identifiers of keys (RFC 5280 4.2, 4.2.1.1, 4.2.1.2). */
#include "lib/der.h"
#include "lib/lint_cert.h"

#define KEY_ID_LEN 20

static int not_empty(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->has_extensions && c->n_exts == 0)
        return lint_why(why, "the list of extensions is empty");
    return 0;
}

static int twice(const struct lint_cert *c, char why[LINT_WHY])
{
    for (size_t i = 1; i < c->n_exts; i++)
        for (size_t k = 0; k < i; k++)
            if (slice_eq(c->ext[i].oid, c->ext[k].oid))
                return lint_why(why, "extension %zu is there twice", i + 1);
    return 0;
}

static int never_critical(const struct lint_cert *c, char why[LINT_WHY])
{
    static const struct {
        enum lint_ext_id id;
        const char *name;
    } never[] = {{X_AKI, "authorityKeyIdentifier"},     {X_SKI, "subjectKeyIdentifier"},
                 {X_SDA, "subjectDirectoryAttributes"}, {X_AIA, "authorityInfoAccess"},
                 {X_SIA, "subjectInfoAccess"},          {X_FRESHEST, "freshestCRL"},
                 {X_NO_REV_AVAIL, "noRevAvail"}};

    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        if (lint_critical(c, never[i].id))
            return lint_why(why, "%s must not be critical", never[i].name);
    return 0;
}

static int rather_not_critical(const struct lint_cert *c, char why[LINT_WHY])
{
    if (lint_critical(c, X_CRLDP))
        return lint_why(why, "cRLDistributionPoints should not be critical");
    if (lint_critical(c, X_IAN))
        return lint_why(why, "issuerAltName should not be critical");
    if (lint_critical(c, X_TLS_FEATURE))
        return lint_why(why, "the TLS feature extension should not be critical");
    return 0;
}

static int always_critical(const struct lint_cert *c, char why[LINT_WHY])
{
    static const struct {
        enum lint_ext_id id;
        const char *name;
    } always[] = {
        {X_NC, "nameConstraints"}, {X_PC, "policyConstraints"}, {X_IAP, "inhibitAnyPolicy"}};

    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        if (c->known[always[i].id] != NULL && !lint_critical(c, always[i].id))
            return lint_why(why, "%s must be critical", always[i].name);
    return 0;
}

/* A relying party that does not know a critical extension refuses the certificate. */
static int critical_unknown(const struct lint_cert *c, char why[LINT_WHY])
{
    for (size_t i = 0; i < c->n_exts; i++)
        if (c->ext[i].critical && c->ext[i].id == X_OTHER)
            return lint_why(why, "extension %zu is critical, and few will know it", i + 1);
    return 0;
}

static int critical_unknown_ours(const struct lint_cert *c, char why[LINT_WHY])
{
    return critical_unknown(c, why);
}

/* --- key identifiers ------------------------------------------------------------- */

static int ski_der(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice in, id;

    if (c->known[X_SKI] == NULL)
        return 0;
    in = c->known[X_SKI]->value;
    if (der_get(&in, DER_OCTET_STRING, &id) < 0 || !der_end(in) || id.n == 0)
        return lint_why(why, "subjectKeyIdentifier is no OCTET STRING, or an empty one");
    return 0;
}

static int ski_ca(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->ca && c->known[X_SKI] == NULL)
        return lint_why(why, "subjectKeyIdentifier is missing from a CA");
    return 0;
}

static int ski_leaf(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->has_extensions && !c->ca && c->known[X_SKI] == NULL)
        return lint_why(why, "subjectKeyIdentifier should be there");
    return 0;
}

static int ski_ours(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->ski.n == KEY_ID_LEN)
        return 0;
    return lint_why(why, "subjectKeyIdentifier is absent or not %d octets", KEY_ID_LEN);
}

static int aki_der(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice seq, v;

    if (c->known[X_AKI] == NULL)
        return 0;
    if (lint_list(c, X_AKI, &seq) < 0)
        return lint_why(why, "authorityKeyIdentifier is no SEQUENCE");
    if (der_peek(seq, DER_CONTEXT(0)) && (der_get(&seq, DER_CONTEXT(0), &v) < 0 || v.n == 0))
        return lint_why(why, "keyIdentifier is malformed or empty");
    if (der_peek(seq, DER_CONTEXT_CONSTRUCTED(1)) &&
        (der_get(&seq, DER_CONTEXT_CONSTRUCTED(1), &v) < 0 || lint_names_fault(v) != NULL))
        return lint_why(why, "authorityCertIssuer is malformed");
    if (der_peek(seq, DER_CONTEXT(2)) && (der_get(&seq, DER_CONTEXT(2), &v) < 0 || v.n == 0))
        return lint_why(why, "authorityCertSerialNumber is malformed");
    return der_end(seq) ? 0 : lint_why(why, "authorityKeyIdentifier has something else in it");
}

static int aki_present(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->known[X_AKI] != NULL || lint_self_issued(c) || !c->has_extensions)
        return 0;
    return lint_why(why, "authorityKeyIdentifier is absent");
}

static int aki_key_id(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->known[X_AKI] == NULL || c->aki.n > 0 || lint_self_issued(c))
        return 0;
    return lint_why(why, "authorityKeyIdentifier has no keyIdentifier");
}

static int aki_pair(const struct lint_cert *c, char why[LINT_WHY])
{
    if ((c->aki_issuer.n > 0) == (c->aki_serial.n > 0))
        return 0;
    return lint_why(why, "authorityCertIssuer and authorityCertSerialNumber go together");
}

/* In a CA's own certificate of itself both name the same key. */
static int aki_self(const struct lint_cert *c, char why[LINT_WHY])
{
    if (!lint_self_issued(c) || !c->ca || c->aki.n == 0 || c->ski.n == 0 ||
        slice_eq(c->aki, c->ski))
        return 0;
    return lint_why(why, "it is self-issued, but its two key identifiers differ");
}

static const struct lint_rule rules[] = {
    {"lint.extension.empty", "RFC 5280 4.1", LINT_ERROR, LINT_ALL, not_empty},
    {"lint.extension.twice", "RFC 5280 4.2", LINT_ERROR, LINT_ALL, twice},
    {"lint.extension.critical.never", "RFC 5280 4.2.1.1, 4.2.1.2, 4.2.1.8, 4.2.1.15, 4.2.2",
     LINT_ERROR, LINT_ALL, never_critical},
    {"lint.extension.critical.rather_not", "RFC 5280 4.2.1.7, 4.2.1.13; RFC 7633 4", LINT_WARNING,
     LINT_OTHERS, rather_not_critical},
    {"lint.extension.critical.always", "RFC 5280 4.2.1.10, 4.2.1.11, 4.2.1.14", LINT_ERROR,
     LINT_ALL, always_critical},
    {"lint.extension.critical.unknown", "RFC 5280 4.2", LINT_WARNING, LINT_OTHERS,
     critical_unknown},
    {"lint.extension.critical.ours", "RFC 5280 4.2", LINT_ERROR, LINT_OURS, critical_unknown_ours},
    {"lint.ski.der", "RFC 5280 4.2.1.2", LINT_ERROR, LINT_ALL, ski_der},
    {"lint.ski.ca", "RFC 5280 4.2.1.2", LINT_ERROR, LINT_ALL, ski_ca},
    {"lint.ski.leaf", "RFC 5280 4.2.1.2", LINT_NOTICE, LINT_OTHERS, ski_leaf},
    {"lint.ski.ours", "RFC 5280 4.2.1.2", LINT_ERROR, LINT_OURS, ski_ours},
    {"lint.aki.der", "RFC 5280 4.2.1.1", LINT_ERROR, LINT_ALL, aki_der},
    {"lint.aki", "RFC 5280 4.2.1.1", LINT_ERROR, LINT_ALL, aki_present},
    {"lint.aki.key_id", "RFC 5280 4.2.1.1", LINT_ERROR, LINT_ALL, aki_key_id},
    {"lint.aki.pair", "RFC 5280 4.2.1.1", LINT_ERROR, LINT_ALL, aki_pair},
    {"lint.aki.self", "RFC 5280 4.2.1.1", LINT_WARNING, LINT_OTHERS, aki_self},
};

const struct lint_table lint_ext_rules = {rules, sizeof(rules) / sizeof(rules[0])};
