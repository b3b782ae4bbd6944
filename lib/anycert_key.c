/* Keys and signature algorithms by name, those too that nothing of ours uses. */
#include <stdio.h>
#include <string.h>

#include "lib/der.h"
#include "lib/anycert.h"
#include "lib/oid.h"

#define OID(octets)                                                                                \
    {                                                                                              \
        (const uint8_t *)(octets), sizeof(octets) - 1                                              \
    }

#define RSA_ARC "\x2a\x86\x48\x86\xf7\x0d\x01\x01"         /* RFC 8017: 1.2.840.113549.1.1 */
#define X9_CURVES "\x2a\x86\x48\xce\x3d\x03\x01"           /* RFC 3279 2.3.5 */
#define ECDSA_SHA2 "\x2a\x86\x48\xce\x3d\x04\x03"          /* RFC 5758 3.2 */
#define CERTICOM "\x2b\x81\x04\x00"                        /* SEC 2 */
#define BRAINPOOL "\x2b\x24\x03\x03\x02\x08\x01\x01"       /* RFC 5639 4.1 */
#define NIST_SIGNATURES "\x60\x86\x48\x01\x65\x03\x04\x03" /* FIPS 204: 2.16.840.1.101.3.4.3 */

static void name_oid(struct slice oid, const char *before, char out[64])
{
    struct buf text;

    buf_init(&text, 60);
    buf_put_str(&text, before);
    oid_print(oid, &text);
    (void)snprintf(out, 64, "%s", buf_failed(&text) ? "unknown" : buf_cstr(&text));
    buf_free(&text);
}

/* --- signature algorithms ----------------------------------------------------------- */

static const struct {
    struct slice oid;
    const char *name;
    unsigned hash_bits;
} algs[] = {
    {OID(RSA_ARC "\x02"), "rsa-md2", 128},
    {OID(RSA_ARC "\x03"), "rsa-md4", 128},
    {OID(RSA_ARC "\x04"), "rsa-md5", 128},
    {OID(RSA_ARC "\x05"), "rsa-sha1", 160},
    {OID("\x2b\x0e\x03\x02\x1d"), "rsa-sha1", 160}, /* OIW, as old Microsoft CAs wrote it */
    {OID(RSA_ARC "\x0b"), "rsa-sha256", 256},
    {OID(RSA_ARC "\x0c"), "rsa-sha384", 384},
    {OID(RSA_ARC "\x0d"), "rsa-sha512", 512},
    {OID(RSA_ARC "\x0e"), "rsa-sha224", 224},
    {OID(RSA_ARC "\x0a"), "rsa-pss", 0}, /* the hash is in the parameters */
    {OID("\x2a\x86\x48\xce\x3d\x04\x01"), "ecdsa-sha1", 160},
    {OID(ECDSA_SHA2 "\x01"), "ecdsa-sha224", 224},
    {OID(ECDSA_SHA2 "\x02"), "ecdsa-sha256", 256},
    {OID(ECDSA_SHA2 "\x03"), "ecdsa-sha384", 384},
    {OID(ECDSA_SHA2 "\x04"), "ecdsa-sha512", 512},
    {OID("\x2a\x86\x48\xce\x38\x04\x03"), "dsa-sha1", 160},
    {OID(NIST_SIGNATURES "\x01"), "dsa-sha224", 224},
    {OID(NIST_SIGNATURES "\x02"), "dsa-sha256", 256},
    {OID("\x2b\x65\x70"), "ed25519", 0},
    {OID("\x2b\x65\x71"), "ed448", 0},
    {OID(NIST_SIGNATURES "\x11"), "ml-dsa-44", 0},
    {OID(NIST_SIGNATURES "\x12"), "ml-dsa-65", 0},
    {OID(NIST_SIGNATURES "\x13"), "ml-dsa-87", 0},
};

/* RSASSA-PSS-params (RFC 4055 3.1) whose hash is not said: SHA-1. */
static bool pss_default(struct slice params)
{
    struct slice seq;

    return der_end(params) || (der_get(&params, DER_SEQUENCE, &seq) == 0 &&
                               !der_peek(seq, DER_CONTEXT_CONSTRUCTED(0)));
}

void anycert_alg(struct slice alg, struct anycert_alg *out)
{
    struct slice at = alg, seq, oid;
    enum sig_alg known;

    *out = (struct anycert_alg){.name = "unknown"};
    if (sig_alg_get(&at, &known) == 0 && der_end(at)) {
        out->hash_bits = (unsigned)sig_alg_hash_len(known) * 8;
        (void)snprintf(out->name, sizeof(out->name), "%s", sig_alg_name(known));
        return;
    }
    at = alg;
    if (der_get(&at, DER_SEQUENCE, &seq) < 0 || der_get_oid(&seq, &oid) < 0)
        return;
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        if (!slice_eq(oid, algs[i].oid))
            continue;
        out->hash_bits = algs[i].hash_bits;
        (void)snprintf(out->name, sizeof(out->name), "%s", algs[i].name);
        if (slice_eq(oid, oid_rsassa_pss) && pss_default(seq)) {
            out->hash_bits = 160;
            (void)snprintf(out->name, sizeof(out->name), "rsa-pss-sha1");
        }
        return;
    }
    name_oid(oid, "", out->name);
}

/* --- keys --------------------------------------------------------------------------- */

static unsigned bit_length(struct slice magnitude)
{
    size_t skip = 0;
    unsigned bits;

    while (skip < magnitude.n && magnitude.p[skip] == 0)
        skip++;
    if (skip == magnitude.n)
        return 0;
    bits = (unsigned)(magnitude.n - skip) * 8;
    for (uint8_t top = 0x80; (magnitude.p[skip] & top) == 0; top >>= 1)
        bits--;
    return bits;
}

/* The first INTEGER of a SEQUENCE: n of an RSAPublicKey, p of Dss-Parms. */
static unsigned first_integer_bits(struct slice in)
{
    struct slice seq, n;

    if (der_get(&in, DER_SEQUENCE, &seq) < 0 || der_get(&seq, DER_INTEGER, &n) < 0)
        return 0;
    return bit_length(n);
}

static void name_bits(struct anycert_key *out, enum anycert_key_kind kind, const char *name,
                      unsigned bits)
{
    out->kind = kind;
    out->bits = bits;
    if (bits > 0)
        (void)snprintf(out->name, sizeof(out->name), "%.40s%u", name, bits);
    else
        (void)snprintf(out->name, sizeof(out->name), "%.40s", name);
}

static const struct {
    struct slice oid;
    const char *name;
    unsigned bits;
} curves[] = {
    {OID(X9_CURVES "\x07"), "p256", 256},
    {OID(CERTICOM "\x22"), "p384", 384},
    {OID(CERTICOM "\x23"), "p521", 521},
    {OID(X9_CURVES "\x01"), "ec-p192", 192},
    {OID(CERTICOM "\x21"), "ec-p224", 224},
    {OID(CERTICOM "\x08"), "ec-secp160r1", 160},
    {OID(CERTICOM "\x1f"), "ec-secp192k1", 192},
    {OID(CERTICOM "\x20"), "ec-secp224k1", 224},
    {OID(CERTICOM "\x0a"), "ec-secp256k1", 256},
    {OID(BRAINPOOL "\x05"), "ec-brainpool224", 224},
    {OID(BRAINPOOL "\x07"), "ec-brainpool256", 256},
    {OID(BRAINPOOL "\x0b"), "ec-brainpool384", 384},
    {OID(BRAINPOOL "\x0d"), "ec-brainpool512", 512},
    {OID("\x2a\x81\x1c\xcf\x55\x01\x82\x2d"), "ec-sm2", 256},
};

/* SpecifiedECDomain (SEC 1 C.2): version, field { type, p or m ... } ... */
static void read_explicit(struct slice params, struct anycert_key *out)
{
    struct slice seq, field, type, p;
    uint64_t version, m;
    unsigned bits = 0;

    if (der_get(&params, DER_SEQUENCE, &seq) == 0 && der_get_u64(&seq, &version) == 0 &&
        der_get(&seq, DER_SEQUENCE, &field) == 0 && der_get_oid(&field, &type) == 0) {
        if (der_peek(field, DER_INTEGER) && der_get_unsigned(&field, &p) == 0)
            bits = bit_length(p);
        else if (der_get(&field, DER_SEQUENCE, &p) == 0 && der_get_u64(&p, &m) == 0 && m < 10000)
            bits = (unsigned)m;
    }
    name_bits(out, ANYCERT_EC, bits > 0 ? "ec-explicit-" : "ec-explicit", bits);
}

static void read_ec(struct slice params, struct anycert_key *out)
{
    struct slice curve;

    name_bits(out, ANYCERT_EC, "ec", 0);
    if (der_peek(params, DER_SEQUENCE)) {
        read_explicit(params, out);
        return;
    }
    if (der_get_oid(&params, &curve) < 0)
        return;
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (!slice_eq(curve, curves[i].oid))
            continue;
        out->bits = curves[i].bits;
        (void)snprintf(out->name, sizeof(out->name), "%s", curves[i].name);
        return;
    }
    name_oid(curve, "ec-", out->name);
}

static const struct {
    struct slice oid;
    const char *name;
    enum anycert_key_kind kind;
    unsigned bits;
} fixed_keys[] = {
    {OID("\x2b\x65\x70"), "ed25519", ANYCERT_EDWARDS, 256},
    {OID("\x2b\x65\x71"), "ed448", ANYCERT_EDWARDS, 456},
    {OID("\x2b\x65\x6e"), "x25519", ANYCERT_OTHER, 256},
    {OID("\x2b\x65\x6f"), "x448", ANYCERT_OTHER, 448},
    {OID(NIST_SIGNATURES "\x11"), "ml-dsa-44", ANYCERT_LATTICE, 0},
    {OID(NIST_SIGNATURES "\x12"), "ml-dsa-65", ANYCERT_LATTICE, 0},
    {OID(NIST_SIGNATURES "\x13"), "ml-dsa-87", ANYCERT_LATTICE, 0},
};

static const struct slice oid_dsa = OID("\x2a\x86\x48\xce\x38\x04\x01"); /* RFC 3279 2.3.2 */

static void read_other(struct slice oid, struct slice params, struct slice bits,
                       struct anycert_key *out)
{
    if (slice_eq(oid, oid_rsa_encryption) || slice_eq(oid, oid_rsassa_pss)) {
        name_bits(out, ANYCERT_RSA, "rsa", first_integer_bits(bits));
        return;
    }
    if (slice_eq(oid, oid_ec_public_key)) {
        read_ec(params, out);
        return;
    }
    if (slice_eq(oid, oid_dsa)) {
        name_bits(out, ANYCERT_DSA, "dsa", first_integer_bits(params));
        return;
    }
    for (size_t i = 0; i < sizeof(fixed_keys) / sizeof(fixed_keys[0]); i++) {
        if (!slice_eq(oid, fixed_keys[i].oid))
            continue;
        out->kind = fixed_keys[i].kind;
        out->bits = fixed_keys[i].bits;
        (void)snprintf(out->name, sizeof(out->name), "%s", fixed_keys[i].name);
        return;
    }
    name_oid(oid, "", out->name);
}

static enum anycert_key_kind kind_of(enum key_type t)
{
    if (t == KEY_RSA)
        return ANYCERT_RSA;
    return t == KEY_ED25519 ? ANYCERT_EDWARDS : ANYCERT_EC;
}

void anycert_key(struct slice spki, struct anycert_key *out)
{
    struct slice in = spki, seq, alg, oid, bits;
    struct spki known;
    struct fault f;
    char name[24];

    *out = (struct anycert_key){.name = "unknown"};
    fault_clear(&f);
    if (spki_parse(spki, &known, &f) == 0) {
        out->kind = kind_of(known.type);
        out->bits = known.bits;
        key_describe(known.type, known.bits, name);
        (void)snprintf(out->name, sizeof(out->name), "%s", name);
        return;
    }
    if (der_get(&in, DER_SEQUENCE, &seq) < 0 || der_get(&seq, DER_SEQUENCE, &alg) < 0 ||
        der_get_oid(&alg, &oid) < 0)
        return;
    if (der_get(&seq, DER_BIT_STRING, &bits) < 0 || bits.n == 0)
        bits = SLICE_NONE;
    else
        bits = slice_of(bits.p + 1, bits.n - 1); /* the octet that counts unused bits */
    read_other(oid, alg, bits, out);
}
