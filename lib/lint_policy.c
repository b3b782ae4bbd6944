/* certificatePolicies and policyMappings (RFC 5280 4.2.1.4, 4.2.1.5; RFC 6818 3). */
#include <string.h>

#include "lib/der.h"
#include "lib/lint_cert.h"
#include "lib/utf8.h"

#define POLICIES_MAX 100 /* compared each with each */
#define EXPLICIT_TEXT_MAX 200
#define VISIBLE_STRING 0x1a

static bool any_policy(struct slice oid)
{
    return oid.n == 4 && memcmp(oid.p, "\x55\x1d\x20", 4) == 0;
}

/* Both are false at the end, and at what is malformed, which stays in the list. */
static bool next_policy(struct slice *list, struct slice *oid, struct slice *qualifiers)
{
    struct slice at = *list, seq;

    *qualifiers = SLICE_NONE;
    if (der_end(at) || der_get(&at, DER_SEQUENCE, &seq) < 0 || der_get_oid(&seq, oid) < 0)
        return false;
    if (!der_end(seq) && (der_get(&seq, DER_SEQUENCE, qualifiers) < 0 || der_end(*qualifiers)))
        return false;
    if (!der_end(seq))
        return false;
    *list = at;
    return true;
}

static bool next_qualifier(struct slice *list, struct slice *oid, uint8_t *tag, struct slice *v)
{
    struct slice at = *list, seq;

    if (der_end(at) || der_get(&at, DER_SEQUENCE, &seq) < 0 || der_get_oid(&seq, oid) < 0 ||
        der_get_any(&seq, tag, v, NULL) < 0 || !der_end(seq))
        return false;
    *list = at;
    return true;
}

static int policies_der(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice list, oid, qualifiers, q, v;
    uint8_t tag;

    if (c->known[X_POLICIES] == NULL)
        return 0;
    if (lint_list(c, X_POLICIES, &list) < 0 || der_end(list))
        return lint_why(why, "certificatePolicies is empty or no SEQUENCE");
    while (next_policy(&list, &oid, &qualifiers)) {
        while (next_qualifier(&qualifiers, &q, &tag, &v))
            continue;
        if (!der_end(qualifiers))
            return lint_why(why, "a malformed policy qualifier");
    }
    return der_end(list) ? 0 : lint_why(why, "a malformed policy");
}

static int policies_twice(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice all, list, oid, other, q;

    if (lint_list(c, X_POLICIES, &all) < 0)
        return 0;
    list = all;
    for (size_t i = 0; i < POLICIES_MAX && next_policy(&list, &oid, &q); i++) {
        struct slice before = all;

        for (size_t k = 0; k < i && next_policy(&before, &other, &q); k++)
            if (slice_eq(oid, other))
                return lint_why(why, "a policy is there twice");
    }
    return 0;
}

/* UserNotice ::= SEQUENCE { noticeRef SEQUENCE OPTIONAL, explicitText OPTIONAL }. */
static bool explicit_text(struct slice notice, uint8_t *tag, struct slice *text, bool *ref)
{
    struct slice skipped;

    *ref = der_peek(notice, DER_SEQUENCE);
    if (*ref && der_get(&notice, DER_SEQUENCE, &skipped) < 0)
        return false;
    return !der_end(notice) && der_get_any(&notice, tag, text, NULL) == 0;
}

typedef const char *(*qualifier_fault)(struct slice oid, uint8_t tag, struct slice v);

static int each_qualifier(const struct lint_cert *c, qualifier_fault fault, char why[LINT_WHY])
{
    struct slice list, oid, qualifiers, q, v;
    uint8_t tag;

    if (lint_list(c, X_POLICIES, &list) < 0)
        return 0;
    while (next_policy(&list, &oid, &qualifiers))
        while (next_qualifier(&qualifiers, &q, &tag, &v))
            if (fault(q, tag, v) != NULL)
                return lint_why(why, "%s", fault(q, tag, v));
    return 0;
}

static bool is_cps(struct slice oid)
{
    return slice_is(oid, "\x2b\x06\x01\x05\x05\x07\x02\x01");
}

static bool is_notice(struct slice oid)
{
    return slice_is(oid, "\x2b\x06\x01\x05\x05\x07\x02\x02");
}

static const char *cps_fault(struct slice oid, uint8_t tag, struct slice v)
{
    if (is_cps(oid) && (tag != DER_IA5_STRING || lint_uri_fault(v) != NULL))
        return "the CPS pointer is not a URI in an IA5String";
    return NULL;
}

static int cps(const struct lint_cert *c, char why[LINT_WHY])
{
    return each_qualifier(c, cps_fault, why);
}

/* RFC 6818 3 made IA5String a SHOULD NOT; VisibleString and BMPString stay a MUST NOT. */
static const char *text_type_fault(struct slice oid, uint8_t tag, struct slice v)
{
    struct slice text;
    uint8_t type;
    bool ref;

    if (!is_notice(oid) || tag != DER_SEQUENCE || !explicit_text(v, &type, &text, &ref))
        return NULL;
    if (type == VISIBLE_STRING || type == DER_BMP_STRING)
        return "explicitText is a VisibleString or BMPString";
    return type == DER_UTF8_STRING && !utf8_valid(text) ? "explicitText is not UTF-8" : NULL;
}

static int text_type(const struct lint_cert *c, char why[LINT_WHY])
{
    return each_qualifier(c, text_type_fault, why);
}

static const char *text_ia5_fault(struct slice oid, uint8_t tag, struct slice v)
{
    struct slice text;
    uint8_t type;
    bool ref;

    if (is_notice(oid) && tag == DER_SEQUENCE && explicit_text(v, &type, &text, &ref) &&
        type == DER_IA5_STRING)
        return "explicitText is an IA5String, not a UTF8String";
    return NULL;
}

static int text_ia5(const struct lint_cert *c, char why[LINT_WHY])
{
    return each_qualifier(c, text_ia5_fault, why);
}

static const char *text_length_fault(struct slice oid, uint8_t tag, struct slice v)
{
    struct slice text;
    uint8_t type;
    size_t n = 0;
    bool ref;

    if (!is_notice(oid) || tag != DER_SEQUENCE || !explicit_text(v, &type, &text, &ref))
        return NULL;
    for (size_t i = 0; i < text.n; i++)
        n += type != DER_UTF8_STRING || (text.p[i] & 0xc0) != 0x80;
    if (type == DER_BMP_STRING)
        n /= 2;
    return n > EXPLICIT_TEXT_MAX ? "explicitText has more than 200 characters" : NULL;
}

static int text_length(const struct lint_cert *c, char why[LINT_WHY])
{
    return each_qualifier(c, text_length_fault, why);
}

static const char *notice_ref_fault(struct slice oid, uint8_t tag, struct slice v)
{
    if (is_notice(oid) && tag == DER_SEQUENCE && der_peek(v, DER_SEQUENCE))
        return "noticeRef should not be used";
    return NULL;
}

static int notice_ref(const struct lint_cert *c, char why[LINT_WHY])
{
    return each_qualifier(c, notice_ref_fault, why);
}

/* anyPolicy may be qualified by these two kinds only. */
static int any_qualified(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice list, oid, qualifiers, q, v;
    uint8_t tag;

    if (lint_list(c, X_POLICIES, &list) < 0)
        return 0;
    while (next_policy(&list, &oid, &qualifiers))
        while (any_policy(oid) && next_qualifier(&qualifiers, &q, &tag, &v))
            if (!is_cps(q) && !is_notice(q))
                return lint_why(why, "anyPolicy with a qualifier other than CPS and user notice");
    return 0;
}

/* --- mappings -------------------------------------------------------------------- */

static int mappings_der(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice list, seq, from, to;

    if (c->known[X_MAPPINGS] == NULL)
        return 0;
    if (lint_list(c, X_MAPPINGS, &list) < 0 || der_end(list))
        return lint_why(why, "policyMappings is empty or no SEQUENCE");
    while (!der_end(list))
        if (der_get(&list, DER_SEQUENCE, &seq) < 0 || der_get_oid(&seq, &from) < 0 ||
            der_get_oid(&seq, &to) < 0 || !der_end(seq))
            return lint_why(why, "a malformed mapping");
    return 0;
}

static int mappings_any(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice list, seq, from, to;

    if (lint_list(c, X_MAPPINGS, &list) < 0)
        return 0;
    while (!der_end(list) && der_get(&list, DER_SEQUENCE, &seq) == 0 &&
           der_get_oid(&seq, &from) == 0 && der_get_oid(&seq, &to) == 0)
        if (any_policy(from) || any_policy(to))
            return lint_why(why, "anyPolicy must not be mapped");
    return 0;
}

static int mappings_critical(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->known[X_MAPPINGS] != NULL && !lint_critical(c, X_MAPPINGS))
        return lint_why(why, "policyMappings should be critical");
    return 0;
}

static const struct lint_rule rules[] = {
    {"lint.policies.der", "RFC 5280 4.2.1.4", LINT_ERROR, LINT_ALL, policies_der},
    {"lint.policies.twice", "RFC 5280 4.2.1.4", LINT_ERROR, LINT_ALL, policies_twice},
    {"lint.policies.cps", "RFC 5280 4.2.1.4", LINT_ERROR, LINT_ALL, cps},
    {"lint.policies.text.type", "RFC 5280 4.2.1.4; RFC 6818 3", LINT_ERROR, LINT_ALL, text_type},
    {"lint.policies.text.ia5", "RFC 6818 3", LINT_WARNING, LINT_ALL, text_ia5},
    {"lint.policies.text.length", "RFC 5280 4.2.1.4", LINT_WARNING, LINT_ALL, text_length},
    {"lint.policies.notice_ref", "RFC 5280 4.2.1.4", LINT_WARNING, LINT_ALL, notice_ref},
    {"lint.policies.any", "RFC 5280 4.2.1.4", LINT_ERROR, LINT_ALL, any_qualified},
    {"lint.mappings.der", "RFC 5280 4.2.1.5", LINT_ERROR, LINT_ALL, mappings_der},
    {"lint.mappings.any", "RFC 5280 4.2.1.5", LINT_ERROR, LINT_ALL, mappings_any},
    {"lint.mappings.critical", "RFC 5280 4.2.1.5", LINT_WARNING, LINT_ALL, mappings_critical},
};

const struct lint_table lint_policy_rules = {rules, sizeof(rules) / sizeof(rules[0])};
