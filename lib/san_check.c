/* Syntax of one name. What passes here is plain ASCII that no later program can misread; a UPN
 * may be UTF-8. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "lib/san.h"
#include "lib/utf8.h"

#define DNS_MAX 253
#define LABEL_MAX 63
#define MAIL_LOCAL_MAX 64 /* RFC 5321 4.5.3.1.1 */
#define MAIL_MAX 254      /* RFC 5321 4.5.3.1.3: a path of 256 with its brackets */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool in_set(uint8_t c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

static struct slice from(struct slice s, size_t at)
{
    return slice_of(s.p + at, s.n - at);
}

/* Where `c` first is, or s.n. */
static size_t find(struct slice s, uint8_t c)
{
    const uint8_t *p = s.n == 0 ? NULL : memchr(s.p, c, s.n);

    return p == NULL ? s.n : (size_t)(p - s.p);
}

/* RFC 1034 3.5, with a first digit allowed by RFC 1123 2.1; an A-label (RFC 5890 2.3.2.1) is an
 * ordinary label here. */
static bool label_valid(struct slice l)
{
    if (l.n == 0 || l.n > LABEL_MAX || l.p[0] == '-' || l.p[l.n - 1] == '-')
        return false;
    for (size_t i = 0; i < l.n; i++)
        if (!is_alpha(l.p[i]) && !is_digit(l.p[i]) && l.p[i] != '-')
            return false;
    return true;
}

static bool all_digits(struct slice l)
{
    for (size_t i = 0; i < l.n; i++)
        if (!is_digit(l.p[i]))
            return false;
    return true;
}

static bool host_valid(struct slice name)
{
    if (name.n == 0 || name.n > DNS_MAX)
        return false;
    for (;;) {
        size_t dot = find(name, '.');

        if (!label_valid(slice_of(name.p, dot)))
            return false;
        if (dot == name.n)
            /* RFC 1123 2.1: or it reads as an IPv4 address. */
            return !all_digits(name);
        name = from(name, dot + 1);
    }
}

static bool dns_valid(struct slice name)
{
    if (name.n > DNS_MAX)
        return false;
    /* RFC 6125 6.4.3: a wildcard is the whole left-most label, with a name below. */
    if (name.n > 2 && name.p[0] == '*' && name.p[1] == '.')
        name = from(name, 2);
    return host_valid(name);
}

/* RFC 5321 4.1.2: Dot-string only. Quoted local parts, which it says to avoid, are refused:
 * too many programs split addresses at the first @. */
static bool mail_local_valid(struct slice l)
{
    bool dot = true;

    if (l.n == 0 || l.n > MAIL_LOCAL_MAX)
        return false;
    for (size_t i = 0; i < l.n; i++) {
        if (l.p[i] == '.') {
            if (dot)
                return false;
            dot = true;
            continue;
        }
        if (!is_alpha(l.p[i]) && !is_digit(l.p[i]) && !in_set(l.p[i], "!#$%&'*+-/=?^_`{|}~"))
            return false;
        dot = false;
    }
    return !dot;
}

static bool mail_valid(struct slice v)
{
    size_t at = find(v, '@');

    return v.n <= MAIL_MAX && at < v.n && mail_local_valid(slice_of(v.p, at)) &&
           host_valid(from(v, at + 1));
}

/* RFC 3986 2: unreserved, sub-delims, what `more` adds, and whole percent escapes. */
static bool uri_chars(struct slice v, const char *more)
{
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.p[i];

        if (c == '%') {
            if (v.n - i < 3 || !is_hex(v.p[i + 1]) || !is_hex(v.p[i + 2]))
                return false;
            i += 2;
        } else if (!is_alpha(c) && !is_digit(c) && !in_set(c, "-._~!$&'()*+,;=") &&
                   !in_set(c, more)) {
            return false;
        }
    }
    return true;
}

/* RFC 3986 3.1. */
static bool scheme_valid(struct slice s)
{
    if (s.n == 0 || !is_alpha(s.p[0]))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!is_alpha(s.p[i]) && !is_digit(s.p[i]) && !in_set(s.p[i], "+-."))
            return false;
    return true;
}

/* RFC 3986 3.2.2: "[" IPv6 "]", then perhaps a port. */
static bool ip_literal_valid(struct slice v)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t address[16];
    size_t end = find(v, ']');
    struct slice port;

    if (end == v.n || end < 2 || end - 1 >= sizeof(text))
        return false;
    memcpy(text, v.p + 1, end - 1);
    text[end - 1] = 0;
    port = from(v, end + 1);
    if (port.n > 0 && (port.p[0] != ':' || !all_digits(from(port, 1))))
        return false;
    return inet_pton(AF_INET6, text, address) == 1;
}

/* RFC 5280 4.2.1.6: an authority names a host. */
static bool authority_valid(struct slice v)
{
    size_t at = find(v, '@'), colon;

    if (at < v.n) {
        if (!uri_chars(slice_of(v.p, at), ":"))
            return false;
        v = from(v, at + 1);
    }
    if (v.n > 0 && v.p[0] == '[')
        return ip_literal_valid(v);
    colon = find(v, ':');
    if (colon < v.n && !all_digits(from(v, colon + 1)))
        return false;
    return colon > 0 && uri_chars(slice_of(v.p, colon), "");
}

/* RFC 3986 3, absolute, so with a scheme and something behind it. */
static bool uri_valid(struct slice v)
{
    size_t colon = find(v, ':'), end = 0;
    struct slice rest;

    if (colon == v.n || !scheme_valid(slice_of(v.p, colon)))
        return false;
    rest = from(v, colon + 1);
    if (rest.n >= 2 && rest.p[0] == '/' && rest.p[1] == '/') {
        rest = from(rest, 2);
        while (end < rest.n && !in_set(rest.p[end], "/?#"))
            end++;
        if (!authority_valid(slice_of(rest.p, end)))
            return false;
        rest = from(rest, end);
    } else if (rest.n == 0 || in_set(rest.p[0], "?#")) {
        return false;
    }
    end = find(rest, '#');
    if (end < rest.n && !uri_chars(from(rest, end + 1), ":@/?"))
        return false;
    return uri_chars(slice_of(rest.p, end), ":@/?");
}

static bool starts_with(struct slice v, const char *prefix)
{
    size_t n = strlen(prefix);

    return v.n >= n && strncasecmp((const char *)v.p, prefix, n) == 0;
}

static bool all_in(struct slice v, const char *more)
{
    for (size_t i = 0; i < v.n; i++)
        if (!is_digit(v.p[i]) && !(v.p[i] >= 'a' && v.p[i] <= 'z') && !in_set(v.p[i], more))
            return false;
    return true;
}

/* SPIFFE-ID 2: spiffe:// in lower case, a trust domain of a-z0-9.-_ without user, port, query or
 * fragment, at most 255 octets, and a path of non-empty segments of a-zA-Z0-9.-_ other than "." and
 * ".."; 2048 octets in all, which SAN_VALUE_MAX is below. */
static bool spiffe_valid(struct slice v)
{
    struct slice rest;
    size_t slash;

    if (v.n < 9 || memcmp(v.p, "spiffe://", 9) != 0)
        return false;
    rest = from(v, 9);
    slash = find(rest, '/');
    if (slash == 0 || slash > 255 || !all_in(slice_of(rest.p, slash), ".-_"))
        return false;
    rest = from(rest, slash);
    while (rest.n > 0) {
        struct slice segment = from(rest, 1);

        segment.n = find(segment, '/');
        if (segment.n == 0 || slice_is(segment, ".") || slice_is(segment, ".."))
            return false;
        for (size_t i = 0; i < segment.n; i++)
            if (!is_alpha(segment.p[i]) && !is_digit(segment.p[i]) && !in_set(segment.p[i], ".-_"))
                return false;
        rest = from(rest, 1 + segment.n);
    }
    return true;
}

/* user@suffix: the suffix is a DNS name; the user may be any printable UTF-8 that does not read as
 * another separator. */
static bool upn_valid(struct slice v)
{
    size_t at = find(v, '@');

    if (at == 0 || at == v.n || !utf8_valid(v) || !host_valid(from(v, at + 1)))
        return false;
    for (size_t i = 0; i < at; i++)
        if (v.p[i] <= 0x20 || v.p[i] == 0x7f || in_set(v.p[i], "\"/\\[]:;|=,+*?<>"))
            return false;
    return true;
}

int san_check(const struct san *s, struct fault *f)
{
    if (s->kind != SAN_IP && s->value.n > SAN_VALUE_MAX)
        return fault_set(f, FAULT_MALFORMED, "san.size", "a name has more than %d octets",
                         SAN_VALUE_MAX);
    switch (s->kind) {
    case SAN_DNS:
        if (dns_valid(s->value))
            return 0;
        (void)fault_refuse(f, "san.dns.syntax", "san.dns", s->value,
                           "labels of letters, digits and hyphens, a wildcard only as *.name");
        break;
    case SAN_IP:
        if (s->value.n == 4 || s->value.n == 16)
            return 0;
        (void)fault_refuse(f, "san.ip.syntax", "san.ip", s->value, "4 or 16 octets");
        break;
    case SAN_EMAIL:
        if (mail_valid(s->value))
            return 0;
        (void)fault_refuse(f, "san.email.syntax", "san.email", s->value,
                           "local@host in ASCII, unquoted");
        break;
    case SAN_URI:
        if (starts_with(s->value, "spiffe:")) {
            if (spiffe_valid(s->value))
                return 0;
            (void)fault_refuse(f, "san.uri.spiffe", "san.uri", s->value,
                               "spiffe://trust-domain/path, as the SPIFFE ID standard has it");
            break;
        }
        if (uri_valid(s->value))
            return 0;
        (void)fault_refuse(f, "san.uri.syntax", "san.uri", s->value,
                           "scheme://host/path or scheme:path in ASCII");
        break;
    case SAN_UPN:
        if (upn_valid(s->value))
            return 0;
        (void)fault_refuse(f, "san.upn.syntax", "san.upn", s->value, "user@suffix");
        break;
    default:
        return fault_set(f, FAULT_MALFORMED, "san.kind", "a name of an unknown kind");
    }
    f->code = FAULT_MALFORMED;
    return -FAULT_MALFORMED;
}
