#include "lib/ext.h"

#include "lib/der.h"
#include "lib/oid.h"
#include "lib/tbs.h"

#define PATH_LEN_MAX 255

int ext_get(struct slice *in, struct cert_extension *out)
{
    struct slice at = *in, seq;
    struct cert_extension e = {.critical = false};

    *out = e;
    if (der_get(&at, DER_SEQUENCE, &seq) < 0 || der_get_oid(&seq, &e.oid) < 0)
        return -1;
    if (der_peek(seq, DER_BOOLEAN) && der_get_bool(&seq, &e.critical) < 0)
        return -1;
    if (der_get(&seq, DER_OCTET_STRING, &e.value) < 0 || !der_end(seq))
        return -1;
    *out = e;
    *in = at;
    return 0;
}

bool ext_seen(const struct cert_extension *list, size_t n, struct slice oid)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(list[i].oid, oid))
            return true;
    return false;
}

/* RFC 5280 4.2.1.9. */
int ext_basic_constraints(struct slice value, bool *ca, int *path_len)
{
    struct slice seq;
    uint64_t len;

    *ca = false;
    *path_len = -1;
    if (der_get(&value, DER_SEQUENCE, &seq) < 0 || !der_end(value))
        return -1;
    if (der_peek(seq, DER_BOOLEAN) && der_get_bool(&seq, ca) < 0)
        return -1;
    if (der_end(seq))
        return 0;
    if (der_get_u64(&seq, &len) < 0 || !der_end(seq) || len > PATH_LEN_MAX) {
        *ca = false;
        return -1;
    }
    *path_len = (int)len;
    return 0;
}

/* RFC 5280 4.2.1.3: nine bits are named. */
int ext_key_usage(struct slice value, uint16_t *out)
{
    struct slice bits;
    unsigned unused, ku = 0;

    *out = 0;
    if (der_get_bits(&value, &bits, &unused) < 0 || !der_end(value) || bits.n > 2)
        return -1;
    for (unsigned i = 0; i < bits.n * 8; i++)
        if ((bits.p[i / 8] & 0x80u >> i % 8) != 0)
            ku |= 1u << i;
    *out = (uint16_t)ku;
    return 0;
}

/* id-kp arcs below 1.3.6.1.5.5.7.3 (RFC 5280 4.2.1.12). */
static const struct {
    uint32_t bit;
    const char *oid;
} purposes[] = {
    {EKU_SERVER_AUTH, "\x2b\x06\x01\x05\x05\x07\x03\x01"},
    {EKU_CLIENT_AUTH, "\x2b\x06\x01\x05\x05\x07\x03\x02"},
    {EKU_CODE_SIGNING, "\x2b\x06\x01\x05\x05\x07\x03\x03"},
    {EKU_EMAIL_PROTECTION, "\x2b\x06\x01\x05\x05\x07\x03\x04"},
    {EKU_TIME_STAMPING, "\x2b\x06\x01\x05\x05\x07\x03\x08"},
    {EKU_OCSP_SIGNING, "\x2b\x06\x01\x05\x05\x07\x03\x09"},
};

#define N_PURPOSES (sizeof(purposes) / sizeof(purposes[0]))

static uint32_t purpose_bit(struct slice oid)
{
    for (size_t i = 0; i < N_PURPOSES; i++)
        if (slice_is(oid, purposes[i].oid))
            return purposes[i].bit;
    return EKU_OTHER;
}

struct slice ext_purpose_oid(uint32_t bit)
{
    for (size_t i = 0; i < N_PURPOSES; i++)
        if (purposes[i].bit == bit)
            return slice_str(purposes[i].oid);
    return SLICE_NONE;
}

int ext_key_purposes(struct slice value, uint32_t *out)
{
    struct slice seq, oid;
    uint32_t set = 0;

    *out = 0;
    if (der_get(&value, DER_SEQUENCE, &seq) < 0 || !der_end(value) || der_end(seq))
        return -1;
    while (!der_end(seq)) {
        if (der_get_oid(&seq, &oid) < 0)
            return -1;
        set |= purpose_bit(oid);
    }
    *out = set;
    return 0;
}
