/* Name constraints as the configuration writes them. */
#include <arpa/inet.h>
#include <string.h>

#include "lib/constraints.h"
#include "lib/der.h"
#include "lib/name.h"
#include "lib/units.h"

static int wrong(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_CONFIG, "constraints.syntax", "must be %s", what);
}

static bool is_host(const char *text)
{
    struct san s = {SAN_DNS, slice_str(text)};
    struct fault ignored;

    return strchr(text, '*') == NULL && san_check(&s, &ignored) == 0;
}

/* RFC 5280 4.2.1.10 has no period in front of a DNS name, and some programs choke on one. */
static int put_dns(const char *text, struct buf *out, struct fault *f)
{
    if (text[0] != '\0' && !is_host(text))
        return wrong(f, "a DNS name without a dot in front, such as \"dns:example.com\": it stands "
                        "for that name and all below");
    der_put(out, DER_CONTEXT(2), slice_str(text));
    return 0;
}

static int put_email(const char *text, struct buf *out, struct fault *f)
{
    struct san mailbox = {SAN_EMAIL, slice_str(text)};
    struct fault ignored;
    bool one = strchr(text, '@') != NULL;

    if (one ? san_check(&mailbox, &ignored) != 0 : !is_host(text + (text[0] == '.')))
        return wrong(f, "a mailbox, a host, or a dot and a domain, such as \"email:.example.com\"");
    der_put(out, DER_CONTEXT(1), slice_str(text));
    return 0;
}

static int put_uri(const char *text, struct buf *out, struct fault *f)
{
    if (!is_host(text + (text[0] == '.')))
        return wrong(f, "a host, or a dot and a domain, such as \"uri:.example.com\"");
    der_put(out, DER_CONTEXT(6), slice_str(text));
    return 0;
}

static size_t get_address(const char *text, const char *slash, uint8_t out[16])
{
    char host[INET6_ADDRSTRLEN] = "";

    if (slash == NULL || (size_t)(slash - text) >= sizeof(host))
        return 0;
    memcpy(host, text, (size_t)(slash - text));
    if (inet_pton(AF_INET, host, out) == 1)
        return 4;
    return inet_pton(AF_INET6, host, out) == 1 ? 16 : 0;
}

static int put_ip(const char *text, struct buf *out, struct fault *f)
{
    const char *slash = strchr(text, '/');
    uint8_t base[32] = {0};
    size_t n = get_address(text, slash, base);
    uint64_t prefix;

    if (n == 0 || units_parse_number(slash + 1, &prefix) < 0 || prefix > 8 * n)
        return wrong(f, "a range such as \"ip:10.0.0.0/8\" or \"ip:fd00::/8\"");
    for (size_t bit = 0; bit < prefix; bit++)
        base[n + bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    for (size_t i = 0; i < n; i++)
        if ((base[i] & (uint8_t)~base[n + i]) != 0)
            return wrong(f, "a range without bits set past its prefix length");
    der_put(out, DER_CONTEXT(7), slice_of(base, 2 * n));
    return 0;
}

static int put_dirname(const char *text, struct buf *out, struct fault *f)
{
    /* [4] is explicit: Name is a CHOICE (X.680 31.2.7). */
    struct der_mark m = der_open(out, DER_CONTEXT_CONSTRUCTED(4));
    struct buf name;
    int rc;

    buf_init(&name, NAME_DER_MAX);
    rc = name_parse(text, &name, f);
    if (rc == 0 && name_empty(buf_slice(&name)))
        rc = wrong(f, "a distinguished name, such as \"dirname:O=Example,C=DE\"");
    buf_put_slice(out, buf_slice(&name));
    der_close(out, m);
    buf_free(&name);
    return rc;
}

static const struct {
    const char *prefix;
    int (*put)(const char *text, struct buf *out, struct fault *f);
} forms[] = {
    {"dns:", put_dns}, {"ip:", put_ip},           {"email:", put_email},
    {"uri:", put_uri}, {"dirname:", put_dirname},
};

int constraint_parse(const char *text, struct buf *out, struct fault *f)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        size_t n = strlen(forms[i].prefix);
        struct der_mark m;
        int rc;

        if (strncmp(text, forms[i].prefix, n) != 0)
            continue;
        m = der_open(out, DER_SEQUENCE);
        rc = forms[i].put(text + n, out, f);
        der_close(out, m);
        return rc;
    }
    return wrong(f, "dns:, ip:, email:, uri: or dirname: and what names are compared with");
}

static int put_list(uint8_t tag, char *const *list, size_t n, struct buf *out, struct fault *f)
{
    struct der_mark m;
    int rc = 0;

    if (n == 0)
        return 0;
    m = der_open(out, tag);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = constraint_parse(list[i], out, f);
    der_close(out, m);
    return rc;
}

int constraints_put(char *const *permitted, size_t n_permitted, char *const *excluded,
                    size_t n_excluded, struct buf *out, struct fault *f)
{
    struct der_mark m;
    int rc;

    if (n_permitted + n_excluded == 0)
        return 0;
    m = der_open(out, DER_SEQUENCE);
    rc = put_list(DER_CONTEXT_CONSTRUCTED(0), permitted, n_permitted, out, f);
    if (rc == 0)
        rc = put_list(DER_CONTEXT_CONSTRUCTED(1), excluded, n_excluded, out, f);
    der_close(out, m);
    if (rc == 0 && buf_failed(out))
        rc = fault_set(f, FAULT_TOO_LARGE, "constraints.size",
                       "the name constraints have more than %d octets", CONSTRAINTS_MAX);
    return rc;
}
