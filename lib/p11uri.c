#include "lib/p11uri.h"

#include <inttypes.h>
#include <string.h>

#include "lib/units.h"
#include "lib/utf8.h"

#define SCHEME "pkcs11:"

static const struct {
    const char *name;
    size_t at;
    size_t max;
    bool text;
} attributes[] = {
    {"token", offsetof(struct p11uri, token), 32, true},
    {"manufacturer", offsetof(struct p11uri, manufacturer), 32, true},
    {"model", offsetof(struct p11uri, model), 16, true},
    {"serial", offsetof(struct p11uri, serial), 16, true},
    {"object", offsetof(struct p11uri, object), P11URI_ATTR_MAX, true},
    {"id", offsetof(struct p11uri, id), P11URI_ATTR_MAX, false},
};

#define N_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))
#define N_TOKEN_ATTRIBUTES 4 /* the first ones describe a token */

static const char *const type_names[] = {
    [P11URI_PRIVATE] = "private",       [P11URI_PUBLIC] = "public", [P11URI_CERT] = "cert",
    [P11URI_SECRET_KEY] = "secret-key", [P11URI_DATA] = "data",
};

static const struct p11uri_attr *attr_at(const struct p11uri *u, size_t i)
{
    return (const struct p11uri_attr *)(const void *)((const uint8_t *)u + attributes[i].at);
}

static struct p11uri_attr *attr_of(struct p11uri *u, size_t i)
{
    return (struct p11uri_attr *)(void *)((uint8_t *)u + attributes[i].at);
}

/* RFC 3986 2.3 */
static bool is_unreserved(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("-._~", c) != NULL);
}

/* RFC 7512 2.3: pk11-path-res-avail, and unreserved. */
static bool is_path_char(uint8_t c)
{
    return is_unreserved(c) || (c != 0 && strchr(":[]@!$'()*+,=&", c) != NULL);
}

static int syntax(struct fault *f, const char *what, struct slice name)
{
    return fault_set(f, FAULT_CONFIG, "p11uri.syntax", "PKCS#11 URI, attribute \"%.*s\": %s",
                     (int)(name.n < 32 ? name.n : 32), (const char *)name.p, what);
}

static int attr_decode(struct slice name, struct slice in, size_t max, struct p11uri_attr *out,
                       struct fault *f)
{
    for (size_t i = 0; i < in.n; i++) {
        uint8_t octet = in.p[i];

        if (octet == '%') {
            char pair[3] = {0};

            if (in.n - i < 3)
                return syntax(f, "\"%\" needs two hexadecimal digits", name);
            memcpy(pair, in.p + i + 1, 2);
            if (strspn(pair, "0123456789abcdefABCDEF") != 2 || hex_decode(pair, &octet, 1) < 0)
                return syntax(f, "\"%\" needs two hexadecimal digits", name);
            i += 2;
        } else if (!is_path_char(octet)) {
            return syntax(f, "a character that must be percent-encoded", name);
        }
        if (out->n >= max)
            return syntax(f, "longer than PKCS#11 has room for", name);
        out->p[out->n++] = octet;
    }
    out->set = true;
    return 0;
}

static int check_text(struct slice name, const struct p11uri_attr *a, struct fault *f)
{
    if (a->n == 0)
        return syntax(f, "is empty", name);
    if (memchr(a->p, 0, a->n) != NULL || !utf8_valid(slice_of(a->p, a->n)))
        return syntax(f, "must be UTF-8 without NUL", name);
    return 0;
}

static int read_type(struct slice value, struct p11uri *out, struct fault *f)
{
    if (out->type != P11URI_ANY)
        return fault_set(f, FAULT_CONFIG, "p11uri.attribute",
                         "PKCS#11 URI: attribute \"type\" is there twice");
    for (size_t i = 1; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
        if (slice_is(value, type_names[i])) {
            out->type = (enum p11uri_type)i;
            return 0;
        }
    }
    return syntax(f, "must be private, public, cert, secret-key or data", slice_str("type"));
}

static int read_slot_id(struct slice value, struct p11uri *out, struct fault *f)
{
    char digits[24] = {0};

    if (out->has_slot_id)
        return fault_set(f, FAULT_CONFIG, "p11uri.attribute",
                         "PKCS#11 URI: attribute \"slot-id\" is there twice");
    if (value.n == 0 || value.n >= sizeof(digits))
        return syntax(f, "must be a decimal number", slice_str("slot-id"));
    memcpy(digits, value.p, value.n);
    if (units_parse_number(digits, &out->slot_id) < 0)
        return syntax(f, "must be a decimal number", slice_str("slot-id"));
    out->has_slot_id = true;
    return 0;
}

static int read_attribute(struct slice name, struct slice value, struct p11uri *out,
                          struct fault *f)
{
    if (slice_is(name, "type"))
        return read_type(value, out, f);
    if (slice_is(name, "slot-id"))
        return read_slot_id(value, out, f);
    for (size_t i = 0; i < N_ATTRIBUTES; i++) {
        struct p11uri_attr *a = attr_of(out, i);
        int rc;

        if (!slice_is(name, attributes[i].name))
            continue;
        /* RFC 7512 2.3: an attribute must not be there more than once. */
        if (a->set)
            return fault_set(f, FAULT_CONFIG, "p11uri.attribute",
                             "PKCS#11 URI: attribute \"%s\" is there twice", attributes[i].name);
        rc = attr_decode(name, value, attributes[i].max, a, f);
        if (rc == 0 && attributes[i].text)
            rc = check_text(name, a, f);
        else if (rc == 0 && a->n == 0)
            rc = syntax(f, "is empty", name);
        return rc;
    }
    return fault_set(f, FAULT_CONFIG, "p11uri.attribute",
                     "PKCS#11 URI: attribute \"%.*s\" is not supported here (known: token, "
                     "manufacturer, model, serial, slot-id, object, id, type)",
                     (int)(name.n < 32 ? name.n : 32), (const char *)name.p);
}

/* RFC 7512 2.4: pin-source, pin-value, module-name, module-path. Only the name
 * is looked at, since the value may be a secret. */
static int refuse_query(struct slice query, struct fault *f)
{
    static const char *const pins[] = {"pin-value", "pin-source"};

    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(pins[i]);

        if (query.n >= n && memmem(query.p, query.n, pins[i], n) != NULL)
            return fault_set(f, FAULT_CONFIG, "p11uri.pin",
                             "PKCS#11 URI: \"%s\" is refused, since no PIN comes through a URI; "
                             "name the PIN's file with the token's pin_file",
                             pins[i]);
    }
    return fault_set(f, FAULT_CONFIG, "p11uri.module",
                     "PKCS#11 URI: nothing may follow a \"?\"; the module is named by the token's "
                     "own key \"module\"");
}

static int read_path(struct slice path, struct p11uri *out, struct fault *f)
{
    while (path.n > 0) {
        const uint8_t *end = memchr(path.p, ';', path.n);
        size_t n = end == NULL ? path.n : (size_t)(end - path.p);
        const uint8_t *eq = memchr(path.p, '=', n);
        size_t name_n = eq == NULL ? n : (size_t)(eq - path.p);
        int rc;

        if (eq == NULL)
            return syntax(f, "must read name=value", slice_of(path.p, n));
        rc = read_attribute(slice_of(path.p, name_n), slice_of(eq + 1, n - name_n - 1), out, f);
        if (rc < 0)
            return rc;
        if (end != NULL && n + 1 == path.n)
            return syntax(f, "nothing follows its \";\"", slice_of(path.p, name_n));
        n += end != NULL;
        path = slice_of(path.p + n, path.n - n);
    }
    return 0;
}

int p11uri_parse(const char *text, struct p11uri *out, struct fault *f)
{
    size_t n = strnlen(text, P11URI_MAX + 1);
    const char *query;
    int rc;

    memset(out, 0, sizeof(*out));
    if (n > P11URI_MAX)
        return fault_set(f, FAULT_CONFIG, "p11uri.syntax", "PKCS#11 URI: over %d characters",
                         P11URI_MAX);
    if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
        return fault_set(f, FAULT_CONFIG, "p11uri.syntax",
                         "PKCS#11 URI: must start with \"pkcs11:\" (RFC 7512)");
    text += strlen(SCHEME);
    query = strchr(text, '?');
    if (query != NULL)
        return refuse_query(slice_str(query + 1), f);
    rc = read_path(slice_str(text), out, f);
    if (rc < 0)
        memset(out, 0, sizeof(*out));
    return rc;
}

bool p11uri_names_token(const struct p11uri *u)
{
    return u->token.set || u->manufacturer.set || u->model.set || u->serial.set || u->has_slot_id;
}

bool p11uri_names_object(const struct p11uri *u)
{
    return u->object.set || u->id.set;
}

static bool attr_equal(const struct p11uri_attr *a, const struct p11uri_attr *b)
{
    return slice_eq(slice_of(a->p, a->n), slice_of(b->p, b->n));
}

bool p11uri_same_token(const struct p11uri *a, const struct p11uri *b)
{
    for (size_t i = 0; i < N_TOKEN_ATTRIBUTES; i++) {
        const struct p11uri_attr *x = attr_at(a, i);
        const struct p11uri_attr *y = attr_at(b, i);

        if (x->set && y->set && !attr_equal(x, y))
            return false;
    }
    return !a->has_slot_id || !b->has_slot_id || a->slot_id == b->slot_id;
}

bool p11uri_same_object(const struct p11uri *a, const struct p11uri *b)
{
    bool objects = a->object.set && b->object.set;
    bool ids = a->id.set && b->id.set;

    if (objects && !attr_equal(&a->object, &b->object))
        return false;
    if (ids && !attr_equal(&a->id, &b->id))
        return false;
    return objects || ids;
}

bool p11uri_matches(const struct p11uri_attr *a, const uint8_t *field, size_t n)
{
    if (!a->set)
        return true;
    while (n > 0 && field[n - 1] == ' ')
        n--;
    return slice_eq(slice_of(a->p, a->n), slice_of(field, n));
}

static void put_attribute(const char *name, const struct p11uri_attr *a, bool text, bool *first,
                          struct buf *out)
{
    buf_printf(out, "%s%s=", *first ? "" : ";", name);
    *first = false;
    for (size_t i = 0; i < a->n; i++) {
        if (text && is_path_char(a->p[i]))
            buf_put_u8(out, a->p[i]);
        else
            buf_printf(out, "%%%02X", a->p[i]);
    }
}

void p11uri_print(const struct p11uri *u, struct buf *out)
{
    bool first = true;

    buf_put_str(out, SCHEME);
    for (size_t i = 0; i < N_ATTRIBUTES; i++) {
        const struct p11uri_attr *a = attr_at(u, i);

        if (a->set)
            put_attribute(attributes[i].name, a, attributes[i].text, &first, out);
    }
    if (u->has_slot_id)
        buf_printf(out, "%sslot-id=%" PRIu64, first ? "" : ";", u->slot_id);
    first = first && !u->has_slot_id;
    if (u->type != P11URI_ANY)
        buf_printf(out, "%stype=%s", first ? "" : ";", type_names[u->type]);
}
