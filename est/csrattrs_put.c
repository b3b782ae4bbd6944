#include "est/csrattrs.h"

#include <string.h>

#include "lib/der.h"
#include "lib/ext.h"
#include "lib/name_attr.h"
#include "lib/oid.h"

#define RSA_OCTETS_MAX 1024

/* Keys that profiles know; those of one algorithm in the order of their DER (X.690 11.6). */
static const struct key_choice {
    const char *name;
    const struct slice *algorithm, *curve;
    unsigned bits;
} choices[] = {
    {"p384", &oid_ec_public_key, &oid_p384, 0},   {"p521", &oid_ec_public_key, &oid_p521, 0},
    {"p256", &oid_ec_public_key, &oid_p256, 0},   {"rsa2048", &oid_rsa_encryption, NULL, 2048},
    {"rsa3072", &oid_rsa_encryption, NULL, 3072}, {"rsa4096", &oid_rsa_encryption, NULL, 4096},
    {"ed25519", &oid_ed25519, NULL, 0},
};
#define N_CHOICES (sizeof(choices) / sizeof(choices[0]))

static bool chosen(const struct conf_profile *p, const struct key_choice *c)
{
    for (size_t i = 0; i < p->n_key_types; i++)
        if (strcmp(p->key_types[i], c->name) == 0)
            return true;
    return false;
}

/* The first allowed key where all are of one algorithm (RFC 9908 3.2: one attribute for it); NULL:
 * there is a choice, which neither form can say. */
static const struct key_choice *one_algorithm(const struct conf_profile *p, size_t *n)
{
    const struct key_choice *first = NULL;

    *n = 0;
    for (size_t i = 0; i < N_CHOICES; i++) {
        if (!chosen(p, &choices[i]))
            continue;
        if (first != NULL && first->algorithm != choices[i].algorithm)
            return NULL;
        if (first == NULL)
            first = &choices[i];
        (*n)++;
    }
    return first;
}

/* What a subject must have, in the order of a Name. Where the profile writes it itself, nothing. */
static const struct name_attr_row *required(const struct conf_profile *p, size_t *at)
{
    static const char *const order[] = {"C",  "ST",           "L",   "O",           "OU", "DC",
                                        "CN", "serialNumber", "UID", "emailAddress"};

    while (p->subject[0] == '\0' && *at < sizeof(order) / sizeof(order[0])) {
        const struct name_attr_row *row = name_attr_by_name(slice_str(order[(*at)++]));

        if ((p->subject_required & 1u << row->attr) != 0)
            return row;
    }
    return NULL;
}

static bool wants_san(const struct conf_profile *p)
{
    return p->san_required || p->san_required_kinds != 0;
}

/* Attribute with one value, or none, put in between. */
struct attribute_mark {
    struct der_mark attribute, values;
};

static struct attribute_mark attribute_open(struct buf *b, struct slice oid)
{
    struct attribute_mark m;

    m.attribute = der_open(b, DER_SEQUENCE);
    der_put_oid(b, oid);
    m.values = der_open(b, DER_SET);
    return m;
}

static void attribute_close(struct buf *b, struct attribute_mark m)
{
    der_close(b, m.values);
    der_close(b, m.attribute);
}

static void put_purposes(struct buf *b, const struct conf_profile *p)
{
    struct ext_mark m = ext_open(b, oid_ext_key_usage, p->eku_critical);

    ext_key_purposes_put(b, p->eku);
    ext_close(b, m);
}

/* ---- as RFC 7030 has it ---- */

static void put_keys(struct buf *b, const struct conf_profile *p, const struct key_choice *first)
{
    struct attribute_mark m = attribute_open(b, *first->algorithm);

    for (size_t i = 0; i < N_CHOICES; i++) {
        if (!chosen(p, &choices[i]))
            continue;
        if (choices[i].curve != NULL)
            der_put_oid(b, *choices[i].curve);
        else if (choices[i].bits != 0)
            der_put_u64(b, choices[i].bits);
    }
    attribute_close(b, m);
}

static void put_purposes_attribute(struct buf *b, const struct conf_profile *p)
{
    struct attribute_mark m = attribute_open(b, oid_extension_request);
    struct der_mark list = der_open(b, DER_SEQUENCE);

    put_purposes(b, p);
    der_close(b, list);
    attribute_close(b, m);
}

/* What has no value yet is there by its OID alone. */
static void put_list(struct buf *b, const struct conf_profile *p, bool linking)
{
    const struct name_attr_row *row;
    const struct key_choice *key;
    size_t at = 0, n;

    if (linking)
        der_put_oid(b, oid_challenge_password);
    key = one_algorithm(p, &n);
    if (key != NULL)
        put_keys(b, p, key);
    while ((row = required(p, &at)) != NULL)
        der_put_oid(b, row->oid);
    if (wants_san(p))
        der_put_oid(b, oid_subject_alt_name);
    if (p->eku != 0)
        put_purposes_attribute(b, p);
}

/* ---- as RFC 9908 3.4 has it ---- */

static void put_subject(struct buf *b, const struct conf_profile *p)
{
    const struct name_attr_row *row;
    struct der_mark name, rdn, single;
    size_t at = 0;

    if (required(p, &at) == NULL)
        return;
    at = 0;
    name = der_open(b, DER_SEQUENCE);
    while ((row = required(p, &at)) != NULL) {
        rdn = der_open(b, DER_SET);
        single = der_open(b, DER_SEQUENCE);
        der_put_oid(b, row->oid);
        der_close(b, single);
        der_close(b, rdn);
    }
    der_close(b, name);
}

/* A key that is none: its modulus says how long the client's should be. */
static void put_placeholder(struct buf *b, unsigned bits)
{
    static const uint8_t exponent[] = {1, 0, 1};
    uint8_t modulus[RSA_OCTETS_MAX];
    struct buf key;
    struct der_mark seq;

    memset(modulus, 0xff, sizeof(modulus));
    buf_init(&key, RSA_OCTETS_MAX + 64);
    seq = der_open(&key, DER_SEQUENCE);
    der_put_unsigned(&key, slice_of(modulus, bits / 8));
    der_put_unsigned(&key, slice_of(exponent, sizeof(exponent)));
    der_close(&key, seq);
    der_put_bit_octets(b, buf_slice(&key));
    buf_free(&key);
}

static void put_key(struct buf *b, const struct conf_profile *p)
{
    size_t n;
    const struct key_choice *key = one_algorithm(p, &n);
    struct der_mark info, algorithm;

    if (key == NULL || n != 1)
        return;
    info = der_open(b, DER_CONTEXT_CONSTRUCTED(0));
    algorithm = der_open(b, DER_SEQUENCE);
    der_put_oid(b, *key->algorithm);
    if (key->curve != NULL)
        der_put_oid(b, *key->curve);
    else if (key->bits != 0)
        der_put_null(b);
    der_close(b, algorithm);
    if (key->bits != 0)
        put_placeholder(b, key->bits);
    der_close(b, info);
}

/* Extensions to fill in stand in the one attribute that may have such, whole ones in the other. */
static void put_extensions(struct buf *b, const struct conf_profile *p)
{
    struct attribute_mark m;
    struct der_mark list, extension;

    if (!wants_san(p)) {
        if (p->eku != 0)
            put_purposes_attribute(b, p);
        return;
    }
    m = attribute_open(b, oid_extension_template);
    list = der_open(b, DER_SEQUENCE);
    extension = der_open(b, DER_SEQUENCE);
    der_put_oid(b, oid_subject_alt_name);
    der_close(b, extension);
    if (p->eku != 0)
        put_purposes(b, p);
    der_close(b, list);
    attribute_close(b, m);
}

static void put_template(struct buf *b, const struct conf_profile *p, bool linking)
{
    struct attribute_mark m = attribute_open(b, oid_request_template);
    struct der_mark seq = der_open(b, DER_SEQUENCE), attributes;

    der_put_u64(b, 0);
    put_subject(b, p);
    put_key(b, p);
    attributes = der_open(b, DER_CONTEXT_CONSTRUCTED(1));
    if (linking)
        attribute_close(b, attribute_open(b, oid_challenge_password));
    put_extensions(b, p);
    der_close(b, attributes);
    der_close(b, seq);
    attribute_close(b, m);
}

void csrattrs_put(struct buf *out, const struct conf_profile *p, bool linking)
{
    struct der_mark all = der_open(out, DER_SEQUENCE);
    size_t before = out->n;

    put_list(out, p, linking);
    if (out->n > before)
        put_template(out, p, linking);
    der_close(out, all);
}
