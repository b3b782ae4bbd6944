/* The syntax of DNS names, internationalised ones too, and of URIs. */
#include <string.h>
#include <strings.h>

#include "lib/lint_cert.h"
#include "lib/punycode.h"
#include "lib/san.h"

#define DNS_MAX 253
#define LABEL_MAX 63

/* The next label; false behind the last one. */
static bool next_label(struct slice *name, struct slice *label)
{
    const uint8_t *dot;

    if (name->p == NULL)
        return false;
    dot = name->n == 0 ? NULL : memchr(name->p, '.', name->n);
    if (dot == NULL) {
        *label = *name;
        *name = SLICE_NONE;
        return true;
    }
    *label = slice_of(name->p, (size_t)(dot - name->p));
    *name = slice_of(dot + 1, name->n - label->n - 1);
    return true;
}

static bool ldh(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static const char *label_fault(struct slice l)
{
    if (l.n == 0)
        return "an empty label, or a dot at an end";
    if (l.n > LABEL_MAX)
        return "a label of more than 63 octets";
    if (l.p[0] == '-' || l.p[l.n - 1] == '-')
        return "a label that begins or ends with a hyphen";
    for (size_t i = 0; i < l.n; i++) {
        if (l.p[i] == '*')
            return "a wildcard that is not the whole left-most label";
        if (!ldh(l.p[i]))
            return "a character other than letters, digits and hyphens";
    }
    return NULL;
}

static bool is_number(struct slice l)
{
    for (size_t i = 0; i < l.n; i++)
        if (l.p[i] < '0' || l.p[i] > '9')
            return false;
    return true;
}

/* RFC 1034 3.5 as RFC 1123 2.1 changed it: the last label is no number, else it is an address. */
const char *lint_dns_fault(struct slice name, bool wildcard)
{
    const char *fault = NULL;
    struct slice rest = name, label = SLICE_NONE;

    if (name.n == 0 || name.n > DNS_MAX)
        return "it is empty or has more than 253 octets";
    if (wildcard && name.n > 2 && memcmp(name.p, "*.", 2) == 0)
        rest = slice_of(name.p + 2, name.n - 2);
    while (fault == NULL && next_label(&rest, &label))
        fault = label_fault(label);
    if (fault == NULL && is_number(label))
        fault = "the last label is a number";
    return fault;
}

static const char *idn_label_fault(struct slice l)
{
    uint32_t code[LABEL_MAX];
    size_t n;
    bool beyond = false;

    if (l.n < 4 || l.p[2] != '-' || l.p[3] != '-')
        return NULL;
    if (strncasecmp((const char *)l.p, "xn--", 4) != 0)
        return "a label with hyphens in the third and fourth place that is no A-label";
    if (l.n > LABEL_MAX || punycode_decode(slice_of(l.p + 4, l.n - 4), code, LABEL_MAX, &n) < 0)
        return "an A-label that is no Punycode";
    for (size_t i = 0; i < n; i++) {
        if (code[i] >= 0xd800 && code[i] <= 0xdfff)
            return "an A-label that stands for a surrogate";
        if (code[i] >= 0x80 && code[i] < 0xa0)
            return "an A-label that stands for a control character";
        beyond = beyond || code[i] >= 0x80;
    }
    return beyond ? NULL : "an A-label that stands for plain ASCII";
}

/* RFC 5890 2.3: U-labels have no place in certificates (RFC 5280 7.2); which code points IDNA2008
 * allows depends on Unicode's version and is not asked here. */
const char *lint_idn_fault(struct slice name)
{
    const char *fault = NULL;
    struct slice label;

    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] >= 0x80)
            return "octets beyond ASCII, where an A-label (xn--...) must stand";
    while (fault == NULL && next_label(&name, &label))
        fault = idn_label_fault(label);
    return fault;
}

static bool has_scheme(struct slice uri)
{
    const uint8_t *colon = uri.n == 0 ? NULL : memchr(uri.p, ':', uri.n);

    return colon != NULL && colon > uri.p;
}

/* RFC 5280 4.2.1.6: absolute, with a scheme and something specific to it. */
const char *lint_uri_fault(struct slice uri)
{
    struct san s = {SAN_URI, uri};
    struct fault f;

    if (!has_scheme(uri))
        return "it is relative: there is no scheme";
    return san_check(&s, &f) == 0 ? NULL : "it is not a URI (RFC 3986)";
}
