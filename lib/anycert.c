#include "lib/anycert.h"

#include <string.h>

#include "lib/cert.h"
#include "lib/der.h"
#include "lib/oid.h"

static int malformed(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, "cert.der", "not a certificate in DER: %s", what);
}

/* --- the key ------------------------------------------------------------------- */

static unsigned bit_length(struct slice magnitude)
{
    unsigned bits = (unsigned)magnitude.n * 8;

    if (magnitude.n == 0)
        return 0;
    for (unsigned top = magnitude.p[0]; bits > 0 && (top & 0x80) == 0; top <<= 1)
        bits--;
    return bits;
}

/* RSAPublicKey (RFC 8017 A.1.1), of a size that spki_parse refuses. */
static void odd_rsa(struct slice key_bits, struct anycert *out)
{
    struct slice seq, modulus;

    if (der_get(&key_bits, DER_SEQUENCE, &seq) != 0 || der_get_unsigned(&seq, &modulus) != 0)
        return;
    out->key = KEY_RSA;
    out->bits = bit_length(modulus);
}

static void read_key(struct anycert *out)
{
    struct slice in = out->spki, seq, alg, bits;
    struct spki k;
    struct fault f;

    if (der_get(&in, DER_SEQUENCE, &seq) != 0 || der_get(&seq, DER_SEQUENCE, &alg) != 0 ||
        der_get_oid(&alg, &out->key_alg_oid) != 0)
        return;
    if (slice_eq(out->key_alg_oid, oid_ec_public_key) && der_get_oid(&alg, &out->curve_oid) != 0)
        out->curve_oid = SLICE_NONE;
    fault_clear(&f);
    if (spki_parse(out->spki, &k, &f) == 0) {
        out->key = k.type;
        out->bits = k.bits;
    } else if (slice_eq(out->key_alg_oid, oid_rsa_encryption) &&
               der_get_bit_octets(&seq, &bits) == 0) {
        odd_rsa(bits, out);
    }
}

/* --- extensions (RFC 5280 4.2.1) ------------------------------------------------- */

static int key_id(struct slice value, uint8_t tag, struct slice *out)
{
    struct slice seq = value;

    if (tag != DER_OCTET_STRING && der_get(&value, DER_SEQUENCE, &seq) != 0)
        return -1;
    if (tag != DER_OCTET_STRING && !der_peek(seq, tag))
        return 0; /* an authority's key need not be named */
    return der_get(&seq, tag, out);
}

static int read_extension(const struct cert_extension *e, struct anycert *out)
{
    if (slice_eq(e->oid, oid_subject_alt_name)) {
        out->has_sans = true;
        out->sans_der = e->value;
        san_list_get_known(e->value, &out->sans, &out->sans_whole);
        return 0;
    }
    if (slice_eq(e->oid, oid_basic_constraints))
        return ext_basic_constraints(e->value, &out->ca, &out->path_len);
    if (slice_eq(e->oid, oid_key_usage)) {
        out->has_key_usage = true;
        return ext_key_usage(e->value, &out->key_usage);
    }
    if (slice_eq(e->oid, oid_ext_key_usage)) {
        out->has_eku = true;
        return ext_key_purposes(e->value, &out->eku);
    }
    if (slice_eq(e->oid, oid_subject_key_id))
        return key_id(e->value, DER_OCTET_STRING, &out->subject_key_id);
    if (slice_eq(e->oid, oid_authority_key_id))
        return key_id(e->value, DER_CONTEXT(0), &out->authority_key_id);
    return 0;
}

/* As ext_get, with any octet for TRUE, as BER has it (X.690 8.2.2). */
static int get_extension(struct slice *in, struct cert_extension *out)
{
    struct slice seq, critical;

    if (der_get(in, DER_SEQUENCE, &seq) != 0 || der_get_oid(&seq, &out->oid) != 0)
        return -1;
    if (der_peek(seq, DER_BOOLEAN) && der_get(&seq, DER_BOOLEAN, &critical) != 0)
        return -1;
    return der_get(&seq, DER_OCTET_STRING, &out->value) == 0 && der_end(seq) ? 0 : -1;
}

static void read_extensions(struct slice in, struct anycert *out)
{
    struct cert_extension seen[CERT_EXTENSIONS_MAX];
    struct slice tagged, seq;
    size_t n = 0;

    if (der_end(in))
        return;
    out->extensions_odd = true;
    if (der_get(&in, DER_CONTEXT_CONSTRUCTED(3), &tagged) != 0 || !der_end(in) ||
        der_get(&tagged, DER_SEQUENCE, &seq) != 0)
        return;
    out->extensions_odd = out->version != 3 || der_end(seq);
    while (!der_end(seq)) {
        if (n == CERT_EXTENSIONS_MAX || get_extension(&seq, &seen[n]) != 0) {
            out->extensions_odd = true;
            return;
        }
        if (ext_seen(seen, n, seen[n].oid) || read_extension(&seen[n], out) != 0)
            out->extensions_odd = true;
        n++;
    }
}

/* --- fields (RFC 5280 4.1.2) ------------------------------------------------------ */

static int read_version(struct slice *in, struct anycert *out)
{
    struct slice tagged;
    uint64_t v = 0;

    if (der_peek(*in, DER_CONTEXT_CONSTRUCTED(0)) &&
        (der_get(in, DER_CONTEXT_CONSTRUCTED(0), &tagged) != 0 || der_get_u64(&tagged, &v) != 0 ||
         !der_end(tagged) || v > 254))
        return -1;
    out->version = (unsigned)v + 1;
    return 0;
}

/* AlgorithmIdentifier: *alg stays SIG_NONE when it is none of ours. */
static int read_alg(struct slice *in, enum sig_alg *alg, struct slice *whole, struct slice *oid)
{
    struct slice at, seq;

    *alg = SIG_NONE;
    *oid = SLICE_NONE;
    if (der_get_whole(in, DER_SEQUENCE, whole) != 0)
        return -1;
    at = seq = *whole;
    if (der_get(&seq, DER_SEQUENCE, &seq) != 0 || der_get_oid(&seq, oid) != 0)
        *oid = SLICE_NONE;
    if (sig_alg_get(&at, alg) != 0)
        *alg = SIG_NONE;
    return 0;
}

static int read_validity(struct slice *in, struct anycert *out, struct fault *f)
{
    bool before_odd, after_odd = false;
    struct slice seq;

    if (der_get(in, DER_SEQUENCE, &seq) != 0)
        return malformed(f, "no validity");
    if (der_get_any_time(&seq, &out->not_before, &before_odd) != 0 ||
        der_get_any_time(&seq, &out->not_after, &after_odd) != 0 || !der_end(seq))
        return fault_set(f, FAULT_MALFORMED, "cert.validity", "its times cannot be read");
    out->times_odd = before_odd || after_odd;
    return 0;
}

/* issuerUniqueID and subjectUniqueID are passed over, constructed ones too. */
static void skip_unique_ids(struct slice *in)
{
    for (unsigned n = 1; n <= 2; n++)
        if ((der_peek(*in, (uint8_t)DER_CONTEXT(n)) ||
             der_peek(*in, (uint8_t)DER_CONTEXT_CONSTRUCTED(n))) &&
            der_get_any(in, NULL, NULL, NULL) != 0)
            return;
}

/* Name ::= SEQUENCE OF SET OF SEQUENCE { OID, any }: what is no name is no certificate. What the
 * values are is not looked at. */
static int read_name(struct slice *in, struct slice *name)
{
    struct slice at, seq, set, ava, oid;

    if (der_get_whole(in, DER_SEQUENCE, name) != 0)
        return -1;
    at = *name;
    if (der_get(&at, DER_SEQUENCE, &seq) != 0)
        return -1;
    while (!der_end(seq)) {
        if (der_get(&seq, DER_SET, &set) != 0)
            return -1;
        while (!der_end(set))
            if (der_get(&set, DER_SEQUENCE, &ava) != 0 || der_get_oid(&ava, &oid) != 0 ||
                der_get_any(&ava, NULL, NULL, NULL) != 0 || !der_end(ava))
                return -1;
    }
    return 0;
}

static int read_fields(struct slice seq, struct anycert *out, struct fault *f)
{
    struct slice whole, oid;

    if (read_version(&seq, out) != 0)
        return malformed(f, "the version");
    if (der_get(&seq, DER_INTEGER, &out->serial) != 0 || out->serial.n == 0)
        return malformed(f, "the serial number");
    if (read_alg(&seq, &out->alg, &whole, &oid) != 0)
        return malformed(f, "the algorithm");
    if (read_name(&seq, &out->issuer) != 0)
        return malformed(f, "the issuer");
    if (read_validity(&seq, out, f) != 0)
        return -(int)f->code;
    if (read_name(&seq, &out->subject) != 0 || der_get_whole(&seq, DER_SEQUENCE, &out->spki) != 0)
        return malformed(f, "subject and key");
    read_key(out);
    skip_unique_ids(&seq);
    read_extensions(seq, out);
    return 0;
}

int anycert_parse_tbs(struct slice tbs, struct anycert *out, struct fault *f)
{
    struct slice in = tbs, seq;

    memset(out, 0, sizeof(*out));
    out->path_len = -1;
    if (der_get(&in, DER_SEQUENCE, &seq) != 0 || !der_end(in))
        return malformed(f, "no TBSCertificate");
    out->tbs = tbs;
    return read_fields(seq, out, f);
}

int anycert_parse(struct slice der, struct anycert *out, struct fault *f)
{
    struct slice in = der, seq, tbs;
    enum sig_alg outer;
    int rc;

    memset(out, 0, sizeof(*out));
    if (der.n > ANYCERT_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "cert.size",
                         "a certificate may have %d octets, this one has %zu", ANYCERT_MAX, der.n);
    if (der_get(&in, DER_SEQUENCE, &seq) != 0 || !der_end(in) ||
        der_get_whole(&seq, DER_SEQUENCE, &tbs) != 0)
        return malformed(f, "no Certificate");
    rc = anycert_parse_tbs(tbs, out, f);
    if (rc != 0)
        return rc;
    if (read_alg(&seq, &outer, &out->sig_alg, &out->sig_alg_oid) != 0 ||
        der_get_bit_octets(&seq, &out->signature) != 0 || !der_end(seq))
        return malformed(f, "no signature, or something behind it");
    if (outer != out->alg)
        out->alg = SIG_NONE;
    out->der = der;
    return 0;
}

/* The magnitude of a negative number is its two's complement: behind the last octet that is not
 * zero nothing changes. */
void anycert_serial_print(struct slice serial, struct buf *out)
{
    bool negative = serial.n > 0 && (serial.p[0] & 0x80) != 0, begun = false;
    size_t last = serial.n;

    while (last > 0 && serial.p[last - 1] == 0)
        last--;
    if (negative)
        buf_put_u8(out, '-');
    for (size_t i = 0; i < serial.n; i++) {
        uint8_t octet = serial.p[i];

        if (negative && i < last)
            octet = (uint8_t)(~octet + (i + 1 == last));
        begun = begun || octet != 0 || i + 1 == serial.n;
        if (begun)
            buf_printf(out, "%02X", octet);
    }
}

/* --- identity --------------------------------------------------------------------- */

void names_id(const struct san_list *sans, struct slice subject, uint8_t out[SAN_IDENTITY])
{
    san_list_identity(sans, slice_of("\0names", 6), sans->n > 0 ? SLICE_NONE : subject, out);
}

/* Names that could not be read are told apart by the whole extension. */
void anycert_names_id(const struct anycert *c, uint8_t out[SAN_IDENTITY])
{
    uint8_t hash[32];

    if (!c->has_sans || c->sans_whole) {
        names_id(&c->sans, c->subject, out);
        return;
    }
    sha256_two(c->subject, c->sans_der, hash);
    memcpy(out, hash, SAN_IDENTITY);
}
