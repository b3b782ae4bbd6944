#include "lib/profile.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/tbs.h"

bool profile_has_key(const struct conf_profile *p, const struct spki *key)
{
    char type[24];

    key_describe(key->type, key->bits, type);
    for (size_t i = 0; i < p->n_key_types; i++)
        if (strcmp(p->key_types[i], type) == 0)
            return true;
    return false;
}

uint16_t profile_key_usage(const struct conf_profile *p, enum key_type type)
{
    if (p->ca)
        return KU_KEY_CERT_SIGN | KU_CRL_SIGN; /* RFC 5280 4.2.1.3 */
    if (type == KEY_RSA)
        return p->ku_rsa;
    /* RFC 8410 5: Ed25519 keys do not agree. */
    return type == KEY_ED25519 ? (uint16_t)(p->ku_ec & ~KU_KEY_AGREEMENT) : p->ku_ec;
}

bool profile_is_delegate(const struct conf_profile *p, const struct conf_issuer *by)
{
    return strcmp(p->name, PROFILE_DELEGATE) == 0 && p->eku == EKU_OCSP_SIGNING &&
           p->ocsp_no_check && !p->ca && by->ocsp_url[0] != '\0';
}

enum sig_alg profile_alg(const struct conf_profile *p, const struct conf_issuer *issuer)
{
    return sig_alg_with_hash(issuer->alg, p->hash);
}

bool profile_no_rev_avail(const struct conf_profile *p, int64_t not_before, int64_t not_after)
{
    return p->no_rev_avail > 0 && not_after - not_before <= p->no_rev_avail;
}

/* ---- names ---- */

static bool ends_with(struct slice name, const char *suffix)
{
    size_t n = strlen(suffix);

    return name.n > n && strncasecmp((const char *)name.p + name.n - n, suffix, n) == 0;
}

static bool equals(struct slice name, const char *text)
{
    return name.n == strlen(text) && strncasecmp((const char *)name.p, text, name.n) == 0;
}

/* ".example.com" allows any name below, "example.com" that name alone. */
static bool dns_allowed(struct slice name, const char *pattern)
{
    return pattern[0] == '.' ? ends_with(name, pattern) : equals(name, pattern);
}

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    uint8_t mask = (uint8_t)(0xff << (8 - rest));

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || (a[whole] & mask) == (b[whole] & mask);
}

/* "192.0.2.0/24", "2001:db8::/32", or one address. The configuration was checked when it was
 * read. */
static bool ip_allowed(struct slice address, const char *range)
{
    char text[64];
    uint8_t net[16];
    size_t n = strcspn(range, "/");
    unsigned length = 0, bits;

    if (n >= sizeof(text))
        return false;
    memcpy(text, range, n);
    text[n] = '\0';
    if (inet_pton(AF_INET, text, net) == 1)
        length = 4;
    else if (inet_pton(AF_INET6, text, net) == 1)
        length = 16;
    if (length == 0 || address.n != length)
        return false;
    bits = length * 8;
    if (range[n] == '/')
        bits = (unsigned)strtoul(range + n + 1, NULL, 10);
    return bits <= length * 8 && bits_equal(address.p, net, bits);
}

static bool email_allowed(struct slice mailbox, const char *domain)
{
    const uint8_t *at = memrchr(mailbox.p, '@', mailbox.n);
    struct slice host;

    if (at == NULL)
        return false;
    host = slice_of(at + 1, (size_t)(mailbox.p + mailbox.n - at - 1));
    return dns_allowed(host, domain);
}

/* A segment "." or "..", which programs resolve before they compare (RFC 3986 5.2.4); encoded
 * octets count, since many decode first. */
static bool has_dot_segment(struct slice path)
{
    size_t dots = 0, step;
    bool others = false; /* in the segment so far */

    for (size_t i = 0;; i += step) {
        struct slice rest = slice_of(path.p + i, path.n - i);
        char c = rest.n == 0 || rest.p[0] == '?' || rest.p[0] == '#' ? '\0' : (char)rest.p[0];

        step = rest.n >= 3 && c == '%' ? 3 : 1;
        if (step == 3)
            c = strncasecmp((const char *)rest.p, "%2e", 3) == 0   ? '.'
                : strncasecmp((const char *)rest.p, "%2f", 3) == 0 ? '/'
                                                                   : c;
        if ((c == '/' || c == '\0') && !others && (dots == 1 || dots == 2))
            return true;
        if (c == '\0')
            return false;
        dots = c == '.' ? dots + 1 : c == '/' ? 0 : dots;
        others = c != '/' && (others || c != '.');
    }
}

/* A prefix counts only up to a boundary: "spiffe://a" must not allow "spiffe://a.evil/". A colon is
 * one where no host is named ("urn:dev:"): behind a host it would let a user name follow. */
static bool uri_allowed(struct slice uri, const char *prefix)
{
    size_t n = strlen(prefix);
    char last = n > 0 ? prefix[n - 1] : '\0';

    if (uri.n < n || memcmp(uri.p, prefix, n) != 0 ||
        has_dot_segment(slice_of(uri.p + n, uri.n - n)))
        return false;
    return uri.n == n || last == '/' || uri.p[n] == '/' ||
           (last == ':' && strstr(prefix, "://") == NULL);
}

static bool upn_allowed(struct slice upn, const char *suffix)
{
    return email_allowed(upn, suffix);
}

static const struct {
    const char *rule;
    bool (*allowed)(struct slice value, const char *pattern);
} kinds[SAN_KIND_MAX + 1] = {
    [SAN_DNS] = {"san.dns.pattern", dns_allowed},      [SAN_IP] = {"san.ip.range", ip_allowed},
    [SAN_EMAIL] = {"san.email.domain", email_allowed}, [SAN_URI] = {"san.uri.prefix", uri_allowed},
    [SAN_UPN] = {"san.upn.suffix", upn_allowed},
};

char *const *profile_patterns(const struct conf_profile *p, enum san_kind kind, size_t *n)
{
    switch (kind) {
    case SAN_DNS:
        *n = p->n_dns;
        return p->dns;
    case SAN_IP:
        *n = p->n_ip;
        return p->ip;
    case SAN_EMAIL:
        *n = p->n_email;
        return p->email;
    case SAN_URI:
        *n = p->n_uri;
        return p->uri;
    default:
        *n = p->n_upn;
        return p->upn;
    }
}

char *const *grant_patterns(const struct conf_grant *g, enum san_kind kind, size_t *n)
{
    switch (kind) {
    case SAN_DNS:
        *n = g->n_dns;
        return g->dns;
    case SAN_IP:
        *n = g->n_ip;
        return g->ip;
    case SAN_EMAIL:
        *n = g->n_email;
        return g->email;
    case SAN_URI:
        *n = g->n_uri;
        return g->uri;
    default:
        *n = g->n_upn;
        return g->upn;
    }
}

bool pattern_has_name(const struct san *s, char *const *patterns, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (kinds[s->kind].allowed(s->value, patterns[i]))
            return true;
    return false;
}

const char *profile_refuses_name(const struct conf_profile *p, const struct san *s)
{
    char *const *patterns;
    size_t n;

    if (profile_sid_of(s).n > 0)
        return (p->sid & SID_URI) != 0 ? NULL : "san.sid";
    if ((p->san_kinds & (1u << s->kind)) == 0)
        return "san.kind";
    if (s->kind == SAN_DNS && s->value.n > 0 && s->value.p[0] == '*' && !p->wildcards)
        return "san.dns.wildcard";
    patterns = profile_patterns(p, s->kind, &n);
    return n == 0 || pattern_has_name(s, patterns, n) ? NULL : kinds[s->kind].rule;
}

struct slice profile_sid_of(const struct san *s)
{
    size_t n = strlen(PROFILE_SID_URI);

    if (s->kind != SAN_URI || s->value.n <= n ||
        strncasecmp((const char *)s->value.p, PROFILE_SID_URI, n) != 0)
        return SLICE_NONE;
    return slice_of(s->value.p + n, s->value.n - n);
}
