#include <stdio.h>
#include <string.h>

#include "lib/der.h"
#include "lib/key.h"
#include "lib/oid.h"

#define RSA_BITS_MIN 1024
#define RSA_BITS_MAX 8192
/* OpenSSL verifies with no larger exponent once the modulus is past 3072 bits; a larger one
 * would only make our work expensive. */
#define RSA_EXPONENT_MAX 8

struct ec_curve {
    const struct slice *oid;
    enum key_type type;
    unsigned bits;
    size_t point_len; /* 04 || X || Y (RFC 5480 2.2) */
};

static const struct ec_curve ec_curves[] = {
    {&oid_p256, KEY_P256, 256, 65},
    {&oid_p384, KEY_P384, 384, 97},
    {&oid_p521, KEY_P521, 521, 133},
};

static int malformed(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, "key.spki", "public key: %s", what);
}

static unsigned bit_length(struct slice magnitude)
{
    unsigned bits = (unsigned)magnitude.n * 8;

    for (uint8_t top = 0x80; top != 0 && (magnitude.p[0] & top) == 0; top >>= 1)
        bits--;
    return bits;
}

/* RSAPublicKey (RFC 8017 A.1.1). */
static int parse_rsa(struct slice params, struct spki *out, struct fault *f)
{
    struct slice in = out->key_bits, seq, n, e;

    /* RFC 3279 2.3.1: the parameters are NULL. */
    if (der_get_null(&params) < 0 || !der_end(params))
        return malformed(f, "RSA parameters must be NULL");
    if (der_get(&in, DER_SEQUENCE, &seq) < 0 || !der_end(in) || der_get_unsigned(&seq, &n) < 0 ||
        der_get_unsigned(&seq, &e) < 0 || !der_end(seq))
        return malformed(f, "not an RSAPublicKey");
    if ((n.p[n.n - 1] & 1) == 0)
        return fault_set(f, FAULT_MALFORMED, "key.rsa.modulus", "the RSA modulus is even");
    if (n.n > RSA_BITS_MAX / 8 || bit_length(n) < RSA_BITS_MIN)
        return fault_set(f, FAULT_MALFORMED, "key.rsa.size",
                         "an RSA modulus must have %d to %d bits, this one has %u", RSA_BITS_MIN,
                         RSA_BITS_MAX, bit_length(n));
    if (e.n > RSA_EXPONENT_MAX || (e.p[e.n - 1] & 1) == 0 || (e.n == 1 && e.p[0] < 3))
        return fault_set(f, FAULT_MALFORMED, "key.rsa.exponent",
                         "an RSA exponent must be odd, 3 or more and at most 64 bits long");
    out->type = KEY_RSA;
    out->bits = bit_length(n);
    out->modulus = n;
    out->exponent = e;
    return 0;
}

/* RFC 5480 2.1.1: a named curve, nothing else. */
static int parse_ec(struct slice params, struct spki *out, struct fault *f)
{
    struct slice curve;

    if (der_get_oid(&params, &curve) < 0 || !der_end(params))
        return malformed(f, "EC parameters must name a curve");
    for (size_t i = 0; i < sizeof(ec_curves) / sizeof(ec_curves[0]); i++) {
        const struct ec_curve *c = &ec_curves[i];

        if (!slice_eq(curve, *c->oid))
            continue;
        if (out->key_bits.n != c->point_len || out->key_bits.p[0] != 4)
            return fault_set(f, FAULT_MALFORMED, "key.point",
                             "an EC point must be uncompressed and as long as its curve asks");
        out->type = c->type;
        out->bits = c->bits;
        return 0;
    }
    return fault_set(f, FAULT_MALFORMED, "key.curve", "the curve must be P-256, P-384 or P-521");
}

/* RFC 8410 section 3 and 4: no parameters, 32 octets. */
static int parse_ed25519(struct slice params, struct spki *out, struct fault *f)
{
    if (!der_end(params) || out->key_bits.n != 32)
        return malformed(f, "an Ed25519 key has 32 octets and no parameters");
    out->type = KEY_ED25519;
    out->bits = 256;
    return 0;
}

static int refuse_algorithm(struct slice oid, struct fault *f)
{
    struct buf text;
    int rc;

    buf_init(&text, sizeof(f->value));
    oid_print(oid, &text);
    rc = fault_refuse(f, "key.algorithm", "key", buf_slice(&text), "RSA, EC or Ed25519");
    buf_free(&text);
    return rc;
}

static int parse(struct slice der, struct spki *out, struct fault *f)
{
    struct slice in = der, seq, alg, oid;

    if (der_get(&in, DER_SEQUENCE, &seq) < 0 || !der_end(in) ||
        der_get(&seq, DER_SEQUENCE, &alg) < 0 || der_get_oid(&alg, &oid) < 0 ||
        der_get_bit_octets(&seq, &out->key_bits) < 0 || !der_end(seq))
        return malformed(f, "not a SubjectPublicKeyInfo");
    out->der = der;
    if (slice_eq(oid, oid_ec_public_key))
        return parse_ec(alg, out, f);
    if (slice_eq(oid, oid_rsa_encryption))
        return parse_rsa(alg, out, f);
    if (slice_eq(oid, oid_ed25519))
        return parse_ed25519(alg, out, f);
    return refuse_algorithm(oid, f);
}

int spki_parse(struct slice der, struct spki *out, struct fault *f)
{
    struct spki k = {.type = KEY_NONE};
    int rc = parse(der, &k, f);

    *out = rc == 0 ? k : (struct spki){.type = KEY_NONE};
    return rc;
}

static const char *const key_names[] = {"none", "rsa", "p256", "p384", "p521", "ed25519"};

const char *key_type_name(enum key_type t)
{
    return (unsigned)t <= KEY_TYPE_MAX ? key_names[t] : "none";
}

static const struct {
    const char *text;
    enum key_type type;
    unsigned bits;
} key_texts[] = {
    {"p256", KEY_P256, 256},       {"p384", KEY_P384, 384},    {"p521", KEY_P521, 521},
    {"ed25519", KEY_ED25519, 256}, {"rsa2048", KEY_RSA, 2048}, {"rsa3072", KEY_RSA, 3072},
    {"rsa4096", KEY_RSA, 4096},
};

int key_type_parse(const char *text, enum key_type *type, unsigned *bits)
{
    *type = KEY_NONE;
    *bits = 0;
    for (size_t i = 0; i < sizeof(key_texts) / sizeof(key_texts[0]); i++) {
        if (strcmp(text, key_texts[i].text) != 0)
            continue;
        *type = key_texts[i].type;
        *bits = key_texts[i].bits;
        return 0;
    }
    return -1;
}

void key_describe(enum key_type t, unsigned bits, char out[24])
{
    if (t == KEY_RSA)
        (void)snprintf(out, 24, "rsa%u", bits);
    else
        (void)snprintf(out, 24, "%s", key_type_name(t));
}
