/* Signature algorithms (RFC 5280 4.1.1.2, 4.1.2.3; RFC 3279, 4055, 5758, 8410). */
#include "lib/der.h"
#include "lib/lint_cert.h"
#include "lib/oid.h"

enum params { PARAMS_NULL, PARAMS_ABSENT, PARAMS_PSS };

struct known_alg {
    const char *oid;
    enum params params;
    const char *weak; /* its hash, when that can be collided with; NULL: it cannot */
};

static const struct known_alg algs[] = {
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", PARAMS_NULL, NULL},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", PARAMS_NULL, NULL},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", PARAMS_NULL, NULL},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e", PARAMS_NULL, NULL},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", PARAMS_PSS, NULL},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x01", PARAMS_ABSENT, NULL},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x02", PARAMS_ABSENT, NULL},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x03", PARAMS_ABSENT, NULL},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x04", PARAMS_ABSENT, NULL},
    {"\x2b\x65\x70", PARAMS_ABSENT, NULL}, /* Ed25519 */
    {"\x2b\x65\x71", PARAMS_ABSENT, NULL}, /* Ed448 */
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", PARAMS_NULL, "SHA-1"},
    {"\x2a\x86\x48\xce\x3d\x04\x01", PARAMS_ABSENT, "SHA-1"},
    {"\x2a\x86\x48\xce\x38\x04\x03", PARAMS_ABSENT, "SHA-1"}, /* DSA */
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", PARAMS_NULL, "MD5"},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02", PARAMS_NULL, "MD2"},
};

static const struct known_alg *known(const struct lint_cert *c)
{
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
        if (slice_is(c->alg_oid, algs[i].oid))
            return &algs[i];
    return NULL;
}

static int same(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->draft || slice_eq(c->tbs_alg, c->alg))
        return 0;
    return lint_why(why, "the signature algorithms inside and outside differ");
}

static int is_known(const struct lint_cert *c, char why[LINT_WHY])
{
    return known(c) != NULL ? 0 : lint_why(why, "an unknown signature algorithm");
}

static int params(const struct lint_cert *c, char why[LINT_WHY])
{
    const struct known_alg *a = known(c);
    struct slice in = c->alg_params;

    if (a == NULL)
        return 0;
    if (a->params == PARAMS_NULL && (der_get_null(&in) < 0 || !der_end(in)))
        return lint_why(why, "the parameters of an RSA signature must be NULL");
    if (a->params == PARAMS_ABSENT && !der_end(in))
        return lint_why(why, "the parameters of this signature algorithm must be absent");
    return 0;
}

/* One hash of the SHA-2 family for message and mask, and a salt as long. */
static int pss(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice in = c->tbs_alg;
    enum sig_alg alg;

    if (!slice_eq(c->alg_oid, oid_rsassa_pss) || sig_alg_get(&in, &alg) == 0)
        return 0;
    return lint_why(why, "PSS parameters other than one SHA-2 hash, MGF1 with it, a salt as long");
}

static bool root(const struct lint_cert *c)
{
    return lint_self_issued(c) && c->ca;
}

static int weak_hash(const struct lint_cert *c, char why[LINT_WHY])
{
    const struct known_alg *a = known(c);

    if (a == NULL || a->weak == NULL || root(c))
        return 0;
    return lint_why(why, "it is signed with %s, for which collisions are known", a->weak);
}

/* A root is trusted for being in a list, not for its signature. */
static int weak_hash_root(const struct lint_cert *c, char why[LINT_WHY])
{
    const struct known_alg *a = known(c);

    if (a == NULL || a->weak == NULL || !root(c))
        return 0;
    return lint_why(why, "the root's signature of its own, which nobody relies on, has %s",
                    a->weak);
}

static int bits(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->draft || (c->signature.n > 1 && c->signature.p[0] == 0))
        return 0;
    return lint_why(why, "the signature is empty or has unused bits");
}

static const struct lint_rule rules[] = {
    {"lint.signature.same", "RFC 5280 4.1.1.2, 4.1.2.3", LINT_ERROR, LINT_OTHERS, same},
    {"lint.signature.known", "RFC 5280 4.1.1.2", LINT_NOTICE, LINT_OTHERS, is_known},
    {"lint.signature.params", "RFC 4055 5, RFC 5758 3.2, RFC 8410 3", LINT_ERROR, LINT_ALL, params},
    {"lint.signature.pss", "RFC 4055 3.1; CA/Browser Forum BR 7.1.3.2", LINT_WARNING, LINT_OTHERS,
     pss},
    {"lint.signature.hash", "RFC 6151, RFC 6194; NIST SP 800-131A 9", LINT_ERROR, LINT_ALL,
     weak_hash},
    {"lint.signature.hash.root", "RFC 6151, RFC 6194", LINT_NOTICE, LINT_OTHERS, weak_hash_root},
    {"lint.signature.bits", "RFC 5280 4.1.1.3", LINT_ERROR, LINT_OTHERS, bits},
};

const struct lint_table lint_alg_rules = {rules, sizeof(rules) / sizeof(rules[0])};
