/* Checks of the extensions (RFC 5280 4.2). */
#include <string.h>
#include <strings.h>

#include "lib/der.h"
#include "lib/lint_check.h"
#include "lib/oid.h"

#define KEY_ID_LEN 20

static bool critical(const struct cert *c, struct slice oid)
{
    const struct cert_extension *e = cert_find(c, oid);

    return e != NULL && e->critical;
}

static bool server_leaf(const struct cert *c)
{
    return !c->ca && c->has_eku && (c->eku & EKU_SERVER_AUTH) != 0;
}

int lint_extension_twice(const struct cert *c, char why[LINT_WHY])
{
    for (size_t i = 1; i < c->n_extensions; i++)
        if (ext_seen(c->extension, i, c->extension[i].oid))
            return lint_why(why, "extension %zu is there twice", i);
    return 0;
}

/* A critical extension that relying parties may not know makes the certificate useless. */
int lint_extension_critical(const struct cert *c, char why[LINT_WHY])
{
    const struct slice known[] = {oid_key_usage, oid_subject_alt_name, oid_basic_constraints,
                                  oid_ext_key_usage, oid_name_constraints};

    for (size_t i = 0; i < c->n_extensions; i++) {
        bool found = !c->extension[i].critical;

        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]) && !found; k++)
            found = slice_eq(c->extension[i].oid, known[k]);
        if (!found)
            return lint_why(why, "extension %zu must not be critical", i);
    }
    return 0;
}

int lint_san_critical(const struct cert *c, char why[LINT_WHY])
{
    if (critical(c, oid_subject_alt_name) && !name_empty(c->subject))
        return lint_why(why, "subjectAltName is critical although there is a subject");
    return 0;
}

int lint_san_syntax(const struct cert *c, char why[LINT_WHY])
{
    struct fault f;

    for (size_t i = 0; i < c->sans.n; i++)
        if (san_check(&c->sans.item[i], &f) < 0)
            return lint_why(why, "name %zu breaks %s", i, f.rule);
    return 0;
}

int lint_san_twice(const struct cert *c, char why[LINT_WHY])
{
    for (size_t i = 1; i < c->sans.n; i++)
        for (size_t k = 0; k < i; k++)
            if (san_equal(&c->sans.item[i], &c->sans.item[k]))
                return lint_why(why, "name %zu is there twice", i);
    return 0;
}

int lint_key_usage_present(const struct cert *c, char why[LINT_WHY])
{
    if (!c->has_key_usage || !critical(c, oid_key_usage))
        return lint_why(why, "keyUsage is absent or not critical");
    return c->key_usage != 0 ? 0 : lint_why(why, "keyUsage has no bit set");
}

/* Only RSA keys encipher, only EC keys agree; Ed25519 does neither. */
int lint_key_usage_key(const struct cert *c, char why[LINT_WHY])
{
    uint16_t never = 0;

    if (c->key.type != KEY_RSA)
        never |= KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT;
    if (c->key.type == KEY_RSA || c->key.type == KEY_ED25519)
        never |= KU_KEY_AGREEMENT;
    if ((c->key_usage & never) != 0)
        return lint_why(why, "a %s key cannot be used so", key_type_name(c->key.type));
    return 0;
}

int lint_key_usage_ca(const struct cert *c, char why[LINT_WHY])
{
    bool signs = (c->key_usage & KU_KEY_CERT_SIGN) != 0;

    if (signs != c->ca)
        return lint_why(why, "keyCertSign %s a CA", signs ? "without being" : "is missing from");
    if (!c->ca && (c->key_usage & KU_CRL_SIGN) != 0)
        return lint_why(why, "cRLSign without being a CA");
    return 0;
}

/* Clients look at subjectAltName only. */
int lint_eku_san(const struct cert *c, char why[LINT_WHY])
{
    if (!server_leaf(c))
        return 0;
    for (size_t i = 0; i < c->sans.n; i++)
        if (c->sans.item[i].kind == SAN_DNS || c->sans.item[i].kind == SAN_IP ||
            c->sans.item[i].kind == SAN_URI)
            return 0;
    return lint_why(why, "serverAuth without a subjectAltName of a service");
}

/* The uses that 4.2.1.12 calls consistent with each purpose. */
int lint_eku_key_usage(const struct cert *c, char why[LINT_WHY])
{
    const uint16_t server = KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT;
    const uint16_t client = KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT;

    if (c->ca || !c->has_eku)
        return 0;
    if ((c->eku & EKU_SERVER_AUTH) != 0 && (c->key_usage & server) == 0)
        return lint_why(why, "serverAuth with a key usage that cannot serve it");
    if ((c->eku & EKU_CLIENT_AUTH) != 0 && (c->key_usage & client) == 0)
        return lint_why(why, "clientAuth with a key usage that cannot serve it");
    return 0;
}

static bool named_by_san(const struct cert *c, struct slice cn)
{
    struct buf text;
    bool found = false;

    buf_init(&text, SAN_VALUE_MAX * 4);
    for (size_t i = 0; i < c->sans.n && !found; i++) {
        const struct san *s = &c->sans.item[i];

        if (s->kind == SAN_DNS)
            found = san_equal(s, &(struct san){SAN_DNS, cn});
        if (s->kind == SAN_IP) {
            buf_reset(&text);
            san_print(s, &text);
            found = slice_is(cn, buf_cstr(&text) + strlen("ip:"));
        }
    }
    buf_free(&text);
    return found;
}

struct subject_of {
    const struct cert *c;
};

static int cn_is_san(void *arg, enum name_attr attr, struct slice oid, struct slice utf8,
                     struct fault *f)
{
    const struct subject_of *of = arg;

    (void)oid;
    if (attr != ATTR_CN || named_by_san(of->c, utf8))
        return 0;
    return fault_set(f, FAULT_INTERNAL, "lint.cn", "not a SAN");
}

/* Old clients read the CN of a server; it must not say what the SANs do not. */
int lint_common_name(const struct cert *c, char why[LINT_WHY])
{
    struct subject_of of = {c};
    struct fault f;

    if (!server_leaf(c))
        return 0;
    if (name_check(c->subject, cn_is_san, &of, &f) < 0)
        return lint_why(why, "the CN of a server is not among its subjectAltNames");
    return 0;
}

int lint_basic_constraints(const struct cert *c, char why[LINT_WHY])
{
    if (c->ca && !critical(c, oid_basic_constraints))
        return lint_why(why, "basicConstraints of a CA must be critical");
    return 0;
}

int lint_path_len(const struct cert *c, char why[LINT_WHY])
{
    if (c->path_len >= 0 && !c->ca)
        return lint_why(why, "a path length without being a CA");
    return 0;
}

int lint_subject_key_id(const struct cert *c, char why[LINT_WHY])
{
    if (c->subject_key_id.n == KEY_ID_LEN)
        return 0;
    return lint_why(why, "subjectKeyIdentifier is absent or not %d octets", KEY_ID_LEN);
}

int lint_authority_key_id(const struct cert *c, char why[LINT_WHY])
{
    if (c->authority_key_id.n == 0 && !slice_eq(c->issuer, c->subject))
        return lint_why(why, "authorityKeyIdentifier is absent");
    return 0;
}

/* Anything but http would need a connection that itself needs certificates. */
static bool http_uri(struct slice v)
{
    struct fault f;
    struct san s = {SAN_URI, v};

    return v.n > 7 && strncasecmp((const char *)v.p, "http://", 7) == 0 && san_check(&s, &f) == 0;
}

int lint_authority_info(const struct cert *c, char why[LINT_WHY])
{
    const struct cert_extension *e = cert_find(c, oid_authority_info_access);
    struct slice in, seq, access, method, uri;

    if (e == NULL)
        return 0;
    in = e->value;
    if (der_get(&in, DER_SEQUENCE, &seq) < 0 || !der_end(in) || der_end(seq))
        return lint_why(why, "authorityInfoAccess is malformed or empty");
    while (!der_end(seq)) {
        if (der_get(&seq, DER_SEQUENCE, &access) < 0 || der_get_oid(&access, &method) < 0 ||
            der_get(&access, DER_CONTEXT(6), &uri) < 0 || !der_end(access) || !http_uri(uri))
            return lint_why(why, "authorityInfoAccess has something other than an http URI");
    }
    return 0;
}

/* DistributionPoint with [0] distributionPoint [0] fullName [6] URI, nothing else. */
static bool http_point(struct slice point)
{
    struct slice name, full, uri;

    if (der_get(&point, DER_CONTEXT_CONSTRUCTED(0), &name) < 0 || !der_end(point) ||
        der_get(&name, DER_CONTEXT_CONSTRUCTED(0), &full) < 0 || !der_end(name) || der_end(full))
        return false;
    while (!der_end(full))
        if (der_get(&full, DER_CONTEXT(6), &uri) < 0 || !http_uri(uri))
            return false;
    return true;
}

int lint_crl_points(const struct cert *c, char why[LINT_WHY])
{
    const struct cert_extension *e = cert_find(c, oid_crl_distribution_points);
    struct slice in, seq, point;

    if (e == NULL)
        return 0;
    in = e->value;
    if (der_get(&in, DER_SEQUENCE, &seq) < 0 || !der_end(in) || der_end(seq))
        return lint_why(why, "cRLDistributionPoints is malformed or empty");
    while (!der_end(seq))
        if (der_get(&seq, DER_SEQUENCE, &point) < 0 || !http_point(point))
            return lint_why(why, "cRLDistributionPoints has something other than http URIs");
    return 0;
}
