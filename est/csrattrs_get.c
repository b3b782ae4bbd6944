#include <string.h>

#include "est/csrattrs.h"
#include "lib/der.h"
#include "lib/ext.h"
#include "lib/name_attr.h"
#include "lib/oid.h"

static int malformed(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, "est.csrattrs.der", "CSR attributes: %s", what);
}

static int too_many(struct fault *f)
{
    return fault_set(f, FAULT_TOO_LARGE, "est.csrattrs.count", "more than %d CSR attributes",
                     CSRATTRS_MAX);
}

static int add_other(struct csrattrs *out, struct slice oid, struct fault *f)
{
    if (out->n_others == CSRATTRS_MAX)
        return too_many(f);
    out->other[out->n_others++] = oid;
    return 0;
}

static int add_key(struct csrattrs *out, enum key_type type, unsigned bits, struct fault *f)
{
    if (out->n_keys == CSRATTRS_MAX)
        return too_many(f);
    out->key[out->n_keys].type = type;
    out->key[out->n_keys++].bits = bits;
    return 0;
}

static int add_subject(struct csrattrs *out, struct slice oid, struct slice value, struct fault *f)
{
    if (out->n_subject == CSRATTRS_MAX)
        return too_many(f);
    out->subject[out->n_subject].oid = oid;
    out->subject[out->n_subject++].value = value;
    return 0;
}

/* One Extension or ExtensionTemplate: the value may be left out of the second. */
static int read_extension(struct slice *list, struct csrattrs *out, struct fault *f)
{
    struct slice seq, oid, value = SLICE_NONE;
    bool critical = false, has_value;

    if (der_get(list, DER_SEQUENCE, &seq) != 0 || der_get_oid(&seq, &oid) != 0 ||
        (der_peek(seq, DER_BOOLEAN) && der_get_bool(&seq, &critical) != 0))
        return malformed(f, "a malformed extension");
    has_value = der_get(&seq, DER_OCTET_STRING, &value) == 0;
    if (!der_end(seq))
        return malformed(f, "a malformed extension");
    for (size_t i = 0; i < out->n_extensions; i++)
        if (slice_eq(out->extension[i].oid, oid))
            return malformed(f, "an extension is there twice");
    if (out->n_extensions == CSRATTRS_MAX)
        return too_many(f);
    out->extension[out->n_extensions].oid = oid;
    out->extension[out->n_extensions].critical = critical;
    out->extension[out->n_extensions].has_value = has_value;
    out->extension[out->n_extensions++].value = value;
    return 0;
}

static int read_extensions(struct slice values, struct csrattrs *out, struct fault *f)
{
    struct slice list;
    int rc = 0;

    if (der_get(&values, DER_SEQUENCE, &list) != 0 || !der_end(values))
        return malformed(f, "malformed extensions");
    while (rc == 0 && !der_end(list))
        rc = read_extension(&list, out, f);
    return rc;
}

static enum key_type curve_of(struct slice oid)
{
    return slice_eq(oid, oid_p256)   ? KEY_P256
           : slice_eq(oid, oid_p384) ? KEY_P384
           : slice_eq(oid, oid_p521) ? KEY_P521
                                     : KEY_NONE;
}

/* ---- as RFC 7030 has it ---- */

/* Curves that we do not know are no choice of ours. */
static int read_curves(struct slice values, struct csrattrs *out, struct fault *f)
{
    struct slice oid;
    int rc = 0;

    while (rc == 0 && !der_end(values)) {
        if (der_get_oid(&values, &oid) != 0)
            return malformed(f, "a malformed curve");
        rc = curve_of(oid) != KEY_NONE ? add_key(out, curve_of(oid), 0, f) : add_other(out, oid, f);
    }
    return rc;
}

static int read_sizes(struct slice values, struct csrattrs *out, struct fault *f)
{
    uint64_t bits;
    int rc = 0;

    if (der_end(values))
        return add_key(out, KEY_RSA, 0, f);
    while (rc == 0 && !der_end(values)) {
        if (der_get_u64(&values, &bits) != 0 || bits > UINT16_MAX)
            return malformed(f, "a malformed key size");
        rc = add_key(out, KEY_RSA, (unsigned)bits, f);
    }
    return rc;
}

/* What stands alone, for the client to fill in. */
static int read_oid(struct slice oid, struct csrattrs *out, struct fault *f)
{
    if (slice_eq(oid, oid_challenge_password)) {
        out->linking = true;
        return 0;
    }
    if (slice_eq(oid, oid_rsa_encryption))
        return add_key(out, KEY_RSA, 0, f);
    if (slice_eq(oid, oid_ed25519))
        return add_key(out, KEY_ED25519, 0, f);
    if (curve_of(oid) != KEY_NONE)
        return add_key(out, curve_of(oid), 0, f);
    if (slice_eq(oid, oid_subject_alt_name)) {
        if (out->n_extensions == CSRATTRS_MAX)
            return too_many(f);
        out->extension[out->n_extensions++].oid = oid;
        return 0;
    }
    if (name_attr_by_oid(oid)->attr != ATTR_OTHER)
        return add_subject(out, oid, SLICE_NONE, f);
    return add_other(out, oid, f);
}

/* Before RFC 9908 3.2 said what belongs into an extensionRequest, servers put OIDs of what they
 * wanted there (as the examples of RFC 7030 4.5.2 do). Anything else is passed over like what is
 * not known. */
static int read_request(struct slice oid, struct slice values, struct csrattrs *out,
                        struct fault *f)
{
    size_t before = out->n_extensions;
    struct fault ignored;
    struct slice wanted;
    int rc = 0;

    if (!der_peek(values, DER_OID)) {
        if (read_extensions(values, out, &ignored) == 0)
            return 0;
        out->n_extensions = before;
        return add_other(out, oid, f);
    }
    while (rc == 0 && !der_end(values))
        rc = der_get_oid(&values, &wanted) == 0 ? read_oid(wanted, out, f)
                                                : malformed(f, "a broken OID");
    return rc;
}

static int read_attribute(struct slice oid, struct slice values, struct csrattrs *out,
                          struct fault *f)
{
    struct slice in = values, whole;

    if (slice_eq(oid, oid_ec_public_key))
        return read_curves(values, out, f);
    if (slice_eq(oid, oid_rsa_encryption))
        return read_sizes(values, out, f);
    if (slice_eq(oid, oid_extension_request))
        return read_request(oid, values, out, f);
    if (name_attr_by_oid(oid)->attr != ATTR_OTHER && !der_end(values))
        return der_get_any(&in, NULL, NULL, &whole) == 0 && der_end(in)
                   ? add_subject(out, oid, whole, f)
                   : malformed(f, "a malformed attribute");
    return read_oid(oid, out, f);
}

/* ---- as RFC 9908 3.4 has it ---- */

static int read_rdn(struct slice rdn, struct csrattrs *out, struct fault *f)
{
    struct slice single, oid, value = SLICE_NONE;
    int rc = 0;

    while (rc == 0 && !der_end(rdn)) {
        if (der_get(&rdn, DER_SEQUENCE, &single) != 0 || der_get_oid(&single, &oid) != 0 ||
            (!der_end(single) && der_get_any(&single, NULL, NULL, &value) != 0) || !der_end(single))
            return malformed(f, "a malformed subject in the template");
        rc = add_subject(out, oid, value, f);
    }
    return rc;
}

static int read_subject(struct slice name, struct csrattrs *out, struct fault *f)
{
    struct slice rdn;
    int rc = 0;

    while (rc == 0 && !der_end(name))
        rc = der_get(&name, DER_SET, &rdn) == 0
                 ? read_rdn(rdn, out, f)
                 : malformed(f, "a malformed subject in the template");
    return rc;
}

/* Of a placeholder only the length of its modulus counts. */
static int read_placeholder(struct slice bits, struct csrattrs *out, struct fault *f)
{
    struct slice seq, n;
    unsigned length;

    if (der_get(&bits, DER_SEQUENCE, &seq) != 0 || der_get_unsigned(&seq, &n) != 0 || n.n == 0 ||
        n.n > UINT16_MAX / 8)
        return malformed(f, "a malformed RSA key in the template");
    length = (unsigned)n.n * 8;
    for (uint8_t top = 0x80; top != 0 && (n.p[0] & top) == 0; top >>= 1)
        length--;
    return add_key(out, KEY_RSA, length, f);
}

static int read_key(struct slice info, struct csrattrs *out, struct fault *f)
{
    struct slice algorithm, oid, curve, bits;

    if (der_get(&info, DER_SEQUENCE, &algorithm) != 0 || der_get_oid(&algorithm, &oid) != 0)
        return malformed(f, "a malformed key in the template");
    if (slice_eq(oid, oid_ec_public_key))
        return der_get_oid(&algorithm, &curve) == 0 && curve_of(curve) != KEY_NONE
                   ? add_key(out, curve_of(curve), 0, f)
                   : add_other(out, oid, f);
    if (slice_eq(oid, oid_ed25519))
        return add_key(out, KEY_ED25519, 0, f);
    if (!slice_eq(oid, oid_rsa_encryption))
        return add_other(out, oid, f);
    if (der_end(info))
        return add_key(out, KEY_RSA, 0, f);
    return der_get_bit_octets(&info, &bits) == 0
               ? read_placeholder(bits, out, f)
               : malformed(f, "a malformed RSA key in the template");
}

static int read_template_attribute(struct slice oid, struct slice values, struct csrattrs *out,
                                   struct fault *f)
{
    if (slice_eq(oid, oid_challenge_password)) {
        out->linking = true;
        return 0;
    }
    if (slice_eq(oid, oid_extension_request) || slice_eq(oid, oid_extension_template))
        return read_extensions(values, out, f);
    return add_other(out, oid, f);
}

static int get_attribute(struct slice *in, struct slice *oid, struct slice *values, struct fault *f)
{
    struct slice seq;

    return der_get(in, DER_SEQUENCE, &seq) == 0 && der_get_oid(&seq, oid) == 0 &&
                   der_get(&seq, DER_SET, values) == 0 && der_end(seq)
               ? 0
               : malformed(f, "a malformed attribute");
}

static int read_template(struct slice values, struct csrattrs *out, struct fault *f)
{
    struct slice seq, part, oid, attribute;
    uint64_t version;
    int rc = 0;

    if (der_get(&values, DER_SEQUENCE, &seq) != 0 || !der_end(values) ||
        der_get_u64(&seq, &version) != 0 || version != 0)
        return malformed(f, "a malformed template");
    if (der_get(&seq, DER_SEQUENCE, &part) == 0)
        rc = read_subject(part, out, f);
    if (rc == 0 && der_get(&seq, DER_CONTEXT_CONSTRUCTED(0), &part) == 0)
        rc = read_key(part, out, f);
    if (rc == 0 && (der_get(&seq, DER_CONTEXT_CONSTRUCTED(1), &part) != 0 || !der_end(seq)))
        return malformed(f, "a malformed template");
    while (rc == 0 && !der_end(part)) {
        rc = get_attribute(&part, &oid, &attribute, f);
        if (rc == 0)
            rc = read_template_attribute(oid, attribute, out, f);
    }
    return rc;
}

/* ---- all of it ---- */

static int read_one(struct slice *list, struct slice *template, struct csrattrs *out,
                    struct fault *f)
{
    struct slice oid, values;
    int rc;

    if (der_peek(*list, DER_OID))
        return der_get_oid(list, &oid) == 0 ? read_oid(oid, out, f) : malformed(f, "a broken OID");
    rc = get_attribute(list, &oid, &values, f);
    if (rc != 0)
        return rc;
    if (!slice_eq(oid, oid_request_template))
        return read_attribute(oid, values, out, f);
    if (template->p != NULL)
        return malformed(f, "a second template");
    *template = values;
    return 0;
}

/* Who understands a template ignores everything beside it (RFC 9908 4) but for the demand to link:
 * RFC 7030 4.5.2 knows one place only for that. */
static int take_template(struct slice template, struct csrattrs *out, struct fault *f)
{
    bool linking = out->linking;

    memset(out, 0, sizeof(*out));
    out->linking = linking;
    out->templated = true;
    return read_template(template, out, f);
}

int csrattrs_get(struct slice der, struct csrattrs *out, struct fault *f)
{
    struct slice list, template = SLICE_NONE;
    int rc = 0;

    memset(out, 0, sizeof(*out));
    if (der_get(&der, DER_SEQUENCE, &list) != 0 || !der_end(der))
        return malformed(f, "not a SEQUENCE in DER");
    while (rc == 0 && !der_end(list))
        rc = read_one(&list, &template, out, f);
    if (rc == 0 && template.p != NULL)
        rc = take_template(template, out, f);
    if (rc != 0)
        memset(out, 0, sizeof(*out));
    return rc;
}
