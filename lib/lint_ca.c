/* What only CAs may say: basicConstraints and the constraints on what is below (RFC 5280 4.2.1.9
 * to 4.2.1.11, 4.2.1.14). */
#include <string.h>

#include "lib/der.h"
#include "lib/lint_cert.h"

static int bc_der(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice seq, v;

    if (c->known[X_BC] == NULL)
        return 0;
    if (lint_list(c, X_BC, &seq) < 0)
        return lint_why(why, "basicConstraints is no SEQUENCE");
    if (der_peek(seq, DER_BOOLEAN) && (der_get(&seq, DER_BOOLEAN, &v) < 0 || v.n != 1))
        return lint_why(why, "cA is malformed");
    if (der_peek(seq, DER_INTEGER) && der_get_unsigned(&seq, &v) < 0)
        return lint_why(why, "pathLenConstraint is negative or malformed");
    return der_end(seq) ? 0 : lint_why(why, "basicConstraints has something else in it");
}

static int bc_critical(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->ca && (c->key_usage & KU_KEY_CERT_SIGN) != 0 && !lint_critical(c, X_BC))
        return lint_why(why, "basicConstraints of a CA must be critical");
    return 0;
}

static int path_len(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->has_path_len && !c->ca)
        return lint_why(why, "a path length without being a CA");
    if (c->has_path_len && c->known[X_KU] != NULL && (c->key_usage & KU_KEY_CERT_SIGN) == 0)
        return lint_why(why, "a path length without keyCertSign");
    return 0;
}

/* --- name constraints (4.2.1.10) ----------------------------------------------------- */

/* Address and mask, the mask's ones in front. */
static bool range_good(struct slice v)
{
    bool zero = false;

    if (v.n != 8 && v.n != 32)
        return false;
    for (size_t bit = v.n * 4; bit < v.n * 8; bit++) {
        bool one = (v.p[bit / 8] & 0x80u >> bit % 8) != 0;

        if (one && zero)
            return false;
        zero = zero || !one;
    }
    return true;
}

static const char *base_fault(uint8_t tag, struct slice v)
{
    if (tag == DER_CONTEXT(7) && !range_good(v))
        return "an address range is not address and mask";
    if (tag == DER_CONTEXT(2) && v.n > 0) {
        if (v.p[0] == '.')
            v = slice_of(v.p + 1, v.n - 1);
        return lint_dns_fault(v, false);
    }
    if (tag == DER_CONTEXT(1) && v.n == 0)
        return "an empty mail constraint";
    if (tag == DER_CONTEXT(6) && (v.n == 0 || memmem(v.p, v.n, "://", 3) != NULL))
        return "a URI constraint is not a host or a domain";
    return NULL;
}

/* GeneralSubtree: a base, minimum 0 (not written) and no maximum. */
static const char *subtree_fault(struct slice subtree)
{
    struct slice v;
    uint8_t tag;

    if (der_get_any(&subtree, &tag, &v, NULL) < 0)
        return "a malformed subtree";
    if (!der_end(subtree))
        return "minimum and maximum are not used";
    return base_fault(tag, v);
}

static const char *subtrees_fault(struct slice list)
{
    struct slice subtree;

    if (der_end(list))
        return "an empty list of subtrees";
    while (!der_end(list)) {
        const char *fault = "a malformed subtree";

        if (der_get(&list, DER_SEQUENCE, &subtree) == 0)
            fault = subtree_fault(subtree);
        if (fault != NULL)
            return fault;
    }
    return NULL;
}

static int nc_der(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice seq, list;
    const char *fault = NULL;

    if (c->known[X_NC] == NULL)
        return 0;
    if (lint_list(c, X_NC, &seq) < 0)
        return lint_why(why, "nameConstraints is no SEQUENCE");
    for (uint8_t n = 0; n <= 1 && fault == NULL; n++) {
        uint8_t tag = (uint8_t)DER_CONTEXT_CONSTRUCTED(n);

        if (der_peek(seq, tag))
            fault = der_get(&seq, tag, &list) == 0 ? subtrees_fault(list) : "a malformed list";
    }
    if (fault == NULL && !der_end(seq))
        fault = "something else than subtrees";
    return fault == NULL ? 0 : lint_why(why, "nameConstraints: %s", fault);
}

static int nc_empty(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice seq;

    if (lint_list(c, X_NC, &seq) == 0 && der_end(seq))
        return lint_why(why, "nameConstraints constrains nothing");
    return 0;
}

/* Only hosts of mail and URI constraints may begin with a dot; programs differ on DNS names. */
static int nc_dot(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice seq, list, subtree, v;
    uint8_t tag;

    if (lint_list(c, X_NC, &seq) < 0)
        return 0;
    while (!der_end(seq) && der_get_any(&seq, NULL, &list, NULL) == 0)
        while (!der_end(list) && der_get(&list, DER_SEQUENCE, &subtree) == 0 &&
               der_get_any(&subtree, &tag, &v, NULL) == 0)
            if (tag == DER_CONTEXT(2) && v.n > 0 && v.p[0] == '.')
                return lint_why(why, "a DNS constraint begins with a dot");
    return 0;
}

static int ca_only(const struct lint_cert *c, char why[LINT_WHY])
{
    static const struct {
        enum lint_ext_id id;
        const char *name;
    } only[] = {{X_NC, "nameConstraints"},
                {X_PC, "policyConstraints"},
                {X_IAP, "inhibitAnyPolicy"},
                {X_MAPPINGS, "policyMappings"}};

    for (size_t i = 0; i < sizeof(only) / sizeof(only[0]) && !c->ca; i++)
        if (c->known[only[i].id] != NULL)
            return lint_why(why, "%s is for CAs only", only[i].name);
    return 0;
}

/* --- policy constraints (4.2.1.11, 4.2.1.14) ------------------------------------------ */

static bool skip_count(struct slice *seq, uint8_t tag)
{
    struct slice v;

    if (!der_peek(*seq, tag))
        return true;
    return der_get(seq, tag, &v) == 0 && v.n > 0 && (v.p[0] & 0x80) == 0;
}

static int pc_der(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice seq;

    if (c->known[X_PC] == NULL)
        return 0;
    if (lint_list(c, X_PC, &seq) < 0 || der_end(seq))
        return lint_why(why, "policyConstraints is empty or no SEQUENCE");
    if (!skip_count(&seq, DER_CONTEXT(0)) || !skip_count(&seq, DER_CONTEXT(1)) || !der_end(seq))
        return lint_why(why, "policyConstraints is malformed");
    return 0;
}

static int iap_der(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice in, v;

    if (c->known[X_IAP] == NULL)
        return 0;
    in = c->known[X_IAP]->value;
    if (der_get_unsigned(&in, &v) < 0 || !der_end(in))
        return lint_why(why, "inhibitAnyPolicy is no number of certificates");
    return 0;
}

static const struct lint_rule rules[] = {
    {"lint.bc.der", "RFC 5280 4.2.1.9", LINT_ERROR, LINT_ALL, bc_der},
    {"lint.bc.critical", "RFC 5280 4.2.1.9", LINT_ERROR, LINT_ALL, bc_critical},
    {"lint.bc.path", "RFC 5280 4.2.1.9", LINT_ERROR, LINT_ALL, path_len},
    {"lint.nc.der", "RFC 5280 4.2.1.10", LINT_ERROR, LINT_ALL, nc_der},
    {"lint.nc.empty", "RFC 5280 4.2.1.10", LINT_ERROR, LINT_ALL, nc_empty},
    {"lint.nc.dot", "RFC 5280 4.2.1.10", LINT_WARNING, LINT_OTHERS, nc_dot},
    {"lint.ca_only", "RFC 5280 4.2.1.5, 4.2.1.10, 4.2.1.11, 4.2.1.14", LINT_ERROR, LINT_ALL,
     ca_only},
    {"lint.pc.der", "RFC 5280 4.2.1.11", LINT_ERROR, LINT_ALL, pc_der},
    {"lint.iap.der", "RFC 5280 4.2.1.14", LINT_ERROR, LINT_ALL, iap_der},
};

const struct lint_table lint_ca_rules = {rules, sizeof(rules) / sizeof(rules[0])};
