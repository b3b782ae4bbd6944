#include "tools/ocspcheck.h"

#include <stdio.h>

#include "lib/clock.h"

static int find_single(const struct ocsp_expect *e, const struct ocsp_response *r,
                       struct ocsp_verdict *out, struct fault *f)
{
    struct ocsp_issuer_id id;

    ocsp_issuer_id(e->hash, e->issuer->subject, &e->issuer->key, &id);
    for (size_t i = 0; i < r->n; i++) {
        struct slice serial = r->id[i].serial;

        if (serial.n > 1 && serial.p[0] == 0)
            serial = slice_of(serial.p + 1, serial.n - 1);
        if (r->id[i].hash == e->hash && ocsp_cert_id_matches(&r->id[i], &id) &&
            slice_eq(serial, e->serial)) {
            out->single = &r->single[i];
            return 0;
        }
    }
    return fault_set(f, FAULT_MALFORMED, "ocsp.match", "the answer is for another certificate");
}

/* Is this the certificate of who the response says has signed it? */
static bool is_responder(const struct cert *c, const struct ocsp_response *r)
{
    uint8_t id[20];

    if (r->by_name.n > 0)
        return slice_eq(r->by_name, c->subject);
    spki_key_id(&c->key, id);
    return slice_eq(r->by_key, slice_of(id, sizeof(id)));
}

static int verify(const struct cert *signer, enum sig_alg alg, struct slice data,
                  struct slice signature, struct fault *f)
{
    struct pubkey *key;
    int rc = pubkey_open(&signer->key, &key, f);

    if (rc < 0)
        return rc;
    rc = pubkey_verify(key, alg, data, signature);
    pubkey_free(key);
    return rc;
}

/* 4.2.2.2: certified by the very issuer, for this purpose. */
static int check_delegate(const struct ocsp_expect *e, const struct cert *c, struct fault *f)
{
    if (!slice_eq(c->issuer, e->issuer->subject) ||
        verify(e->issuer, c->alg, c->tbs, c->signature, f) < 0)
        return fault_set(f, FAULT_DENIED, "ocsp.signer",
                         "the responder's certificate was not issued by the certificate's issuer");
    if ((c->eku & EKU_OCSP_SIGNING) == 0)
        return fault_set(f, FAULT_DENIED, "ocsp.signer",
                         "the responder's certificate is not for OCSP signing");
    if (e->now < c->not_before - OCSP_SKEW || e->now > c->not_after + OCSP_SKEW)
        return fault_set(f, FAULT_DENIED, "ocsp.signer",
                         "the responder's certificate is not valid now");
    return 0;
}

static int find_signer(const struct ocsp_expect *e, const struct ocsp_response *r,
                       struct ocsp_verdict *out, struct fault *f)
{
    if (is_responder(e->issuer, r))
        return 0;
    for (size_t i = 0; i < r->n_certs; i++) {
        struct fault unread;

        if (cert_parse(r->cert[i], &out->signer, &unread) == 0 && is_responder(&out->signer, r)) {
            out->delegated = true;
            return check_delegate(e, &out->signer, f);
        }
    }
    return fault_set(f, FAULT_DENIED, "ocsp.signer",
                     "the answer is signed by neither the issuer nor a delegate whose certificate "
                     "comes with it");
}

static int check_signature(const struct ocsp_expect *e, const struct ocsp_response *r,
                           struct ocsp_verdict *out, struct fault *f)
{
    int rc = find_signer(e, r, out, f);

    if (rc < 0)
        return rc;
    if (r->alg == SIG_NONE)
        return fault_set(f, FAULT_DENIED, "ocsp.signature",
                         "the answer is signed by an algorithm that is not trusted here");
    rc = verify(out->delegated ? &out->signer : e->issuer, r->alg, r->data, r->signature, f);
    return rc < 0 ? fault_set(f, FAULT_DENIED, "ocsp.signature",
                              "the answer's signature does not verify")
                  : 0;
}

/* 3.2, 4.2.2.1 */
static int check_times(const struct ocsp_expect *e, const struct ocsp_single *s, struct fault *f)
{
    char text[CLOCK_TEXT_SIZE];

    if (s->this_update > e->now + OCSP_SKEW) {
        clock_format(s->this_update, text);
        return fault_set(f, FAULT_DENIED, "ocsp.time", "the answer is of the future: %s", text);
    }
    if (s->next_update != 0 && s->next_update < e->now - OCSP_SKEW) {
        clock_format(s->next_update, text);
        return fault_set(f, FAULT_DENIED, "ocsp.time", "the answer is too old: it ended %s", text);
    }
    if (s->next_update != 0 && s->next_update < s->this_update)
        return fault_set(f, FAULT_DENIED, "ocsp.time", "the answer ends before it begins");
    return 0;
}

static int check_nonce(const struct ocsp_expect *e, const struct ocsp_response *r, struct fault *f)
{
    if (e->nonce.n == 0 || slice_eq(e->nonce, r->nonce))
        return 0;
    return fault_set(f, FAULT_DENIED, "ocsp.nonce", "the answer has %s",
                     r->nonce.n == 0 ? "no nonce: this responder gives none, or it is an old answer"
                                     : "another nonce than was sent");
}

int ocsp_check(const struct ocsp_expect *e, const struct ocsp_response *r, struct ocsp_verdict *out,
               struct fault *f)
{
    int rc;

    out->single = NULL;
    out->delegated = false;
    if (r->status != OCSP_SUCCESSFUL)
        return fault_set(f, FAULT_UNAVAILABLE, "ocsp.status", "the responder answers %s",
                         ocsp_status_name(r->status));
    rc = check_signature(e, r, out, f);
    if (rc == 0)
        rc = find_single(e, r, out, f);
    if (rc == 0)
        rc = check_nonce(e, r, f);
    return rc == 0 ? check_times(e, out->single, f) : rc;
}
