/* keyUsage, extKeyUsage and what goes with a purpose (RFC 5280 4.2.1.3, 4.2.1.12). */
#include <string.h>

#include "lib/der.h"
#include "lib/lint_cert.h"
#include "lib/name_attr.h"

#define PURPOSES_MAX 100 /* compared each with each */

static int ku_der(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice in, octets;
    unsigned unused;

    if (c->known[X_KU] == NULL)
        return 0;
    in = c->known[X_KU]->value;
    if (der_get_bits(&in, &octets, &unused) < 0 || !der_end(in))
        return lint_why(why, "keyUsage is no BIT STRING");
    /* X.690 11.2.2: of a named bit list, trailing zeros are cut. */
    if (octets.n > 0 && (octets.p[octets.n - 1] & 1u << unused) == 0)
        return lint_why(why, "keyUsage has zero bits at its end");
    if (octets.n > 2 || (octets.n == 2 && unused < 7))
        return lint_why(why, "keyUsage has bits that have no meaning");
    return 0;
}

static int ku_empty(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->known[X_KU] == NULL || c->key_usage != 0)
        return 0;
    return lint_why(why, "keyUsage has no bit set");
}

static int ku_ca(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->ca && c->known[X_KU] == NULL)
        return lint_why(why, "keyUsage is missing from a CA");
    return 0;
}

static int ku_critical(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->known[X_KU] != NULL && !lint_critical(c, X_KU))
        return lint_why(why, "keyUsage should be critical");
    return 0;
}

static int ku_ours(const struct lint_cert *c, char why[LINT_WHY])
{
    if (lint_critical(c, X_KU))
        return 0;
    return lint_why(why, "keyUsage is absent or not critical");
}

/* Only RSA keys encipher, only EC keys agree; Ed25519 does neither. */
static int ku_key(const struct lint_cert *c, char why[LINT_WHY])
{
    uint16_t never = 0;

    if (c->key.type == KEY_NONE)
        return 0;
    if (c->key.type != KEY_RSA)
        never |= KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT;
    if (c->key.type == KEY_RSA || c->key.type == KEY_ED25519)
        never |= KU_KEY_AGREEMENT;
    if ((c->key_usage & never) != 0)
        return lint_why(why, "a %s key cannot be used so", key_type_name(c->key.type));
    return 0;
}

static int ku_signs(const struct lint_cert *c, char why[LINT_WHY])
{
    bool signs = (c->key_usage & KU_KEY_CERT_SIGN) != 0;

    if (c->known[X_KU] == NULL || signs == c->ca)
        return 0;
    return lint_why(why, "keyCertSign %s a CA", signs ? "without being" : "is missing from");
}

/* A CRL issuer that is no CA is allowed (5.), and never of ours. */
static int ku_crl_ours(const struct lint_cert *c, char why[LINT_WHY])
{
    if (!c->ca && (c->key_usage & KU_CRL_SIGN) != 0)
        return lint_why(why, "cRLSign without being a CA");
    return 0;
}

static int ku_only(const struct lint_cert *c, char why[LINT_WHY])
{
    if ((c->key_usage & (KU_ENCIPHER_ONLY | KU_DECIPHER_ONLY)) != 0 &&
        (c->key_usage & KU_KEY_AGREEMENT) == 0)
        return lint_why(why, "encipherOnly and decipherOnly mean nothing without keyAgreement");
    return 0;
}

/* --- purposes ---------------------------------------------------------------------- */

static bool next_purpose(struct slice *list, struct slice *oid)
{
    return !der_end(*list) && der_get_oid(list, oid) == 0;
}

static int eku_der(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice list, oid;

    if (c->known[X_EKU] == NULL)
        return 0;
    if (lint_list(c, X_EKU, &list) < 0)
        return lint_why(why, "extKeyUsage is no SEQUENCE");
    if (der_end(list))
        return lint_why(why, "extKeyUsage is empty");
    while (next_purpose(&list, &oid))
        continue;
    return der_end(list) ? 0 : lint_why(why, "a purpose is no OBJECT IDENTIFIER");
}

static int eku_twice(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice list, all, oid, other;

    if (lint_list(c, X_EKU, &all) < 0)
        return 0;
    list = all;
    for (size_t i = 0; i < PURPOSES_MAX && next_purpose(&list, &oid); i++) {
        struct slice before = all;

        for (size_t k = 0; k < i && next_purpose(&before, &other); k++)
            if (slice_eq(oid, other))
                return lint_why(why, "a purpose is there twice");
    }
    return 0;
}

static bool any_purpose(const struct lint_cert *c)
{
    struct slice list, oid;

    if (lint_list(c, X_EKU, &list) < 0)
        return false;
    while (next_purpose(&list, &oid))
        if (oid.n == 4 && memcmp(oid.p, "\x55\x1d\x25", 4) == 0)
            return true;
    return false;
}

static int eku_any(const struct lint_cert *c, char why[LINT_WHY])
{
    if (any_purpose(c) && lint_critical(c, X_EKU))
        return lint_why(why, "extKeyUsage with anyExtendedKeyUsage should not be critical");
    return 0;
}

static int eku_any_leaf(const struct lint_cert *c, char why[LINT_WHY])
{
    if (any_purpose(c) && !c->ca)
        return lint_why(why, "an end entity's key is good for any purpose");
    return 0;
}

/* Clients look at subjectAltName only. */
static int eku_san(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice names, v;
    uint8_t tag;

    if (!lint_server(c))
        return 0;
    if (lint_list(c, X_SAN, &names) == 0)
        while (lint_name_next(&names, &tag, &v))
            if (tag == DER_CONTEXT(2) || tag == DER_CONTEXT(6) || tag == DER_CONTEXT(7) ||
                tag == DER_CONTEXT_CONSTRUCTED(0))
                return 0;
    return lint_why(why, "serverAuth without a subjectAltName of a service");
}

/* The uses that 4.2.1.12 calls consistent with each purpose. */
static int eku_ku(const struct lint_cert *c, char why[LINT_WHY])
{
    static const struct {
        uint32_t purpose;
        const char *name;
        uint16_t uses;
    } fit[] = {
        {EKU_SERVER_AUTH, "serverAuth",
         KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT},
        {EKU_CLIENT_AUTH, "clientAuth", KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT},
        {EKU_CODE_SIGNING, "codeSigning", KU_DIGITAL_SIGNATURE},
        {EKU_EMAIL_PROTECTION, "emailProtection",
         KU_DIGITAL_SIGNATURE | KU_CONTENT_COMMITMENT | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT},
        {EKU_TIME_STAMPING, "timeStamping", KU_DIGITAL_SIGNATURE | KU_CONTENT_COMMITMENT},
        {EKU_OCSP_SIGNING, "OCSPSigning", KU_DIGITAL_SIGNATURE | KU_CONTENT_COMMITMENT},
    };

    if (c->ca || c->known[X_KU] == NULL)
        return 0;
    for (size_t i = 0; i < sizeof(fit) / sizeof(fit[0]); i++)
        if ((c->eku & fit[i].purpose) != 0 && (c->key_usage & fit[i].uses) == 0)
            return lint_why(why, "%s with a key usage that cannot serve it", fit[i].name);
    return 0;
}

/* RFC 3161 2.3: this purpose alone, and critical. */
static int eku_time_stamping(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->ca || (c->eku & EKU_TIME_STAMPING) == 0)
        return 0;
    if (c->eku != EKU_TIME_STAMPING || !lint_critical(c, X_EKU))
        return lint_why(why, "timeStamping must be the only purpose and critical");
    return 0;
}

static int nocheck_value(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice in;

    if (c->known[X_OCSP_NOCHECK] == NULL)
        return 0;
    in = c->known[X_OCSP_NOCHECK]->value;
    return der_get_null(&in) == 0 && der_end(in) ? 0 : lint_why(why, "its value must be NULL");
}

static int nocheck_place(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->known[X_OCSP_NOCHECK] != NULL && (c->eku & EKU_OCSP_SIGNING) == 0)
        return lint_why(why, "id-pkix-ocsp-nocheck is for OCSP responders only");
    return 0;
}

static int nocheck_missing(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->ca || (c->eku & EKU_OCSP_SIGNING) == 0 || c->known[X_OCSP_NOCHECK] != NULL ||
        c->known[X_CRLDP] != NULL || c->known[X_AIA] != NULL)
        return 0;
    return lint_why(why, "an OCSP responder's certificate that nobody can check for revocation"
                         " should say nocheck");
}

/* --- the common name of a server ----------------------------------------------------- */

static bool is_address(struct slice text, struct slice octets)
{
    struct san s = {SAN_IP, octets};
    struct buf b;
    bool is;

    if (octets.n != 4 && octets.n != 16)
        return false;
    buf_init(&b, 128);
    san_print(&s, &b);
    is = slice_is(text, buf_cstr(&b) + strlen("ip:"));
    buf_free(&b);
    return is;
}

static bool named_by_san(const struct lint_cert *c, struct slice cn)
{
    struct slice names, v;
    uint8_t tag;

    if (lint_list(c, X_SAN, &names) < 0)
        return false;
    while (lint_name_next(&names, &tag, &v)) {
        struct san a = {SAN_DNS, cn}, b = {SAN_DNS, v};

        if ((tag == DER_CONTEXT(2) && san_equal(&a, &b)) ||
            (tag == DER_CONTEXT(7) && is_address(cn, v)))
            return true;
    }
    return false;
}

/* Old clients read the CN of a server; it must not say what the SANs do not. */
static int common_name(const struct lint_cert *c, char why[LINT_WHY])
{
    if (!lint_server(c))
        return 0;
    for (size_t i = 0; i < c->n_attrs; i++)
        if (c->attr[i].of_subject && c->attr[i].row->attr == ATTR_CN &&
            !named_by_san(c, c->attr[i].value))
            return lint_why(why, "the CN of a server is not among its subjectAltNames");
    return 0;
}

static const struct lint_rule rules[] = {
    {"lint.ku.der", "RFC 5280 4.2.1.3; X.690 11.2.2", LINT_ERROR, LINT_ALL, ku_der},
    {"lint.ku.empty", "RFC 5280 4.2.1.3", LINT_ERROR, LINT_ALL, ku_empty},
    {"lint.ku.ca", "RFC 5280 4.2.1.3", LINT_ERROR, LINT_ALL, ku_ca},
    {"lint.ku.critical", "RFC 5280 4.2.1.3", LINT_WARNING, LINT_OTHERS, ku_critical},
    {"lint.ku.ours", "RFC 5280 4.2.1.3", LINT_ERROR, LINT_OURS, ku_ours},
    {"lint.ku.key", "RFC 3279 2.3.1, RFC 8410 5, RFC 8813 3", LINT_ERROR, LINT_ALL, ku_key},
    {"lint.ku.signs", "RFC 5280 4.2.1.3, 4.2.1.9", LINT_ERROR, LINT_ALL, ku_signs},
    {"lint.ku.crl.ours", "RFC 5280 4.2.1.3", LINT_ERROR, LINT_OURS, ku_crl_ours},
    {"lint.ku.only", "RFC 5280 4.2.1.3", LINT_WARNING, LINT_ALL, ku_only},
    {"lint.eku.der", "RFC 5280 4.2.1.12", LINT_ERROR, LINT_ALL, eku_der},
    {"lint.eku.twice", "RFC 5280 4.2.1.12", LINT_WARNING, LINT_ALL, eku_twice},
    {"lint.eku.any", "RFC 5280 4.2.1.12", LINT_WARNING, LINT_ALL, eku_any},
    {"lint.eku.any.leaf", "RFC 5280 4.2.1.12", LINT_NOTICE, LINT_OTHERS, eku_any_leaf},
    {"lint.eku.san", "RFC 9525 2", LINT_ERROR, LINT_ALL, eku_san},
    {"lint.eku.ku", "RFC 5280 4.2.1.12", LINT_ERROR, LINT_ALL, eku_ku},
    {"lint.eku.time_stamping", "RFC 3161 2.3", LINT_WARNING, LINT_ALL, eku_time_stamping},
    {"lint.nocheck.value", "RFC 6960 4.2.2.2.1", LINT_ERROR, LINT_ALL, nocheck_value},
    {"lint.nocheck.place", "RFC 6960 4.2.2.2.1", LINT_WARNING, LINT_ALL, nocheck_place},
    {"lint.nocheck", "RFC 6960 4.2.2.2.1", LINT_WARNING, LINT_OTHERS, nocheck_missing},
    {"lint.cn", "CA/Browser Forum BR 7.1.4.3", LINT_ERROR, LINT_ALL, common_name},
};

const struct lint_table lint_usage_rules = {rules, sizeof(rules) / sizeof(rules[0])};
