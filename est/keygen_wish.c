#include <string.h>

#include "est/keygen.h"
#include "lib/der.h"
#include "lib/oid.h"

/* RFC 3565 4.1, by strength; RFC 8017 A.2.1. */
static const struct {
    struct slice oid;
    enum keygen_cipher cipher;
} ciphers[] = {
    {{(const uint8_t *)"\x60\x86\x48\x01\x65\x03\x04\x01\x2a", 9}, CIPHER_AES256_CBC},
    {{(const uint8_t *)"\x60\x86\x48\x01\x65\x03\x04\x01\x16", 9}, CIPHER_AES192_CBC},
    {{(const uint8_t *)"\x60\x86\x48\x01\x65\x03\x04\x01\x02", 9}, CIPHER_AES128_CBC},
};
#define N_CIPHERS (sizeof(ciphers) / sizeof(ciphers[0]))
static const struct slice oaep = {(const uint8_t *)"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07", 9};

static int malformed(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, "est.keygen.der", "a malformed %s", what);
}

/* RFC 7030 4.4.1.1, 4.4.1.2: one OCTET STRING each. */
static int read_identifier(const struct csr *c, struct slice oid, struct slice *out,
                           struct fault *f)
{
    const struct csr_attribute *a = csr_find(c, oid);
    struct slice in;

    if (a == NULL)
        return 0;
    in = a->values;
    return der_get(&in, DER_OCTET_STRING, out) == 0 && der_end(in) && out->n > 0
               ? 0
               : malformed(f, "identifier of a decryption key");
}

/* SMIMECapabilities (RFC 8551 2.5.2): what is not known here is passed over. */
static int read_capabilities(struct slice in, struct keygen_wish *out, struct fault *f)
{
    struct slice list, one, oid;
    size_t best = N_CIPHERS;

    if (der_get(&in, DER_SEQUENCE, &list) != 0 || !der_end(in))
        return malformed(f, "SMIMECapabilities");
    while (!der_end(list)) {
        if (der_get(&list, DER_SEQUENCE, &one) != 0 || der_get_oid(&one, &oid) != 0)
            return malformed(f, "SMIMECapabilities");
        out->oaep = out->oaep || slice_eq(oid, oaep);
        for (size_t i = 0; i < best; i++)
            if (slice_eq(oid, ciphers[i].oid))
                best = i;
    }
    if (best == N_CIPHERS)
        return fault_set(f, FAULT_POLICY, "est.keygen.cipher",
                         "the key can be enveloped by AES-256-CBC, AES-192-CBC or AES-128-CBC; the "
                         "client's SMIMECapabilities have none of them");
    out->cipher = ciphers[best].cipher;
    return 0;
}

static int read_wish(const struct csr *c, struct keygen_wish *out, struct fault *f)
{
    const struct csr_attribute *capabilities = csr_find(c, oid_smime_capabilities);
    int rc = read_identifier(c, oid_decrypt_key_id, &out->symmetric, f);

    if (rc == 0)
        rc = read_identifier(c, oid_asymm_decrypt_key_id, &out->asymmetric, f);
    if (rc != 0 || (out->symmetric.n == 0 && out->asymmetric.n == 0))
        return rc;
    if (out->symmetric.n > 0 && out->asymmetric.n > 0)
        return fault_set(f, FAULT_MALFORMED, "est.keygen.both",
                         "the key can be enveloped for one decryption key, and two are named");
    return capabilities == NULL ? 0 : read_capabilities(capabilities->values, out, f);
}

int keygen_wish_get(const struct csr *c, struct keygen_wish *out, struct fault *f)
{
    int rc;

    memset(out, 0, sizeof(*out));
    rc = read_wish(c, out, f);
    if (rc != 0)
        memset(out, 0, sizeof(*out));
    return rc;
}

void keygen_identifier_put(struct buf *out, struct slice id)
{
    der_put(out, DER_OCTET_STRING, id);
}

void keygen_capabilities_put(struct buf *out)
{
    struct der_mark list = der_open(out, DER_SEQUENCE), one;

    for (size_t i = 0; i < N_CIPHERS; i++) {
        one = der_open(out, DER_SEQUENCE);
        der_put_oid(out, ciphers[i].oid);
        der_close(out, one);
    }
    one = der_open(out, DER_SEQUENCE);
    der_put_oid(out, oaep);
    der_close(out, one);
    der_close(out, list);
}
