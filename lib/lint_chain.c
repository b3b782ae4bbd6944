/* What only the issuer's certificate beside it shows (RFC 5280 6.1.3, 6.1.4). A rule without an
 * issuer is kept. */
#include "lib/der.h"
#include "lib/lint_cert.h"

static int name(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->by == NULL || slice_eq(c->issuer, c->by->subject))
        return 0;
    return lint_why(why, "the issuer is not written as the issuer's own certificate writes it");
}

static int key_id(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->by == NULL || c->aki.n == 0 || c->by->ski.n == 0 || slice_eq(c->aki, c->by->ski))
        return 0;
    return lint_why(why, "authorityKeyIdentifier is not the issuer's subjectKeyIdentifier");
}

/* A server that signed its own certificate is trusted by itself or not at all. */
static bool alone(const struct lint_cert *c)
{
    return c->by == NULL || slice_eq(c->tbs, c->by->tbs);
}

static int is_ca(const struct lint_cert *c, char why[LINT_WHY])
{
    if (alone(c) || c->by->ca || c->by->version != 3)
        return 0;
    return lint_why(why, "the issuer is no CA");
}

static int signs(const struct lint_cert *c, char why[LINT_WHY])
{
    if (alone(c) || c->by->known[X_KU] == NULL || (c->by->key_usage & KU_KEY_CERT_SIGN) != 0)
        return 0;
    return lint_why(why, "the issuer's key usage is not keyCertSign");
}

/* Self-issued certificates do not count (6.1.4 (l)). */
static int path_len(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice seq, ca;
    uint64_t left;

    if (c->by == NULL || !c->ca || lint_self_issued(c) || !c->by->has_path_len ||
        lint_list(c->by, X_BC, &seq) < 0)
        return 0;
    if (der_get(&seq, DER_BOOLEAN, &ca) < 0 || der_get_u64(&seq, &left) < 0 || left > 0)
        return 0;
    return lint_why(why, "a CA below one that allows none (its path length is 0)");
}

static int within(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->by == NULL || !c->not_after.good || !c->by->not_after.good ||
        c->not_after.t <= c->by->not_after.t)
        return 0;
    return lint_why(why, "it outlives its issuer");
}

/* A CA's certificate for itself is not below itself (6.1.3 (b)). Names of kinds that are not ours
 * are not compared. */
static int constraints(const struct lint_cert *c, char why[LINT_WHY])
{
    struct constraints nc;
    struct san_list names = {.n = 0};
    struct fault f;

    if (c->by == NULL || c->by->known[X_NC] == NULL || (c->ca && lint_self_issued(c)) ||
        constraints_get(c->by->known[X_NC]->value, &nc) < 0 ||
        (c->known[X_SAN] != NULL && san_list_get(c->known[X_SAN]->value, &names, &f) < 0) ||
        constraints_check(&nc, "the issuer", c->subject, &names, &f) == 0)
        return 0;
    return lint_why(why, "a name that the issuer's name constraints do not allow: %.80s",
                    f.value[0] != 0 ? f.value : f.text);
}

/* Only algorithms that lib/key.h knows can be checked; the others are told elsewhere. */
int lint_chain_signature(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice alg = c->alg;
    struct pubkey *key;
    enum sig_alg a;
    struct fault f;
    int rc;

    if (c->by == NULL || c->by->key.type == KEY_NONE || c->signature.n < 2 ||
        sig_alg_get(&alg, &a) < 0)
        return 0;
    if (pubkey_open(&c->by->key, &key, &f) < 0)
        return lint_why(why, "the issuer's key is no key");
    rc = pubkey_verify(key, a, c->tbs, slice_of(c->signature.p + 1, c->signature.n - 1));
    pubkey_free(key);
    return rc == 0 ? 0 : lint_why(why, "the signature is not by the issuer's key");
}

static const struct lint_rule rules[] = {
    {"lint.chain.name", "RFC 5280 4.1.2.4, 6.1.3 (a)(4)", LINT_ERROR, LINT_ALL, name},
    {"lint.chain.key_id", "RFC 5280 4.2.1.1", LINT_ERROR, LINT_ALL, key_id},
    {"lint.chain.ca", "RFC 5280 6.1.4 (k)", LINT_ERROR, LINT_ALL, is_ca},
    {"lint.chain.ku", "RFC 5280 6.1.4 (n)", LINT_ERROR, LINT_ALL, signs},
    {"lint.chain.path", "RFC 5280 6.1.4 (l), (m)", LINT_ERROR, LINT_ALL, path_len},
    {"lint.chain.constraints", "RFC 5280 4.2.1.10, 6.1.3 (b), (c)", LINT_ERROR, LINT_ALL,
     constraints},
    {"lint.chain.validity", "RFC 5280 6.1.3 (a)(2)", LINT_WARNING, LINT_OTHERS, within},
    {"lint.chain.signature", "RFC 5280 6.1.3 (a)(1)", LINT_ERROR, LINT_OTHERS,
     lint_chain_signature},
};

const struct lint_table lint_chain_rules = {rules, sizeof(rules) / sizeof(rules[0])};
