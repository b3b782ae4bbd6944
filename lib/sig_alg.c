#include <string.h>

#include "lib/der.h"
#include "lib/key.h"
#include "lib/oid.h"

#define SIG(octets)                                                                                \
    {                                                                                              \
        (const uint8_t *)(octets), sizeof(octets) - 1                                              \
    }

#define PSS_HEAD "\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34\xa0\x0f"
#define PSS_HASH(n) "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" n "\x05\x00"
#define PSS_MGF "\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
#define PSS_SALT "\xa2\x03\x02\x01"
#define PSS(n, salt) SIG(PSS_HEAD PSS_HASH(n) PSS_MGF PSS_HASH(n) PSS_SALT salt)

struct sig_row {
    const char *name;
    size_t hash_len;
    struct slice der; /* AlgorithmIdentifier, whole */
};

/* Indexed by enum sig_alg. Parameters: absent for ECDSA (RFC 5758 3.2) and Ed25519 (RFC 8410 3),
 * NULL for PKCS#1 v1.5 (RFC 4055 5), explicit for PSS (RFC 4055 3.1). */
static const struct sig_row sig_rows[SIG_ALG_MAX + 1] = {
    [SIG_NONE] = {"none", 0, {NULL, 0}},
    [SIG_ECDSA_SHA256] = {"ecdsa-sha256", 32,
                          SIG("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02")},
    [SIG_ECDSA_SHA384] = {"ecdsa-sha384", 48,
                          SIG("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03")},
    [SIG_ECDSA_SHA512] = {"ecdsa-sha512", 64,
                          SIG("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04")},
    [SIG_RSA_SHA256] = {"rsa-sha256", 32,
                        SIG("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00")},
    [SIG_RSA_SHA384] = {"rsa-sha384", 48,
                        SIG("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00")},
    [SIG_RSA_SHA512] = {"rsa-sha512", 64,
                        SIG("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00")},
    [SIG_RSA_PSS_SHA256] = {"rsa-pss-sha256", 32, PSS("\x01", "\x20")},
    [SIG_RSA_PSS_SHA384] = {"rsa-pss-sha384", 48, PSS("\x02", "\x30")},
    [SIG_RSA_PSS_SHA512] = {"rsa-pss-sha512", 64, PSS("\x03", "\x40")},
    [SIG_ED25519] = {"ed25519", 0, SIG("\x30\x05\x06\x03\x2b\x65\x70")},
};

static const struct sig_row *row(enum sig_alg a)
{
    return &sig_rows[(unsigned)a <= SIG_ALG_MAX ? a : SIG_NONE];
}

const char *sig_alg_name(enum sig_alg a)
{
    return row(a)->name;
}

int sig_alg_parse(const char *text, enum sig_alg *out)
{
    *out = SIG_NONE;
    for (unsigned i = 1; i <= SIG_ALG_MAX; i++) {
        if (strcmp(text, sig_rows[i].name) != 0)
            continue;
        *out = (enum sig_alg)i;
        return 0;
    }
    return -1;
}

enum sig_alg sig_alg_default(enum key_type t)
{
    static const enum sig_alg usual[KEY_TYPE_MAX + 1] = {
        [KEY_RSA] = SIG_RSA_SHA256,    [KEY_P256] = SIG_ECDSA_SHA256, [KEY_P384] = SIG_ECDSA_SHA384,
        [KEY_P521] = SIG_ECDSA_SHA512, [KEY_ED25519] = SIG_ED25519,
    };

    return (unsigned)t <= KEY_TYPE_MAX ? usual[t] : SIG_NONE;
}

/* The three hashes of a family stand side by side, the shortest first. */
enum sig_alg sig_alg_with_hash(enum sig_alg a, unsigned octets)
{
    unsigned first;

    if (octets == 0 || a == SIG_NONE || a == SIG_ED25519)
        return a;
    first = ((unsigned)a - 1) / 3 * 3 + 1;
    return (enum sig_alg)(first + (octets - 32) / 16);
}

bool sig_alg_fits(enum sig_alg a, enum key_type t)
{
    switch (t) {
    case KEY_RSA:
        return a >= SIG_RSA_SHA256 && a <= SIG_RSA_PSS_SHA512;
    case KEY_P256:
    case KEY_P384:
    case KEY_P521:
        return a >= SIG_ECDSA_SHA256 && a <= SIG_ECDSA_SHA512;
    case KEY_ED25519:
        return a == SIG_ED25519;
    case KEY_NONE:
        break;
    }
    return false;
}

size_t sig_alg_hash_len(enum sig_alg a)
{
    return row(a)->hash_len;
}

void sig_alg_put(struct buf *b, enum sig_alg a)
{
    if (row(a)->der.n == 0)
        b->failed = true;
    buf_put_slice(b, row(a)->der);
}

/* The AlgorithmIdentifier of a SHA-2 hash, parameters NULL or absent (RFC 4055 2.1). Gives the
 * hash's length; 0 for another. */
static size_t get_hash(struct slice *in)
{
    struct slice seq, oid;

    if (der_get(in, DER_SEQUENCE, &seq) < 0 || der_get_oid(&seq, &oid) < 0)
        return 0;
    if (!der_end(seq) && (der_get_null(&seq) < 0 || !der_end(seq)))
        return 0;
    if (slice_eq(oid, oid_sha256))
        return 32;
    if (slice_eq(oid, oid_sha384))
        return 48;
    return slice_eq(oid, oid_sha512) ? 64 : 0;
}

/* trailerField: 1 is the default, which must not be written and must be read (RFC 4055 3.1). */
static bool get_pss_trailer(struct slice *in)
{
    struct slice at;
    uint64_t field;

    if (der_end(*in))
        return true;
    return der_get(in, DER_CONTEXT_CONSTRUCTED(3), &at) == 0 && der_get_u64(&at, &field) == 0 &&
           der_end(at) && field == 1;
}

/* RSASSA-PSS-params: one hash for message and mask, the salt as long. */
static size_t get_pss_params(struct slice in)
{
    struct slice seq, hash, mgf, alg, oid, salt;
    size_t n;
    uint64_t salt_len;

    if (der_get(&in, DER_SEQUENCE, &seq) < 0 || !der_end(in) ||
        der_get(&seq, DER_CONTEXT_CONSTRUCTED(0), &hash) < 0 ||
        der_get(&seq, DER_CONTEXT_CONSTRUCTED(1), &mgf) < 0 ||
        der_get(&seq, DER_CONTEXT_CONSTRUCTED(2), &salt) < 0 || !get_pss_trailer(&seq) ||
        !der_end(seq))
        return 0;
    n = get_hash(&hash);
    if (n == 0 || !der_end(hash) || der_get(&mgf, DER_SEQUENCE, &alg) < 0 || !der_end(mgf) ||
        der_get_oid(&alg, &oid) < 0 || !slice_eq(oid, oid_mgf1) || get_hash(&alg) != n ||
        !der_end(alg) || der_get_u64(&salt, &salt_len) < 0 || !der_end(salt) || salt_len != n)
        return 0;
    return n;
}

static enum sig_alg get_pss(struct slice whole)
{
    struct slice seq, oid;

    if (der_get(&whole, DER_SEQUENCE, &seq) < 0 || der_get_oid(&seq, &oid) < 0 ||
        !slice_eq(oid, oid_rsassa_pss))
        return SIG_NONE;
    switch (get_pss_params(seq)) {
    case 32:
        return SIG_RSA_PSS_SHA256;
    case 48:
        return SIG_RSA_PSS_SHA384;
    case 64:
        return SIG_RSA_PSS_SHA512;
    default:
        return SIG_NONE;
    }
}

int sig_alg_get(struct slice *in, enum sig_alg *out)
{
    struct slice at = *in, whole;

    *out = SIG_NONE;
    if (der_get_whole(&at, DER_SEQUENCE, &whole) < 0)
        return -1;
    for (unsigned i = 1; i <= SIG_ALG_MAX && *out == SIG_NONE; i++)
        if (slice_eq(whole, sig_rows[i].der))
            *out = (enum sig_alg)i;
    if (*out == SIG_NONE)
        *out = get_pss(whole);
    if (*out == SIG_NONE)
        return -1;
    *in = at;
    return 0;
}
