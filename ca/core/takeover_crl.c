/* Revocations from a CRL (RFC 5280 5.1), which any mirror or client may have kept. */
#include <string.h>

#include "ca/core/published.h"
#include "ca/core/takeover.h"
#include "lib/cert.h"
#include "lib/der.h"
#include "lib/file.h"
#include "lib/pem.h"

#define CRL_MAX ((size_t)64 << 20)

struct crl {
    struct slice tbs, issuer, entries, signature;
    enum sig_alg alg;
};

static int crl_parse(struct slice der, struct crl *out)
{
    struct slice list, tbs, rest;
    enum sig_alg inner;
    uint64_t version;
    int64_t time;

    memset(out, 0, sizeof(*out));
    if (der_get(&der, DER_SEQUENCE, &list) != 0 || !der_end(der) ||
        der_get_whole(&list, DER_SEQUENCE, &out->tbs) != 0 || sig_alg_get(&list, &out->alg) != 0 ||
        der_get_bit_octets(&list, &out->signature) != 0 || !der_end(list))
        return -1;
    rest = out->tbs;
    if (der_get(&rest, DER_SEQUENCE, &tbs) != 0)
        return -1;
    if (der_peek(tbs, DER_INTEGER) && (der_get_u64(&tbs, &version) != 0 || version != 1))
        return -1;
    if (sig_alg_get(&tbs, &inner) != 0 || inner != out->alg ||
        der_get_whole(&tbs, DER_SEQUENCE, &out->issuer) != 0 || der_get_time(&tbs, &time) != 0)
        return -1;
    if ((der_peek(tbs, DER_UTC_TIME) || der_peek(tbs, DER_GENERALIZED_TIME)) &&
        der_get_time(&tbs, &time) != 0)
        return -1;
    if (der_peek(tbs, DER_SEQUENCE) && der_get(&tbs, DER_SEQUENCE, &out->entries) != 0)
        return -1;
    return 0;
}

struct signer {
    const struct crl *crl;
    uint16_t number; /* 0: none yet */
};

static int is_signer(void *arg, const struct store_issuer *i)
{
    struct signer *s = arg;
    struct pubkey *key;
    struct cert c;
    struct fault none;

    fault_clear(&none);
    if (i->certificate.n == 0 || cert_parse(i->certificate, &c, &none) != 0 ||
        !slice_eq(c.subject, s->crl->issuer) || pubkey_open(&c.key, &key, &none) != 0)
        return 0;
    if (pubkey_verify(key, s->crl->alg, s->crl->tbs, s->crl->signature) == 0)
        s->number = i->number;
    pubkey_free(key);
    return s->number != 0;
}

/* RFC 5280 5.3.1: id-ce-cRLReasons, 2.5.29.21; 0 without. */
static int entry_reason(struct slice extensions, uint8_t *reason)
{
    static const uint8_t oid_reason[] = {0x55, 0x1d, 0x15};
    struct slice ext, oid, value, code;
    bool critical;

    *reason = 0;
    while (!der_end(extensions)) {
        if (der_get(&extensions, DER_SEQUENCE, &ext) != 0 || der_get_oid(&ext, &oid) != 0 ||
            (der_peek(ext, DER_BOOLEAN) && der_get_bool(&ext, &critical) != 0) ||
            der_get(&ext, DER_OCTET_STRING, &value) != 0)
            return -1;
        if (!slice_eq(oid, slice_of(oid_reason, sizeof(oid_reason))))
            continue;
        if (der_get(&value, DER_ENUMERATED, &code) != 0 || code.n != 1 || code.p[0] > 10)
            return -1;
        *reason = code.p[0];
    }
    return 0;
}

static int take_entry(struct slice *entries, struct published *p, uint16_t issuer, struct fault *f)
{
    struct slice entry, serial, extensions = SLICE_NONE;
    struct cert_ref ref = {.issuer = issuer};
    uint8_t reason = 0;
    int64_t time;

    if (der_get(entries, DER_SEQUENCE, &entry) != 0 || der_get_unsigned(&entry, &serial) != 0 ||
        der_get_time(&entry, &time) != 0 ||
        (der_peek(entry, DER_SEQUENCE) && der_get(&entry, DER_SEQUENCE, &extensions) != 0) ||
        entry_reason(extensions, &reason) != 0)
        return fault_set(f, FAULT_MALFORMED, "crl.der", "an entry of the CRL does not decode");
    /* Of a delta: no longer on hold. */
    if (serial.n != SERIAL_LEN || reason == REASON_REMOVE_FROM_CRL)
        return 0;
    memcpy(ref.serial, serial.p, SERIAL_LEN);
    return published_add(p, &ref, reason == REASON_CERTIFICATE_HOLD ? CERT_HELD : CERT_REVOKED,
                         reason, time, "restore: a CRL", f);
}

static int take_all(struct takeover *t, const struct crl *crl, struct fault *f)
{
    struct signer s = {.crl = crl};
    struct slice entries = crl->entries;
    struct published *p;
    struct fault late;
    int rc = store_issuers(t->store, is_signer, &s, f), ended;

    if (rc != 0)
        return rc;
    if (s.number == 0)
        return fault_set(f, FAULT_NOT_FOUND, "crl.issuer", "no issuer of the store signed the CRL");
    fault_clear(&late);
    p = published_new(t->store, t->conf);
    while (rc == 0 && !der_end(entries))
        rc = take_entry(&entries, p, s.number, f);
    ended = published_end(p, &late);
    if (rc == 0 && ended != 0) {
        *f = late;
        rc = ended;
    }
    t->crls += rc == 0;
    return rc;
}

int takeover_crl(struct takeover *t, const char *path, struct fault *f)
{
    static const char *const labels[] = {"X509 CRL", NULL};
    struct buf file, der;
    struct crl crl;
    int rc;

    buf_init(&file, 2 * CRL_MAX);
    buf_init(&der, CRL_MAX);
    rc = file_read(path, 2 * CRL_MAX, &file, f);
    if (rc == 0)
        rc = pem_or_der(buf_slice(&file), labels, &der, f);
    if (rc == 0 && crl_parse(buf_slice(&der), &crl) != 0)
        rc = fault_set(f, FAULT_MALFORMED, "crl.der", "%s is not a CRL", path);
    if (rc == 0)
        rc = take_all(t, &crl, f);
    buf_free(&file);
    buf_free(&der);
    return rc;
}
