/* Reads a certificate for lint: structure only, and whatever the parts hold. */
#include "lib/lint_cert.h"

#include <string.h>

#include "lib/der.h"
#include "lib/ext.h"
#include "lib/name_attr.h"

/* --- extensions ---------------------------------------------------------------- */

/* The last octet below 2.5.29. */
static enum lint_ext_id standard_id(uint8_t arc)
{
    switch (arc) {
    case 9:
        return X_SDA;
    case 14:
        return X_SKI;
    case 15:
        return X_KU;
    case 17:
        return X_SAN;
    case 18:
        return X_IAN;
    case 19:
        return X_BC;
    case 30:
        return X_NC;
    case 31:
        return X_CRLDP;
    case 32:
        return X_POLICIES;
    case 33:
        return X_MAPPINGS;
    case 35:
        return X_AKI;
    case 36:
        return X_PC;
    case 37:
        return X_EKU;
    case 46:
        return X_FRESHEST;
    case 54:
        return X_IAP;
    case 56:
        return X_NO_REV_AVAIL;
    default:
        return X_OTHER;
    }
}

static enum lint_ext_id ext_id(struct slice oid)
{
    static const struct {
        const char *oid;
        enum lint_ext_id id;
    } pkix[] = {
        {"\x2b\x06\x01\x05\x05\x07\x01\x01", X_AIA},
        {"\x2b\x06\x01\x05\x05\x07\x01\x0b", X_SIA},
        {"\x2b\x06\x01\x05\x05\x07\x01\x18", X_TLS_FEATURE},
        {"\x2b\x06\x01\x05\x05\x07\x30\x01\x05", X_OCSP_NOCHECK},
    };

    if (oid.n == 3 && oid.p[0] == 0x55 && oid.p[1] == 0x1d)
        return standard_id(oid.p[2]);
    for (size_t i = 0; i < sizeof(pkix) / sizeof(pkix[0]); i++)
        if (slice_is(oid, pkix[i].oid))
            return pkix[i].id;
    return X_OTHER;
}

static int read_extension(struct lint_cert *c, struct slice seq)
{
    struct lint_ext *e = &c->ext[c->n_exts];
    struct slice critical;

    e->critical = false;
    if (c->n_exts == LINT_EXTENSIONS_MAX || der_get(&seq, DER_OID, &e->oid) < 0)
        return -1;
    if (der_peek(seq, DER_BOOLEAN)) {
        if (der_get(&seq, DER_BOOLEAN, &critical) < 0 || critical.n != 1)
            return -1;
        e->critical = critical.p[0] != 0;
        if (!e->critical)
            c->default_written = "critical FALSE";
    }
    if (der_get(&seq, DER_OCTET_STRING, &e->value) < 0 || !der_end(seq))
        return -1;
    e->id = ext_id(e->oid);
    if (c->known[e->id] == NULL)
        c->known[e->id] = e;
    c->n_exts++;
    return 0;
}

static const char *read_extensions(struct lint_cert *c, struct slice in)
{
    struct slice tagged, list, seq;

    if (der_end(in))
        return NULL;
    if (der_get(&in, DER_CONTEXT_CONSTRUCTED(3), &tagged) < 0 || !der_end(in) ||
        der_get(&tagged, DER_SEQUENCE, &list) < 0 || !der_end(tagged))
        return "what is behind the public key is no list of extensions";
    c->has_extensions = true;
    while (!der_end(list))
        if (der_get(&list, DER_SEQUENCE, &seq) < 0 || read_extension(c, seq) < 0)
            return "an extension is malformed, or there are more than 64";
    return NULL;
}

/* --- what extensions say ---------------------------------------------------------- */

int lint_list(const struct lint_cert *c, enum lint_ext_id id, struct slice *list)
{
    struct slice in;

    *list = SLICE_NONE;
    if (c->known[id] == NULL)
        return -1;
    in = c->known[id]->value;
    return der_get(&in, DER_SEQUENCE, list) == 0 && der_end(in) ? 0 : -1;
}

static void decode_basic_constraints(struct lint_cert *c)
{
    struct slice seq, v;

    if (lint_list(c, X_BC, &seq) < 0)
        return;
    if (der_peek(seq, DER_BOOLEAN) && der_get(&seq, DER_BOOLEAN, &v) == 0 && v.n == 1) {
        c->ca = v.p[0] != 0;
        if (!c->ca)
            c->default_written = "cA FALSE";
    }
    c->has_path_len = der_peek(seq, DER_INTEGER);
}

static void decode_key_ids(struct lint_cert *c)
{
    struct slice in, seq;

    if (c->known[X_SKI] != NULL) {
        in = c->known[X_SKI]->value;
        (void)!der_get(&in, DER_OCTET_STRING, &c->ski);
    }
    if (lint_list(c, X_AKI, &seq) < 0)
        return;
    (void)!der_get(&seq, DER_CONTEXT(0), &c->aki);
    (void)!der_get(&seq, DER_CONTEXT_CONSTRUCTED(1), &c->aki_issuer);
    (void)!der_get(&seq, DER_CONTEXT(2), &c->aki_serial);
}

static void decode(struct lint_cert *c)
{
    decode_basic_constraints(c);
    decode_key_ids(c);
    if (c->known[X_KU] != NULL)
        (void)!ext_key_usage(c->known[X_KU]->value, &c->key_usage);
    if (c->known[X_EKU] != NULL)
        (void)!ext_key_purposes(c->known[X_EKU]->value, &c->eku);
}

/* --- fields ----------------------------------------------------------------------- */

static int read_version(struct lint_cert *c, struct slice *in)
{
    struct slice tagged, v;

    c->version = 1;
    if (!der_peek(*in, DER_CONTEXT_CONSTRUCTED(0)))
        return 0;
    if (der_get(in, DER_CONTEXT_CONSTRUCTED(0), &tagged) < 0 ||
        der_get(&tagged, DER_INTEGER, &v) < 0 || !der_end(tagged))
        return -1;
    c->version = v.n == 1 && v.p[0] <= 2 ? v.p[0] + 1u : 0;
    if (c->version == 1)
        c->default_written = "version 1";
    return 0;
}

/* The OID of an AlgorithmIdentifier, and its parameters as they stand. */
static int split_alg(struct slice whole, struct slice *oid, struct slice *params)
{
    struct slice seq;

    if (der_get(&whole, DER_SEQUENCE, &seq) < 0 || der_get(&seq, DER_OID, oid) < 0)
        return -1;
    *params = seq;
    return 0;
}

static int read_time(struct slice *in, struct lint_time *out)
{
    struct slice whole;

    if (der_get_any(in, &out->tag, &out->text, &whole) < 0)
        return -1;
    out->good = der_get_time(&whole, &out->t) == 0;
    return 0;
}

static int read_validity(struct lint_cert *c, struct slice *in)
{
    struct slice seq;

    if (der_get(in, DER_SEQUENCE, &seq) < 0 || read_time(&seq, &c->not_before) < 0 ||
        read_time(&seq, &c->not_after) < 0 || !der_end(seq))
        return -1;
    return 0;
}

static int read_attribute(struct lint_cert *c, struct slice seq, bool of_subject, size_t rdn)
{
    struct lint_attr *a = &c->attr[c->n_attrs];

    if (c->n_attrs == LINT_ATTRIBUTES_MAX || der_get(&seq, DER_OID, &a->oid) < 0 ||
        der_get_any(&seq, &a->tag, &a->value, NULL) < 0 || !der_end(seq))
        return -1;
    a->of_subject = of_subject;
    a->rdn = rdn;
    a->row = name_attr_by_oid(a->oid);
    c->n_attrs++;
    return 0;
}

static void read_name(struct lint_cert *c, struct slice whole, bool of_subject)
{
    struct slice seq, set, ava;

    if (der_get(&whole, DER_SEQUENCE, &seq) < 0)
        return;
    for (size_t rdn = 0; !der_end(seq); rdn++) {
        if (der_get(&seq, DER_SET, &set) < 0 || der_end(set)) {
            c->name_broken = "an RDN is no SET, or an empty one";
            return;
        }
        while (!der_end(set)) {
            if (der_get(&set, DER_SEQUENCE, &ava) < 0 ||
                read_attribute(c, ava, of_subject, rdn) < 0) {
                c->name_broken = "an RDN has something other than attributes, or over 64";
                return;
            }
        }
    }
}

static int read_key(struct lint_cert *c, struct slice *in)
{
    struct slice whole, seq, alg;

    if (der_get_whole(in, DER_SEQUENCE, &c->spki) < 0)
        return -1;
    whole = c->spki;
    if (der_get(&whole, DER_SEQUENCE, &seq) < 0 || der_get_whole(&seq, DER_SEQUENCE, &alg) < 0 ||
        split_alg(alg, &c->key_oid, &c->key_params) < 0 || !der_peek(seq, DER_BIT_STRING))
        return -1;
    (void)!spki_parse(c->spki, &c->key, &c->key_fault);
    return 0;
}

static void skip_unique_ids(struct lint_cert *c, struct slice *in)
{
    for (uint8_t n = 1; n <= 2; n++) {
        uint8_t primitive = (uint8_t)DER_CONTEXT(n);

        if (der_peek(*in, primitive) || der_peek(*in, (uint8_t)(primitive | 0x20)))
            c->has_unique_id = der_get_any(in, NULL, NULL, NULL) == 0;
    }
}

static const char *read_tbs(struct lint_cert *c)
{
    struct slice in = c->tbs, seq;

    if (der_get(&in, DER_SEQUENCE, &seq) < 0)
        return "there is no TBSCertificate";
    if (read_version(c, &seq) < 0)
        return "the version is not one INTEGER";
    if (der_get(&seq, DER_INTEGER, &c->serial) < 0)
        return "the serial number is no INTEGER";
    if (der_get_whole(&seq, DER_SEQUENCE, &c->tbs_alg) < 0 ||
        split_alg(c->tbs_alg, &c->alg_oid, &c->alg_params) < 0)
        return "the signature field is no AlgorithmIdentifier";
    if (der_get_whole(&seq, DER_SEQUENCE, &c->issuer) < 0)
        return "the issuer is no Name";
    if (read_validity(c, &seq) < 0)
        return "the validity is not two times";
    if (der_get_whole(&seq, DER_SEQUENCE, &c->subject) < 0)
        return "the subject is no Name";
    if (read_key(c, &seq) < 0)
        return "the public key is no SubjectPublicKeyInfo";
    skip_unique_ids(c, &seq);
    return read_extensions(c, seq);
}

static const char *read_certificate(struct lint_cert *c)
{
    struct slice in = c->der, seq, oid, params;

    if (der_get(&in, DER_SEQUENCE, &seq) < 0)
        return "it is no SEQUENCE in DER";
    if (der_get_whole(&seq, DER_SEQUENCE, &c->tbs) < 0)
        return "there is no TBSCertificate";
    if (der_get_whole(&seq, DER_SEQUENCE, &c->alg) < 0 || split_alg(c->alg, &oid, &params) < 0)
        return "there is no signatureAlgorithm";
    if (der_get(&seq, DER_BIT_STRING, &c->signature) < 0 || !der_end(seq))
        return "there is no signature, or something behind it";
    return read_tbs(c);
}

void lint_read(struct slice der, bool draft, struct lint_cert *out)
{
    struct lint_cert *c = out;

    memset(c, 0, sizeof(*c));
    c->der = der;
    c->draft = draft;
    lint_der_walk(c, der, 0, 0);
    if (draft)
        c->tbs = der;
    c->unread = draft ? read_tbs(c) : read_certificate(c);
    if (c->unread != NULL)
        return;
    read_name(c, c->issuer, false);
    read_name(c, c->subject, true);
    for (size_t i = 0; i < c->n_exts; i++)
        if (c->ext[i].id != X_OTHER)
            lint_der_walk(c, c->ext[i].value, (size_t)(c->ext[i].value.p - der.p), 0);
    decode(c);
}

/* --- what many rules ask ------------------------------------------------------------ */

bool lint_critical(const struct lint_cert *c, enum lint_ext_id id)
{
    return c->known[id] != NULL && c->known[id]->critical;
}

bool lint_self_issued(const struct lint_cert *c)
{
    return slice_eq(c->issuer, c->subject);
}

bool lint_server(const struct lint_cert *c)
{
    return !c->ca && (c->eku & EKU_SERVER_AUTH) != 0;
}
