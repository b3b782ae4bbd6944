#include "tools/bundle.h"

#include <limits.h>

#include <openssl/pkcs12.h>

#include "est/certs.h"

#define ITERATIONS 10000

void bundle_p7b(const struct bundle *b, struct buf *out)
{
    struct slice cert[CA_MAX];

    for (size_t i = 0; i < b->n; i++)
        cert[i] = b->item[i].der;
    certs_put(out, cert, b->n);
}

/* ---- Java ---- */

/* trustedKeyUsage = anyExtendedKeyUsage: for every purpose. OpenSSL 3.0 shows a bag's attributes as
 * constant and has no other way to add one; the list is there since the bag has a name. */
static int trust(PKCS12_SAFEBAG *bag)
{
    STACK_OF(X509_ATTRIBUTE) *all = (STACK_OF(X509_ATTRIBUTE) *)PKCS12_SAFEBAG_get0_attrs(bag);
    ASN1_OBJECT *usage = OBJ_txt2obj("2.16.840.1.113894.746875.1.1", 1);
    ASN1_OBJECT *any = OBJ_txt2obj("2.5.29.37.0", 1);
    X509_ATTRIBUTE *a = X509_ATTRIBUTE_new();
    int ok = usage != NULL && any != NULL && all != NULL && a != NULL &&
             X509_ATTRIBUTE_set1_object(a, usage) == 1 &&
             X509_ATTRIBUTE_set1_data(a, V_ASN1_OBJECT, any, -1) == 1 &&
             sk_X509_ATTRIBUTE_push(all, a) > 0;

    if (!ok)
        X509_ATTRIBUTE_free(a);
    ASN1_OBJECT_free(usage);
    ASN1_OBJECT_free(any);
    return ok;
}

static int add_bag(STACK_OF(PKCS12_SAFEBAG) * bags, const char *name, struct slice der)
{
    const uint8_t *p = der.p;
    X509 *x = der.n > LONG_MAX ? NULL : d2i_X509(NULL, &p, (long)der.n);
    PKCS12_SAFEBAG *bag = x == NULL ? NULL : PKCS12_SAFEBAG_create_cert(x);
    int ok = bag != NULL && PKCS12_add_friendlyname_utf8(bag, name, -1) == 1 && trust(bag) &&
             sk_PKCS12_SAFEBAG_push(bags, bag) > 0;

    if (!ok)
        PKCS12_SAFEBAG_free(bag);
    X509_free(x);
    return ok;
}

static PKCS12 *pack(STACK_OF(PKCS12_SAFEBAG) * bags, const char *password)
{
    STACK_OF(PKCS7) *safes = sk_PKCS7_new_null();
    PKCS7 *safe = PKCS12_pack_p7encdata(NID_aes_256_cbc, password, -1, NULL, 0, ITERATIONS, bags);
    PKCS12 *p12 = PKCS12_init(NID_pkcs7_data);
    int ok = safes != NULL && safe != NULL && p12 != NULL && sk_PKCS7_push(safes, safe) > 0;

    if (ok)
        safe = NULL; /* of the list now */
    ok = ok && PKCS12_pack_authsafes(p12, safes) == 1 &&
         PKCS12_set_mac(p12, password, -1, NULL, 0, ITERATIONS, EVP_sha256()) == 1;
    PKCS7_free(safe);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    if (ok)
        return p12;
    PKCS12_free(p12);
    return NULL;
}

int bundle_truststore(const struct bundle *b, const char *password, struct buf *out,
                      struct fault *f)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = sk_PKCS12_SAFEBAG_new_null();
    PKCS12 *p12 = NULL;
    uint8_t *der = NULL;
    int ok = bags != NULL, n = -1;

    for (size_t i = 0; ok && i < b->n; i++)
        ok = add_bag(bags, b->item[i].name, b->item[i].der);
    if (ok)
        p12 = pack(bags, password);
    if (p12 != NULL)
        n = i2d_PKCS12(p12, &der);
    if (n > 0)
        buf_put(out, der, (size_t)n);
    OPENSSL_free(der);
    PKCS12_free(p12);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    return n > 0 && !buf_failed(out)
               ? 0
               : fault_set(f, FAULT_INTERNAL, "bundle.make", "OpenSSL cannot make the file");
}
