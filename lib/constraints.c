#include "lib/constraints.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/der.h"
#include "lib/name.h"

/* GeneralName (RFC 5280 4.2.1.6): the forms that are looked at. */
#define FORM_EMAIL DER_CONTEXT(1)
#define FORM_DNS DER_CONTEXT(2)
#define FORM_DIRNAME DER_CONTEXT_CONSTRUCTED(4)
#define FORM_URI DER_CONTEXT(6)
#define FORM_IP DER_CONTEXT(7)

/* ---- reading ---- */

static bool base_valid(uint8_t form, struct slice base)
{
    struct fault ignored;

    if (form == FORM_IP)
        return base.n == 8 || base.n == 32;
    if (form == FORM_DIRNAME)
        return name_check(base, NULL, NULL, &ignored) == 0;
    if (form != FORM_DNS && form != FORM_EMAIL && form != FORM_URI)
        return true;
    for (size_t i = 0; i < base.n; i++)
        if (base.p[i] < 0x21 || base.p[i] > 0x7e)
            return false;
    return true;
}

static int next_subtree(struct slice *list, uint8_t *form, struct slice *base)
{
    struct slice subtree;

    if (der_get(list, DER_SEQUENCE, &subtree) < 0 || der_get_any(&subtree, form, base, NULL) < 0 ||
        !der_end(subtree))
        return -1;
    return 0;
}

static int check_subtrees(struct slice list)
{
    struct slice base;
    uint8_t form;

    if (der_end(list))
        return -1;
    while (!der_end(list))
        if (next_subtree(&list, &form, &base) < 0 || !base_valid(form, base))
            return -1;
    return 0;
}

int constraints_get(struct slice value, struct constraints *out)
{
    struct slice seq, permitted = SLICE_NONE, excluded = SLICE_NONE;

    *out = (struct constraints){SLICE_NONE, SLICE_NONE};
    if (der_get(&value, DER_SEQUENCE, &seq) < 0 || !der_end(value) || der_end(seq))
        return -1;
    if (der_peek(seq, DER_CONTEXT_CONSTRUCTED(0)) &&
        (der_get(&seq, DER_CONTEXT_CONSTRUCTED(0), &permitted) < 0 ||
         check_subtrees(permitted) < 0))
        return -1;
    if (der_peek(seq, DER_CONTEXT_CONSTRUCTED(1)) &&
        (der_get(&seq, DER_CONTEXT_CONSTRUCTED(1), &excluded) < 0 || check_subtrees(excluded) < 0))
        return -1;
    if (!der_end(seq))
        return -1;
    *out = (struct constraints){permitted, excluded};
    return 0;
}

/* ---- one name and one subtree ---- */

static bool equal_nocase(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp((const char *)a.p, (const char *)b.p, a.n) == 0);
}

static bool ends_with(struct slice name, struct slice end)
{
    return name.n >= end.n && equal_nocase(slice_of(name.p + (name.n - end.n), end.n), end);
}

/* "Any DNS name that can be constructed by simply adding zero or more labels to the left-hand side
 * of the name satisfies the name constraint." */
static bool dns_within(struct slice name, struct slice base)
{
    if (base.n == 0 || equal_nocase(name, base))
        return true;
    return name.n > base.n && ends_with(name, base) &&
           (base.p[0] == '.' || name.p[name.n - base.n - 1] == '.');
}

/* A wildcard stands for names one label below its own; it touches a subtree that begins there. */
static bool wildcard_touches(struct slice name, struct slice base)
{
    const uint8_t *dot;

    if (name.n < 2 || name.p[0] != '*' || base.n == 0)
        return false;
    dot = memchr(base.p, '.', base.n);
    return dot != NULL && equal_nocase(slice_of(name.p + 1, name.n - 1),
                                       slice_of(dot, base.n - (size_t)(dot - base.p)));
}

/* With a period in front: hosts below, and not that one. Otherwise that host and no other. */
static bool host_within(struct slice host, struct slice base)
{
    if (base.n > 0 && base.p[0] == '.')
        return host.n > base.n && ends_with(host, base);
    return equal_nocase(host, base);
}

static struct slice behind(struct slice s, const uint8_t *at)
{
    return slice_of(at + 1, s.n - (size_t)(at - s.p) - 1);
}

static bool email_within(struct slice mail, struct slice base)
{
    const uint8_t *at = memrchr(mail.p, '@', mail.n), *base_at;
    struct slice local, base_local;

    if (at == NULL)
        return false;
    base_at = base.n == 0 ? NULL : memrchr(base.p, '@', base.n);
    if (base_at == NULL)
        return host_within(behind(mail, at), base);
    local = slice_of(mail.p, (size_t)(at - mail.p));
    base_local = slice_of(base.p, (size_t)(base_at - base.p));
    return slice_eq(local, base_local) && equal_nocase(behind(mail, at), behind(base, base_at));
}

/* RFC 3986 3.2: the host of scheme://userinfo@host:port/. SLICE_NONE: it has none, or an address:
 * such a URI satisfies no constraint. */
static struct slice uri_host(struct slice uri)
{
    const uint8_t *start = memmem(uri.p, uri.n, "://", 3), *at;
    struct slice host;
    size_t n = 0, digits = 0;

    if (start == NULL)
        return SLICE_NONE;
    host = slice_of(start + 3, uri.n - (size_t)(start - uri.p) - 3);
    while (n < host.n && host.p[n] != '/' && host.p[n] != '?' && host.p[n] != '#')
        n++;
    host.n = n;
    at = n == 0 ? NULL : memrchr(host.p, '@', n);
    if (at != NULL)
        host = behind(host, at);
    for (n = 0; n < host.n && host.p[n] != ':'; n++)
        digits += (host.p[n] >= '0' && host.p[n] <= '9') || host.p[n] == '.';
    host.n = n;
    return n == 0 || host.p[0] == '[' || digits == n ? SLICE_NONE : host;
}

/* The base is an address and its mask (RFC 4632). */
static bool ip_within(struct slice address, struct slice base)
{
    if (base.n != 2 * address.n)
        return false;
    for (size_t i = 0; i < address.n; i++)
        if ((address.p[i] & base.p[address.n + i]) != (base.p[i] & base.p[address.n + i]))
            return false;
    return true;
}

static bool same_rdn(struct slice a, struct slice b)
{
    struct buf x, y, fold_x, fold_y;
    struct der_mark m;
    struct fault ignored;
    bool same;

    buf_init(&x, NAME_DER_MAX + 8);
    buf_init(&y, NAME_DER_MAX + 8);
    buf_init(&fold_x, 2 * NAME_DER_MAX);
    buf_init(&fold_y, 2 * NAME_DER_MAX);
    m = der_open(&x, DER_SEQUENCE);
    buf_put_slice(&x, a);
    der_close(&x, m);
    m = der_open(&y, DER_SEQUENCE);
    buf_put_slice(&y, b);
    der_close(&y, m);
    same = name_fold(buf_slice(&x), &fold_x, &ignored) == 0 &&
           name_fold(buf_slice(&y), &fold_y, &ignored) == 0 &&
           slice_eq(buf_slice(&fold_x), buf_slice(&fold_y));
    buf_free(&x);
    buf_free(&y);
    buf_free(&fold_x);
    buf_free(&fold_y);
    return same;
}

/* RFC 5280 7.1: within, when it begins with the same RDNs. */
static bool dirname_within(struct slice name, struct slice base)
{
    struct slice rdns, base_rdns, rdn, base_rdn;

    if (der_get(&name, DER_SEQUENCE, &rdns) < 0 || der_get(&base, DER_SEQUENCE, &base_rdns) < 0)
        return false;
    while (!der_end(base_rdns)) {
        if (der_end(rdns) || der_get_whole(&rdns, DER_SET, &rdn) < 0 ||
            der_get_whole(&base_rdns, DER_SET, &base_rdn) < 0 || !same_rdn(rdn, base_rdn))
            return false;
    }
    return true;
}

static bool within(uint8_t form, struct slice name, struct slice base)
{
    switch (form) {
    case FORM_DNS:
        return dns_within(name, base);
    case FORM_EMAIL:
        return email_within(name, base);
    case FORM_URI:
        return uri_host(name).n > 0 && host_within(uri_host(name), base);
    case FORM_IP:
        return ip_within(name, base);
    default:
        return dirname_within(name, base);
    }
}

/* ---- one name and all subtrees ---- */

static bool find(struct slice list, uint8_t form, struct slice name, bool touch, bool *any)
{
    struct slice base;
    uint8_t f;

    *any = false;
    while (!der_end(list) && next_subtree(&list, &f, &base) == 0) {
        if (f != form)
            continue;
        *any = true;
        if (within(form, name, base) || (touch && form == FORM_DNS && wildcard_touches(name, base)))
            return true;
    }
    return false;
}

static int check_name(const struct constraints *c, uint8_t form, struct slice name, bool *permitted)
{
    bool any, found;

    *permitted = true;
    found = find(c->excluded, form, name, true, &any);
    /* What cannot be compared is not known to be outside. */
    if (found || (any && form == FORM_URI && uri_host(name).n == 0))
        return -1;
    found = find(c->permitted, form, name, false, &any);
    *permitted = found;
    return any && !found ? -1 : 0;
}

static int refuse(bool permitted, const char *who, const char *field, struct slice name,
                  struct fault *f)
{
    char allowed[128];

    snprintf(allowed, sizeof(allowed), "%s the name constraints of the CA \"%.40s\"",
             permitted ? "what is not excluded by" : "what is permitted by", who);
    return fault_refuse(f, permitted ? "constraints.excluded" : "constraints.permitted", field,
                        name, allowed);
}

static uint8_t form_of(enum san_kind kind)
{
    switch (kind) {
    case SAN_DNS:
        return FORM_DNS;
    case SAN_IP:
        return FORM_IP;
    case SAN_EMAIL:
        return FORM_EMAIL;
    case SAN_URI:
        return FORM_URI;
    default:
        return 0;
    }
}

static int check_san(const struct constraints *c, const char *who, const struct san *s,
                     struct fault *f)
{
    uint8_t form = form_of(s->kind);
    struct buf text;
    char field[24];
    bool permitted;
    int rc;

    if (form == 0 || check_name(c, form, s->value, &permitted) == 0)
        return 0;
    snprintf(field, sizeof(field), "san.%s", san_kind_name(s->kind));
    buf_init(&text, 4 * SAN_VALUE_MAX + 16);
    san_print(s, &text);
    rc = refuse(permitted, who, field, buf_slice(&text), f);
    buf_free(&text);
    return rc;
}

static int check_subject(const struct constraints *c, const char *who, struct slice subject,
                         struct fault *f)
{
    struct buf text;
    bool permitted;
    int rc;

    if (name_empty(subject) || check_name(c, FORM_DIRNAME, subject, &permitted) == 0)
        return 0;
    buf_init(&text, 2048);
    name_print(subject, &text);
    rc = refuse(permitted, who, "subject", buf_slice(&text), f);
    buf_free(&text);
    return rc;
}

static int check_common_name(const struct constraints *c, const char *who, struct slice subject,
                             const struct san_list *sans, struct fault *f)
{
    struct san s = {SAN_DNS, name_common_name(subject)};
    struct fault ignored;
    bool permitted;

    for (size_t i = 0; i < sans->n; i++)
        if (sans->item[i].kind == SAN_DNS)
            return 0;
    if (s.value.n == 0 || memchr(s.value.p, '.', s.value.n) == NULL ||
        san_check(&s, &ignored) != 0 || check_name(c, FORM_DNS, s.value, &permitted) == 0)
        return 0;
    return refuse(permitted, who, "subject.CN", s.value, f);
}

int constraints_check(const struct constraints *c, const char *who, struct slice subject,
                      const struct san_list *sans, struct fault *f)
{
    int rc = check_subject(c, who, subject, f);

    for (size_t i = 0; rc == 0 && i < sans->n; i++)
        rc = check_san(c, who, &sans->item[i], f);
    return rc == 0 ? check_common_name(c, who, subject, sans, f) : rc;
}
