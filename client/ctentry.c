#include "client/ctentry.h"

#include <string.h>
#include <strings.h>

#include "lib/anycert.h"
#include "lib/key.h"

/* RFC 6962 3.4, 3.1 */
enum { V1 = 0, TIMESTAMPED_ENTRY = 0 };
enum { X509_ENTRY = 0, PRECERT_ENTRY = 1 };

static int malformed(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, "ct.entry", "an entry of the log is malformed: %s", what);
}

/* ---- octets: nothing moves the cursor past its end ---- */

static bool take(struct slice *in, size_t n, struct slice *out)
{
    if (in->n < n)
        return false;
    *out = slice_of(in->p, n);
    *in = slice_of(in->p + n, in->n - n);
    return true;
}

static bool take_number(struct slice *in, size_t octets, uint64_t *out)
{
    struct slice s;

    *out = 0;
    if (!take(in, octets, &s))
        return false;
    for (size_t i = 0; i < octets; i++)
        *out = *out << 8 | s.p[i];
    return true;
}

/* A vector with its length in so many octets in front (RFC 5246 4.3). */
static bool take_vector(struct slice *in, size_t octets, struct slice *out)
{
    uint64_t n;

    return take_number(in, octets, &n) && n <= in->n && take(in, (size_t)n, out);
}

/* ---- entries ---- */

static int take_timestamped(struct slice *in, struct ct_entry *out, struct fault *f)
{
    const uint8_t *start = in->p;
    struct slice ignored;
    uint64_t type;

    memset(out, 0, sizeof(*out));
    if (!take_number(in, 8, &out->time_ms) || !take_number(in, 2, &type))
        return malformed(f, "it ends early");
    out->precert = type == PRECERT_ENTRY;
    if (type != X509_ENTRY && type != PRECERT_ENTRY)
        return malformed(f, "it is of no known type");
    if ((out->precert && !take(in, 32, &ignored)) ||
        !take_vector(in, 3, out->precert ? &out->tbs : &out->certificate) ||
        !take_vector(in, 2, &ignored))
        return malformed(f, "it ends early");
    out->timestamped = slice_of(start, (size_t)(in->p - start));
    return 0;
}

int ct_entry_get(struct slice leaf_input, struct slice extra, struct ct_entry *out, struct fault *f)
{
    uint64_t version = 1, type = 1;
    struct slice precert = SLICE_NONE;
    int rc;

    memset(out, 0, sizeof(*out));
    if (!take_number(&leaf_input, 1, &version) || !take_number(&leaf_input, 1, &type) ||
        version != V1 || type != TIMESTAMPED_ENTRY)
        return malformed(f, "it is no leaf of version 1");
    rc = take_timestamped(&leaf_input, out, f);
    if (rc != 0)
        return rc;
    if (leaf_input.n != 0)
        return malformed(f, "there is something behind it");
    if (out->precert && !take_vector(&extra, 3, &precert))
        return malformed(f, "it has no precertificate");
    if (out->precert)
        out->certificate = precert;
    return 0;
}

int ct_tile_get(struct slice *rest, struct ct_entry *out, struct fault *f)
{
    struct slice in = *rest, chain;
    int rc = take_timestamped(&in, out, f);

    if (rc != 0)
        return rc;
    if (out->precert && !take_vector(&in, 3, &out->certificate))
        return malformed(f, "it has no precertificate");
    if (!take_vector(&in, 2, &chain) || chain.n % 32 != 0)
        return malformed(f, "its chain is none");
    *rest = in;
    return 0;
}

int ct_timestamped_get(struct slice timestamped, struct slice precert, struct ct_entry *out,
                       struct fault *f)
{
    int rc = take_timestamped(&timestamped, out, f);

    if (rc == 0 && (timestamped.n != 0 || out->precert != (precert.n > 0)))
        return malformed(f, "it is not one entry");
    if (rc == 0 && out->precert)
        out->certificate = precert;
    return rc;
}

void ct_entry_hash(struct slice timestamped, uint8_t out[32])
{
    static const uint8_t head[] = {0x00, V1, TIMESTAMPED_ENTRY}; /* the first: a leaf */

    sha256_two(slice_of(head, sizeof(head)), timestamped, out);
}

/* ---- names ---- */

static bool is_under(struct slice name, const char *domain)
{
    size_t n = strlen(domain);

    return name.n >= n && strncasecmp((const char *)name.p + name.n - n, domain, n) == 0 &&
           (name.n == n || name.p[name.n - n - 1] == '.');
}

static struct slice host_of(const struct san *s)
{
    const uint8_t *at;

    if (s->kind == SAN_DNS)
        return s->value;
    at = s->kind == SAN_EMAIL ? memrchr(s->value.p, '@', s->value.n) : NULL;
    return at == NULL ? SLICE_NONE : slice_of(at + 1, (size_t)(s->value.p + s->value.n - at - 1));
}

static bool any_under(const struct anycert *c, const struct texts *domains)
{
    for (size_t i = 0; i < c->sans.n; i++) {
        struct slice host = host_of(&c->sans.item[i]);

        for (size_t k = 0; host.n > 0 && k < domains->n; k++)
            if (is_under(host, domains->item[k]))
                return true;
    }
    return false;
}

static bool same(const struct anycert *a, const struct anycert *b)
{
    return slice_eq(a->serial, b->serial) && slice_eq(a->sans_der, b->sans_der) &&
           slice_eq(a->subject, b->subject) && slice_eq(a->spki, b->spki) &&
           a->not_before == b->not_before && a->not_after == b->not_after;
}

int ct_entry_look(const struct ct_entry *e, const struct texts *domains, enum ct_what *out,
                  struct fault *f)
{
    struct anycert c, covered;
    struct fault ignored;
    bool reads;

    fault_clear(&ignored);
    *out = CT_UNREAD;
    if (!e->precert) {
        if (anycert_parse(e->certificate, &c, &ignored) == 0)
            *out = any_under(&c, domains) ? CT_UNDER : CT_OTHER;
        return 0;
    }
    if (anycert_parse_tbs(e->tbs, &covered, &ignored) != 0)
        return 0;
    reads = anycert_parse(e->certificate, &c, &ignored) == 0;
    if (!any_under(&covered, domains)) {
        *out = CT_OTHER;
        return 0;
    }
    if (!reads || !same(&covered, &c))
        return fault_set(f, FAULT_CONFLICT, "ct.precert",
                         "the log shows another precertificate than it has taken");
    *out = CT_UNDER;
    return 0;
}
