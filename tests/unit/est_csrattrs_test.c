#include "est/csrattrs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/x509v3.h>

#include <cmocka.h>

#include "lib/name.h"
#include "lib/oid.h"
#include "lib/pem.h"

/* As in lib/tbs.h, whose names OpenSSL has for other numbers. */
#define SERVER_AND_CLIENT 3u

static char *p256[] = {"p256"};
static char *rsa3072[] = {"rsa3072"};
static char *ed25519[] = {"ed25519"};
static char *curves[] = {"p256", "p384"};
static char *any[] = {"p256", "rsa2048"};

static struct conf_profile profile(char **keys, size_t n)
{
    return (struct conf_profile){.name = "x", .subject = "", .key_types = keys, .n_key_types = n};
}

/* Writes, has OpenSSL walk every element, reads. */
static void round_trip(const struct conf_profile *p, bool linking, struct buf *der,
                       struct csrattrs *out)
{
    BIO *nowhere = BIO_new(BIO_s_null());
    struct fault f;

    buf_init(der, CSRATTRS_BODY_MAX);
    csrattrs_put(der, p, linking);
    assert_false(buf_failed(der));
    assert_int_equal(ASN1_parse_dump(nowhere, der->p, (long)der->n, 0, 0), 1);
    assert_int_equal(csrattrs_get(buf_slice(der), out, &f), 0);
    BIO_free(nowhere);
}

/* RFC 7030 4.5.2: an empty one says as much as 204. */
static void test_who_wants_nothing_says_nothing(void **state)
{
    struct conf_profile p = profile(any, 2);
    struct csrattrs a;
    struct buf der;

    (void)state;
    round_trip(&p, false, &der, &a);
    assert_int_equal(der.n, 2);
    assert_memory_equal(der.p, "\x30\x00", 2);
    assert_false(a.linking || a.templated);
    buf_free(&der);
}

static void test_what_a_profile_needs_is_asked_for(void **state)
{
    struct conf_profile p = profile(p256, 1);
    EXTENDED_KEY_USAGE *eku;
    struct csrattrs a;
    struct buf der;
    const uint8_t *at;

    (void)state;
    p.eku = SERVER_AND_CLIENT;
    p.eku_critical = true;
    p.san_required = true;
    p.subject_required = 1u << ATTR_CN | 1u << ATTR_O;
    round_trip(&p, true, &der, &a);
    assert_true(a.linking && a.templated);
    assert_int_equal(a.n_keys, 1);
    assert_int_equal(a.key[0].type, KEY_P256);
    assert_int_equal(a.n_subject, 2);
    assert_true(slice_eq(a.subject[0].oid, slice_str("\x55\x04\x0a")));
    assert_true(slice_eq(a.subject[1].oid, slice_str("\x55\x04\x03")));
    assert_int_equal(a.subject[0].value.n + a.subject[1].value.n, 0);
    assert_int_equal(a.n_extensions, 2);
    assert_true(slice_eq(a.extension[0].oid, oid_subject_alt_name));
    assert_false(a.extension[0].has_value);
    assert_true(slice_eq(a.extension[1].oid, oid_ext_key_usage));
    assert_true(a.extension[1].critical && a.extension[1].has_value);
    at = a.extension[1].value.p;
    eku = d2i_EXTENDED_KEY_USAGE(NULL, &at, (long)a.extension[1].value.n);
    assert_int_equal(sk_ASN1_OBJECT_num(eku), 2);
    assert_int_equal(OBJ_obj2nid(sk_ASN1_OBJECT_value(eku, 0)), NID_server_auth);
    EXTENDED_KEY_USAGE_free(eku);
    /* RFC 9908 3.4: no template has both kinds of extension requests. */
    assert_null(memmem(der.p + der.n / 2, der.n - der.n / 2, oid_extension_request.p,
                       oid_extension_request.n));
    buf_free(&der);
}

static void test_a_subject_that_the_profile_writes_is_not_asked_for(void **state)
{
    struct conf_profile p = profile(any, 2);
    struct csrattrs a;
    struct buf der;

    (void)state;
    p.subject = "CN={dns}";
    p.subject_required = 1u << ATTR_CN;
    p.san_required_kinds = 1u << SAN_DNS;
    round_trip(&p, false, &der, &a);
    assert_int_equal(a.n_subject, 0);
    assert_int_equal(a.n_extensions, 1);
    buf_free(&der);
}

/* One key or none in a template; the older form can say several of one algorithm. */
static void test_keys_are_asked_for_where_there_is_no_choice(void **state)
{
    const struct {
        char **keys;
        size_t n;
        enum key_type type;
        unsigned bits;
    } rows[] = {
        {p256, 1, KEY_P256, 0},   {rsa3072, 1, KEY_RSA, 3072}, {ed25519, 1, KEY_ED25519, 0},
        {curves, 2, KEY_NONE, 0}, {any, 2, KEY_NONE, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct conf_profile p = profile(rows[i].keys, rows[i].n);
        struct csrattrs a;
        struct buf der;

        p.eku = SERVER_AND_CLIENT;
        round_trip(&p, false, &der, &a);
        assert_true(a.templated);
        assert_int_equal(a.n_keys, rows[i].type == KEY_NONE ? 0 : 1);
        if (a.n_keys == 1) {
            assert_int_equal(a.key[0].type, rows[i].type);
            assert_int_equal(a.key[0].bits, rows[i].bits);
        }
        assert_true((memmem(der.p, der.n, oid_p384.p, oid_p384.n) != NULL) ==
                    (rows[i].keys == curves));
        buf_free(&der);
    }
}

/* Octet for octet, as `openssl asn1parse` shows it and the ASN.1 of RFC 9908 has it: challenge
 * password, key, purposes; then the template with the same. */
static void test_octets_are_those_of_the_standard(void **state)
{
    struct conf_profile p = profile(p256, 1);
    struct csrattrs a;
    struct buf der, text;

    (void)state;
    p.eku = 1;
    round_trip(&p, true, &der, &a);
    buf_init(&text, 4096);
    base64_put(&text, buf_slice(&der), 0);
    assert_string_equal(
        buf_cstr(&text),
        "MIGsBgkqhkiG9w0BCQcwFQYHKoZIzj0CATEKBggqhkjOPQMBBzAkBgkqhkiG9w0BCQ4xFzAVMBMG"
        "A1UdJQQMMAoGCCsGAQUFBwMBMGIGCyqGSIb3DQEJEAI9MVMwUQIBAKAVMBMGByqGSM49AgEGCCqG"
        "SM49AwEHoTUwDQYJKoZIhvcNAQkHMQAwJAYJKoZIhvcNAQkOMRcwFTATBgNVHSUEDDAKBggrBgEF"
        "BQcDAQ==");
    buf_free(&text);
    buf_free(&der);
}

static int read_text(const char *base64, struct buf *der, struct csrattrs *out, struct fault *f)
{
    buf_init(der, CSRATTRS_BODY_MAX);
    assert_int_equal(base64_get(slice_str(base64), der), 0);
    return csrattrs_get(buf_slice(der), out, f);
}

/* Of the working group that made RFC 9908, and of RFC 7030 4.5.2. */
static void test_examples_of_others_are_read(void **state)
{
    static const struct {
        const char *text;
        bool linking;
        enum key_type type;
        unsigned bits;
        size_t subject, extensions, others;
    } rows[] = {
        {"MGQwYgYJKoZIhvcNAQkOMVUwUwYDVR0RAQH/BEmgRzBFBggrBgEFBQcICgw5cmZjODk5NCtmZDczOWZjMjNjMzQ0"
         "MDExMjIzMzQ0NTUwMDAwMDAwMCtAYWNwLmV4YW1wbGUuY29t",
         false, KEY_NONE, 0, 0, 0, 1}, /* one Extension where a list of them belongs */
        {"MDIGCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAiBgcrBgEBAQEWBggqhkjOPQQDAw==", true, KEY_P384,
         0, 0, 0, 2},
        {"ME4GCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAiMCMGCSqGSIb3DQEJDjEWMBQwEgYDVR0JBAswCQYHKwYB"
         "AQEBFgYIKoZIzj0EAwM=",
         true, KEY_P384, 0, 0, 1, 1},
        {"MCkGCSqGSIb3DQEJBzARBgkqhkiG9w0BAQExBAICEAAGCSqGSIb3DQEBCw==", true, KEY_RSA, 4096, 0, 0,
         1},
        {"MD0GCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAiMBIGCSqGSIb3DQEJDjEFBgNVBAUGCCqGSM49BAMD",
         true, KEY_P384, 0, 1, 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct csrattrs a;
        struct fault f;
        struct buf der;

        assert_int_equal(read_text(rows[i].text, &der, &a, &f), 0);
        assert_int_equal(a.linking, rows[i].linking);
        assert_int_equal(a.n_keys, rows[i].type == KEY_NONE ? 0 : 1);
        if (a.n_keys == 1) {
            assert_int_equal(a.key[0].type, rows[i].type);
            assert_int_equal(a.key[0].bits, rows[i].bits);
        }
        assert_int_equal(a.n_subject, rows[i].subject);
        assert_int_equal(a.n_extensions, rows[i].extensions);
        assert_int_equal(a.n_others, rows[i].others);
        assert_false(a.templated);
        buf_free(&der);
    }
}

static void test_what_is_cut_or_bent_is_refused_or_stays_inside(void **state)
{
    struct conf_profile p = profile(rsa3072, 1);
    struct csrattrs a;
    struct fault f;
    struct buf der;

    (void)state;
    p.eku = SERVER_AND_CLIENT;
    p.san_required = true;
    p.subject_required = 1u << ATTR_CN;
    round_trip(&p, true, &der, &a);
    for (size_t n = 0; n < der.n; n++)
        assert_int_equal(csrattrs_get(slice_of(der.p, n), &a, &f), -FAULT_MALFORMED);
    for (size_t at = 0; at < der.n; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            der.p[at] ^= (uint8_t)(1u << bit);
            if (csrattrs_get(buf_slice(&der), &a, &f) == 0)
                for (size_t i = 0; i < a.n_extensions; i++)
                    assert_true(a.extension[i].value.n == 0 ||
                                a.extension[i].value.p + a.extension[i].value.n <= der.p + der.n);
            der.p[at] ^= (uint8_t)(1u << bit);
        }
    buf_free(&der);
}

static void test_more_than_the_bound_is_refused(void **state)
{
    struct csrattrs a;
    struct fault f;
    struct buf list, der;

    (void)state;
    buf_init(&list, 1024);
    buf_init(&der, 1024);
    for (int i = 0; i <= CSRATTRS_MAX; i++) {
        buf_put(&list, "\x06\x02\x2a\x03", 4);
        buf_reset(&der);
        buf_put(&der, "\x30\x81", 2);
        buf_put_u8(&der, (uint8_t)list.n);
        buf_put_slice(&der, buf_slice(&list));
        if (list.n >= 128)
            assert_int_equal(csrattrs_get(buf_slice(&der), &a, &f),
                             i < CSRATTRS_MAX ? 0 : -FAULT_TOO_LARGE);
    }
    assert_string_equal(f.rule, "est.csrattrs.count");
    buf_free(&der);
    buf_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_wants_nothing_says_nothing),
        cmocka_unit_test(test_what_a_profile_needs_is_asked_for),
        cmocka_unit_test(test_a_subject_that_the_profile_writes_is_not_asked_for),
        cmocka_unit_test(test_keys_are_asked_for_where_there_is_no_choice),
        cmocka_unit_test(test_octets_are_those_of_the_standard),
        cmocka_unit_test(test_examples_of_others_are_read),
        cmocka_unit_test(test_what_is_cut_or_bent_is_refused_or_stays_inside),
        cmocka_unit_test(test_more_than_the_bound_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
