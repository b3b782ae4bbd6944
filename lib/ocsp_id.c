/* CertIDs (RFC 6960 4.1.1), and the extensions of both directions. */
#include <string.h>

#include "lib/der.h"
#include "lib/ocsp_inner.h"
#include "lib/oid.h"

#define EXTENSIONS_MAX 16

static const struct hash_row {
    const char *name;
    const struct slice *oid;
    size_t len;
    enum sig_alg by; /* one that hashes so */
} hashes[OCSP_HASHES] = {
    [OCSP_HASH_OTHER] = {"other", NULL, 0, SIG_NONE},
    [OCSP_SHA1] = {"sha1", &oid_sha1, 20, SIG_NONE},
    [OCSP_SHA256] = {"sha256", &oid_sha256, 32, SIG_RSA_SHA256},
    [OCSP_SHA384] = {"sha384", &oid_sha384, 48, SIG_RSA_SHA384},
    [OCSP_SHA512] = {"sha512", &oid_sha512, 64, SIG_RSA_SHA512},
};

const char *ocsp_hash_name(enum ocsp_hash h)
{
    return hashes[h].name;
}

int ocsp_hash_parse(const char *text, enum ocsp_hash *out)
{
    *out = OCSP_HASH_OTHER;
    for (unsigned i = OCSP_SHA1; i < OCSP_HASHES; i++) {
        if (strcmp(text, hashes[i].name) != 0)
            continue;
        *out = (enum ocsp_hash)i;
        return 0;
    }
    return -1;
}

static void hash(enum ocsp_hash h, struct slice s, uint8_t out[64])
{
    if (h == OCSP_SHA1)
        sha1(s, out);
    else
        sig_alg_hash(hashes[h].by, s, out);
}

void ocsp_issuer_id(enum ocsp_hash h, struct slice subject, const struct spki *key,
                    struct ocsp_issuer_id *out)
{
    memset(out, 0, sizeof(*out));
    hash(h, subject, out->name);
    hash(h, key->key_bits, out->key);
}

bool ocsp_cert_id_matches(const struct ocsp_cert_id *c, const struct ocsp_issuer_id *issuer)
{
    size_t n = hashes[c->hash].len;

    return n > 0 && c->key_hash.n == n && c->name_hash.n == n &&
           memcmp(c->key_hash.p, issuer->key, n) == 0 &&
           memcmp(c->name_hash.p, issuer->name, n) == 0;
}

static enum ocsp_hash hash_of(struct slice oid)
{
    for (unsigned i = OCSP_SHA1; i < OCSP_HASHES; i++)
        if (slice_eq(oid, *hashes[i].oid))
            return (enum ocsp_hash)i;
    return OCSP_HASH_OTHER;
}

/* AlgorithmIdentifier; parameters of the hashes that we know are NULL or absent (RFC 5754 2,
 * RFC 3370 2.1), of others anything. */
static int hash_get(struct slice *in, struct ocsp_cert_id *out)
{
    struct slice seq, oid;

    if (der_get(in, DER_SEQUENCE, &seq) < 0 || der_get_oid(&seq, &oid) < 0)
        return -1;
    out->hash = hash_of(oid);
    out->null_parameters = !der_end(seq);
    if (out->null_parameters && out->hash == OCSP_HASH_OTHER)
        return der_get_any(&seq, NULL, NULL, NULL) == 0 && der_end(seq) ? 0 : -1;
    if (out->null_parameters && der_get_null(&seq) < 0)
        return -1;
    return der_end(seq) ? 0 : -1;
}

/* X.690 8.3.2: the first nine bits are never equal. */
static bool minimal(struct slice v)
{
    return v.n == 1 || (v.p[0] != 0 && v.p[0] != 0xff) || (v.p[0] & 0x80) != (v.p[1] & 0x80);
}

int ocsp_cert_id_get(struct slice *in, struct ocsp_cert_id *out)
{
    struct slice at = *in, seq;
    struct ocsp_cert_id id = {.hash = OCSP_HASH_OTHER};

    *out = id;
    if (der_get_whole(&at, DER_SEQUENCE, &id.der) < 0)
        return -1;
    *in = at;
    at = id.der;
    if (der_get(&at, DER_SEQUENCE, &seq) < 0 || hash_get(&seq, &id) < 0 ||
        der_get(&seq, DER_OCTET_STRING, &id.name_hash) < 0 ||
        der_get(&seq, DER_OCTET_STRING, &id.key_hash) < 0 ||
        der_get(&seq, DER_INTEGER, &id.serial) < 0 || !der_end(seq))
        return -1;
    if (id.serial.n == 0 || id.serial.n > OCSP_SERIAL_MAX || !minimal(id.serial))
        return -1;
    *out = id;
    return 0;
}

void ocsp_cert_id_put(struct buf *b, enum ocsp_hash h, const struct ocsp_issuer_id *issuer,
                      struct slice serial)
{
    struct der_mark id = der_open(b, DER_SEQUENCE), alg = der_open(b, DER_SEQUENCE);

    der_put_oid(b, *hashes[h].oid);
    der_put_null(b);
    der_close(b, alg);
    der_put(b, DER_OCTET_STRING, slice_of(issuer->name, hashes[h].len));
    der_put(b, DER_OCTET_STRING, slice_of(issuer->key, hashes[h].len));
    der_put_unsigned(b, serial);
    der_close(b, id);
}

int ocsp_malformed(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, "ocsp.der", "OCSP: %s", what);
}

int ocsp_extensions(struct slice *in, unsigned n, ocsp_extension_taker take, void *arg,
                    struct fault *f)
{
    struct cert_extension seen[EXTENSIONS_MAX];
    struct slice wrapped, list;
    int rc;

    if (!der_peek(*in, (uint8_t)DER_CONTEXT_CONSTRUCTED(n)))
        return 0;
    if (der_get(in, (uint8_t)DER_CONTEXT_CONSTRUCTED(n), &wrapped) < 0 ||
        der_get(&wrapped, DER_SEQUENCE, &list) < 0 || !der_end(wrapped))
        return ocsp_malformed(f, "extensions");
    for (size_t i = 0; !der_end(list); i++) {
        if (i == EXTENSIONS_MAX || ext_get(&list, &seen[i]) < 0 || ext_seen(seen, i, seen[i].oid))
            return ocsp_malformed(f, "an extension");
        rc = take(arg, &seen[i], f);
        if (rc < 0)
            return rc;
        if (rc > 0 && seen[i].critical)
            return fault_set(f, FAULT_MALFORMED, "ocsp.extension",
                             "OCSP: an unknown extension is critical");
    }
    return 0;
}

int ocsp_nonce_get(struct slice value, struct slice *out, struct fault *f)
{
    struct slice nonce;

    *out = SLICE_NONE;
    if (der_get(&value, DER_OCTET_STRING, &nonce) < 0 || !der_end(value) || nonce.n == 0 ||
        nonce.n > OCSP_NONCE_MAX)
        return fault_set(f, FAULT_MALFORMED, "ocsp.nonce",
                         "OCSP: a nonce is an OCTET STRING of 1 to %d octets", OCSP_NONCE_MAX);
    *out = nonce;
    return 0;
}
