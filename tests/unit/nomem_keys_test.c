/* Keys, requests and certificates when memory fails, at each allocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "client/newkey.h"
#include "client/signkey.h"
#include "lib/csr.h"
#include "lib/keycheck.h"
#include "lib/name.h"
#include "lib/ownkey.h"
#include "tests/unit/nomem_help.h"
#include "tests/unit/x509_help.h"

static const char *const two_names[][2] = {{"subjectAltName", "DNS:a.example,IP:192.0.2.1"},
                                           {NULL, NULL}};
static struct buf request;

static void make_request(enum key_type t)
{
    X509_REQ *r = test_request(test_key(t), sig_alg_default(t), "a.example", two_names);

    buf_free(&request);
    buf_init(&request, CSR_MAX);
    test_request_der(r, &request);
    X509_REQ_free(r);
}

static int take_request(struct buf *out, struct fault *f)
{
    struct csr c;
    int rc = csr_parse(buf_slice(&request), &c, f);

    if (rc == 0)
        rc = csr_verify(&c, f);
    if (rc == 0)
        rc = keycheck(&c.key, f);
    if (rc == 0)
        buf_put_slice(out, c.subject);
    return rc;
}

static void requests_of_every_kind_are_taken_or_refused(void **state)
{
    (void)state;
    for (enum key_type t = KEY_RSA; t <= KEY_TYPE_MAX; t++) {
        make_request(t);
        nomem_every(take_request, 1);
    }
}

static int make_own_key(struct buf *out, struct fault *f)
{
    EVP_PKEY *key;
    struct buf csr, pkcs8;
    struct csr parsed;
    int rc;

    buf_init(&csr, CSR_MAX);
    buf_init(&pkcs8, OWNKEY_DER_MAX);
    rc = ownkey_new(KEY_P256, &key, &csr, f);
    if (rc == 0 && ownkey_put(key, &pkcs8) != 0)
        rc = fault_set(f, FAULT_INTERNAL, "nomem", "no PKCS#8");
    nomem_rest();
    if (rc == 0 && csr_parse(buf_slice(&csr), &parsed, f) == 0 && csr_verify(&parsed, f) == 0 &&
        pkcs8.n > 0)
        buf_put_str(out, "a key and a request that it signed");
    EVP_PKEY_free(key);
    buf_free(&pkcs8);
    buf_free(&csr);
    return rc;
}

static void own_keys_are_made_whole_or_not(void **state)
{
    (void)state;
    nomem_every(make_own_key, 50);
}

static const char *kind;

static int make_new_key(struct buf *out, struct fault *f)
{
    struct buf pem, csr, name;
    struct csr parsed;
    int rc;

    buf_init(&pem, 16384);
    buf_init(&csr, CSR_MAX);
    buf_init(&name, NAME_DER_MAX);
    rc = name_parse("CN=web,O=Example", &name, f);
    if (rc == 0)
        rc = newkey_make(kind, buf_slice(&name), &pem, &csr, f);
    nomem_rest();
    if (rc == 0 && csr_parse(buf_slice(&csr), &parsed, f) == 0 && csr_verify(&parsed, f) == 0 &&
        pem.n > 0 && !buf_failed(&pem))
        buf_put_slice(out, parsed.subject);
    buf_free(&name);
    buf_free(&csr);
    buf_free(&pem);
    return rc;
}

static void keys_of_operators_are_made_whole_or_not(void **state)
{
    (void)state;
    kind = "p256";
    nomem_every(make_new_key, 50);
    kind = "ed25519";
    nomem_every(make_new_key, 50);
}

static int forget(void **state)
{
    (void)state;
    buf_free(&request);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_of_every_kind_are_taken_or_refused),
        cmocka_unit_test(own_keys_are_made_whole_or_not),
        cmocka_unit_test(keys_of_operators_are_made_whole_or_not),
    };

    nomem_begin();
    return cmocka_run_group_tests(tests, NULL, forget);
}
