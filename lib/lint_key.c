/* The subject's public key (RFC 5280 4.1.2.7), and the rules for every key of lib/keycheck.h. */
#include <string.h>

#include "lib/der.h"
#include "lib/keycheck.h"
#include "lib/lint_cert.h"
#include "lib/oid.h"

#define RSA_BITS_LEAST 2048

static bool refused_by(const struct lint_cert *c, const char *rule)
{
    return c->key.type == KEY_NONE && strcmp(c->key_fault.rule, rule) == 0;
}

static int well_formed(const struct lint_cert *c, char why[LINT_WHY])
{
    if (!refused_by(c, "key.spki"))
        return 0;
    return lint_why(why, "%.120s", c->key_fault.text);
}

static int is_known(const struct lint_cert *c, char why[LINT_WHY])
{
    if (!refused_by(c, "key.algorithm") && !refused_by(c, "key.curve"))
        return 0;
    return lint_why(why, "a key other than RSA, P-256, P-384, P-521 and Ed25519");
}

static int point(const struct lint_cert *c, char why[LINT_WHY])
{
    if (!refused_by(c, "key.point"))
        return 0;
    return lint_why(why, "%.120s", c->key_fault.text);
}

/* X25519, X448, Ed25519 and Ed448 are 1.3.101.110 to 113. */
static bool modern_curve(struct slice oid)
{
    return oid.n == 3 && oid.p[0] == 0x2b && oid.p[1] == 0x65 && oid.p[2] >= 110 && oid.p[2] <= 113;
}

static int params(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice in = c->key_params, oid;

    if (slice_eq(c->key_oid, oid_rsa_encryption) && (der_get_null(&in) < 0 || !der_end(in)))
        return lint_why(why, "the parameters of an RSA key must be NULL");
    if (slice_eq(c->key_oid, oid_ec_public_key) && (der_get_oid(&in, &oid) < 0 || !der_end(in)))
        return lint_why(why, "the parameters of an EC key must name a curve");
    if (modern_curve(c->key_oid) && !der_end(in))
        return lint_why(why, "the parameters of this kind of key must be absent");
    return 0;
}

static int size_ours(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->key.type == KEY_NONE)
        return lint_why(why, "no public key");
    if (c->key.type == KEY_RSA && c->key.bits < RSA_BITS_LEAST)
        return lint_why(why, "an RSA key of %u bits", c->key.bits);
    return 0;
}

/* spki_parse refuses the worst of some kinds by itself, under the same name. */
static int keeps(const struct lint_cert *c, const char *name, char why[LINT_WHY])
{
    for (size_t i = 0; i < keychecks_count; i++) {
        const struct keycheck *k = &keychecks[i];

        if (strcmp(k->name, name) != 0)
            continue;
        if (refused_by(c, name) || (c->key.type != KEY_NONE && !k->keeps(&c->key)))
            return lint_why(why, "it is not %s", k->allowed);
    }
    return 0;
}

static int rsa_size(const struct lint_cert *c, char why[LINT_WHY])
{
    return keeps(c, "key.rsa.size", why);
}

static int rsa_exponent(const struct lint_cert *c, char why[LINT_WHY])
{
    return keeps(c, "key.rsa.exponent", why);
}

static int rsa_modulus(const struct lint_cert *c, char why[LINT_WHY])
{
    return keeps(c, "key.rsa.modulus", why);
}

static int rsa_small_factor(const struct lint_cert *c, char why[LINT_WHY])
{
    return keeps(c, "key.rsa.small_factor", why);
}

static int rsa_roca(const struct lint_cert *c, char why[LINT_WHY])
{
    return keeps(c, "key.rsa.roca", why);
}

static int rsa_fermat(const struct lint_cert *c, char why[LINT_WHY])
{
    return keeps(c, "key.rsa.fermat", why);
}

static int ec_point(const struct lint_cert *c, char why[LINT_WHY])
{
    return keeps(c, "key.ec.point", why);
}

static int ed25519_point(const struct lint_cert *c, char why[LINT_WHY])
{
    return keeps(c, "key.ed25519.point", why);
}

static int ed25519_order(const struct lint_cert *c, char why[LINT_WHY])
{
    return keeps(c, "key.ed25519.order", why);
}

static const struct lint_rule rules[] = {
    {"lint.key.der", "RFC 5280 4.1.2.7; RFC 8017 A.1.1", LINT_ERROR, LINT_ALL, well_formed},
    {"lint.key.known", "RFC 5280 4.1.2.7", LINT_NOTICE, LINT_OTHERS, is_known},
    {"lint.key.params", "RFC 3279 2.3.1, RFC 5480 2.1.1, RFC 8410 3", LINT_ERROR, LINT_ALL, params},
    {"lint.key.form", "RFC 5480 2.2", LINT_ERROR, LINT_ALL, point},
    {"lint.key.ours", "NIST SP 800-131A 3", LINT_ERROR, LINT_OURS, size_ours},
    {"key.rsa.size", "NIST SP 800-131A 3; CA/Browser Forum BR 6.1.5", LINT_ERROR, LINT_OTHERS,
     rsa_size},
    {"key.rsa.exponent", "FIPS 186-5 A.1.1; CA/Browser Forum BR 6.1.6", LINT_ERROR, LINT_OTHERS,
     rsa_exponent},
    {"key.rsa.modulus", "CA/Browser Forum BR 6.1.6", LINT_ERROR, LINT_OTHERS, rsa_modulus},
    {"key.rsa.small_factor", "CA/Browser Forum BR 6.1.6", LINT_ERROR, LINT_OTHERS,
     rsa_small_factor},
    {"key.rsa.roca", "CVE-2017-15361; Nemec et al., ACM CCS 2017", LINT_ERROR, LINT_OTHERS,
     rsa_roca},
    {"key.rsa.fermat", "CVE-2022-26320; CA/Browser Forum BR 6.1.1.3", LINT_ERROR, LINT_OTHERS,
     rsa_fermat},
    {"key.ec.point", "SEC 1 3.2.2.1; NIST SP 800-56A 5.6.2.3", LINT_ERROR, LINT_OTHERS, ec_point},
    {"key.ed25519.point", "RFC 8032 5.1.3", LINT_ERROR, LINT_OTHERS, ed25519_point},
    {"key.ed25519.order", "RFC 8032 8.9, 5.1", LINT_ERROR, LINT_OTHERS, ed25519_order},
};

const struct lint_table lint_key_rules = {rules, sizeof(rules) / sizeof(rules[0])};
