/*
 * What the extensions of a request ask for. The certificate's own are decided by
 * the profile; a request may ask for them or for less, and be told so when it
 * asks for more.
 */
#include <stdio.h>

#include "ca/policy/policy_run.h"
#include "lib/oid.h"
#include "lib/tbs.h"

#define OID(octets)                                                                                \
    {                                                                                              \
        (const uint8_t *)(octets), sizeof(octets) - 1                                              \
    }

/* Sent by real clients whatever they are asked, and saying nothing that a certificate of ours would
 * say otherwise: who leaves them out does not take anything away. */
static const struct slice harmless[] = {
    OID("\x55\x1d\x23"),                         /* authorityKeyIdentifier: ours to say */
    OID("\x60\x86\x48\x01\x86\xf8\x42\x01\x01"), /* netscape-cert-type: mbedTLS */
    OID("\x60\x86\x48\x01\x86\xf8\x42\x01\x0d"), /* netscape-comment: openssl, certmonger */
    OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0f"), /* S/MIME capabilities: Windows */
    OID("\x2b\x06\x01\x04\x01\x82\x37\x14\x02"), /* name of a template: Windows, certmonger */
    OID("\x2b\x06\x01\x04\x01\x82\x37\x15\x07"), /* template: Windows */
    OID("\x2b\x06\x01\x04\x01\x82\x37\x15\x0a"), /* application policies: EKU again */
    OID("\x2b\x06\x01\x04\x01\x82\x37\x15\x01"), /* version of a CA: AD CS below another */
};

static bool may_drop(const struct policy_run *r)
{
    return (r->in->profile->drop & DROP_EXTENSIONS) != 0;
}

/* ---- a CA ---- */

/* Never dropped: who takes itself for a CA would be one in name only. */
static int check_ca(const struct policy_run *r, struct fault *f)
{
    const struct conf_profile *p = r->in->profile;
    const struct csr *csr = r->in->csr;
    char given[16], allowed[48];

    if (!csr->has_basic_constraints || (!csr->asks_ca && !p->ca))
        return 0;
    if (csr->asks_ca != p->ca)
        return fault_refuse(f, "csr.ca", "csr.basicConstraints",
                            slice_str(csr->asks_ca ? "CA:TRUE" : "CA:FALSE"),
                            p->ca ? "CA:TRUE" : "end-entity certificates only");
    if (csr->path_len < 0 || p->path_len < 0 || csr->path_len <= p->path_len)
        return 0;
    (void)snprintf(given, sizeof(given), "%d", csr->path_len);
    (void)snprintf(allowed, sizeof(allowed), "at most %d", p->path_len);
    return fault_refuse(f, "csr.path_length", "csr.basicConstraints", slice_str(given), allowed);
}

/* ---- usages and purposes ---- */

static int refuse_words(const char *rule, const char *field, void (*print)(uint32_t, struct buf *),
                        uint32_t asked, uint32_t allowed, struct fault *f)
{
    struct buf given, allowed_text;
    int rc;

    buf_init(&given, 512);
    buf_init(&allowed_text, 512);
    print(asked & ~allowed, &given);
    print(allowed, &allowed_text);
    rc = fault_refuse(f, rule, field, buf_slice(&given),
                      allowed != 0 ? buf_cstr(&allowed_text) : "none");
    buf_free(&given);
    buf_free(&allowed_text);
    return rc;
}

static void print_usages(uint32_t bits, struct buf *out)
{
    conf_print_usages((uint16_t)bits, out);
}

/* Usages of either kind of key: clients ask for what RSA would need with EC keys too. */
static int check_usage(const struct policy_run *r, struct fault *f)
{
    const struct conf_profile *p = r->in->profile;
    const struct csr *csr = r->in->csr;
    uint16_t allowed = p->ca ? profile_key_usage(p, csr->key.type) : p->ku_rsa | p->ku_ec;

    if (!csr->has_key_usage || (csr->key_usage & ~allowed) == 0 || may_drop(r))
        return 0;
    return refuse_words("csr.key_usage", "csr.keyUsage", print_usages, csr->key_usage, allowed, f);
}

static int check_purposes(const struct policy_run *r, struct fault *f)
{
    const struct csr *csr = r->in->csr;
    uint32_t allowed = r->in->profile->eku;

    if (!csr->has_eku || (csr->eku & ~allowed) == 0 || may_drop(r))
        return 0;
    return refuse_words("csr.eku", "csr.extKeyUsage", conf_print_purposes, csr->eku, allowed, f);
}

/* RFC 7633 4.2.1: a CA that is asked for it must give it or refuse. */
static int check_must_staple(const struct policy_run *r, struct fault *f)
{
    if (!r->in->csr->asks_must_staple || r->in->profile->must_staple || may_drop(r))
        return 0;
    return fault_refuse(f, "csr.must_staple", "csr.tlsFeature", slice_str("status_request"),
                        "a profile with must_staple = true");
}

/* ---- others ---- */

static bool is_harmless(const struct conf_profile *p, struct slice oid)
{
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
        if (slice_eq(oid, harmless[i]))
            return true;
    return (p->ocsp_no_check && slice_eq(oid, oid_ocsp_no_check)) ||
           (p->no_rev_avail > 0 && slice_eq(oid, oid_no_rev_avail));
}

static int refuse_extension(struct slice oid, struct fault *f)
{
    struct buf text;
    int rc;

    buf_init(&text, 512);
    oid_print(oid, &text);
    rc = fault_refuse(f, "csr.extension", "csr.extensionRequest", buf_slice(&text),
                      slice_eq(oid, oid_ms_ca_security)
                          ? "a security identifier comes from an authorisation only"
                          : "subjectAltName, keyUsage, extKeyUsage, basicConstraints, key "
                            "identifiers and the TLS feature, or a profile with drop = "
                            "( \"extensions\" )");
    buf_free(&text);
    return rc;
}

static int check_others(struct policy_run *r, struct fault *f)
{
    const struct csr *csr = r->in->csr;

    if (may_drop(r))
        return 0;
    if (csr->n_other > CSR_OTHER_MAX)
        return fault_refuse(f, "csr.extension", "csr.extensionRequest", SLICE_NONE,
                            "fewer extensions");
    for (size_t i = 0; i < csr->n_other; i++) {
        if (is_harmless(r->in->profile, csr->other[i]))
            continue;
        if (refuse_extension(csr->other[i], f) != 0 && !policy_goes_on(r, f))
            return -(int)f->code;
    }
    return 0;
}

int policy_extensions(struct policy_run *r, struct fault *f)
{
    int (*const checks[])(const struct policy_run *, struct fault *) = {
        check_ca, check_usage, check_purposes, check_must_staple};

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (checks[i](r, f) != 0 && !policy_goes_on(r, f))
            return -(int)f->code;
    return check_others(r, f);
}
