/* Checks of single values, named by the schema table. */
#include "lib/conf_schema.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/constraints.h"
#include "lib/clock.h"
#include "lib/name.h"
#include "lib/note.h"
#include "lib/p11uri.h"
#include "lib/subject.h"
#include "lib/units.h"

#define RULE "conf.value"
#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define NAME_MAX_LEN 32 /* names become parts of file and socket names */

static int check_plain(const char *text, size_t max, struct fault *f)
{
    size_t n = strlen(text);

    if (n == 0 || n > max || strspn(text, ALNUM "._-") != n || strspn(text, ALNUM) == 0)
        return fault_set(f, FAULT_CONFIG, RULE,
                         "must be 1 to %zu letters, digits, \".\", \"_\" or \"-\", starting with a "
                         "letter or digit",
                         max);
    return 0;
}

int conf_check_name(const char *text, struct fault *f)
{
    return check_plain(text, NAME_MAX_LEN, f);
}

int conf_check_credential(const char *text, struct fault *f)
{
    return check_plain(text, 255, f);
}

int conf_check_listen(const char *text, struct fault *f)
{
    struct in6_addr addr;

    if (text[0] == '\0' || inet_pton(AF_INET, text, &addr) == 1 ||
        inet_pton(AF_INET6, text, &addr) == 1)
        return 0;
    return fault_set(f, FAULT_CONFIG, RULE, "must be an IPv4 or IPv6 address, or empty");
}

/* RFC 3986: what may be in a URI unencoded, besides "%". */
static bool is_uri_text(const char *text)
{
    return strspn(text, ALNUM "-._~:/?#[]@!$&'()*+,;=%") == strlen(text);
}

int conf_check_url(const char *text, struct fault *f)
{
    const char *host = NULL;

    if (strncmp(text, "http://", 7) == 0)
        host = text + 7;
    else if (strncmp(text, "https://", 8) == 0)
        host = text + 8;
    if (host == NULL || *host == '\0' || *host == '/' || !is_uri_text(text))
        return fault_set(f, FAULT_CONFIG, RULE, "must be a URL, http:// or https://");
    if (strlen(text) > SAN_VALUE_MAX)
        return fault_set(f, FAULT_CONFIG, RULE, "is longer than %d octets", SAN_VALUE_MAX);
    return 0;
}

int conf_check_origin(const char *text, struct fault *f)
{
    /* Room for a slash and the number of a later log (ca/ledger/ledger.c). */
    if (note_name_valid(text) && strlen(text) <= NOTE_NAME_MAX - 20)
        return 0;
    return fault_set(f, FAULT_CONFIG, RULE,
                     "must be 1 to %d characters of ASCII, no spaces and no \"+\", such as "
                     "\"pki.example.com/audit\"",
                     NOTE_NAME_MAX - 20);
}

int conf_check_vkey(const char *text, struct fault *f)
{
    struct note_key k;

    if (text[0] == '\0' || note_key_get(text, &k, f) == 0)
        return 0;
    return fault_set(f, FAULT_CONFIG, RULE,
                     "must be a key such as name+0a1b2c3d+base64, as cerca view node prints it");
}

int conf_check_base_url(const char *text, struct fault *f)
{
    int rc = conf_check_url(text, f);

    if (rc == 0 && text[strlen(text) - 1] == '/')
        rc = fault_set(f, FAULT_CONFIG, RULE, "must not end in a slash");
    return rc;
}

int conf_check_token_uri(const char *text, struct fault *f)
{
    struct p11uri uri;
    int rc = p11uri_parse(text, &uri, f);

    if (rc < 0)
        return rc;
    if (!p11uri_names_token(&uri))
        return fault_set(f, FAULT_CONFIG, RULE,
                         "names no token: token, serial, model, manufacturer or slot-id is needed");
    if (p11uri_names_object(&uri) || uri.type != P11URI_ANY)
        return fault_set(f, FAULT_CONFIG, RULE, "names an object; those belong in an issuer's key");
    return 0;
}

int conf_check_key_uri(const char *text, struct fault *f)
{
    struct p11uri uri;
    int rc = p11uri_parse(text, &uri, f);

    if (rc < 0)
        return rc;
    if (!p11uri_names_object(&uri))
        return fault_set(f, FAULT_CONFIG, RULE, "names no key: object or id is needed");
    if (uri.type != P11URI_ANY && uri.type != P11URI_PRIVATE)
        return fault_set(f, FAULT_CONFIG, RULE, "must be of type=private, or have no type");
    return 0;
}

int conf_check_subject(const char *text, struct fault *f)
{
    struct buf der;
    int rc;

    buf_init(&der, NAME_DER_MAX);
    rc = name_parse(text, &der, f);
    /* RFC 5280 4.1.2.4 and 4.1.2.6: the name of a CA is not empty. */
    if (rc == 0 && name_empty(buf_slice(&der)))
        rc = fault_set(f, FAULT_CONFIG, RULE, "must not be empty");
    else if (rc == 0 && buf_failed(&der))
        rc = fault_set(f, FAULT_CONFIG, RULE, "is too long");
    buf_free(&der);
    return rc;
}

int conf_check_constraint(const char *text, struct fault *f)
{
    struct buf der;
    int rc;

    buf_init(&der, CONSTRAINTS_MAX);
    rc = constraint_parse(text, &der, f);
    buf_free(&der);
    return rc < 0 ? fault_rename(f, RULE) : 0;
}

int conf_check_subject_template(const char *text, struct fault *f)
{
    return subject_template_check(text, f);
}

int conf_check_env(const char *text, struct fault *f)
{
    const char *eq = strchr(text, '=');

    if (eq == NULL || eq == text || strspn(text, ALNUM "_") != (size_t)(eq - text) ||
        (*text >= '0' && *text <= '9'))
        return fault_set(f, FAULT_CONFIG, RULE, "must read NAME=VALUE");
    return 0;
}

int conf_check_dns(const char *text, struct fault *f)
{
    struct san name = {SAN_DNS, slice_str(text[0] == '.' ? text + 1 : text)};
    struct fault why;

    if (strchr(text, '*') != NULL || name.value.n == 0 || san_check(&name, &why) < 0)
        return fault_set(f, FAULT_CONFIG, RULE,
                         "must be a DNS name, with a dot in front for every name below it");
    return 0;
}

int conf_check_email(const char *text, struct fault *f)
{
    struct san name = {SAN_DNS, slice_str(text)};
    struct fault why;

    if (strchr(text, '*') != NULL || san_check(&name, &why) < 0)
        return fault_set(f, FAULT_CONFIG, RULE, "must be the domain of mail addresses");
    return 0;
}

/* Are all bits of the address past the prefix zero? */
static bool is_network(const uint8_t *addr, size_t n, uint64_t prefix)
{
    for (size_t bit = (size_t)prefix; bit < n * 8; bit++)
        if (addr[bit / 8] & (0x80u >> (bit % 8)))
            return false;
    return true;
}

/* RFC 4632 3.1, RFC 4291 2.3 */
int conf_check_cidr(const char *text, struct fault *f)
{
    const char *slash = strchr(text, '/');
    char host[INET6_ADDRSTRLEN] = "";
    uint8_t addr[16];
    uint64_t prefix;
    size_t n = 0;

    if (slash != NULL && (size_t)(slash - text) < sizeof(host)) {
        memcpy(host, text, (size_t)(slash - text));
        if (inet_pton(AF_INET, host, addr) == 1)
            n = 4;
        else if (inet_pton(AF_INET6, host, addr) == 1)
            n = 16;
    }
    if (n == 0 || units_parse_number(slash + 1, &prefix) < 0 || prefix > n * 8)
        return fault_set(f, FAULT_CONFIG, RULE,
                         "must be a range such as \"10.0.0.0/8\" or \"fd00::/8\"");
    if (!is_network(addr, n, prefix))
        return fault_set(f, FAULT_CONFIG, RULE, "has bits set past its prefix length");
    return 0;
}

/* RFC 3986 3.1 */
int conf_check_uri_prefix(const char *text, struct fault *f)
{
    size_t scheme = strspn(text, ALNUM "+-.");

    if (scheme == 0 || strspn(text, "0123456789+-.") > 0 || text[scheme] != ':' ||
        !is_uri_text(text))
        return fault_set(f, FAULT_CONFIG, RULE,
                         "must be the start of a URI, such as \"spiffe://example.com/\"");
    return 0;
}

int conf_check_sha256(const char *text, struct fault *f)
{
    uint8_t hash[32];

    if (text[0] != '\0' && hex_decode(text, hash, sizeof(hash)) != 0)
        return fault_set(f, FAULT_CONFIG, RULE, "must be a SHA-256, 64 hexadecimal digits");
    return 0;
}

/* Standard output and error are taken by replies and logs. */
int conf_check_fd(const char *text, struct fault *f)
{
    uint64_t fd;

    if (units_parse_number(text, &fd) < 0 || fd == 1 || fd == 2 || fd > 1023)
        return fault_set(f, FAULT_CONFIG, RULE,
                         "must be the number of a descriptor: 0, or 3 to 1023");
    return 0;
}

int conf_check_key_type(const char *text, struct fault *f)
{
    enum key_type type;
    unsigned bits;

    if (key_type_parse(text, &type, &bits) < 0)
        return fault_set(f, FAULT_CONFIG, RULE,
                         "must be one of p256, p384, p521, ed25519, rsa2048, rsa3072, rsa4096");
    return 0;
}

static int conf_check_mailbox(const char *text, struct fault *f)
{
    struct san mailbox = {SAN_EMAIL, slice_str(text)};

    return san_check(&mailbox, f);
}

int conf_check_pattern(enum san_kind kind, const char *text, struct fault *f)
{
    switch (kind) {
    case SAN_DNS:
        return conf_check_dns(text, f);
    case SAN_IP:
        return conf_check_cidr(text, f);
    case SAN_EMAIL:
        return strchr(text, '@') != NULL ? conf_check_mailbox(text, f) : conf_check_email(text, f);
    case SAN_URI:
        return conf_check_uri_prefix(text, f);
    default:
        return fault_set(f, FAULT_CONFIG, RULE, "there are no patterns for such names");
    }
}

int conf_check_kind_pattern(const char *text, struct fault *f)
{
    const char *colon = strchr(text, ':');

    for (unsigned k = SAN_DNS; colon != NULL && k <= SAN_KIND_MAX; k++) {
        const char *kind = san_kind_name((enum san_kind)k);

        if (strlen(kind) == (size_t)(colon - text) && strncmp(kind, text, strlen(kind)) == 0)
            return conf_check_pattern((enum san_kind)k, colon + 1, f);
    }
    return fault_refuse(f, RULE, "name", slice_str(text),
                        "dns:, ip:, email: or uri: and a pattern");
}

#define LIMIT_MAX 1000000
#define LIMIT_PER_MAX ((int64_t)366 * 86400)

bool conf_limit(const char *text, uint32_t *n, int64_t *per)
{
    char *slash;

    *n = 0;
    *per = 0;
    if (text[0] < '1' || text[0] > '9')
        return false;
    *n = (uint32_t)strtoul(text, &slash, 10);
    return *slash == '/' && clock_parse_span(slash + 1, per) == 0;
}

int conf_check_limit(const char *text, struct fault *f)
{
    size_t digits = strspn(text, "0123456789");
    uint32_t n;
    int64_t per;

    if (text[0] == '\0')
        return 0;
    if (digits <= 7 && conf_limit(text, &n, &per) && n <= LIMIT_MAX && per <= LIMIT_PER_MAX)
        return 0;
    return fault_set(f, FAULT_CONFIG, RULE,
                     "must be a number from 1 to %d, \"/\" and a span of at most 366d, such as "
                     "\"100/1h\"",
                     LIMIT_MAX);
}
