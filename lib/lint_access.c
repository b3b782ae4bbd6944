/* Where more is found, and what is said about revocation: AIA, SIA, CRL distribution points
 * (RFC 5280 4.2.1.13, 4.2.1.15, 4.2.2), TLS features (RFC 7633), noRevAvail (RFC 9608). */
#include <string.h>
#include <strings.h>

#include "lib/der.h"
#include "lib/lint_cert.h"
#include "lib/oid.h"

static bool begins(struct slice v, const char *scheme)
{
    size_t n = strlen(scheme);

    return v.n > n && strncasecmp((const char *)v.p, scheme, n) == 0;
}

/* --- access descriptions ---------------------------------------------------------- */

static int access_der(const struct lint_cert *c, enum lint_ext_id id, const char *name,
                      char why[LINT_WHY])
{
    struct slice list, method, place;
    uint8_t tag;

    if (c->known[id] == NULL)
        return 0;
    if (lint_list(c, id, &list) < 0 || der_end(list))
        return lint_why(why, "%s is empty or no SEQUENCE", name);
    while (ext_access_next(&list, &method, &tag, &place))
        if (tag == EXT_ACCESS_URI && lint_uri_fault(place) != NULL)
            return lint_why(why, "%s: %s", name, lint_uri_fault(place));
    return der_end(list) ? 0 : lint_why(why, "%s has something else in it", name);
}

static int aia_der(const struct lint_cert *c, char why[LINT_WHY])
{
    return access_der(c, X_AIA, "authorityInfoAccess", why);
}

static int sia_der(const struct lint_cert *c, char why[LINT_WHY])
{
    return access_der(c, X_SIA, "subjectInfoAccess", why);
}

/* OCSP and issuers are found at a URI with http (or ldap, for certificates): anything that needs a
 * certificate itself, such as https, may go round in circles. */
static int aia_scheme(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice list, method, place;
    uint8_t tag;

    if (lint_list(c, X_AIA, &list) < 0)
        return 0;
    while (ext_access_next(&list, &method, &tag, &place)) {
        bool ocsp = slice_eq(method, oid_ad_ocsp);

        if (!ocsp && !slice_eq(method, oid_ad_ca_issuers))
            continue;
        if (tag != EXT_ACCESS_URI ||
            !(begins(place, "http://") || (!ocsp && begins(place, "ldap://"))))
            return lint_why(why, "%s is not at an http URI", ocsp ? "OCSP" : "the issuer");
    }
    return 0;
}

static int aia_ours(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice list, method, place;
    uint8_t tag;

    if (lint_list(c, X_AIA, &list) < 0)
        return 0;
    while (ext_access_next(&list, &method, &tag, &place))
        if (tag != EXT_ACCESS_URI || !begins(place, "http://"))
            return lint_why(why, "authorityInfoAccess has something other than an http URI");
    return 0;
}

/* --- distribution points ------------------------------------------------------------ */

struct point {
    bool has_name, has_issuer, has_reasons;
    struct slice full; /* GeneralNames of fullName, or empty */
};

static int get_point(struct slice *list, struct point *p)
{
    struct slice seq, v;

    *p = (struct point){.full = SLICE_NONE};
    if (der_get(list, DER_SEQUENCE, &seq) < 0)
        return -1;
    if (der_peek(seq, DER_CONTEXT_CONSTRUCTED(0))) {
        p->has_name = true;
        if (der_get(&seq, DER_CONTEXT_CONSTRUCTED(0), &v) < 0)
            return -1;
        if (der_peek(v, DER_CONTEXT_CONSTRUCTED(0)) &&
            (der_get(&v, DER_CONTEXT_CONSTRUCTED(0), &p->full) < 0 || !der_end(v) ||
             lint_names_fault(p->full) != NULL))
            return -1;
    }
    if (der_peek(seq, DER_CONTEXT(1))) {
        p->has_reasons = true;
        if (der_get(&seq, DER_CONTEXT(1), &v) < 0)
            return -1;
    }
    if (der_peek(seq, DER_CONTEXT_CONSTRUCTED(2))) {
        p->has_issuer = true;
        if (der_get(&seq, DER_CONTEXT_CONSTRUCTED(2), &v) < 0 || lint_names_fault(v) != NULL)
            return -1;
    }
    return der_end(seq) ? 0 : -1;
}

static int points_der(const struct lint_cert *c, enum lint_ext_id id, char why[LINT_WHY])
{
    struct slice list;
    struct point p;

    if (c->known[id] == NULL)
        return 0;
    if (lint_list(c, id, &list) < 0 || der_end(list))
        return lint_why(why, "the list of distribution points is empty or no SEQUENCE");
    while (!der_end(list)) {
        if (get_point(&list, &p) < 0)
            return lint_why(why, "a malformed distribution point");
        if (!p.has_name && !p.has_issuer)
            return lint_why(why, "a distribution point with neither a name nor a CRL issuer");
    }
    return 0;
}

static int crldp_der(const struct lint_cert *c, char why[LINT_WHY])
{
    return points_der(c, X_CRLDP, why);
}

static int freshest_der(const struct lint_cert *c, char why[LINT_WHY])
{
    return points_der(c, X_FRESHEST, why);
}

/* Looks for the names of all points. `found` counts those with one of the schemes. */
static bool each_place(struct slice list, const char *a, const char *b, bool *all)
{
    struct slice v;
    struct point p;
    uint8_t tag;
    bool found = false;

    *all = true;
    while (!der_end(list) && get_point(&list, &p) == 0) {
        if (p.full.n == 0)
            *all = false;
        while (lint_name_next(&p.full, &tag, &v)) {
            bool good = tag == EXT_ACCESS_URI && (begins(v, a) || begins(v, b)) &&
                        lint_uri_fault(v) == NULL;

            found = found || good;
            *all = *all && good;
        }
    }
    return found;
}

static int crldp_scheme(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice list;
    bool all;

    if (lint_list(c, X_CRLDP, &list) < 0 || each_place(list, "http://", "ldap://", &all))
        return 0;
    return lint_why(why, "no distribution point is at an http or ldap URI");
}

static int points_ours(const struct lint_cert *c, enum lint_ext_id id, const char *name,
                       char why[LINT_WHY])
{
    struct slice list;
    bool all;

    if (lint_list(c, id, &list) < 0)
        return 0;
    (void)each_place(list, "http://", "http://", &all);
    return all ? 0 : lint_why(why, "%s has something other than http URIs", name);
}

static int crldp_ours(const struct lint_cert *c, char why[LINT_WHY])
{
    return points_ours(c, X_CRLDP, "cRLDistributionPoints", why);
}

static int freshest_ours(const struct lint_cert *c, char why[LINT_WHY])
{
    return points_ours(c, X_FRESHEST, "freshestCRL", why);
}

static int crldp_reasons(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice list;
    struct point p;

    if (lint_list(c, X_CRLDP, &list) < 0)
        return 0;
    while (!der_end(list) && get_point(&list, &p) == 0)
        if (p.has_reasons)
            return lint_why(why, "CRLs should not be segmented by reason");
    return 0;
}

/* --- TLS features, subject directory attributes, no revocation ------------------------ */

static int tls_feature(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice list;
    uint64_t feature;

    if (c->known[X_TLS_FEATURE] == NULL)
        return 0;
    if (lint_list(c, X_TLS_FEATURE, &list) < 0 || der_end(list))
        return lint_why(why, "the TLS features are empty or no SEQUENCE");
    while (!der_end(list))
        if (der_get_u64(&list, &feature) < 0 || feature > 65535)
            return lint_why(why, "a TLS feature is no number of a TLS extension");
    return 0;
}

static int sda_der(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice list;

    if (c->known[X_SDA] == NULL)
        return 0;
    if (lint_list(c, X_SDA, &list) < 0 || der_end(list))
        return lint_why(why, "subjectDirectoryAttributes is empty or no SEQUENCE");
    return 0;
}

static int no_rev_value(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice in;

    if (c->known[X_NO_REV_AVAIL] == NULL)
        return 0;
    in = c->known[X_NO_REV_AVAIL]->value;
    return der_get_null(&in) == 0 && der_end(in) ? 0 : lint_why(why, "its value must be NULL");
}

static int no_rev_place(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->known[X_NO_REV_AVAIL] != NULL && c->ca)
        return lint_why(why, "noRevAvail is for end entities only");
    return 0;
}

static int no_rev_contradicts(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice list, method, place;
    uint8_t tag;

    if (c->known[X_NO_REV_AVAIL] == NULL)
        return 0;
    if (c->known[X_CRLDP] != NULL || c->known[X_FRESHEST] != NULL)
        return lint_why(why, "noRevAvail, but there is a CRL distribution point");
    if (lint_list(c, X_AIA, &list) == 0)
        while (ext_access_next(&list, &method, &tag, &place))
            if (slice_eq(method, oid_ad_ocsp))
                return lint_why(why, "noRevAvail, but there is an OCSP responder");
    return 0;
}

static const struct lint_rule rules[] = {
    {"lint.aia.der", "RFC 5280 4.2.2.1", LINT_ERROR, LINT_ALL, aia_der},
    {"lint.aia.scheme", "RFC 5280 4.2.2.1, 8; RFC 6960 A.1", LINT_WARNING, LINT_OTHERS, aia_scheme},
    {"lint.aia.ours", "RFC 5280 4.2.2.1", LINT_ERROR, LINT_OURS, aia_ours},
    {"lint.sia.der", "RFC 5280 4.2.2.2", LINT_ERROR, LINT_ALL, sia_der},
    {"lint.crldp.der", "RFC 5280 4.2.1.13", LINT_ERROR, LINT_ALL, crldp_der},
    {"lint.crldp.scheme", "RFC 5280 4.2.1.13, 8", LINT_WARNING, LINT_OTHERS, crldp_scheme},
    {"lint.crldp.ours", "RFC 5280 4.2.1.13", LINT_ERROR, LINT_OURS, crldp_ours},
    {"lint.crldp.reasons", "RFC 5280 4.2.1.13", LINT_WARNING, LINT_ALL, crldp_reasons},
    {"lint.freshest.der", "RFC 5280 4.2.1.15", LINT_ERROR, LINT_ALL, freshest_der},
    {"lint.freshest.ours", "RFC 5280 4.2.1.15", LINT_ERROR, LINT_OURS, freshest_ours},
    {"lint.tls_feature", "RFC 7633 4", LINT_ERROR, LINT_ALL, tls_feature},
    {"lint.sda.der", "RFC 5280 4.2.1.8", LINT_ERROR, LINT_ALL, sda_der},
    {"lint.no_rev_avail.value", "RFC 9608 2", LINT_ERROR, LINT_ALL, no_rev_value},
    {"lint.no_rev_avail.place", "RFC 9608 2", LINT_ERROR, LINT_ALL, no_rev_place},
    {"lint.no_rev_avail", "RFC 9608 3", LINT_ERROR, LINT_ALL, no_rev_contradicts},
};

const struct lint_table lint_access_rules = {rules, sizeof(rules) / sizeof(rules[0])};
