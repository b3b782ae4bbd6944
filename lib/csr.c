#include "lib/csr.h"

#include <string.h>

#include "lib/der.h"
#include "lib/ext.h"
#include "lib/oid.h"
#include "lib/utf8.h"

#define EXTENSIONS_MAX 64
#define CHALLENGE_MAX 255 /* RFC 2985 5.4.1, pkcs-9-ub-challengePassword */

/* Extensions that were met, to refuse a second one; requests in both dialects of extensionRequest
 * count together. */
struct seen {
    size_t n_extensions;
    struct cert_extension extension[EXTENSIONS_MAX];
};

static int malformed(struct fault *f, const char *rule, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, rule, "certification request: %s", what);
}

/* --- requested extensions ------------------------------------------------------- */

static int read_sans(struct slice value, struct csr *out, struct fault *f)
{
    int rc = san_list_get(value, &out->sans, f);

    if (rc < 0)
        return strcmp(f->rule, "san.kind") == 0 ? fault_rename(f, "csr.san.kind") : rc;
    for (size_t i = 0; i < out->sans.n && rc == 0; i++)
        rc = san_check(&out->sans.item[i], f);
    return rc;
}

static int read_extension(const struct cert_extension *e, struct csr *out, struct fault *f)
{
    if (slice_eq(e->oid, oid_subject_alt_name))
        return read_sans(e->value, out, f);
    if (slice_eq(e->oid, oid_key_usage)) {
        out->has_key_usage = true;
        if (ext_key_usage(e->value, &out->key_usage) < 0)
            return malformed(f, "csr.attributes", "a malformed keyUsage");
    } else if (slice_eq(e->oid, oid_basic_constraints)) {
        out->has_basic_constraints = true;
        if (ext_basic_constraints(e->value, &out->asks_ca, &out->path_len) < 0)
            return malformed(f, "csr.attributes", "malformed basicConstraints");
    } else if (slice_eq(e->oid, oid_ext_key_usage)) {
        out->has_eku = true;
        if (ext_key_purposes(e->value, &out->eku) < 0)
            return malformed(f, "csr.attributes", "a malformed extKeyUsage");
    } else if (slice_eq(e->oid, oid_tls_feature)) {
        if (ext_must_staple(e->value, &out->asks_must_staple) < 0)
            return malformed(f, "csr.attributes", "a malformed TLS feature extension");
    } else if (!slice_eq(e->oid, oid_subject_key_id)) {
        if (out->n_other < CSR_OTHER_MAX)
            out->other[out->n_other] = e->oid;
        out->n_other++;
    }
    return 0;
}

/* ExtensionRequest ::= Extensions (RFC 2985 5.4.2). */
static int read_extensions(struct slice value, struct seen *seen, struct csr *out, struct fault *f)
{
    struct slice seq;
    int rc = 0;

    if (der_get(&value, DER_SEQUENCE, &seq) < 0 || !der_end(value))
        return malformed(f, "csr.attributes", "a malformed extensionRequest");
    while (rc == 0 && !der_end(seq)) {
        struct cert_extension *e = &seen->extension[seen->n_extensions];

        if (seen->n_extensions == EXTENSIONS_MAX)
            return malformed(f, "csr.attributes", "too many extensions");
        if (ext_get(&seq, e) < 0)
            return malformed(f, "csr.attributes", "a malformed extension");
        /* RFC 5280 4.2: not more than one of a kind. */
        if (ext_seen(seen->extension, seen->n_extensions, e->oid))
            return malformed(f, "csr.attributes", "an extension is there twice");
        seen->n_extensions++;
        rc = read_extension(e, out, f);
    }
    return rc;
}

/* --- attributes ------------------------------------------------------------------- */

/* RFC 2985 5.4.1. Only types whose octets are their own UTF-8: a password must compare equal
 * to what was given out. */
static int read_challenge(struct slice value, struct csr *out, struct fault *f)
{
    struct slice text;
    uint8_t tag;

    if (der_get_any(&value, &tag, &text, NULL) < 0 || !der_end(value) ||
        (tag != DER_UTF8_STRING && tag != DER_PRINTABLE_STRING && tag != DER_IA5_STRING &&
         tag != DER_TELETEX_STRING) ||
        text.n == 0 || text.n > CHALLENGE_MAX || memchr(text.p, 0, text.n) != NULL ||
        !utf8_valid(text))
        return malformed(f, "csr.attributes", "a malformed challengePassword");
    out->challenge_password = text;
    return 0;
}

/* An attribute that nobody here knows still has one value or more, each one element. */
static int skip_values(struct slice set, struct fault *f)
{
    do {
        if (der_get_any(&set, NULL, NULL, NULL) < 0)
            return malformed(f, "csr.attributes", "a malformed attribute");
    } while (!der_end(set));
    return 0;
}

static int read_attribute(struct slice attribute, struct seen *seen, struct csr *out,
                          struct fault *f)
{
    struct slice oid, set;
    bool extensions;

    if (der_get_oid(&attribute, &oid) < 0 || der_get(&attribute, DER_SET, &set) < 0 ||
        !der_end(attribute))
        return malformed(f, "csr.attributes", "a malformed attribute");
    if (out->n_attributes == CSR_ATTRIBUTES_MAX)
        return malformed(f, "csr.attributes", "too many attributes");
    if (csr_find(out, oid) != NULL)
        return malformed(f, "csr.attributes", "an attribute is there twice");
    out->attribute[out->n_attributes++] = (struct csr_attribute){oid, set};
    extensions = slice_eq(oid, oid_extension_request) || slice_eq(oid, oid_ms_extension_request);
    if (extensions)
        return read_extensions(set, seen, out, f);
    return slice_eq(oid, oid_challenge_password) ? read_challenge(set, out, f)
                                                 : skip_values(set, f);
}

/* RFC 2986 4.1 wants [0] even when it is empty; some clients leave it out. The order of the SET
 * is theirs too. */
static int read_attributes(struct slice in, struct csr *out, struct fault *f)
{
    struct slice set, attribute;
    struct seen seen;
    int rc = 0;

    if (der_end(in))
        return 0;
    seen.n_extensions = 0;
    if (der_get(&in, DER_CONTEXT_CONSTRUCTED(0), &set) < 0 || !der_end(in))
        return malformed(f, "csr.attributes", "malformed attributes");
    while (rc == 0 && !der_end(set)) {
        if (der_get(&set, DER_SEQUENCE, &attribute) < 0)
            return malformed(f, "csr.attributes", "a malformed attribute");
        rc = read_attribute(attribute, &seen, out, f);
    }
    return rc;
}

/* --- the request ------------------------------------------------------------------ */

/* One that is not known here is refused in words, so that whoever is ahead of us knows it. */
static int refuse_algorithm(struct slice identifier, struct fault *f)
{
    struct slice seq, oid;
    struct buf text;
    int rc;

    if (der_get(&identifier, DER_SEQUENCE, &seq) < 0 || der_get_oid(&seq, &oid) < 0)
        return malformed(f, "csr.signature.algorithm", "no signature algorithm");
    buf_init(&text, sizeof(f->value));
    oid_print(oid, &text);
    rc = fault_refuse(f, "csr.signature.algorithm", "signature algorithm", buf_slice(&text),
                      "Ed25519, or SHA-2 with ECDSA, RSA or RSA-PSS (salt as long as the hash)");
    buf_free(&text);
    return rc;
}

static int read_info(struct slice info, bool keyless, struct csr *out, struct fault *f)
{
    struct slice seq, spki;
    uint64_t version;
    int rc;

    if (der_get(&info, DER_SEQUENCE, &seq) < 0 || der_get_u64(&seq, &version) < 0)
        return malformed(f, "csr.der", "not a CertificationRequestInfo");
    /* RFC 2986 4.1: v1 is 0. */
    if (version != 0)
        return malformed(f, "csr.version", "the version is not 1");
    if (der_get_whole(&seq, DER_SEQUENCE, &out->subject) < 0)
        return malformed(f, "csr.subject", "no subject");
    rc = name_check(out->subject, NULL, NULL, f);
    if (rc < 0)
        return fault_rename(f, "csr.subject");
    if (der_get_whole(&seq, DER_SEQUENCE, &spki) < 0)
        return malformed(f, "csr.key", "no public key");
    rc = spki_parse(spki, &out->key, f);
    if (rc < 0 && !keyless)
        return fault_rename(f, "csr.key");
    fault_clear(f);
    return read_attributes(seq, out, f);
}

static int parse(struct slice der, bool keyless, struct csr *out, struct fault *f)
{
    struct slice in = der, seq, identifier;

    if (der.n > CSR_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "csr.size",
                         "a certification request may have %d octets, this one has %zu", CSR_MAX,
                         der.n);
    if (der_get(&in, DER_SEQUENCE, &seq) < 0 || !der_end(in) ||
        der_get_whole(&seq, DER_SEQUENCE, &out->info) < 0)
        return malformed(f, "csr.der", "not a CertificationRequest in DER");
    identifier = seq;
    if (sig_alg_get(&seq, &out->alg) < 0 && !keyless)
        return refuse_algorithm(identifier, f);
    seq = identifier;
    if (der_get_whole(&seq, DER_SEQUENCE, &identifier) < 0)
        return malformed(f, "csr.signature.algorithm", "no signature algorithm");
    if (der_get_bit_octets(&seq, &out->signature) < 0 || !der_end(seq))
        return malformed(f, "csr.der", "no signature, or something behind it");
    out->der = der;
    return read_info(out->info, keyless, out, f);
}

int csr_parse_keyless(struct slice der, struct csr *out, struct fault *f)
{
    int rc;

    memset(out, 0, sizeof(*out));
    rc = parse(der, true, out, f);
    if (rc < 0)
        memset(out, 0, sizeof(*out));
    return rc;
}

int csr_parse(struct slice der, struct csr *out, struct fault *f)
{
    int rc;

    memset(out, 0, sizeof(*out));
    rc = parse(der, false, out, f);
    if (rc == 0 && !sig_alg_fits(out->alg, out->key.type))
        rc = malformed(f, "csr.signature.algorithm", "the signature algorithm is not of the key");
    if (rc < 0)
        memset(out, 0, sizeof(*out));
    return rc;
}

int csr_parse_info(struct slice der, struct csr *out, struct fault *f)
{
    struct slice in = der, body;
    int rc;

    memset(out, 0, sizeof(*out));
    if (der.n > CSR_MAX || der_get(&in, DER_SEQUENCE, &body) < 0 || !der_end(in))
        return malformed(f, "csr.der", "not a CertificationRequestInfo");
    out->info = der;
    rc = read_info(der, false, out, f);
    if (rc < 0)
        memset(out, 0, sizeof(*out));
    return rc;
}

const struct csr_attribute *csr_find(const struct csr *c, struct slice oid)
{
    for (size_t i = 0; i < c->n_attributes; i++)
        if (slice_eq(c->attribute[i].oid, oid))
            return &c->attribute[i];
    return NULL;
}

int csr_verify(const struct csr *c, struct fault *f)
{
    struct pubkey *key;
    int rc = pubkey_open(&c->key, &key, f);

    if (rc < 0)
        return fault_rename(f, "csr.key");
    if (pubkey_verify(key, c->alg, c->info, c->signature) < 0)
        rc = malformed(f, "csr.pop",
                       "the signature is not by the private key of the public key "
                       "in it (no proof of possession)");
    pubkey_free(key);
    return rc;
}
