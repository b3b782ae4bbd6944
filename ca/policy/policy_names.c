#include "ca/policy/policy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* A prefix counts only up to a boundary: "spiffe://a" must not allow "spiffe://a.evil/". */
static bool uri_allowed(struct slice uri, const char *prefix)
{
    size_t n = strlen(prefix);

    if (uri.n < n || memcmp(uri.p, prefix, n) != 0)
        return false;
    return uri.n == n || (n > 0 && prefix[n - 1] == '/') || uri.p[n] == '/';
}

struct pattern_kind {
    const char *rule;
    bool (*allowed)(struct slice value, const char *pattern);
    char *const *patterns;
    size_t n;
};

static struct pattern_kind patterns_of(const struct conf_profile *p, enum san_kind kind)
{
    switch (kind) {
    case SAN_DNS:
        return (struct pattern_kind){"san.dns.pattern", dns_allowed, p->dns, p->n_dns};
    case SAN_IP:
        return (struct pattern_kind){"san.ip.range", ip_allowed, p->ip, p->n_ip};
    case SAN_EMAIL:
        return (struct pattern_kind){"san.email.domain", email_allowed, p->email, p->n_email};
    default:
        return (struct pattern_kind){"san.uri.prefix", uri_allowed, p->uri, p->n_uri};
    }
}

static void join(char *const *words, size_t n, char out[256])
{
    struct buf b;

    buf_init(&b, 255);
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "%s%s", i > 0 ? ", " : "", words[i]);
    memcpy(out, buf_cstr(&b), b.n);
    out[b.n] = '\0';
    buf_free(&b);
}

static int refuse_name(const char *rule, const struct san *s, const char *allowed, struct fault *f)
{
    char field[16];
    struct buf text;
    int rc;

    snprintf(field, sizeof(field), "san.%s", san_kind_name(s->kind));
    buf_init(&text, 4 * SAN_VALUE_MAX + 16);
    san_print(s, &text);
    rc = fault_refuse(f, rule, field, buf_slice(&text), allowed);
    buf_free(&text);
    return rc;
}

static void list_kinds(const struct conf_profile *p, char out[256])
{
    size_t at = 0;

    out[0] = '\0';
    for (unsigned k = SAN_DNS; k <= SAN_KIND_MAX; k++) {
        const char *name = san_kind_name((enum san_kind)k);

        if ((p->san_kinds & (1u << k)) == 0)
            continue;
        at += (size_t)snprintf(out + at, 256 - at, "%s%s", at > 0 ? ", " : "", name);
    }
}

int policy_name(const struct conf_profile *p, const struct san *s, struct fault *f)
{
    struct pattern_kind k = patterns_of(p, s->kind);
    char allowed[256];

    if (san_check(s, f) != 0)
        return -(int)f->code;
    if ((p->san_kinds & (1u << s->kind)) == 0) {
        list_kinds(p, allowed);
        return refuse_name("san.kind", s, allowed, f);
    }
    if (s->kind == SAN_DNS && s->value.n > 0 && s->value.p[0] == '*' && !p->wildcards)
        return refuse_name("san.dns.wildcard", s, "no wildcard in this profile", f);
    if (k.n == 0)
        return 0;
    for (size_t i = 0; i < k.n; i++)
        if (k.allowed(s->value, k.patterns[i]))
            return 0;
    join(k.patterns, k.n, allowed);
    return refuse_name(k.rule, s, allowed, f);
}

/* A name as bytes that compare: kind, then the value, its case folded where case has no
 * meaning. */
static size_t canonical(const struct san *s, uint8_t out[SAN_VALUE_MAX + 1])
{
    size_t n = s->value.n < SAN_VALUE_MAX ? s->value.n : SAN_VALUE_MAX;
    bool fold = s->kind == SAN_DNS || s->kind == SAN_EMAIL;

    out[0] = (uint8_t)s->kind;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = s->value.p[i];

        out[i + 1] = fold && c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
    }
    return n + 1;
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

/* Hashes of the names, sorted, so that their order does not count. */
void policy_identity(const char *profile, struct slice subject, const struct san_list *sans,
                     uint8_t out[16])
{
    uint8_t name[SAN_VALUE_MAX + 1], all[32 * (SAN_MAX + 2)], hash[32];
    size_t n = 0;

    for (; n < sans->n; n++)
        sha256(slice_of(name, canonical(&sans->item[n], name)), all + 32 * n);
    qsort(all, n, 32, by_hash);
    sha256(slice_str(profile), all + 32 * n++);
    sha256(subject, all + 32 * n++);
    sha256(slice_of(all, 32 * n), hash);
    memcpy(out, hash, 16);
}
