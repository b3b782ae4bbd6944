#include "lib/ext.h"

#include <string.h>
#include <strings.h>

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

struct ext_mark ext_open(struct buf *b, struct slice oid, bool critical)
{
    struct ext_mark m;

    m.extension = der_open(b, DER_SEQUENCE);
    der_put_oid(b, oid);
    if (critical)
        der_put_bool(b, true);
    m.octets = der_open(b, DER_OCTET_STRING);
    return m;
}

void ext_close(struct buf *b, struct ext_mark m)
{
    der_close(b, m.octets);
    der_close(b, m.extension);
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

/* Most below id-kp, 1.3.6.1.5.5.7.3 (RFC 5280 4.2.1.12). */
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
    {EKU_IPSEC_IKE, "\x2b\x06\x01\x05\x05\x07\x03\x11"},
    {EKU_IPSEC_IKE_INTERMEDIATE, "\x2b\x06\x01\x05\x05\x08\x02\x02"},
    {EKU_EAP_OVER_LAN, "\x2b\x06\x01\x05\x05\x07\x03\x0e"},
    {EKU_MS_SMARTCARD_LOGIN, "\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x02"},
    {EKU_PKINIT_CLIENT, "\x2b\x06\x01\x05\x02\x03\x04"},
    {EKU_PKINIT_KDC, "\x2b\x06\x01\x05\x02\x03\x05"},
    {EKU_DOCUMENT_SIGNING, "\x2b\x06\x01\x05\x05\x07\x03\x24"},
    {EKU_CM_KGA, "\x2b\x06\x01\x05\x05\x07\x03\x20"},
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

void ext_key_purposes_put(struct buf *b, uint32_t eku)
{
    struct der_mark seq = der_open(b, DER_SEQUENCE);

    for (unsigned i = 0; i < 32; i++) {
        if ((eku >> i & 1u) == 0)
            continue;
        if (ext_purpose_oid(1u << i).n == 0)
            b->failed = true;
        der_put_oid(b, ext_purpose_oid(1u << i));
    }
    der_close(b, seq);
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

bool ext_access_next(struct slice *list, struct slice *method, uint8_t *tag, struct slice *place)
{
    struct slice at = *list, seq;

    if (der_end(at) || der_get(&at, DER_SEQUENCE, &seq) < 0 || der_get_oid(&seq, method) < 0 ||
        der_get_any(&seq, tag, place, NULL) < 0 || !der_end(seq))
        return false;
    *list = at;
    return true;
}

static bool is_http(struct slice url)
{
    const char *p = (const char *)url.p;

    return (url.n > 7 && strncasecmp(p, "http://", 7) == 0) ||
           (url.n > 8 && strncasecmp(p, "https://", 8) == 0);
}

struct slice ext_ocsp_url(struct slice value)
{
    struct slice list, method, place;
    uint8_t tag;

    if (der_get(&value, DER_SEQUENCE, &list) < 0)
        return SLICE_NONE;
    while (ext_access_next(&list, &method, &tag, &place))
        if (slice_eq(method, oid_ad_ocsp) && tag == EXT_ACCESS_URI && is_http(place))
            return place;
    return SLICE_NONE;
}

/* RFC 7633 4.1: SEQUENCE OF INTEGER. */
int ext_must_staple(struct slice value, bool *out)
{
    struct slice seq;
    uint64_t feature;

    *out = false;
    if (der_get(&value, DER_SEQUENCE, &seq) < 0 || !der_end(value) || der_end(seq))
        return -1;
    while (!der_end(seq)) {
        if (der_get_u64(&seq, &feature) < 0 || feature > UINT16_MAX) {
            *out = false;
            return -1;
        }
        *out = *out || feature == EXT_STATUS_REQUEST;
    }
    return 0;
}

int ext_ms_sid(struct slice value, struct slice *out)
{
    struct slice names, other, oid, wrapped, sid;

    *out = SLICE_NONE;
    if (der_get(&value, DER_SEQUENCE, &names) < 0 || !der_end(value) ||
        der_get(&names, DER_CONTEXT_CONSTRUCTED(0), &other) < 0 || der_get_oid(&other, &oid) < 0)
        return -1;
    if (!slice_eq(oid, oid_ms_object_sid))
        return 0;
    if (der_get(&other, DER_CONTEXT_CONSTRUCTED(0), &wrapped) < 0 || !der_end(other) ||
        der_get(&wrapped, DER_OCTET_STRING, &sid) < 0 || !der_end(wrapped))
        return -1;
    *out = sid;
    return 0;
}

bool ext_sid_valid(struct slice sid)
{
    size_t groups = 0, digits = 0;

    if (sid.n < 8 || sid.n > EXT_SID_MAX || memcmp(sid.p, "S-1-", 4) != 0)
        return false;
    for (size_t i = 4; i < sid.n; i++) {
        if (sid.p[i] >= '0' && sid.p[i] <= '9') {
            digits++;
            continue;
        }
        if (sid.p[i] != '-' || digits == 0)
            return false;
        digits = 0;
        groups++;
    }
    return digits > 0 && groups > 0 && groups <= 15;
}

void ext_point_name_put(struct buf *b, const char *url)
{
    struct der_mark name = der_open(b, DER_CONTEXT_CONSTRUCTED(0));
    struct der_mark full = der_open(b, DER_CONTEXT_CONSTRUCTED(0));

    der_put(b, DER_CONTEXT(6), slice_str(url));
    der_close(b, full);
    der_close(b, name);
}

void ext_points_put(struct buf *b, const char *url)
{
    struct der_mark points = der_open(b, DER_SEQUENCE);
    struct der_mark point = der_open(b, DER_SEQUENCE);

    ext_point_name_put(b, url);
    der_close(b, point);
    der_close(b, points);
}
