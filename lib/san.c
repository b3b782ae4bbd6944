#include "lib/san.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/der.h"
#include "lib/key.h"
#include "lib/oid.h"

static const char *const kind_names[SAN_KIND_MAX + 1] = {"none",  "dns", "ip",
                                                         "email", "uri", "upn"};
/* GeneralName choices (RFC 5280 4.2.1.6); a UPN is an otherName. */
static const uint8_t kind_tags[SAN_KIND_MAX + 1] = {
    0, DER_CONTEXT(2), DER_CONTEXT(7), DER_CONTEXT(1), DER_CONTEXT(6), DER_CONTEXT_CONSTRUCTED(0)};

const char *san_kind_name(enum san_kind k)
{
    return kind_names[(unsigned)k <= SAN_KIND_MAX ? k : 0];
}

/* --- text ---------------------------------------------------------------------- */

/* The kind that a prefix names; *value moves behind it. 0: no prefix. */
static unsigned prefix_kind(const char *text, const char **value)
{
    for (unsigned k = 1; k <= SAN_KIND_MAX; k++) {
        size_t n = strlen(kind_names[k]);

        if (strncasecmp(text, kind_names[k], n) == 0 && text[n] == ':') {
            *value = text + n + 1;
            return k;
        }
    }
    *value = text;
    return 0;
}

/* 4, 16, or 0 when it is no IP address. */
static size_t ip_octets(const char *text, uint8_t out[16])
{
    if (inet_pton(AF_INET, text, out) == 1)
        return 4;
    return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

static enum san_kind guess_kind(const char *text)
{
    uint8_t address[16];

    if (ip_octets(text, address) != 0)
        return SAN_IP;
    if (strstr(text, "://") != NULL)
        return SAN_URI;
    return strchr(text, '@') != NULL ? SAN_EMAIL : SAN_DNS;
}

static int parse_ip(const char *text, struct san *out, uint8_t *arena, size_t arena_size,
                    size_t *used, struct fault *f)
{
    uint8_t address[16];
    size_t n = ip_octets(text, address);

    if (n == 0) {
        (void)fault_refuse(f, "san.ip.syntax", "san.ip", slice_str(text),
                           "an IPv4 or IPv6 address");
        f->code = FAULT_MALFORMED;
        return -FAULT_MALFORMED;
    }
    if (*used > arena_size || n > arena_size - *used)
        return fault_set(f, FAULT_TOO_LARGE, "san.count", "too many IP addresses");
    memcpy(arena + *used, address, n);
    out->kind = SAN_IP;
    out->value = slice_of(arena + *used, n);
    *used += n;
    return 0;
}

int san_parse(const char *text, struct san *out, uint8_t *arena, size_t arena_size, size_t *used,
              struct fault *f)
{
    const char *value;
    struct san s;
    unsigned kind = prefix_kind(text, &value);
    int rc;

    *out = (struct san){.value = SLICE_NONE};
    if (kind == 0)
        kind = guess_kind(text);
    if (kind == SAN_IP)
        return parse_ip(value, out, arena, arena_size, used, f);
    s = (struct san){(enum san_kind)kind, slice_str(value)};
    rc = san_check(&s, f);
    if (rc == 0)
        *out = s;
    return rc;
}

void san_print(const struct san *s, struct buf *out)
{
    char text[INET6_ADDRSTRLEN];

    buf_printf(out, "%s:", san_kind_name(s->kind));
    if (s->kind == SAN_IP && (s->value.n == 4 || s->value.n == 16)) {
        buf_put_str(
            out, inet_ntop(s->value.n == 4 ? AF_INET : AF_INET6, s->value.p, text, sizeof(text)));
        return;
    }
    for (size_t i = 0; i < s->value.n; i++) {
        uint8_t c = s->value.p[i];

        if (c >= 0x20 && c < 0x7f && c != '\\')
            buf_put_u8(out, c);
        else
            buf_printf(out, "\\x%02x", c);
    }
}

/* --- lists --------------------------------------------------------------------- */

static bool equal_nocase(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp((const char *)a.p, (const char *)b.p, a.n) == 0);
}

/* RFC 5280 7.5: the local part is compared as it is, the host without case. */
static bool mail_equal(struct slice a, struct slice b)
{
    const uint8_t *at = a.n == 0 ? NULL : memrchr(a.p, '@', a.n);
    size_t local = at == NULL ? a.n : (size_t)(at - a.p);

    return a.n == b.n && slice_eq(slice_of(a.p, local), slice_of(b.p, local)) &&
           equal_nocase(slice_of(a.p + local, a.n - local), slice_of(b.p + local, b.n - local));
}

bool san_equal(const struct san *a, const struct san *b)
{
    if (a->kind != b->kind || a->value.n != b->value.n)
        return false;
    if (a->value.n == 0 || a->kind == SAN_IP || a->kind == SAN_URI)
        return slice_eq(a->value, b->value);
    return a->kind == SAN_EMAIL ? mail_equal(a->value, b->value) : equal_nocase(a->value, b->value);
}

bool san_list_has(const struct san_list *l, const struct san *s)
{
    for (size_t i = 0; i < l->n; i++)
        if (san_equal(&l->item[i], s))
            return true;
    return false;
}

static int append(struct san_list *l, const struct san *s, struct fault *f)
{
    if (l->n == SAN_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "san.count", "more than %d names", SAN_MAX);
    l->item[l->n++] = *s;
    return 0;
}

int san_list_add(struct san_list *l, const struct san *s, struct fault *f)
{
    return san_list_has(l, s) ? 0 : append(l, s, f);
}

/* --- GeneralNames -------------------------------------------------------------- */

/* OtherName with the value of a UPN, a UTF8String. */
static void put_upn(struct buf *b, struct slice upn)
{
    struct der_mark other = der_open(b, DER_CONTEXT_CONSTRUCTED(0)), value;

    der_put_oid(b, oid_ms_upn);
    value = der_open(b, DER_CONTEXT_CONSTRUCTED(0));
    der_put(b, DER_UTF8_STRING, upn);
    der_close(b, value);
    der_close(b, other);
}

void san_list_put(struct buf *b, const struct san_list *l)
{
    struct der_mark m = der_open(b, DER_SEQUENCE);

    for (size_t i = 0; i < l->n; i++)
        if (l->item[i].kind == SAN_UPN)
            put_upn(b, l->item[i].value);
        else
            der_put(b, kind_tags[l->item[i].kind], l->item[i].value);
    der_close(b, m);
}

/* All text kinds are IA5String, of which NUL is a part; no name of ours ever has one. */
static bool plain_ascii(struct slice v)
{
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] == 0 || v.p[i] >= 0x80)
            return false;
    return v.n > 0 && v.n <= SAN_VALUE_MAX;
}

/* The UPN in an OtherName; false when it is of another type or malformed. */
static bool get_upn(struct slice other, struct slice *out)
{
    struct slice oid, value;

    return der_get_oid(&other, &oid) == 0 && slice_eq(oid, oid_ms_upn) &&
           der_get(&other, DER_CONTEXT_CONSTRUCTED(0), &value) == 0 && der_end(other) &&
           der_get(&value, DER_UTF8_STRING, out) == 0 && der_end(value);
}

static bool value_valid(enum san_kind kind, struct slice v)
{
    if (kind == SAN_IP)
        return v.n == 4 || v.n == 16;
    if (kind == SAN_UPN)
        return v.n > 0 && v.n <= SAN_VALUE_MAX && memchr(v.p, 0, v.n) == NULL;
    return plain_ascii(v);
}

static int get_name(struct slice *in, struct san *out, struct fault *f)
{
    struct slice v;
    uint8_t tag;

    if (der_get_any(in, &tag, &v, NULL) < 0)
        return fault_set(f, FAULT_MALFORMED, "san.der", "subjectAltName is not DER");
    for (unsigned k = 1; k <= SAN_KIND_MAX; k++) {
        if (kind_tags[k] != tag || (k == SAN_UPN && !get_upn(v, &v)))
            continue;
        *out = (struct san){(enum san_kind)k, v};
        if (value_valid(out->kind, v))
            return 0;
        (void)fault_refuse(f, "san.value", kind_names[k], v,
                           "1 to 1024 ASCII octets; 4 or 16 octets of address");
        f->code = FAULT_MALFORMED;
        return -FAULT_MALFORMED;
    }
    return fault_set(f, FAULT_MALFORMED, "san.kind",
                     "a name is of a kind (tag %02x) other than dns, ip, email, uri and upn", tag);
}

int san_list_get(struct slice der, struct san_list *out, struct fault *f)
{
    struct slice seq;
    struct san s;
    int rc;

    out->n = 0;
    if (der_get(&der, DER_SEQUENCE, &seq) < 0 || !der_end(der) || der_end(seq))
        return fault_set(f, FAULT_MALFORMED, "san.der", "subjectAltName is not a list of names");
    while (!der_end(seq)) {
        rc = get_name(&seq, &s, f);
        if (rc == 0)
            rc = append(out, &s, f);
        if (rc < 0) {
            out->n = 0;
            return rc;
        }
    }
    return 0;
}

void san_list_get_known(struct slice der, struct san_list *out, bool *whole)
{
    struct slice seq, name;
    struct fault f;
    struct san s;

    out->n = 0;
    *whole = false;
    if (der_get(&der, DER_SEQUENCE, &seq) < 0 || !der_end(der))
        return;
    *whole = true;
    while (!der_end(seq)) {
        if (der_get_any(&seq, NULL, NULL, &name) < 0) {
            *whole = false;
            return;
        }
        fault_clear(&f);
        if (get_name(&name, &s, &f) != 0 || (!san_list_has(out, &s) && append(out, &s, &f) != 0))
            *whole = false;
    }
}

/* --- identity ------------------------------------------------------------------ */

/* A name as bytes that compare: kind, then the value, its case folded where case has no
 * meaning. */
static size_t canonical(const struct san *s, uint8_t out[SAN_VALUE_MAX + 1])
{
    size_t n = s->value.n < SAN_VALUE_MAX ? s->value.n : SAN_VALUE_MAX;
    bool fold = s->kind == SAN_DNS || s->kind == SAN_EMAIL || s->kind == SAN_UPN;

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

void san_list_identity(const struct san_list *l, struct slice what, struct slice subject,
                       uint8_t out[SAN_IDENTITY])
{
    uint8_t name[SAN_VALUE_MAX + 1], all[32 * (SAN_MAX + 2)], hash[32];
    size_t n = 0;

    for (; n < l->n; n++)
        sha256(slice_of(name, canonical(&l->item[n], name)), all + 32 * n);
    qsort(all, n, 32, by_hash);
    sha256(what, all + 32 * n++);
    sha256(subject, all + 32 * n++);
    sha256(slice_of(all, 32 * n), hash);
    memcpy(out, hash, SAN_IDENTITY);
}
