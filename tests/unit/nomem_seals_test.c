/* Sealed keys, and containers of keys and certificates, when memory fails, at each allocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509.h>
/* OpenSSL's numbers for key usage are not ours. */
#undef KU_DIGITAL_SIGNATURE
#undef KU_KEY_ENCIPHERMENT
#undef KU_DATA_ENCIPHERMENT
#undef KU_KEY_AGREEMENT
#undef KU_KEY_CERT_SIGN
#undef KU_CRL_SIGN

#include "client/import.h"
#include "client/p12.h"
#include "client/signkey.h"
#include "est/body.h"
#include "est/certs.h"
#include "tests/unit/keygen_help.h"
#include "tests/unit/nomem_help.h"
#include "tests/unit/x509_help.h"
#include "tools/bundle.h"

static struct people people;
static struct buf sealed, p12, key_pem;

static struct keygen_opener opener(struct slice *anchor)
{
    *anchor = buf_slice(&people.ca);
    return (struct keygen_opener){
        .private_key = buf_slice(&people.recipient_key), .anchors = anchor, .n_anchors = 1};
}

/* ---- keys that the server made ---- */

static int seal(struct buf *out, struct fault *f)
{
    struct slice anchor;
    struct keygen_opener o = opener(&anchor);
    struct buf made;
    int rc;

    buf_init(&made, EST_BODY_MAX);
    rc = keygen_seal(&people.seal, &made, f);
    nomem_rest();
    if (rc == 0)
        rc = keygen_open(buf_slice(&made), &o, out, f);
    buf_free(&made);
    return rc;
}

static int unseal(struct buf *out, struct fault *f)
{
    struct slice anchor;
    struct keygen_opener o = opener(&anchor);

    return keygen_open(buf_slice(&sealed), &o, out, f);
}

static void server_made_keys_are_sealed_and_opened_whole_or_not(void **state)
{
    static const struct {
        enum key_type type;
        uint16_t usage;
    } rows[] = {{KEY_RSA, KU_KEY_ENCIPHERMENT}, {KEY_P256, KU_KEY_AGREEMENT}};
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        people_open(&people, rows[i].type, rows[i].usage);
        people.seal.oaep = rows[i].type == KEY_RSA;
        nomem_every(seal, 100);
        buf_init(&sealed, EST_BODY_MAX);
        assert_int_equal(keygen_seal(&people.seal, &sealed, &f), 0);
        nomem_every(unseal, 100);
        buf_free(&sealed);
        people_close(&people);
    }
}

/* ---- PKCS#12 ---- */

static int keep(void *arg, struct slice der, struct fault *f)
{
    buf_put_slice(arg, der);
    (void)f;
    return 0;
}

/* The password is the empty one, so that nobody is asked. */
static int open_p12(struct slice file, struct buf *out, struct fault *f)
{
    const struct import_reader r = {.unattended = true};

    return import_p12(&r, file, "a file", keep, out, f);
}

static bool legacy;

static int write_p12(struct buf *out, struct fault *f)
{
    struct buf made;
    int rc;

    buf_init(&made, EST_BODY_MAX);
    rc = p12_make(buf_slice(&key_pem), buf_slice(&people.signer), buf_slice(&people.ca), "web", "",
                  legacy, &made, f);
    nomem_rest();
    if (rc == 0)
        rc = open_p12(buf_slice(&made), out, f);
    buf_free(&made);
    return rc;
}

static int read_p12(struct buf *out, struct fault *f)
{
    return open_p12(buf_slice(&p12), out, f);
}

static int seal_pem(struct buf *out, struct fault *f)
{
    struct buf made;
    int rc;

    buf_init(&made, EST_BODY_MAX);
    rc = p12_seal_key(buf_slice(&key_pem), "sesame", &made, f);
    nomem_rest();
    if (rc == 0 && memmem(made.p, made.n, "END ENCRYPTED PRIVATE KEY", 25) != NULL)
        buf_put_str(out, "whole");
    buf_free(&made);
    return rc;
}

static void pkcs12_is_written_and_read_whole_or_not(void **state)
{
    const uint8_t *p;
    EVP_PKEY *key;
    struct fault f;

    (void)state;
    people_open(&people, KEY_P256, KU_KEY_AGREEMENT);
    p = people.signer_key.p;
    key = d2i_AutoPrivateKey(NULL, &p, (long)people.signer_key.n);
    buf_init(&key_pem, 16384);
    assert_int_equal(signkey_pem(key, &key_pem, &f), 0);
    EVP_PKEY_free(key);
    legacy = true; /* fewer iterations, the same ways to fail */
    nomem_every(write_p12, 100);
    buf_init(&p12, EST_BODY_MAX);
    assert_int_equal(p12_make(buf_slice(&key_pem), buf_slice(&people.signer), buf_slice(&people.ca),
                              "web", "", true, &p12, &f),
                     0);
    nomem_every(read_p12, 100);
    nomem_every(seal_pem, 100);
    buf_free(&p12);
    buf_free(&key_pem);
    people_close(&people);
}

static int write_truststore(struct buf *out, struct fault *f)
{
    struct bundle b = {.n = 1, .item = {{"root", buf_slice(&people.ca)}}};
    struct buf made;
    int rc;

    buf_init(&made, EST_BODY_MAX);
    rc = bundle_truststore(&b, "", &made, f);
    nomem_rest();
    if (rc == 0)
        rc = open_p12(buf_slice(&made), out, f);
    buf_free(&made);
    return rc;
}

/* ---- certificates alone ---- */

/* As OpenSSL's cms writes it while it streams: the outer lengths are not known in advance. */
static int read_ber(struct buf *out, struct fault *f)
{
    struct buf ber;
    struct certs got;
    int rc;

    buf_init(&ber, EST_BODY_MAX);
    buf_put_slice(&ber, buf_slice(&sealed));
    rc = certs_get(&ber, &got, f);
    for (size_t i = 0; rc == 0 && i < got.n; i++)
        buf_put_slice(out, got.cert[i]);
    buf_free(&ber);
    return rc;
}

/* The outer SEQUENCE gets an indefinite length. */
static void make_ber(void)
{
    const struct slice two[] = {buf_slice(&people.ca), buf_slice(&people.signer)};
    struct buf der;

    buf_init(&der, EST_BODY_MAX);
    certs_put(&der, two, 2);
    assert_int_equal(der.p[1], 0x82);
    buf_init(&sealed, EST_BODY_MAX);
    buf_put(&sealed, "\x30\x80", 2);
    buf_put(&sealed, der.p + 4, der.n - 4);
    buf_put(&sealed, "\0\0", 2);
    buf_free(&der);
}

static void bundles_are_written_and_read_whole_or_not(void **state)
{
    (void)state;
    people_open(&people, KEY_P256, KU_KEY_AGREEMENT);
    nomem_every(write_truststore, 100);
    make_ber();
    nomem_every(read_ber, 4);
    buf_free(&sealed);
    people_close(&people);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_made_keys_are_sealed_and_opened_whole_or_not),
        cmocka_unit_test(pkcs12_is_written_and_read_whole_or_not),
        cmocka_unit_test(bundles_are_written_and_read_whole_or_not),
    };

    nomem_begin();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
