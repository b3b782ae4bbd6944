#include "lib/tbs.h"

#include "lib/der.h"
#include "lib/ext.h"
#include "lib/oid.h"

/* --- extensions (RFC 5280 4.2) ---------------------------------------------------- */

/* 4.2.1.2 */
static void put_subject_key_id(struct buf *b, const struct tbs_spec *s)
{
    struct ext_mark m = ext_open(b, oid_subject_key_id, false);

    der_put(b, DER_OCTET_STRING, slice_of(s->subject_key_id, sizeof(s->subject_key_id)));
    ext_close(b, m);
}

/* 4.2.1.1: keyIdentifier only; issuer and serial would pin one certificate of the issuer. */
static void put_authority_key_id(struct buf *b, const struct tbs_spec *s)
{
    struct ext_mark m = ext_open(b, oid_authority_key_id, false);
    struct der_mark seq = der_open(b, DER_SEQUENCE);

    der_put(b, DER_CONTEXT(0), slice_of(s->authority_key_id, sizeof(s->authority_key_id)));
    der_close(b, seq);
    ext_close(b, m);
}

/* 4.2.1.9 */
static void put_basic_constraints(struct buf *b, const struct tbs_spec *s)
{
    struct ext_mark m = ext_open(b, oid_basic_constraints, true);
    struct der_mark seq = der_open(b, DER_SEQUENCE);

    der_put_bool(b, true);
    if (s->path_len >= 0)
        der_put_u64(b, (uint64_t)s->path_len);
    der_close(b, seq);
    ext_close(b, m);
}

/* 4.2.1.10: always critical. */
static void put_name_constraints(struct buf *b, const struct tbs_spec *s)
{
    struct ext_mark m = ext_open(b, oid_name_constraints, true);

    buf_put_slice(b, s->constraints);
    ext_close(b, m);
}

/* 4.2.1.3 */
static void put_key_usage(struct buf *b, const struct tbs_spec *s)
{
    struct ext_mark m = ext_open(b, oid_key_usage, true);

    der_put_named_bits(b, s->key_usage);
    ext_close(b, m);
}

/* 4.2.1.12 */
static void put_key_purposes(struct buf *b, const struct tbs_spec *s)
{
    struct ext_mark m = ext_open(b, oid_ext_key_usage, s->eku_critical);

    ext_key_purposes_put(b, s->eku);
    ext_close(b, m);
}

/* 4.2.1.6 */
static void put_sans(struct buf *b, const struct tbs_spec *s)
{
    bool subject_empty = s->subject.n == 2;
    struct ext_mark m = ext_open(b, oid_subject_alt_name, subject_empty);

    san_list_put(b, s->sans);
    ext_close(b, m);
}

static bool given(const char *url)
{
    return url != NULL && url[0] != 0;
}

/* Who must not, or need not, be asked about is given no address: RFC 9608 4, and RFC 6960
 * 4.2.2.2.1 for who would be asked about itself. */
static const char *status_url(const struct tbs_spec *s, const char *url)
{
    return s->no_rev_avail || s->ocsp_no_check ? NULL : url;
}

static void put_access(struct buf *b, struct slice method, const char *url)
{
    struct der_mark m;

    if (!given(url))
        return;
    m = der_open(b, DER_SEQUENCE);
    der_put_oid(b, method);
    der_put(b, DER_CONTEXT(6), slice_str(url));
    der_close(b, m);
}

/* 4.2.2.1 */
static void put_authority_info(struct buf *b, const struct tbs_spec *s)
{
    struct ext_mark m = ext_open(b, oid_authority_info_access, false);
    struct der_mark seq = der_open(b, DER_SEQUENCE);

    put_access(b, oid_ad_ocsp, status_url(s, s->ocsp_url));
    put_access(b, oid_ad_ca_issuers, s->issuer_url);
    der_close(b, seq);
    ext_close(b, m);
}

/* 4.2.1.13, 4.2.1.15: one distribution point with fullName, one URI. */
static void put_crl_point(struct buf *b, struct slice oid, const char *url)
{
    struct ext_mark m = ext_open(b, oid, false);

    ext_points_put(b, url);
    ext_close(b, m);
}

/* RFC 7633 4.1: status_request is 5 (RFC 6066 1.1). */
static void put_tls_feature(struct buf *b)
{
    struct ext_mark m = ext_open(b, oid_tls_feature, false);
    struct der_mark seq = der_open(b, DER_SEQUENCE);

    der_put_u64(b, EXT_STATUS_REQUEST);
    der_close(b, seq);
    ext_close(b, m);
}

/* RFC 9608 2, RFC 6960 4.2.2.2.1 */
static void put_null(struct buf *b, struct slice oid)
{
    struct ext_mark m = ext_open(b, oid, false);

    der_put_null(b);
    ext_close(b, m);
}

/* [MS-WCCE] 2.2.2.7.7.4: GeneralNames with one otherName, its value an OCTET STRING. */
static void put_sid(struct buf *b, struct slice sid)
{
    struct ext_mark m = ext_open(b, oid_ms_ca_security, false);
    struct der_mark names = der_open(b, DER_SEQUENCE);
    struct der_mark other = der_open(b, DER_CONTEXT_CONSTRUCTED(0)), value;

    der_put_oid(b, oid_ms_object_sid);
    value = der_open(b, DER_CONTEXT_CONSTRUCTED(0));
    der_put(b, DER_OCTET_STRING, sid);
    der_close(b, value);
    der_close(b, other);
    der_close(b, names);
    ext_close(b, m);
}

static void put_addresses(struct buf *b, const struct tbs_spec *s)
{
    if (given(status_url(s, s->ocsp_url)) || given(s->issuer_url))
        put_authority_info(b, s);
    if (given(status_url(s, s->crl_url)))
        put_crl_point(b, oid_crl_distribution_points, s->crl_url);
    if (given(status_url(s, s->freshest_url)))
        put_crl_point(b, oid_freshest_crl, s->freshest_url);
}

static void put_extensions(struct buf *b, const struct tbs_spec *s)
{
    struct der_mark tagged = der_open(b, DER_CONTEXT_CONSTRUCTED(3));
    struct der_mark seq = der_open(b, DER_SEQUENCE);

    put_subject_key_id(b, s);
    if (s->has_authority_key_id)
        put_authority_key_id(b, s);
    if (s->ca)
        put_basic_constraints(b, s);
    if (s->ca && s->constraints.n > 0)
        put_name_constraints(b, s);
    if (s->key_usage != 0)
        put_key_usage(b, s);
    if (s->eku != 0)
        put_key_purposes(b, s);
    if (s->sans != NULL && s->sans->n > 0)
        put_sans(b, s);
    put_addresses(b, s);
    if (s->must_staple)
        put_tls_feature(b);
    if (s->ocsp_no_check)
        put_null(b, oid_ocsp_no_check);
    if (s->no_rev_avail)
        put_null(b, oid_no_rev_avail);
    if (s->sid.n > 0)
        put_sid(b, s->sid);
    der_close(b, seq);
    der_close(b, tagged);
}

/* --- the certificate (RFC 5280 4.1) ------------------------------------------------ */

static void put_version_3(struct buf *b)
{
    struct der_mark m = der_open(b, DER_CONTEXT_CONSTRUCTED(0));

    der_put_u64(b, 2);
    der_close(b, m);
}

static void put_validity(struct buf *b, const struct tbs_spec *s)
{
    struct der_mark m = der_open(b, DER_SEQUENCE);

    der_put_time(b, s->not_before);
    der_put_time(b, s->not_after);
    der_close(b, m);
}

void tbs_put(struct buf *b, const struct tbs_spec *spec)
{
    struct der_mark m = der_open(b, DER_SEQUENCE);

    put_version_3(b);
    der_put_unsigned(b, slice_of(spec->serial, sizeof(spec->serial)));
    sig_alg_put(b, spec->alg);
    buf_put_slice(b, spec->issuer);
    put_validity(b, spec);
    buf_put_slice(b, spec->subject);
    buf_put_slice(b, spec->spki);
    put_extensions(b, spec);
    der_close(b, m);
}

static void put_extension_request(struct buf *b, const struct tbs_spec *s)
{
    struct der_mark attribute = der_open(b, DER_SEQUENCE), values, list;

    der_put_oid(b, oid_extension_request);
    values = der_open(b, DER_SET);
    list = der_open(b, DER_SEQUENCE);
    put_basic_constraints(b, s);
    if (s->constraints.n > 0)
        put_name_constraints(b, s);
    put_key_usage(b, s);
    der_close(b, list);
    der_close(b, values);
    der_close(b, attribute);
}

void csr_info_put(struct buf *b, const struct tbs_spec *spec)
{
    struct der_mark m = der_open(b, DER_SEQUENCE), attributes;

    der_put_u64(b, 0);
    buf_put_slice(b, spec->subject);
    buf_put_slice(b, spec->spki);
    attributes = der_open(b, DER_CONTEXT_CONSTRUCTED(0));
    put_extension_request(b, spec);
    der_close(b, attributes);
    der_close(b, m);
}

void cert_assemble(struct buf *b, struct slice tbs, enum sig_alg alg, struct slice signature)
{
    struct der_mark m = der_open(b, DER_SEQUENCE);

    buf_put_slice(b, tbs);
    sig_alg_put(b, alg);
    der_put_bit_octets(b, signature);
    der_close(b, m);
}
