#include "token/keypub.h"

#include <stdlib.h>

#include "token/object.h"
#include "lib/cert.h"
#include "lib/der.h"

static const uint8_t oid_rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
static const uint8_t oid_ec[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};

/* The object of the class with the same CKA_ID as the private key; 0 when there is none. */
static int companion(struct token *t, CK_OBJECT_HANDLE key, CK_OBJECT_CLASS class,
                     CK_OBJECT_HANDLE *out, struct fault *f)
{
    struct buf id;
    unsigned count;
    int rc;

    *out = 0;
    buf_init(&id, OBJECT_ATTRIBUTE_MAX);
    rc = object_bytes(t, key, CKA_ID, &id, f);
    if (rc == 0 && id.n > 0)
        rc = object_find(t, class, SLICE_NONE, buf_slice(&id), out, &count, f);
    buf_free(&id);
    return rc;
}

/* From the private object, else from the public one. */
static int either(struct token *t, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE pub,
                  CK_ATTRIBUTE_TYPE type, struct buf *out, struct fault *f)
{
    int rc = object_bytes(t, key, type, out, f);

    if (rc == 0 && out->n == 0 && pub != 0)
        rc = object_bytes(t, pub, type, out, f);
    return rc;
}

/* RFC 3279 2.3.1: RSAPublicKey in the BIT STRING, parameters NULL. */
static void put_rsa(struct buf *out, struct slice modulus, struct slice exponent)
{
    struct buf inner;
    struct der_mark whole, m;

    buf_init(&inner, OBJECT_ATTRIBUTE_MAX);
    m = der_open(&inner, DER_SEQUENCE);
    der_put_unsigned(&inner, modulus);
    der_put_unsigned(&inner, exponent);
    der_close(&inner, m);
    whole = der_open(out, DER_SEQUENCE);
    m = der_open(out, DER_SEQUENCE);
    der_put_oid(out, slice_of(oid_rsa, sizeof(oid_rsa)));
    der_put_null(out);
    der_close(out, m);
    der_put_bit_octets(out, buf_slice(&inner));
    der_close(out, whole);
    buf_free(&inner);
}

/* RFC 5480 2: the point in the BIT STRING, the named curve as parameters. */
static void put_ec(struct buf *out, struct slice params, struct slice point)
{
    struct der_mark whole = der_open(out, DER_SEQUENCE);
    struct der_mark m = der_open(out, DER_SEQUENCE);

    der_put_oid(out, slice_of(oid_ec, sizeof(oid_ec)));
    buf_put_slice(out, params);
    der_close(out, m);
    der_put_bit_octets(out, point);
    der_close(out, whole);
}

static int read_rsa(struct token *t, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE pub, struct buf *out,
                    struct fault *f)
{
    struct buf modulus, exponent;
    int rc;

    buf_init(&modulus, OBJECT_ATTRIBUTE_MAX);
    buf_init(&exponent, OBJECT_ATTRIBUTE_MAX);
    rc = either(t, key, pub, CKA_MODULUS, &modulus, f);
    if (rc == 0)
        rc = either(t, key, pub, CKA_PUBLIC_EXPONENT, &exponent, f);
    if (rc == 0 && modulus.n > 0 && exponent.n > 0)
        put_rsa(out, buf_slice(&modulus), buf_slice(&exponent));
    buf_free(&modulus);
    buf_free(&exponent);
    return rc;
}

/* PKCS #11 2.40, 2.3.3: CKA_EC_POINT is the DER OCTET STRING of the point, but some modules
 * give the point bare. Bare ones begin with the same octet, so their length decides. */
static struct slice point_of(struct slice attribute)
{
    struct slice in = attribute, point;

    if (attribute.n == 65 || attribute.n == 97 || attribute.n == 133)
        return attribute;
    if (der_get(&in, DER_OCTET_STRING, &point) == 0 && der_end(in))
        return point;
    return attribute;
}

static int read_ec(struct token *t, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE pub, struct buf *out,
                   struct fault *f)
{
    struct buf params, point;
    int rc;

    buf_init(&params, OBJECT_ATTRIBUTE_MAX);
    buf_init(&point, OBJECT_ATTRIBUTE_MAX);
    rc = either(t, key, pub, CKA_EC_PARAMS, &params, f);
    if (rc == 0 && pub != 0)
        rc = object_bytes(t, pub, CKA_EC_POINT, &point, f);
    if (rc == 0 && point.n == 0)
        rc = object_bytes(t, key, CKA_EC_POINT, &point, f);
    if (rc == 0 && params.n > 0 && point.n > 0)
        put_ec(out, buf_slice(&params), point_of(buf_slice(&point)));
    buf_free(&params);
    buf_free(&point);
    return rc;
}

static int read_certificate(struct token *t, CK_OBJECT_HANDLE key, struct buf *out, struct fault *f)
{
    CK_OBJECT_HANDLE object;
    struct cert *c = xcalloc(1, sizeof(*c));
    struct buf der;
    int rc = companion(t, key, CKO_CERTIFICATE, &object, f);

    buf_init(&der, OBJECT_ATTRIBUTE_MAX);
    if (rc == 0 && object != 0)
        rc = object_bytes(t, object, CKA_VALUE, &der, f);
    if (rc == 0 && der.n > 0)
        rc = cert_parse(buf_slice(&der), c, f);
    if (rc == 0 && der.n > 0)
        buf_put_slice(out, c->key.der);
    buf_free(&der);
    free(c);
    return rc;
}

int keypub_read(struct token *t, CK_OBJECT_HANDLE key, const char *who, struct buf *out,
                struct fault *f)
{
    CK_OBJECT_HANDLE pub;
    CK_ULONG type;
    int rc = object_ulong(t, key, CKA_KEY_TYPE, &type, f);

    if (rc == 0)
        rc = companion(t, key, CKO_PUBLIC_KEY, &pub, f);
    if (rc == 0 && type == CKK_RSA)
        rc = read_rsa(t, key, pub, out, f);
    else if (rc == 0 && type == CKK_EC)
        rc = read_ec(t, key, pub, out, f);
    else if (rc == 0)
        return fault_set(f, FAULT_CONFIG, "signer.key.type",
                         "%s: its key is neither RSA nor EC (CKA_KEY_TYPE %lu)", who, type);
    if (rc == 0 && out->n == 0)
        rc = read_certificate(t, key, out, f);
    if (rc == 0 && (out->n == 0 || buf_failed(out)))
        rc = fault_set(f, FAULT_CONFIG, "signer.key.public",
                       "%s: the token shows neither its public key nor a certificate with "
                       "the same id",
                       who);
    return rc;
}
