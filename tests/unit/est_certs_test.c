#include "est/certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs7.h>

#include <cmocka.h>

#include "est/body.h"
#include "lib/der.h"
#include "lib/pem.h"
#include "tests/unit/x509_help.h"

#define N 3

static const char *const cert_labels[] = {"PKCS7", "CMS", NULL};
static const char *const none[][2] = {{NULL, NULL}};

/* Certificates of OpenSSL's, and their DER. */
static X509 *x509[N];
static struct slice der[N];

static int make(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++) {
        uint8_t *p = NULL;
        int n;

        x509[i] = test_foreign(none);
        n = i2d_X509(x509[i], &p);
        der[i] = slice_of(p, (size_t)n);
    }
    return 0;
}

static int drop(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++) {
        X509_free(x509[i]);
        OPENSSL_free((void *)der[i].p);
    }
    return 0;
}

static bool in_list(const struct certs *c, struct slice one)
{
    for (size_t i = 0; i < c->n; i++)
        if (slice_eq(c->cert[i], one))
            return true;
    return false;
}

static void put_some(struct buf *b, size_t n)
{
    buf_init(b, EST_BODY_MAX);
    certs_put(b, der, n);
    assert_false(buf_failed(b));
}

static void test_openssl_reads_what_is_written(void **state)
{
    struct buf b;

    (void)state;
    for (size_t n = 1; n <= N; n++) {
        const uint8_t *p;
        uint8_t *again = NULL;
        PKCS7 *p7;

        put_some(&b, n);
        p = b.p;
        p7 = d2i_PKCS7(NULL, &p, (long)b.n);
        assert_non_null(p7);
        assert_ptr_equal(p, b.p + b.n);
        assert_int_equal(sk_X509_num(p7->d.sign->cert), n);
        assert_int_equal(i2d_PKCS7(p7, &again), b.n);
        assert_memory_equal(again, b.p, b.n);
        OPENSSL_free(again);
        PKCS7_free(p7);
        buf_free(&b);
    }
}

static void test_what_is_written_is_read(void **state)
{
    struct certs c;
    struct fault f;
    struct buf b;

    (void)state;
    put_some(&b, N);
    assert_int_equal(certs_get(&b, &c, &f), 0);
    assert_int_equal(c.n, N);
    for (int i = 0; i < N; i++)
        assert_true(in_list(&c, der[i]));
    for (size_t i = 1; i < c.n; i++) /* X.690 11.6 */
        assert_true(slice_cmp(c.cert[i - 1], c.cert[i]) < 0);
    buf_free(&b);
}

/* One of OpenSSL's, with the certificates in any order and a signature that nobody asked for. */
static void test_signed_messages_of_openssl_are_read(void **state)
{
    EVP_PKEY *key = test_key(KEY_P256);
    PKCS7 *p7 = PKCS7_new();
    uint8_t *p = NULL;
    struct certs c;
    struct fault f;
    struct buf b;
    int n;

    (void)state;
    assert_non_null(key);
    assert_int_equal(PKCS7_set_type(p7, NID_pkcs7_signed), 1);
    assert_int_equal(PKCS7_content_new(p7, NID_pkcs7_data), 1);
    for (int i = N - 1; i >= 0; i--)
        assert_int_equal(PKCS7_add_certificate(p7, x509[i]), 1);
    n = i2d_PKCS7(p7, &p);
    buf_init(&b, EST_BODY_MAX);
    buf_put(&b, p, (size_t)n);
    assert_int_equal(certs_get(&b, &c, &f), 0);
    assert_int_equal(c.n, N);
    OPENSSL_free(p);
    PKCS7_free(p7);
    buf_free(&b);
}

/* Definite lengths of the two outer levels made indefinite, as streaming encoders write them. */
static void test_ber_is_read(void **state)
{
    static const uint8_t end[] = {0, 0, 0, 0, 0, 0};
    struct slice info, type, content, sd, in;
    struct certs c;
    struct fault f;
    struct buf b, ber;

    (void)state;
    put_some(&b, 2);
    in = buf_slice(&b);
    assert_int_equal(der_get(&in, DER_SEQUENCE, &info), 0);
    assert_int_equal(der_get_whole(&info, DER_OID, &type), 0);
    assert_int_equal(der_get(&info, DER_CONTEXT_CONSTRUCTED(0), &content), 0);
    assert_int_equal(der_get(&content, DER_SEQUENCE, &sd), 0);
    buf_init(&ber, EST_BODY_MAX);
    buf_put(&ber, "\x30\x80", 2);
    buf_put_slice(&ber, type);
    buf_put(&ber, "\xa0\x80\x30\x80", 4);
    buf_put_slice(&ber, sd);
    buf_put(&ber, end, sizeof(end));
    assert_int_equal(certs_get(&ber, &c, &f), 0);
    assert_int_equal(c.n, 2);
    assert_true(in_list(&c, der[0]) && in_list(&c, der[1]));
    buf_free(&ber);
    buf_free(&b);
}

static void test_nothing_that_is_cut_or_bent_is_read_past_its_end(void **state)
{
    struct certs c;
    struct fault f;
    struct buf b, bent;

    (void)state;
    put_some(&b, 2);
    for (size_t n = 0; n < b.n; n++) {
        buf_init(&bent, b.n);
        buf_put(&bent, b.p, n);
        assert_true(certs_get(&bent, &c, &f) < 0);
        assert_int_equal(c.n, 0);
        buf_free(&bent);
    }
    for (size_t at = 0; at < b.n; at++) {
        buf_init(&bent, 2 * b.n);
        buf_put_slice(&bent, buf_slice(&b));
        bent.p[at] ^= 0x41;
        if (certs_get(&bent, &c, &f) == 0)
            assert_true(c.n > 0);
        else
            assert_int_equal(c.n, 0);
        for (size_t i = 0; i < c.n; i++)
            assert_true(c.cert[i].p >= bent.p && c.cert[i].p + c.cert[i].n <= bent.p + bent.n);
        buf_free(&bent);
    }
    buf_free(&b);
    ERR_clear_error();
}

static void test_what_is_refused_has_its_rule(void **state)
{
    struct slice many[CERTS_MAX + 1];
    struct certs c;
    struct fault f;
    struct buf b;

    (void)state;
    buf_init(&b, 1 << 20);
    certs_put(&b, NULL, 0);
    assert_int_equal(certs_get(&b, &c, &f), -FAULT_NOT_FOUND);
    assert_string_equal(f.rule, "est.certs.none");
    buf_reset(&b);
    buf_put(&b, "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x00", 15);
    assert_int_equal(certs_get(&b, &c, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "est.certs.type");
    for (size_t i = 0; i <= CERTS_MAX; i++)
        many[i] = der[0];
    buf_reset(&b);
    certs_put(&b, many, CERTS_MAX + 1);
    assert_true(buf_failed(&b));
    buf_reset(&b);
    certs_put(&b, many, CERTS_MAX);
    assert_int_equal(certs_get(&b, &c, &f), 0);
    assert_int_equal(c.n, CERTS_MAX);
    buf_free(&b);
}

/* ---- bodies ---- */

static void expect_body(const char *text, size_t n)
{
    struct buf out;
    struct fault f;

    buf_init(&out, EST_BODY_MAX);
    assert_int_equal(est_body_get(slice_of(text, n), cert_labels, &out, &f), 0);
    assert_true(slice_eq(buf_slice(&out), der[0]));
    buf_free(&out);
}

/* RFC 8951 3.1: white space is tolerated anywhere; and what clients send by mistake. */
static void test_bodies_are_read_in_every_form(void **state)
{
    static const size_t columns[] = {0, 4, 64, 76};
    struct buf text, spaced;

    (void)state;
    buf_init(&text, EST_BODY_MAX);
    buf_init(&spaced, EST_BODY_MAX);
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        buf_reset(&text);
        buf_reset(&spaced);
        base64_put(&text, der[0], columns[i]);
        expect_body(buf_cstr(&text), text.n);
        for (size_t k = 0; k < text.n; k++) {
            if (text.p[k] == '\n')
                buf_put_u8(&spaced, '\r');
            buf_put_u8(&spaced, text.p[k]);
        }
        buf_put_str(&spaced, "\r\n \t\r\n");
        expect_body(buf_cstr(&spaced), spaced.n);
    }
    expect_body((const char *)der[0].p, der[0].n);
    buf_reset(&text);
    buf_put_str(&text, "a word before\r\n");
    pem_put(&text, "PKCS7", der[0]);
    expect_body(buf_cstr(&text), text.n);
    buf_reset(&text);
    est_body_put(&text, der[0]);
    expect_body(buf_cstr(&text), text.n);
    buf_free(&spaced);
    buf_free(&text);
}

static void test_bodies_that_are_nothing_are_refused(void **state)
{
    static const struct {
        const char *text, *rule;
    } rows[] = {
        {"", "est.body.empty"},
        {" \r\n", "est.body.empty"},
        {"TUlJ!", "est.body.base64"},
        {"<html>", "est.body.base64"},
        {"MIIB", NULL},
        {"MII", "est.body.base64"},
        {"-----BEGIN X-----\nTUlJ\n-----END X-----\n", "est.body.base64"},
        {"-----BEGIN CMS-----\nTUlJ\n-----END X-----\n", "pem.end"},
        {"-----BEGIN CMS-----\n!!!!\n-----END CMS-----\n", "pem.base64"},
        {"MIIBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB", "est.body.size"},
        {"0123456789012345678901234567890123456789", "est.body.size"},
        {"-----BEGIN CMS-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END CMS-----\n",
         "est.body.size"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fault f;
        struct buf out;
        int rc;

        buf_init(&out, 32);
        rc = est_body_get(slice_str(rows[i].text), cert_labels, &out, &f);
        assert_int_equal(rc == 0, rows[i].rule == NULL);
        if (rows[i].rule != NULL)
            assert_string_equal(f.rule, rows[i].rule);
        buf_free(&out);
    }
}

static void test_media_types_are_compared_without_case_and_parameters(void **state)
{
    (void)state;
    assert_true(est_type_is("application/pkcs10", "application/pkcs10"));
    assert_true(est_type_is(" Application/PKCS10 ; charset=x", "application/pkcs10"));
    assert_false(est_type_is("application/pkcs10x", "application/pkcs10"));
    assert_false(est_type_is("application/pkcs1", "application/pkcs10"));
    assert_false(est_type_is("", "application/pkcs10"));
    assert_false(est_type_is(NULL, "application/pkcs10"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openssl_reads_what_is_written),
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_signed_messages_of_openssl_are_read),
        cmocka_unit_test(test_ber_is_read),
        cmocka_unit_test(test_nothing_that_is_cut_or_bent_is_read_past_its_end),
        cmocka_unit_test(test_what_is_refused_has_its_rule),
        cmocka_unit_test(test_bodies_are_read_in_every_form),
        cmocka_unit_test(test_bodies_that_are_nothing_are_refused),
        cmocka_unit_test(test_media_types_are_compared_without_case_and_parameters),
    };

    return cmocka_run_group_tests(tests, make, drop);
}
