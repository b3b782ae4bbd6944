/* subjectAltName and issuerAltName (RFC 5280 4.2.1.6, 4.2.1.7, 7.2 to 7.5). */
#include <string.h>

#include "lib/der.h"
#include "lib/lint_cert.h"
#include "lib/utf8.h"

enum { GN_OTHER = 0xa0, GN_MAIL = 0x81, GN_DNS = 0x82, GN_X400 = 0xa3, GN_DIRECTORY = 0xa4 };
enum { GN_EDI = 0xa5, GN_URI = 0x86, GN_IP = 0x87, GN_RID = 0x88 };

#define COMPARED_MAX 1000 /* each with each */

bool lint_name_next(struct slice *names, uint8_t *tag, struct slice *value)
{
    return !der_end(*names) && der_get_any(names, tag, value, NULL) == 0;
}

/* OtherName ::= [0] { type-id, [0] EXPLICIT value }, implicitly tagged. */
static const char *other_fault(struct slice v)
{
    struct slice oid, tagged;

    if (der_get_oid(&v, &oid) < 0 || der_get(&v, DER_CONTEXT_CONSTRUCTED(0), &tagged) < 0 ||
        !der_end(v) || der_get_any(&tagged, NULL, NULL, NULL) < 0 || !der_end(tagged))
        return "a malformed otherName";
    return NULL;
}

const char *lint_names_fault(struct slice names)
{
    struct slice v, inner;
    uint8_t tag;

    if (der_end(names))
        return "an empty list of names";
    while (lint_name_next(&names, &tag, &v)) {
        switch (tag) {
        case GN_OTHER:
            if (other_fault(v) != NULL)
                return other_fault(v);
            break;
        case GN_DIRECTORY:
            if (der_get(&v, DER_SEQUENCE, &inner) < 0 || !der_end(v))
                return "a malformed directoryName";
            break;
        case GN_MAIL:
        case GN_DNS:
        case GN_URI:
        case GN_IP:
        case GN_RID:
        case GN_X400:
        case GN_EDI:
            break;
        default:
            return "a name of no kind that there is";
        }
    }
    return der_end(names) ? NULL : "a malformed name";
}

static int alt_der(const struct lint_cert *c, enum lint_ext_id id, const char *name,
                   char why[LINT_WHY])
{
    struct slice names;
    const char *fault;

    if (c->known[id] == NULL)
        return 0;
    if (lint_list(c, id, &names) < 0)
        return lint_why(why, "%s is no SEQUENCE", name);
    fault = lint_names_fault(names);
    return fault == NULL ? 0 : lint_why(why, "%s: %s", name, fault);
}

static int san_der(const struct lint_cert *c, char why[LINT_WHY])
{
    return alt_der(c, X_SAN, "subjectAltName", why);
}

static int ian_der(const struct lint_cert *c, char why[LINT_WHY])
{
    return alt_der(c, X_IAN, "issuerAltName", why);
}

static int critical(const struct lint_cert *c, char why[LINT_WHY])
{
    if (lint_critical(c, X_SAN) && !name_empty(c->subject))
        return lint_why(why, "subjectAltName is critical although there is a subject");
    return 0;
}

/* Asks about every name of one kind. `fault` says what is wrong, or NULL. */
static int each(const struct lint_cert *c, uint8_t kind, char why[LINT_WHY],
                const char *(*fault)(struct slice v))
{
    struct slice names, v;
    uint8_t tag;

    if (lint_list(c, X_SAN, &names) < 0)
        return 0;
    for (size_t i = 1; lint_name_next(&names, &tag, &v); i++) {
        const char *wrong = tag == kind ? fault(v) : NULL;

        if (wrong != NULL)
            return lint_why(why, "name %zu: %s", i, wrong);
    }
    return 0;
}

/* What is beyond ASCII is told by the rule about internationalised names. */
static const char *dns_fault(struct slice v)
{
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] >= 0x80)
            return NULL;
    return lint_dns_fault(v, true);
}

static int dns(const struct lint_cert *c, char why[LINT_WHY])
{
    return each(c, GN_DNS, why, dns_fault);
}

static int dns_idn(const struct lint_cert *c, char why[LINT_WHY])
{
    return each(c, GN_DNS, why, lint_idn_fault);
}

static const char *underscore(struct slice v)
{
    return v.n > 0 && memchr(v.p, '_', v.n) != NULL ? "an underscore, which no host name has"
                                                    : NULL;
}

static int dns_underscore(const struct lint_cert *c, char why[LINT_WHY])
{
    return each(c, GN_DNS, why, underscore);
}

/* "*" for a whole top-level domain or one label stands for too much. */
static const char *wide_wildcard(struct slice v)
{
    if (v.n > 2 && v.p[0] == '*' && v.p[1] == '.' && memchr(v.p + 2, '.', v.n - 2) == NULL)
        return "a wildcard right below a top-level domain";
    return NULL;
}

static int dns_wildcard(const struct lint_cert *c, char why[LINT_WHY])
{
    return each(c, GN_DNS, why, wide_wildcard);
}

static const char *ip_fault(struct slice v)
{
    return v.n == 4 || v.n == 16 ? NULL : "an IP address that has neither 4 nor 16 octets";
}

static int ip(const struct lint_cert *c, char why[LINT_WHY])
{
    return each(c, GN_IP, why, ip_fault);
}

static const char *mail_fault(struct slice v)
{
    struct san s = {SAN_EMAIL, v};
    struct fault f;

    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] >= 0x80)
            return "octets beyond ASCII; such an address is a SmtpUTF8Mailbox";
    return san_check(&s, &f) == 0 ? NULL : "it is no mail address (RFC 5321 4.1.2)";
}

static int mail(const struct lint_cert *c, char why[LINT_WHY])
{
    return each(c, GN_MAIL, why, mail_fault);
}

static int uri(const struct lint_cert *c, char why[LINT_WHY])
{
    return each(c, GN_URI, why, lint_uri_fault);
}

/* An authority is a name or an address: a single label names a host only somewhere. */
static const char *uri_host_fault(struct slice v)
{
    const uint8_t *p = memmem(v.p, v.n, "://", 3);
    size_t n;

    if (p == NULL)
        return NULL;
    p += 3;
    n = v.n - (size_t)(p - v.p);
    for (size_t i = 0; i < n; i++)
        if (p[i] == '/' || p[i] == '?' || p[i] == '#')
            n = i;
    if (n > 0 && (p[0] == '[' || memchr(p, '.', n) != NULL))
        return NULL;
    return "the host of a URI is not a fully qualified name or an address";
}

static int uri_host(const struct lint_cert *c, char why[LINT_WHY])
{
    return each(c, GN_URI, why, uri_host_fault);
}

/* RFC 9598 3: a UTF8String, only when the local part is beyond ASCII, the host in ASCII (A-labels).
 */
static const char *smtp_utf8_fault(struct slice v)
{
    struct slice oid, tagged, text;
    const uint8_t *at;
    bool beyond = false;

    if (der_get_oid(&v, &oid) < 0 || !slice_is(oid, "\x2b\x06\x01\x05\x05\x07\x08\x09"))
        return NULL;
    if (der_get(&v, DER_CONTEXT_CONSTRUCTED(0), &tagged) < 0 ||
        der_get(&tagged, DER_UTF8_STRING, &text) < 0 || !utf8_valid(text))
        return "a SmtpUTF8Mailbox that is no UTF8String";
    at = text.n == 0 ? NULL : memrchr(text.p, '@', text.n);
    if (at == NULL || at == text.p)
        return "a SmtpUTF8Mailbox without a local part and a host";
    for (const uint8_t *p = text.p; p < at; p++)
        beyond = beyond || *p >= 0x80;
    if (!beyond)
        return "a SmtpUTF8Mailbox in ASCII, which is an rfc822Name";
    at++;
    text = slice_of(at, text.n - (size_t)(at - text.p));
    if (lint_idn_fault(text) != NULL || lint_dns_fault(text, false) != NULL)
        return "the host of a SmtpUTF8Mailbox is not in A-labels";
    return NULL;
}

static int smtp_utf8(const struct lint_cert *c, char why[LINT_WHY])
{
    return each(c, GN_OTHER, why, smtp_utf8_fault);
}

static const char *directory_fault(struct slice v)
{
    return name_empty(v) ? "an empty directoryName" : NULL;
}

static int directory(const struct lint_cert *c, char why[LINT_WHY])
{
    return each(c, GN_DIRECTORY, why, directory_fault);
}

static bool same_name(uint8_t tag, struct slice a, struct slice b)
{
    struct san x = {SAN_DNS, a}, y = {SAN_DNS, b};

    return tag == GN_DNS ? san_equal(&x, &y) : slice_eq(a, b);
}

static int twice(const struct lint_cert *c, char why[LINT_WHY])
{
    struct slice names, all, v, w;
    uint8_t tag, other;

    if (lint_list(c, X_SAN, &all) < 0)
        return 0;
    names = all;
    for (size_t i = 1; i <= COMPARED_MAX && lint_name_next(&names, &tag, &v); i++) {
        struct slice before = slice_of(all.p, (size_t)(v.p - all.p));

        /* Ends before this name: its header is cut. */
        while (lint_name_next(&before, &other, &w))
            if (other == tag && same_name(tag, v, w))
                return lint_why(why, "name %zu is there twice", i);
    }
    return 0;
}

static const struct lint_rule rules[] = {
    {"lint.san.der", "RFC 5280 4.2.1.6", LINT_ERROR, LINT_ALL, san_der},
    {"lint.ian.der", "RFC 5280 4.2.1.7", LINT_ERROR, LINT_ALL, ian_der},
    {"lint.san.critical", "RFC 5280 4.2.1.6", LINT_WARNING, LINT_ALL, critical},
    {"lint.san.dns", "RFC 5280 4.2.1.6; RFC 1034 3.5; RFC 9525 6.3", LINT_ERROR, LINT_ALL, dns},
    {"lint.san.dns.idn", "RFC 9549 2.2; RFC 5890 2.3", LINT_ERROR, LINT_ALL, dns_idn},
    {"lint.san.dns.underscore", "RFC 1123 2.1", LINT_WARNING, LINT_ALL, dns_underscore},
    {"lint.san.dns.wildcard", "RFC 9525 7.1", LINT_NOTICE, LINT_OTHERS, dns_wildcard},
    {"lint.san.ip", "RFC 5280 4.2.1.6", LINT_ERROR, LINT_ALL, ip},
    {"lint.san.email", "RFC 5280 4.2.1.6; RFC 9598 3", LINT_ERROR, LINT_ALL, mail},
    {"lint.san.uri", "RFC 5280 4.2.1.6; RFC 3986 3", LINT_ERROR, LINT_ALL, uri},
    {"lint.san.uri.host", "RFC 5280 4.2.1.6", LINT_WARNING, LINT_OTHERS, uri_host},
    {"lint.san.smtp_utf8", "RFC 9598 3", LINT_ERROR, LINT_ALL, smtp_utf8},
    {"lint.san.directory", "RFC 5280 4.2.1.6", LINT_ERROR, LINT_ALL, directory},
    {"lint.san.twice", "RFC 5280 4.2.1.6", LINT_ERROR, LINT_ALL, twice},
};

const struct lint_table lint_san_rules = {rules, sizeof(rules) / sizeof(rules[0])};
