/*
 * What one key of a profile or grant alone cannot show. Every refusal names the
 * line of the key to change.
 */
#include "lib/conf_schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/profile.h"
#include "lib/tbs.h"

#define REFERENCE "conf.reference"
#define ORDER "conf.order"

static int profile_refuse(const struct conf_reader *r, const struct conf_profile *p,
                          const char *key, const char *rule, struct fault *f, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* A built-in profile need not be in the file: then the line is that of "profiles", or 1. */
static int profile_refuse(const struct conf_reader *r, const struct conf_profile *p,
                          const char *key, const char *rule, struct fault *f, const char *fmt, ...)
{
    unsigned line = conf_line(r, "profiles", p->name, key);
    char text[200], field[64];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (line == 0)
        line = conf_line(r, "issuers", p->issuer, NULL);
    snprintf(field, sizeof(field), "profiles.%s", key);
    return conf_refuse(r, line == 0 ? 1 : line, rule, field, f, "profile \"%s\": %s: %s", p->name,
                       key, text);
}

/* ---- spans ---- */

static void fit(const struct conf_reader *r, struct conf_profile *p, const char *key, int64_t *span,
                int64_t most)
{
    if (*span > most && most >= 60 && !conf_says(r, "profiles", p->name, key))
        *span = most;
}

void conf_fit_profiles(const struct conf_reader *r)
{
    for (size_t i = 0; i < r->conf->n_profiles; i++) {
        struct conf_profile *p = &r->conf->profiles[i];
        const struct conf_issuer *issuer = conf_issuer(r->conf, p->issuer);

        if (issuer == NULL)
            continue;
        if (!p->ca)
            fit(r, p, "validity_max", &p->validity_max, issuer->leaf_validity_max - p->backdate);
        fit(r, p, "validity", &p->validity, p->validity_max);
    }
}

static int check_validity(const struct conf_reader *r, const struct conf_profile *p,
                          const struct conf_issuer *issuer, struct fault *f)
{
    char cap[CLOCK_TEXT_SIZE];

    if (p->validity > p->validity_max)
        return profile_refuse(r, p, "validity", ORDER, f, "is longer than validity_max");
    if (p->no_rev_avail > p->validity_max)
        return profile_refuse(r, p, "no_rev_avail", ORDER, f, "is longer than validity_max");
    /* The signer's cap is on the whole span of a certificate, which starts in the past. */
    if (!p->ca && p->validity_max + p->backdate > issuer->leaf_validity_max) {
        clock_format_span(issuer->leaf_validity_max, cap);
        return profile_refuse(r, p, "validity_max", ORDER, f,
                              "with backdate, is longer than %s, the leaf_validity_max of issuer "
                              "\"%s\"",
                              cap, issuer->name);
    }
    return 0;
}

/* ---- usages ---- */

static bool has_rsa(const struct conf_profile *p)
{
    for (size_t i = 0; i < p->n_key_types; i++)
        if (strncmp(p->key_types[i], "rsa", 3) == 0)
            return true;
    return false;
}

/* RFC 5280 4.2.1.3: at least one usage, for each type of key that is accepted. */
static int check_some_usage(const struct conf_reader *r, const struct conf_profile *p,
                            struct fault *f)
{
    enum key_type type;
    unsigned bits;

    for (size_t i = 0; i < p->n_key_types; i++)
        if (key_type_parse(p->key_types[i], &type, &bits) == 0 && profile_key_usage(p, type) == 0)
            return profile_refuse(r, p, type == KEY_RSA ? "ku_rsa" : "ku_ec", ORDER, f,
                                  "leaves no usage for %s keys%s", p->key_types[i],
                                  type == KEY_ED25519 ? ", which cannot agree (RFC 8410 5)" : "");
    return 0;
}

/* RFC 5480 3 and RFC 8410 5: EC keys cannot encipher keys or data. */
static int check_usage(const struct conf_reader *r, const struct conf_profile *p, struct fault *f)
{
    const uint16_t encipher = KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT;
    const uint16_t ca = KU_KEY_CERT_SIGN | KU_CRL_SIGN;

    /* RFC 5280 4.2.1.3: without cA neither; with it they are there by themselves. */
    if (p->ku_rsa & ca || p->ku_ec & ca)
        return profile_refuse(r, p, p->ku_rsa & ca ? "ku_rsa" : "ku_ec", ORDER, f,
                              "keyCertSign and cRLSign come with ca = true");
    if (p->ku_ec & encipher)
        return profile_refuse(r, p, "ku_ec", ORDER, f, "EC keys cannot encipher (RFC 5480 3)");
    /* RFC 3279 2.3.1 */
    if (has_rsa(p) && (p->ku_rsa & KU_KEY_AGREEMENT))
        return profile_refuse(r, p, "ku_rsa", ORDER, f, "RSA keys cannot agree (RFC 3279 2.3.1)");
    return check_some_usage(r, p, f);
}

static int check_purposes(const struct conf_reader *r, const struct conf_profile *p,
                          struct fault *f)
{
    if (p->eku == 0 && !p->ca)
        return profile_refuse(r, p, "eku", "conf.missing", f, "at least one purpose is needed");
    /* RFC 6960 4.2.2.2: who has it speaks for the CA; it must not come along with another use. */
    if ((p->eku & EKU_OCSP_SIGNING) != 0 && (p->eku != EKU_OCSP_SIGNING || p->ca))
        return profile_refuse(r, p, "eku", ORDER, f, "OCSPSigning must stand alone, and in no CA");
    if (p->ocsp_no_check && p->eku != EKU_OCSP_SIGNING)
        return profile_refuse(r, p, "ocsp_no_check", ORDER, f, "is for eku OCSPSigning alone");
    /* RFC 3161 2.3: critical, and the only one. */
    if ((p->eku & EKU_TIME_STAMPING) != 0 && (p->eku != EKU_TIME_STAMPING || !p->eku_critical))
        return profile_refuse(r, p, "eku", ORDER, f,
                              "timeStamping must stand alone, with eku_critical = true (RFC 3161 "
                              "2.3)");
    return 0;
}

/* ---- names ---- */

static int check_names(const struct conf_reader *r, const struct conf_profile *p, struct fault *f)
{
    if (p->san_required && p->san_kinds == 0)
        return profile_refuse(r, p, "san_required", ORDER, f, "but san_kinds accepts none");
    if ((p->san_required_kinds & ~p->san_kinds) != 0)
        return profile_refuse(r, p, "san_required_kinds", ORDER, f, "has a kind not in san_kinds");
    return 0;
}

/* ---- people ---- */

static int check_operators(const struct conf_reader *r, const struct conf_profile *p,
                           const char *key, char *const *names, size_t n, struct fault *f)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;

        while (k < r->conf->n_operators && strcmp(r->conf->operators[k].name, names[i]) != 0)
            k++;
        if (k == r->conf->n_operators)
            return profile_refuse(r, p, key, REFERENCE, f, "there is no operator \"%s\"", names[i]);
    }
    return 0;
}

static int check_people(const struct conf_reader *r, const struct conf_profile *p, struct fault *f)
{
    if (check_operators(r, p, "operators", p->operators, p->n_operators, f) != 0 ||
        check_operators(r, p, "approvers", p->approvers, p->n_approvers, f) != 0)
        return -(int)f->code;
    if (p->n_approvers > 0 && p->n_approvers < p->approvals)
        return profile_refuse(r, p, "approvers", ORDER, f, "are fewer than must approve");
    return 0;
}

/* ---- what goes into the certificate besides ---- */

static int check_extras(const struct conf_reader *r, const struct conf_profile *p,
                        const struct conf_issuer *issuer, struct fault *f)
{
    /* RFC 7633: nobody could staple. */
    if (p->must_staple && (issuer->ocsp_url[0] == '\0' || p->ca))
        return profile_refuse(r, p, "must_staple", ORDER, f,
                              "needs the ocsp_url of issuer \"%s\", and no CA", issuer->name);
    /* RFC 9608 4 */
    if (p->no_rev_avail > 0 && (p->must_staple || p->ocsp_no_check || p->ca))
        return profile_refuse(r, p, "no_rev_avail", ORDER, f,
                              "does not go with must_staple, ocsp_no_check or ca");
    if (!sig_alg_fits(sig_alg_with_hash(issuer->alg, p->hash), issuer->key_type))
        return profile_refuse(r, p, "hash", ORDER, f, "does not go with the key of issuer \"%s\"",
                              issuer->name);
    return 0;
}

static int check_issuer(const struct conf_reader *r, const struct conf_profile *p,
                        const struct conf_issuer *issuer, struct fault *f)
{
    if (issuer == NULL)
        return profile_refuse(r, p, "issuer", REFERENCE, f, "there is no issuer \"%s\"", p->issuer);
    if (!p->ca && !issuer->signs_leaves)
        return profile_refuse(r, p, "issuer", REFERENCE, f, "\"%s\" has no signs_leaves = true",
                              issuer->name);
    if (issuer->offline)
        return profile_refuse(r, p, "issuer", REFERENCE, f, "\"%s\" is offline", issuer->name);
    if (issuer->state == ISSUER_CRL_ONLY && p->eku != EKU_OCSP_SIGNING)
        return profile_refuse(r, p, "issuer", REFERENCE, f,
                              "\"%s\" is crl-only, and no issuer replaces it", issuer->name);
    if (!p->ca && p->n_permitted + p->n_excluded > 0)
        return profile_refuse(r, p, p->n_permitted > 0 ? "permitted" : "excluded", ORDER, f,
                              "name constraints are for CAs (RFC 5280 4.2.1.10)");
    if (!p->ca)
        return 0;
    if (!issuer->signs_cas)
        return profile_refuse(r, p, "issuer", REFERENCE, f, "\"%s\" has no signs_cas = true",
                              issuer->name);
    /* RFC 5280 4.2.1.9: the CA below leaves one less. */
    if (issuer->path_len == 0 || (issuer->path_len > 0 && p->path_len >= issuer->path_len))
        return profile_refuse(r, p, "path_len", ORDER, f,
                              "must be below that of issuer \"%s\", which is %d", issuer->name,
                              issuer->path_len);
    if (p->no_expiry || p->san_kinds != 0)
        return profile_refuse(r, p, p->no_expiry ? "no_expiry" : "san_kinds", ORDER, f,
                              "a CA has an end, and no alternative names");
    return 0;
}

static int check_profile(const struct conf_reader *r, const struct conf_profile *p, struct fault *f)
{
    const struct conf_issuer *issuer = conf_issuer(r->conf, p->issuer);
    int rc = check_issuer(r, p, issuer, f);

    if (rc == 0)
        rc = check_validity(r, p, issuer, f);
    if (rc == 0)
        rc = check_usage(r, p, f);
    if (rc == 0)
        rc = check_purposes(r, p, f);
    if (rc == 0)
        rc = check_names(r, p, f);
    if (rc == 0)
        rc = check_people(r, p, f);
    return rc == 0 ? check_extras(r, p, issuer, f) : rc;
}

/* ---- grants ---- */

static int grant_refuse(const struct conf_reader *r, const struct conf_grant *g, const char *key,
                        const char *what, const char *name, struct fault *f)
{
    char field[64];

    snprintf(field, sizeof(field), "grants.%s", key);
    return conf_refuse(r, conf_line(r, "grants", g->name, key), REFERENCE, field, f,
                       "grant \"%s\": %s: there is no %s \"%s\"", g->name, key, what, name);
}

static int check_grant(const struct conf_reader *r, const struct conf_grant *g, struct fault *f)
{
    size_t i = 0;

    while (i < r->conf->n_operators && strcmp(r->conf->operators[i].name, g->operator) != 0)
        i++;
    if (i == r->conf->n_operators)
        return grant_refuse(r, g, "operator", "operator", g->operator, f);
    for (i = 0; i < g->n_profiles; i++)
        if (conf_profile(r->conf, g->profiles[i]) == NULL &&
            !conf_profile_is_off(r->conf, g->profiles[i]))
            return grant_refuse(r, g, "profiles", "profile", g->profiles[i], f);
    return 0;
}

int conf_check_profiles(const struct conf_reader *r, struct fault *f)
{
    int rc = 0;

    for (size_t i = 0; i < r->conf->n_profiles && rc == 0; i++)
        rc = check_profile(r, &r->conf->profiles[i], f);
    for (size_t i = 0; i < r->conf->n_grants && rc == 0; i++)
        rc = check_grant(r, &r->conf->grants[i], f);
    return rc;
}
