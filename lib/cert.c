#include "lib/cert.h"

#include <string.h>

#include "lib/der.h"
#include "lib/oid.h"

#define SERIAL_MAX 20 /* octets (RFC 5280 4.1.2.2) */

static int malformed(struct fault *f, const char *rule, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, rule, "certificate: %s", what);
}

/* --- extensions (RFC 5280 4.2.1) --------------------------------------------------- */

static int read_basic_constraints(struct slice value, struct cert *out, struct fault *f)
{
    (void)f;
    out->has_basic_constraints = true;
    return ext_basic_constraints(value, &out->ca, &out->path_len);
}

static int read_key_usage(struct slice value, struct cert *out, struct fault *f)
{
    (void)f;
    out->has_key_usage = true;
    return ext_key_usage(value, &out->key_usage);
}

static int read_eku(struct slice value, struct cert *out, struct fault *f)
{
    (void)f;
    out->has_eku = true;
    return ext_key_purposes(value, &out->eku);
}

static int read_sans(struct slice value, struct cert *out, struct fault *f)
{
    return san_list_get(value, &out->sans, f);
}

static int read_constraints(struct slice value, struct cert *out, struct fault *f)
{
    (void)f;
    return constraints_get(value, &out->constraints);
}

static int read_subject_key_id(struct slice value, struct cert *out, struct fault *f)
{
    (void)f;
    if (der_get(&value, DER_OCTET_STRING, &out->subject_key_id) < 0 || !der_end(value))
        return -1;
    return out->subject_key_id.n > 0 ? 0 : -1;
}

/* 4.2.1.1: [0] keyIdentifier, then [1] and [2] both or neither. */
static int read_authority_key_id(struct slice value, struct cert *out, struct fault *f)
{
    struct slice seq, id = SLICE_NONE, names, name, serial;
    uint8_t tag;

    if (der_get(&value, DER_SEQUENCE, &seq) < 0 || !der_end(value))
        return -1;
    if (der_peek(seq, DER_CONTEXT(0)) && (der_get(&seq, DER_CONTEXT(0), &id) < 0 || id.n == 0))
        return -1;
    out->authority_key_id = id;
    if (der_end(seq))
        return 0;
    if (der_get(&seq, DER_CONTEXT_CONSTRUCTED(1), &names) < 0 ||
        der_get(&seq, DER_CONTEXT(2), &serial) < 0 || !der_end(seq) || serial.n == 0)
        return -1;
    /* Directory names only; an issuer has no other. */
    while (!der_end(names)) {
        if (der_get_any(&names, &tag, &name, NULL) < 0 || tag != DER_CONTEXT_CONSTRUCTED(4) ||
            name_check(name, NULL, NULL, f) < 0)
            return -1;
    }
    return 0;
}

static int read_tls_feature(struct slice value, struct cert *out, struct fault *f)
{
    (void)f;
    return ext_must_staple(value, &out->must_staple);
}

/* RFC 9608 2: NULL. */
static int read_no_rev_avail(struct slice value, struct cert *out, struct fault *f)
{
    (void)f;
    out->no_rev_avail = true;
    return der_get_null(&value) == 0 && der_end(value) ? 0 : -1;
}

/* RFC 6960 4.2.2.2.1: the value should be NULL, and is not looked at. */
static int read_ocsp_no_check(struct slice value, struct cert *out, struct fault *f)
{
    (void)value;
    (void)f;
    out->ocsp_no_check = true;
    return 0;
}

static int read_sid(struct slice value, struct cert *out, struct fault *f)
{
    (void)f;
    return ext_ms_sid(value, &out->sid);
}

static const struct {
    const struct slice *oid;
    const char *name;
    int (*read)(struct slice value, struct cert *out, struct fault *f);
} readers[] = {
    {&oid_basic_constraints, "basicConstraints", read_basic_constraints},
    {&oid_key_usage, "keyUsage", read_key_usage},
    {&oid_ext_key_usage, "extKeyUsage", read_eku},
    {&oid_subject_alt_name, "subjectAltName", read_sans},
    {&oid_name_constraints, "nameConstraints", read_constraints},
    {&oid_subject_key_id, "subjectKeyIdentifier", read_subject_key_id},
    {&oid_authority_key_id, "authorityKeyIdentifier", read_authority_key_id},
    {&oid_tls_feature, "TLS feature", read_tls_feature},
    {&oid_no_rev_avail, "noRevAvail", read_no_rev_avail},
    {&oid_ocsp_no_check, "OCSP no check", read_ocsp_no_check},
    {&oid_ms_ca_security, "Microsoft security identifier", read_sid},
};

static int read_extension(const struct cert_extension *e, struct cert *out, struct fault *f)
{
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        if (!slice_eq(e->oid, *readers[i].oid))
            continue;
        fault_clear(f);
        if (readers[i].read(e->value, out, f) == 0)
            return 0;
        if (f->code == FAULT_NONE)
            return fault_set(f, FAULT_MALFORMED, "cert.extension", "certificate: malformed %s",
                             readers[i].name);
        return fault_rename(f, "cert.extension");
    }
    return 0;
}

static int read_extensions(struct slice in, struct cert *out, struct fault *f)
{
    struct slice tagged, seq;
    int rc = 0;

    if (der_end(in))
        return 0;
    /* RFC 5280 4.1.2.9: only in version 3, and not an empty list. */
    if (der_get(&in, DER_CONTEXT_CONSTRUCTED(3), &tagged) < 0 || !der_end(in) ||
        der_get(&tagged, DER_SEQUENCE, &seq) < 0 || !der_end(tagged) || der_end(seq) ||
        out->version != 3)
        return malformed(f, "cert.extension", "malformed extensions");
    while (rc == 0 && !der_end(seq)) {
        struct cert_extension *e = &out->extension[out->n_extensions];

        if (out->n_extensions == CERT_EXTENSIONS_MAX)
            return malformed(f, "cert.extension", "too many extensions");
        if (ext_get(&seq, e) < 0)
            return malformed(f, "cert.extension", "a malformed extension");
        if (ext_seen(out->extension, out->n_extensions, e->oid))
            return malformed(f, "cert.extension", "an extension is there twice");
        out->n_extensions++;
        rc = read_extension(e, out, f);
    }
    return rc;
}

const struct cert_extension *cert_find(const struct cert *c, struct slice oid)
{
    for (size_t i = 0; i < c->n_extensions; i++)
        if (slice_eq(c->extension[i].oid, oid))
            return &c->extension[i];
    return NULL;
}

/* --- fields (RFC 5280 4.1.2) -------------------------------------------------------- */

static int read_version(struct slice *in, struct cert *out, struct fault *f)
{
    struct slice tagged;
    uint64_t v;

    out->version = 1;
    if (!der_peek(*in, DER_CONTEXT_CONSTRUCTED(0)))
        return 0;
    /* v1 is the default, so it is never written (X.690 11.5). */
    if (der_get(in, DER_CONTEXT_CONSTRUCTED(0), &tagged) < 0 || der_get_u64(&tagged, &v) < 0 ||
        !der_end(tagged) || v < 1 || v > 2)
        return malformed(f, "cert.version", "the version is not 1, 2 or 3");
    out->version = (unsigned)v + 1;
    return 0;
}

static int read_validity(struct slice *in, struct cert *out, struct fault *f)
{
    struct slice seq;

    if (der_get(in, DER_SEQUENCE, &seq) < 0)
        return malformed(f, "cert.validity", "no validity");
    out->validity = seq;
    if (der_get_time(&seq, &out->not_before) < 0 || der_get_time(&seq, &out->not_after) < 0 ||
        !der_end(seq))
        return malformed(f, "cert.validity", "malformed times");
    return 0;
}

static int read_name(struct slice *in, struct slice *name, const char *rule, struct fault *f)
{
    int rc;

    if (der_get_whole(in, DER_SEQUENCE, name) < 0)
        return malformed(f, rule, "no name");
    rc = name_check(*name, NULL, NULL, f);
    return rc < 0 ? fault_rename(f, rule) : 0;
}

static int read_key(struct slice *in, struct cert *out, struct fault *f)
{
    struct slice whole;
    int rc;

    if (der_get_whole(in, DER_SEQUENCE, &whole) < 0)
        return malformed(f, "cert.key", "no public key");
    rc = spki_parse(whole, &out->key, f);
    return rc < 0 ? fault_rename(f, "cert.key") : 0;
}

/* 4.1.2.8: [1] and [2], BIT STRINGs, from version 2 on. */
static int read_unique_ids(struct slice *in, struct cert *out, struct fault *f)
{
    struct slice v;

    for (uint8_t n = 1; n <= 2; n++) {
        if (!der_peek(*in, (uint8_t)DER_CONTEXT(n)))
            continue;
        if (der_get(in, (uint8_t)DER_CONTEXT(n), &v) < 0 || v.n < 2 || v.p[0] != 0 ||
            out->version < 2)
            return malformed(f, "cert.der", "a malformed unique identifier");
        out->has_unique_id = true;
    }
    return 0;
}

static int read_serial_and_alg(struct slice *in, struct cert *out, struct fault *f)
{
    if (der_get_unsigned(in, &out->serial) < 0 || out->serial.n > SERIAL_MAX)
        return malformed(f, "cert.serial", "the serial number is negative or too long");
    if (sig_alg_get(in, &out->tbs_alg) < 0)
        return malformed(f, "cert.algorithm", "an unknown signature algorithm");
    return 0;
}

static int read_tbs(struct slice der, struct cert *out, struct fault *f)
{
    struct slice in = der, seq;
    int rc;

    if (der_get(&in, DER_SEQUENCE, &seq) < 0 || !der_end(in))
        return malformed(f, "cert.der", "not a TBSCertificate in DER");
    out->tbs = der;
    out->path_len = -1;
    rc = read_version(&seq, out, f);
    if (rc == 0)
        rc = read_serial_and_alg(&seq, out, f);
    if (rc == 0)
        rc = read_name(&seq, &out->issuer, "cert.issuer", f);
    if (rc == 0)
        rc = read_validity(&seq, out, f);
    if (rc == 0)
        rc = read_name(&seq, &out->subject, "cert.subject", f);
    if (rc == 0)
        rc = read_key(&seq, out, f);
    if (rc == 0)
        rc = read_unique_ids(&seq, out, f);
    return rc == 0 ? read_extensions(seq, out, f) : rc;
}

static int too_large(struct slice der, size_t max, struct fault *f)
{
    if (der.n <= max)
        return 0;
    return fault_set(f, FAULT_TOO_LARGE, "cert.size",
                     "a certificate may have %zu octets, this one has %zu", max, der.n);
}

int tbs_parse(struct slice der, struct cert *out, struct fault *f)
{
    int rc = too_large(der, TBS_MAX, f);

    memset(out, 0, sizeof(*out));
    if (rc == 0)
        rc = read_tbs(der, out, f);
    if (rc < 0)
        memset(out, 0, sizeof(*out));
    else
        out->alg = out->tbs_alg;
    return rc;
}

static int read_cert(struct slice der, struct cert *out, struct fault *f)
{
    struct slice in = der, seq, tbs;
    int rc;

    if (der_get(&in, DER_SEQUENCE, &seq) < 0 || !der_end(in) ||
        der_get_whole(&seq, DER_SEQUENCE, &tbs) < 0)
        return malformed(f, "cert.der", "not a Certificate in DER");
    rc = read_tbs(tbs, out, f);
    if (rc < 0)
        return rc;
    /* 4.1.1.2: the same algorithm inside and outside. */
    if (sig_alg_get(&seq, &out->alg) < 0 || out->alg != out->tbs_alg)
        return malformed(f, "cert.algorithm", "the two signature algorithms differ");
    if (der_get_bit_octets(&seq, &out->signature) < 0 || !der_end(seq))
        return malformed(f, "cert.der", "no signature, or something behind it");
    out->der = der;
    return 0;
}

int cert_parse(struct slice der, struct cert *out, struct fault *f)
{
    int rc = too_large(der, CERT_MAX, f);

    memset(out, 0, sizeof(*out));
    if (rc == 0)
        rc = read_cert(der, out, f);
    if (rc < 0)
        memset(out, 0, sizeof(*out));
    return rc;
}

void cert_fingerprint(struct slice der, uint8_t out[32])
{
    sha256(der, out);
}
