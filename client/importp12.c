/*
 * The certificates in a PKCS#12 file (RFC 7292). OpenSSL reads and decrypts, but what it would do
 * is looked at first: a file says itself how long its password is to be worked on. Bags with keys
 * are never decrypted.
 */
#include <limits.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#include "client/import.h"
#include "client/password.h"
#include "lib/der.h"

#define SAFES_MAX 64
#define BAGS_DEPTH_MAX 8
#define SCRYPT_COST_MAX (1 << 22) /* N * r * p: some seconds */

struct opening {
    const char *pass; /* NULL: no password at all, which is not the empty one */
    int pass_len;
    uint64_t iterations;
    import_each each;
    void *arg;
    int stopped; /* what `each` said */
};

static int malformed(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "p12.der", "what is in the PKCS#12 file is malformed");
}

/* --- how much work it is ---------------------------------------------------------------- */

static int add_iterations(struct opening *o, uint64_t n, struct fault *f)
{
    if (n <= IMPORT_P12_ITERATIONS && o->iterations + n <= IMPORT_P12_ITERATIONS) {
        o->iterations += n;
        return 0;
    }
    return fault_set(f, FAULT_TOO_LARGE, "p12.iterations",
                     "it asks for more than %d iterations over its password",
                     IMPORT_P12_ITERATIONS);
}

/* scrypt-params (RFC 7914 7): salt, N, r, p. */
static int scrypt_cost(struct slice params, struct fault *f)
{
    struct slice salt;
    uint64_t n, r, p;

    if (der_get(&params, DER_OCTET_STRING, &salt) != 0 || der_get_u64(&params, &n) != 0 ||
        der_get_u64(&params, &r) != 0 || der_get_u64(&params, &p) != 0)
        return malformed(f);
    if (n > SCRYPT_COST_MAX || r > SCRYPT_COST_MAX / (n + 1) ||
        p > SCRYPT_COST_MAX / ((n + 1) * (r + 1)))
        return fault_set(f, FAULT_TOO_LARGE, "p12.iterations",
                         "it asks for too much work over its password");
    return 0;
}

/* PBES2-params (RFC 8018 A.4): the derivation function, then the cipher. */
static int pbes2_cost(struct opening *o, struct slice params, struct fault *f)
{
    static const uint8_t scrypt[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b};
    struct slice kdf, oid, inner, salt;
    uint64_t n;

    if (der_get(&params, DER_SEQUENCE, &kdf) != 0 || der_get_oid(&kdf, &oid) != 0 ||
        der_get(&kdf, DER_SEQUENCE, &inner) != 0)
        return malformed(f);
    if (slice_eq(oid, slice_of(scrypt, sizeof(scrypt))))
        return scrypt_cost(inner, f);
    if (der_get(&inner, DER_OCTET_STRING, &salt) != 0 || der_get_u64(&inner, &n) != 0)
        return malformed(f);
    return add_iterations(o, n, f);
}

/* PBEParameter (RFC 8018 A.3), pkcs-12PbeParams (RFC 7292 appendix C): salt, iterations. */
static int pbe_cost(struct opening *o, const X509_ALGOR *alg, struct fault *f)
{
    const ASN1_OBJECT *oid;
    const void *value;
    struct slice in, params, salt;
    uint64_t n;
    int type;

    X509_ALGOR_get0(&oid, &type, &value, alg);
    if (type != V_ASN1_SEQUENCE)
        return malformed(f);
    in = slice_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    if (der_get(&in, DER_SEQUENCE, &params) != 0 || !der_end(in))
        return malformed(f);
    if (OBJ_obj2nid(oid) == NID_pbes2)
        return pbes2_cost(o, params, f);
    if (der_get(&params, DER_OCTET_STRING, &salt) != 0 || der_get_u64(&params, &n) != 0)
        return malformed(f);
    return add_iterations(o, n, f);
}

static int mac_cost(struct opening *o, const PKCS12 *p12, struct fault *f)
{
    const ASN1_INTEGER *iterations;
    int64_t n;

    PKCS12_get0_mac(NULL, NULL, NULL, &iterations, p12);
    if (iterations == NULL)
        return add_iterations(o, 1, f);
    if (ASN1_INTEGER_get_int64(&n, iterations) != 1 || n < 0)
        return malformed(f);
    return add_iterations(o, (uint64_t)n, f);
}

/* --- what is in it ------------------------------------------------------------------------ */

static int give_bag(struct opening *o, const PKCS12_SAFEBAG *bag, struct fault *f)
{
    X509 *x = PKCS12_SAFEBAG_get1_cert(bag);
    unsigned char *der = NULL;
    int n = x == NULL ? -1 : i2d_X509(x, &der), rc = 0;

    if (n > 0) {
        o->stopped = o->each(o->arg, slice_of(der, (size_t)n), f);
        rc = o->stopped;
    }
    OPENSSL_free(der);
    X509_free(x);
    return n > 0 ? rc : malformed(f);
}

static int give_bags(struct opening *o, const STACK_OF(PKCS12_SAFEBAG) * bags, int depth,
                     struct fault *f)
{
    int rc = 0;

    if (depth > BAGS_DEPTH_MAX)
        return malformed(f);
    for (int i = 0; rc == 0 && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
        const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
        int kind = PKCS12_SAFEBAG_get_nid(bag);

        if (kind == NID_certBag && PKCS12_SAFEBAG_get_bag_nid(bag) == NID_x509Certificate)
            rc = give_bag(o, bag, f);
        else if (kind == NID_safeContentsBag)
            rc = give_bags(o, PKCS12_SAFEBAG_get0_safes(bag), depth + 1, f);
    }
    return rc;
}

/* RC2 and RC4, with which certificates in PKCS#12 were encrypted for twenty years. */
void import_prepare(void)
{
    static OSSL_PROVIDER *loaded[2]; /* until the end of the program */

    if (loaded[0] != NULL)
        return;
    loaded[0] = OSSL_PROVIDER_load(NULL, "default"); /* else the other one leaves this out */
    loaded[1] = OSSL_PROVIDER_load(NULL, "legacy");
}

static STACK_OF(PKCS12_SAFEBAG) * decrypt(struct opening *o, PKCS7 *safe, struct fault *f)
{
    STACK_OF(PKCS12_SAFEBAG) * bags;

    if (safe->d.encrypted == NULL || safe->d.encrypted->enc_data == NULL) {
        (void)malformed(f);
        return NULL;
    }
    if (pbe_cost(o, safe->d.encrypted->enc_data->algorithm, f) != 0)
        return NULL;
    bags = PKCS12_unpack_p7encdata(safe, o->pass, o->pass_len);
    if (bags == NULL) {
        import_prepare();
        bags = PKCS12_unpack_p7encdata(safe, o->pass, o->pass_len);
    }
    if (bags == NULL)
        (void)fault_set(f, FAULT_DENIED, "p12.algorithm",
                        "its certificates cannot be decrypted: another password than that of the "
                        "file, or an algorithm that OpenSSL does not have");
    return bags;
}

static int give_safe(struct opening *o, PKCS7 *safe, struct fault *f)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    int kind = OBJ_obj2nid(safe->type), rc;

    if (kind == NID_pkcs7_data)
        bags = PKCS12_unpack_p7data(safe);
    else if (kind == NID_pkcs7_encrypted)
        bags = decrypt(o, safe, f);
    else
        return 0; /* enveloped: for the holder of a key */
    if (bags == NULL)
        return f->code != FAULT_NONE ? -(int)f->code : malformed(f);
    rc = give_bags(o, bags, 0, f);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    return rc;
}

static int give_safes(struct opening *o, const PKCS12 *p12, struct fault *f)
{
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);
    int rc = 0;

    if (safes == NULL || sk_PKCS7_num(safes) > SAFES_MAX)
        rc = malformed(f);
    for (int i = 0; rc == 0 && i < sk_PKCS7_num(safes); i++)
        rc = give_safe(o, sk_PKCS7_value(safes, i), f);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    return rc;
}

/* --- the password ------------------------------------------------------------------------- */

/* The MAC is right with no password, or with the empty one: some write the one, some the other
 * (RFC 7292 appendix B.1). */
static bool opens_without(struct opening *o, PKCS12 *p12)
{
    for (int empty = 0; empty < 2; empty++) {
        o->pass = empty != 0 ? "" : NULL;
        o->pass_len = 0;
        if (PKCS12_verify_mac(p12, o->pass, 0) == 1)
            return true;
    }
    return false;
}

static bool is_encrypted(const PKCS12 *p12)
{
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);
    bool yes = false;

    for (int i = 0; i < sk_PKCS7_num(safes); i++)
        yes = yes || OBJ_obj2nid(sk_PKCS7_value(safes, i)->type) == NID_pkcs7_encrypted;
    sk_PKCS7_pop_free(safes, PKCS7_free);
    return yes;
}

static int open_with(struct opening *o, PKCS12 *p12, const struct buf *password, struct fault *f)
{
    o->pass = (const char *)password->p;
    o->pass_len = (int)password->n;
    if (PKCS12_mac_present(p12) == 1 && PKCS12_verify_mac(p12, o->pass, o->pass_len) != 1)
        return fault_set(f, FAULT_DENIED, "p12.password",
                         "the password is wrong, or the file was changed");
    return give_safes(o, p12, f);
}

static int open_file(struct opening *o, PKCS12 *p12, const struct import_reader *r,
                     const char *name, struct fault *f)
{
    bool mac = PKCS12_mac_present(p12) == 1;
    struct buf password = {0};
    int rc = 0;

    /* Three tries at most. */
    for (int i = 0; mac && rc == 0 && i < 3; i++)
        rc = mac_cost(o, p12, f);
    if (rc != 0)
        return rc;
    if (mac ? opens_without(o, p12) : !is_encrypted(p12))
        return give_safes(o, p12, f);
    if (r->password_file == NULL && r->unattended)
        return fault_set(f, FAULT_DENIED, "p12.password",
                         "it has a password, and no file of one was given");
    rc = password_ask(r->password_file, name, &password, f);
    if (rc == 0)
        rc = open_with(o, p12, &password, f);
    buf_free(&password);
    return rc;
}

int import_p12(const struct import_reader *r, struct slice file, const char *name, import_each each,
               void *arg, struct fault *f)
{
    struct opening o = {.each = each, .arg = arg};
    const unsigned char *p = file.p;
    PKCS12 *p12 = file.n > LONG_MAX ? NULL : d2i_PKCS12(NULL, &p, (long)file.n);
    int rc = p12 == NULL ? malformed(f) : open_file(&o, p12, r, name, f);

    PKCS12_free(p12);
    ERR_clear_error();
    return o.stopped != 0 ? o.stopped : rc;
}
