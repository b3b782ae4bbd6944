#include "est/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "est/keygen.h"
#include "lib/der.h"
#include "lib/oid.h"
#include "tests/unit/x509_help.h"

/* Signs it, has OpenSSL verify it and write it again, and reads it. */
static void make(struct est_request *r, struct buf *der, struct csr *out)
{
    EVP_PKEY *key = test_key(KEY_P384);
    struct buf info, spki, signature;
    struct fault f;
    const uint8_t *p;
    uint8_t *again = NULL;
    X509_REQ *req;

    buf_init(&info, CSR_MAX);
    buf_init(&spki, 1024);
    buf_init(&signature, SIGNATURE_MAX);
    buf_init(der, CSR_MAX);
    test_spki(key, &spki);
    r->spki = buf_slice(&spki);
    est_request_put(&info, r);
    assert_false(buf_failed(&info));
    test_sign(key, SIG_ECDSA_SHA384, buf_slice(&info), &signature);
    cert_assemble(der, buf_slice(&info), SIG_ECDSA_SHA384, buf_slice(&signature));
    p = der->p;
    req = d2i_X509_REQ(NULL, &p, (long)der->n);
    assert_non_null(req);
    assert_int_equal(X509_REQ_verify(req, key), 1);
    /* In DER, its SET OF in order: OpenSSL sorts it when it writes. */
    (void)X509_REQ_get_attr_count(req);
    assert_int_equal(i2d_re_X509_REQ_tbs(req, &again), info.n);
    assert_memory_equal(again, info.p, info.n);
    OPENSSL_free(again);
    X509_REQ_free(req);
    assert_int_equal(csr_parse(buf_slice(der), out, &f), 0);
    assert_int_equal(csr_verify(out, &f), 0);
    buf_free(&signature);
    buf_free(&spki);
    buf_free(&info);
}

static void name_of(const char *text, struct buf *out)
{
    struct fault f;

    buf_init(out, NAME_DER_MAX);
    assert_int_equal(name_parse(text, out, &f), 0);
}

static void test_a_bare_request_has_subject_and_key(void **state)
{
    struct est_request r = {.sans = NULL};
    struct buf name, der;
    struct csr c;

    (void)state;
    name_of("CN=a.example", &name);
    r.subject = buf_slice(&name);
    make(&r, &der, &c);
    assert_true(slice_eq(c.subject, r.subject));
    assert_int_equal(c.n_attributes, 0);
    buf_free(&der);
    buf_free(&name);
}

static void test_everything_that_can_be_asked_for_is_there_once(void **state)
{
    struct san_list sans = {.n = 1}, other = {.n = 1};
    struct name_change change = {.has_subject = true, .has_sans = true}, got;
    struct csrattrs wanted = {.n_extensions = 4};
    struct est_request r = {.sans = &sans, .wanted = &wanted, .change = &change};
    struct keygen_wish wish;
    struct buf name, der;
    struct fault f;
    struct csr c;
    bool there;

    (void)state;
    name_of("CN=a.example", &name);
    r.subject = change.subject = buf_slice(&name);
    r.binding = slice_str("the binding!");
    r.opener = slice_str("key identifier");
    sans.item[0] = (struct san){SAN_DNS, slice_str("a.example")};
    other.item[0] = (struct san){SAN_DNS, slice_str("b.example")};
    change.sans = other;
    wanted.extension[0].oid = oid_ext_key_usage;
    wanted.extension[0].has_value = true;
    wanted.extension[0].value = slice_of("\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02", 12);
    wanted.extension[1].oid = oid_key_usage; /* without a value: nothing to say */
    wanted.extension[2].oid = oid_subject_alt_name;
    wanted.extension[2].has_value = true;
    wanted.extension[2].value = slice_of("\x30\x03\x82\x01x", 5);
    wanted.extension[3].oid = oid_basic_constraints;
    wanted.extension[3].critical = true;
    wanted.extension[3].has_value = true;
    wanted.extension[3].value = slice_of("\x30\x00", 2);
    make(&r, &der, &c);
    assert_int_equal(c.n_attributes, 5);
    assert_int_equal(c.sans.n, 1);
    assert_true(slice_is(c.sans.item[0].value, "a.example"));
    assert_true(c.has_eku && c.eku == EKU_CLIENT_AUTH);
    assert_true(c.has_basic_constraints && !c.asks_ca);
    assert_false(c.has_key_usage);
    assert_int_equal(link_check(&c, r.binding), LINK_RIGHT);
    assert_int_equal(name_change_get(&c, &got, &there, &f), 0);
    assert_true(slice_eq(got.subject, change.subject));
    assert_true(slice_is(got.sans.item[0].value, "b.example"));
    assert_int_equal(keygen_wish_get(&c, &wish, &f), 0);
    assert_true(slice_eq(wish.asymmetric, r.opener));
    buf_free(&der);
    buf_free(&name);
}

/* RFC 9908 3.4: where the client has no names, those that the server demands. */
static void test_names_of_the_server_are_taken_where_there_are_no_others(void **state)
{
    struct csrattrs wanted = {.n_extensions = 1};
    struct est_request r = {.wanted = &wanted, .subject = slice_of("\x30\x00", 2)};
    struct buf der;
    struct csr c;

    (void)state;
    wanted.extension[0].oid = oid_subject_alt_name;
    wanted.extension[0].critical = true;
    wanted.extension[0].has_value = true;
    wanted.extension[0].value = slice_of("\x30\x03\x82\x01x", 5);
    make(&r, &der, &c);
    assert_int_equal(c.sans.n, 1);
    assert_true(slice_is(c.sans.item[0].value, "x"));
    buf_free(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bare_request_has_subject_and_key),
        cmocka_unit_test(test_everything_that_can_be_asked_for_is_there_once),
        cmocka_unit_test(test_names_of_the_server_are_taken_where_there_are_no_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
