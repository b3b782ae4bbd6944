#include "token/signop.h"

#include <string.h>

#include "token/ckr.h"
#include "token/watch.h"
#include "lib/der.h"

#define HASH_MAX 64
#define INFO_PREFIX 19

/* DigestInfo up to the hash (RFC 8017 9.2, note 1). */
static const struct {
    size_t hash_len;
    CK_MECHANISM_TYPE hash;
    CK_RSA_PKCS_MGF_TYPE mgf;
    uint8_t prefix[INFO_PREFIX];
} hashes[] = {
    {32,
     CKM_SHA256,
     CKG_MGF1_SHA256,
     {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
      0x05, 0x00, 0x04, 0x20}},
    {48,
     CKM_SHA384,
     CKG_MGF1_SHA384,
     {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
      0x05, 0x00, 0x04, 0x30}},
    {64,
     CKM_SHA512,
     CKG_MGF1_SHA512,
     {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03,
      0x05, 0x00, 0x04, 0x40}},
};

struct operation {
    CK_MECHANISM mechanism;
    CK_RSA_PKCS_PSS_PARAMS pss;
    uint8_t input[INFO_PREFIX + HASH_MAX];
    size_t n;
    size_t coordinate; /* ECDSA: octets of r and of s; 0: RSA */
};

static size_t coordinate_len(enum key_type t)
{
    return t == KEY_P256 ? 32 : t == KEY_P384 ? 48 : t == KEY_P521 ? 66 : 0;
}

static void put_input(struct operation *o, const void *p, size_t n)
{
    memcpy(o->input + o->n, p, n);
    o->n += n;
}

static int operation_fill(struct operation *o, const struct spki *key, enum sig_alg alg,
                          const uint8_t *hash)
{
    size_t n = sig_alg_hash_len(alg), k = 0;

    memset(o, 0, sizeof(*o));
    while (k < sizeof(hashes) / sizeof(hashes[0]) && hashes[k].hash_len != n)
        k++;
    if (k == sizeof(hashes) / sizeof(hashes[0]) || !sig_alg_fits(alg, key->type))
        return -1;
    o->coordinate = coordinate_len(key->type);
    if (o->coordinate != 0) {
        o->mechanism.mechanism = CKM_ECDSA;
        /* FIPS 186-5 6.4.1: the leftmost bits of a hash longer than the order. */
        put_input(o, hash, n < o->coordinate ? n : o->coordinate);
    } else if (alg >= SIG_RSA_PSS_SHA256) {
        o->pss = (CK_RSA_PKCS_PSS_PARAMS){hashes[k].hash, hashes[k].mgf, n};
        o->mechanism = (CK_MECHANISM){CKM_RSA_PKCS_PSS, &o->pss, sizeof(o->pss)};
        put_input(o, hash, n);
    } else {
        o->mechanism.mechanism = CKM_RSA_PKCS;
        put_input(o, hashes[k].prefix, INFO_PREFIX);
        put_input(o, hash, n);
    }
    return 0;
}

/* RFC 3279 2.2.3: Ecdsa-Sig-Value; PKCS #11 has r and s one behind the other. */
static void put_ecdsa(struct buf *out, const uint8_t *rs, size_t coordinate)
{
    struct der_mark m = der_open(out, DER_SEQUENCE);

    der_put_unsigned(out, slice_of(rs, coordinate));
    der_put_unsigned(out, slice_of(rs + coordinate, coordinate));
    der_close(out, m);
}

int signop(CK_FUNCTION_LIST *call, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle,
           const struct spki *key, enum sig_alg alg, const uint8_t *hash, struct buf *out,
           struct fault *f)
{
    uint8_t raw[SIGNATURE_MAX];
    CK_ULONG n = sizeof(raw);
    struct operation o;
    CK_RV rv;

    buf_reset(out);
    if (operation_fill(&o, key, alg, hash) != 0)
        return fault_set(f, FAULT_CONFIG, "signer.algorithm", "%s does not fit the key",
                         sig_alg_name(alg));
    watch_enter("C_SignInit");
    rv = call->C_SignInit(session, &o.mechanism, handle);
    watch_leave();
    if (rv != CKR_OK)
        return ckr_fault(f, "C_SignInit", rv);
    watch_enter("C_Sign");
    rv = call->C_Sign(session, o.input, o.n, raw, &n);
    watch_leave();
    if (rv != CKR_OK)
        return ckr_fault(f, "C_Sign", rv);
    if (n != (o.coordinate != 0 ? 2 * o.coordinate : key->modulus.n))
        return ckr_fault(f, "C_Sign", CKR_SIGNATURE_LEN_RANGE);
    if (o.coordinate != 0)
        put_ecdsa(out, raw, o.coordinate);
    else
        buf_put(out, raw, n);
    return buf_failed(out) ? fault_set(f, FAULT_INTERNAL, "signer.token", "signature too long") : 0;
}
