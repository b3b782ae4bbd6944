#include "ca/signer/guard_form.h"

#include <string.h>

#include "lib/crlname.h"
#include "lib/lint.h"
#include "lib/oid.h"

/* False when the draft holds what no draft of ours holds. */
static bool describe(const struct conf_issuer *by, const struct cert *c, bool self,
                     struct tbs_spec *out)
{
    const struct cert_extension *constraints = cert_find(c, oid_name_constraints);

    *out = (struct tbs_spec){.alg = c->tbs_alg,
                             .issuer = c->issuer,
                             .subject = c->subject,
                             .not_before = c->not_before,
                             .not_after = c->not_after,
                             .spki = c->key.der,
                             .has_authority_key_id = c->authority_key_id.n > 0,
                             .key_usage = c->key_usage,
                             .eku = c->eku,
                             .ca = c->ca,
                             .path_len = c->path_len,
                             .constraints = constraints != NULL ? constraints->value : SLICE_NONE,
                             .sans = &c->sans,
                             .must_staple = c->must_staple,
                             .no_rev_avail = c->no_rev_avail,
                             .ocsp_no_check = c->ocsp_no_check,
                             .sid = c->sid};
    const struct cert_extension *eku = cert_find(c, oid_ext_key_usage);

    out->eku_critical = eku != NULL && eku->critical;
    if (!self) {
        out->ocsp_url = by->ocsp_url;
        out->issuer_url = by->issuer_url;
    }
    if (c->serial.n != SERIAL_LEN || (c->eku & EKU_OTHER) != 0 ||
        (out->has_authority_key_id && c->authority_key_id.n != sizeof(out->authority_key_id)))
        return false;
    memcpy(out->serial, c->serial.p, SERIAL_LEN);
    /* RFC 5280 4.2.1.2 (1): of this key, so that it is not taken for another. */
    spki_key_id(&c->key, out->subject_key_id);
    if (out->has_authority_key_id)
        memcpy(out->authority_key_id, c->authority_key_id.p, sizeof(out->authority_key_id));
    return true;
}

int guard_form(const struct conf_issuer *by, const struct cert *draft, bool self, struct fault *f)
{
    struct buf again, crl_url, freshest_url;
    struct tbs_spec spec;
    struct fault lint;
    bool same = false;

    buf_init(&again, TBS_MAX);
    buf_init(&crl_url, CRL_URL_MAX);
    buf_init(&freshest_url, CRL_URL_MAX);
    if (describe(by, draft, self, &spec)) {
        if (!self) {
            crl_places_of(by, spec.serial, &crl_url, &freshest_url);
            spec.crl_url = buf_cstr(&crl_url);
            spec.freshest_url = buf_cstr(&freshest_url);
        }
        tbs_put(&again, &spec);
        same = !buf_failed(&again) && slice_eq(buf_slice(&again), draft->tbs);
    }
    buf_free(&again);
    buf_free(&crl_url);
    buf_free(&freshest_url);
    if (!same)
        return fault_refuse(f, "signer.form", "tbsCertificate", SLICE_NONE,
                            "what this version writes, with the URLs of this issuer");
    if (lint_tbs(draft, &lint) != 0)
        return fault_refuse(f, "signer.lint", lint.rule, SLICE_NONE, lint.text);
    return 0;
}
