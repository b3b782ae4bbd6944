#include "est/request.h"

#include "est/keygen.h"
#include "lib/der.h"
#include "lib/ext.h"
#include "lib/oid.h"

/* Attributes one behind the other, and where each begins. */
struct attributes {
    struct buf bytes;
    size_t n;
    size_t at[REQUEST_ATTRIBUTES_MAX];
};

struct attribute_mark {
    struct der_mark attribute, values;
};

static struct attribute_mark attribute_open(struct attributes *all, struct slice oid)
{
    struct attribute_mark m;

    all->at[all->n++] = all->bytes.n;
    m.attribute = der_open(&all->bytes, DER_SEQUENCE);
    der_put_oid(&all->bytes, oid);
    m.values = der_open(&all->bytes, DER_SET);
    return m;
}

static void attribute_close(struct attributes *all, struct attribute_mark m)
{
    der_close(&all->bytes, m.values);
    der_close(&all->bytes, m.attribute);
}

static bool has_sans(const struct est_request *r)
{
    return r->sans != NULL && r->sans->n > 0;
}

/* RFC 5280 4.2.1.6: critical where the subject says nothing. */
static void put_sans(struct buf *b, const struct est_request *r)
{
    struct ext_mark m = ext_open(b, oid_subject_alt_name, r->subject.n == 2);

    san_list_put(b, r->sans);
    ext_close(b, m);
}

static bool is_taken(const struct est_request *r, size_t i)
{
    return r->wanted->extension[i].has_value &&
           !(has_sans(r) && slice_eq(r->wanted->extension[i].oid, oid_subject_alt_name));
}

static size_t count_wanted(const struct est_request *r)
{
    size_t n = 0;

    for (size_t i = 0; r->wanted != NULL && i < r->wanted->n_extensions; i++)
        n += is_taken(r, i) ? 1 : 0;
    return n;
}

static void put_extensions(struct attributes *all, const struct est_request *r)
{
    struct attribute_mark m;
    struct der_mark list;

    if (!has_sans(r) && count_wanted(r) == 0)
        return;
    m = attribute_open(all, oid_extension_request);
    list = der_open(&all->bytes, DER_SEQUENCE);
    if (has_sans(r))
        put_sans(&all->bytes, r);
    for (size_t i = 0; r->wanted != NULL && i < r->wanted->n_extensions; i++) {
        struct ext_mark e;

        if (!is_taken(r, i))
            continue;
        e = ext_open(&all->bytes, r->wanted->extension[i].oid, r->wanted->extension[i].critical);
        buf_put_slice(&all->bytes, r->wanted->extension[i].value);
        ext_close(&all->bytes, e);
    }
    der_close(&all->bytes, list);
    attribute_close(all, m);
}

/* RFC 7030 3.5; base64 fits into a PrintableString. */
static void put_binding(struct attributes *all, struct slice binding)
{
    struct attribute_mark m;
    struct der_mark text;

    if (binding.n == 0)
        return;
    m = attribute_open(all, oid_challenge_password);
    text = der_open(&all->bytes, DER_PRINTABLE_STRING);
    link_put(&all->bytes, binding);
    der_close(&all->bytes, text);
    attribute_close(all, m);
}

static void put_change(struct attributes *all, const struct name_change *change)
{
    struct attribute_mark m;

    if (change == NULL || (!change->has_subject && !change->has_sans))
        return;
    m = attribute_open(all, oid_change_subject_name);
    name_change_put(&all->bytes, change);
    attribute_close(all, m);
}

/* RFC 7030 4.4.1: both attributes or none. */
static void put_opener(struct attributes *all, struct slice opener)
{
    struct attribute_mark m;

    if (opener.n == 0)
        return;
    m = attribute_open(all, oid_asymm_decrypt_key_id);
    keygen_identifier_put(&all->bytes, opener);
    attribute_close(all, m);
    m = attribute_open(all, oid_smime_capabilities);
    keygen_capabilities_put(&all->bytes);
    attribute_close(all, m);
}

static struct slice attribute(const struct attributes *all, size_t i)
{
    size_t end = i + 1 < all->n ? all->at[i + 1] : all->bytes.n;

    return slice_of(all->bytes.p + all->at[i], end - all->at[i]);
}

/* A SET OF has its members in order (X.690 11.6). */
static void put_sorted(struct buf *b, const struct attributes *all)
{
    struct der_mark set = der_open(b, DER_CONTEXT_CONSTRUCTED(0));
    bool used[REQUEST_ATTRIBUTES_MAX] = {false};

    for (size_t done = 0; done < all->n; done++) {
        size_t best = all->n;

        for (size_t i = 0; i < all->n; i++)
            if (!used[i] &&
                (best == all->n || slice_cmp(attribute(all, i), attribute(all, best)) < 0))
                best = i;
        used[best] = true;
        buf_put_slice(b, attribute(all, best));
    }
    der_close(b, set);
}

void est_request_put(struct buf *b, const struct est_request *r)
{
    struct der_mark m = der_open(b, DER_SEQUENCE);
    struct attributes all = {.n = 0};

    buf_init(&all.bytes, CSR_MAX);
    put_extensions(&all, r);
    put_binding(&all, r->binding);
    put_change(&all, r->change);
    put_opener(&all, r->opener);
    der_put_u64(b, 0);
    buf_put_slice(b, r->subject);
    buf_put_slice(b, r->spki);
    if (buf_failed(&all.bytes))
        b->failed = true;
    else
        put_sorted(b, &all);
    der_close(b, m);
    buf_free(&all.bytes);
}
