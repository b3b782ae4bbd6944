/* What is DER in EST: certificates alone (PKCS#7), by the first octet CSR attributes, keys that a
 * server made, in their envelope, PKCS#8. */
#include <openssl/evp.h>

#include "client/signkey.h"
#include "est/certs.h"
#include "est/csrattrs.h"
#include "est/keygen.h"
#include "tests/fuzz/fuzz.h"

#define ROOM ((size_t)1 << 20)

static int in_order(void *arg, struct slice cert, struct fault *f)
{
    (void)f;
    FUZZ_CHECK(cert.n > 0);
    (*(size_t *)arg)++;
    return 0;
}

/* OpenSSL finds as many at least: what is no certificate is passed over by us, refused by it. */
static void check_certs(struct slice in)
{
    static struct certs c;
    struct fault f;
    struct buf der;
    size_t n = 0;
    int rc;

    buf_init(&der, ROOM);
    buf_put_slice(&der, in);
    rc = certs_get(&der, &c, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    for (size_t i = 0; i < c.n; i++)
        FUZZ_CHECK(fuzz_inside(c.cert[i], buf_slice(&der)));
    if (rc == 0) {
        FUZZ_CHECK(certs_walk(&der, in_order, &n, &f) == 0 && n == c.n);
        buf_reset(&der);
        certs_put(&der, c.cert, 0);
    }
    buf_free(&der);
}

static void check_attributes(struct slice in)
{
    static struct csrattrs a;
    struct fault f;
    int rc = csrattrs_get(in, &a, &f);

    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    for (size_t i = 0; i < a.n_subject; i++)
        FUZZ_CHECK(fuzz_inside(a.subject[i].oid, in) && fuzz_inside(a.subject[i].value, in));
    for (size_t i = 0; i < a.n_extensions; i++)
        FUZZ_CHECK(fuzz_inside(a.extension[i].oid, in) && fuzz_inside(a.extension[i].value, in));
    for (size_t i = 0; i < a.n_others; i++)
        FUZZ_CHECK(fuzz_inside(a.other[i], in));
}

/* The client's key is made once; what is opened with it is the fuzzer's. */
static struct buf opener;

static void check_envelope(struct slice in)
{
    const struct keygen_opener o = {.private_key = buf_slice(&opener)};
    struct buf key;
    struct fault f;
    int rc;

    buf_init(&key, KEYGEN_KEY_MAX);
    rc = keygen_open(in, &o, &key, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    buf_free(&key);
}

static void check_recipient(struct slice in)
{
    struct fault f;
    int rc = keygen_recipient(in, &f);

    if (rc != 0)
        fuzz_refused(rc, &f);
}

static void check_key(struct slice in)
{
    EVP_PKEY *key = NULL;
    struct fault f;
    struct buf spki;

    if (signkey_decode(in, &key, &f) != 0)
        return;
    buf_init(&spki, ROOM);
    (void)!signkey_public(key, &spki, &f);
    buf_free(&spki);
    EVP_PKEY_free(key);
}

static void begin(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    struct fault f;

    buf_init(&opener, KEYGEN_KEY_MAX);
    FUZZ_CHECK(key != NULL && signkey_der(key, &opener, &f) == 0);
    EVP_PKEY_free(key);
}

static void run(struct slice in)
{
    switch (fuzz_octet(&in) % 5) {
    case 0:
        check_certs(in);
        break;
    case 1:
        check_attributes(in);
        break;
    case 2:
        check_envelope(in);
        break;
    case 3:
        check_recipient(in);
        break;
    default:
        check_key(in);
        break;
    }
}

const struct fuzz_target fuzz_target = {.form = FUZZ_TAGGED_DER, .begin = begin, .run = run};
