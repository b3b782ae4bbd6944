#include "ca/door/draft.h"

#include <string.h>

#include "lib/crlname.h"
#include "lib/lint.h"

static void describe(const struct decision *d, const struct authority *issuer,
                     const uint8_t serial[SERIAL_LEN], struct tbs_spec *t)
{
    bool self_signed = d->ca && slice_eq(d->subject, buf_slice(&issuer->name));

    memset(t, 0, sizeof(*t));
    memcpy(t->serial, serial, SERIAL_LEN);
    memcpy(t->subject_key_id, d->subject_key_id, sizeof(t->subject_key_id));
    t->alg = d->alg;
    t->issuer = buf_slice(&issuer->name);
    t->subject = d->subject;
    t->not_before = d->not_before;
    t->not_after = d->not_after;
    t->spki = d->spki;
    t->key_usage = d->key_usage;
    t->eku = d->eku;
    t->ca = d->ca;
    t->path_len = d->path_len;
    t->constraints = d->constraints;
    t->sans = &d->sans;
    t->eku_critical = d->eku_critical;
    t->must_staple = d->must_staple;
    t->no_rev_avail = d->no_rev_avail;
    t->ocsp_no_check = d->ocsp_no_check;
    t->sid = d->sid;
    if (self_signed) /* RFC 5280 4.2.1.1: may be left out; nothing above it to ask about */
        return;
    t->has_authority_key_id = true;
    memcpy(t->authority_key_id, issuer->key_id, sizeof(t->authority_key_id));
    t->ocsp_url = issuer->conf->ocsp_url;
    t->issuer_url = issuer->conf->issuer_url;
}

int draft_write(const struct decision *d, const struct authority *issuer,
                const uint8_t serial[SERIAL_LEN], struct buf *out, struct fault *f)
{
    struct buf crl_url, freshest_url;
    struct tbs_spec spec;
    struct cert c;

    buf_init(&crl_url, CRL_URL_MAX);
    buf_init(&freshest_url, CRL_URL_MAX);
    describe(d, issuer, serial, &spec);
    if (spec.has_authority_key_id) {
        crl_places_of(issuer->conf, serial, &crl_url, &freshest_url);
        spec.crl_url = buf_cstr(&crl_url);
        spec.freshest_url = buf_cstr(&freshest_url);
    }
    tbs_put(out, &spec);
    buf_free(&crl_url);
    buf_free(&freshest_url);
    if (buf_failed(out))
        return fault_set(f, FAULT_TOO_LARGE, "certificate.size",
                         "the certificate would be larger than %d octets", TBS_MAX);
    if (tbs_parse(buf_slice(out), &c, f) != 0)
        return -(int)f->code;
    return lint_issued(&c, buf_slice(&issuer->certificate), f);
}
