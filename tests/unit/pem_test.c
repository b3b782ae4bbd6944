#include "lib/pem.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const request_labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST",
                                             NULL};
static const char *const x_label[] = {"X", NULL};

/* RFC 4648 10 */
static void test_base64_vectors(void **state)
{
    static const struct {
        const char *plain, *coded;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf b;

        buf_init(&b, 64);
        base64_put(&b, slice_str(rows[i].plain), 0);
        assert_string_equal(buf_cstr(&b), rows[i].coded);
        buf_reset(&b);
        assert_int_equal(base64_get(slice_str(rows[i].coded), &b), 0);
        assert_string_equal(buf_cstr(&b), rows[i].plain);
        buf_free(&b);
    }
}

static void test_base64_skips_white_space(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 64);
    assert_int_equal(base64_get(slice_str(" Zm\r\n9v\tY g\n=\n= \n"), &b), 0);
    assert_string_equal(buf_cstr(&b), "foob");
    buf_free(&b);
}

/* RFC 4648 3.2, 3.3, 3.5 */
/* At the place of each digit of a quantum. */
static void test_no_octet_but_the_alphabet_is_a_digit(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    for (unsigned at = 0; at < 4; at++)
        for (unsigned c = 1; c < 256; c++) {
            const char *is = strchr(alphabet, (int)c);
            uint8_t text[8] = "AAAAAAAA";

            text[4 + at] = (uint8_t)c;
            buf_reset(&b);
            if (is == NULL) {
                /* Too few are left, or it is padding of nothing. */
                assert_int_equal(base64_get(slice_of(text, 8), &b), c == '=' && at == 3 ? 0 : -1);
                continue;
            }
            assert_int_equal(base64_get(slice_of(text, 8), &b), 0);
            assert_int_equal(b.n, 6);
            assert_int_equal(b.p[3] << 16 | b.p[4] << 8 | b.p[5], (int)(is - alphabet)
                                                                      << 6 * (3 - at));
        }
    buf_free(&b);
}

static void test_what_is_not_base64_is_refused(void **state)
{
    static const char *const bad[] = {"Z",    "Zg",    "Zg=",      "Zh==",   "Zm9=",    "====",
                                      "=",    "Z===",  "Zg==Zg==", "Zg==Z",  "Zm9v=",   "Zm9-",
                                      "Zm9_", "Zm9v!", "Zg=g",     "Zm9v\f", "Zm9v\x80"};
    struct buf b;

    (void)state;
    buf_init(&b, 64);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        buf_reset(&b);
        assert_int_equal(base64_get(slice_str(bad[i]), &b), -1);
    }
    assert_int_equal(base64_get(slice_of("Zm9v\0", 5), &b), -1);
    buf_free(&b);
}

/* RFC 7468 2: 64 columns; PEM_write_bio is the oracle. */
static void test_blocks_are_those_of_openssl(void **state)
{
    uint8_t octets[200];

    (void)state;
    memset(octets, 0xa5, sizeof(octets));
    for (size_t n = 1; n <= sizeof(octets); n++) {
        BIO *bio = BIO_new(BIO_s_mem());
        struct buf b, back;
        struct slice text;
        struct fault f;
        char *theirs = NULL;
        long len;

        buf_init(&b, 1024);
        buf_init(&back, 1024);
        assert_true(PEM_write_bio(bio, "X", "", octets, (long)n) > 0);
        len = BIO_get_mem_data(bio, &theirs);
        pem_put(&b, "X", slice_of(octets, n));
        assert_true(slice_eq(buf_slice(&b), slice_of(theirs, (size_t)len)));
        text = buf_slice(&b);
        assert_int_equal(pem_next(&text, x_label, NULL, &back, &f), 0);
        assert_true(slice_eq(buf_slice(&back), slice_of(octets, n)));
        assert_int_equal(pem_next(&text, x_label, NULL, &back, &f), 1);
        buf_free(&back);
        buf_free(&b);
        BIO_free(bio);
    }
}

/* What people paste: text around, CRLF, long and short lines, a BOM, other blocks, no newline. */
static void test_real_files_are_read(void **state)
{
    static const char *const files[] = {
        "-----BEGIN X-----\nZm9v\n-----END X-----\n",
        "-----BEGIN X-----\r\nZm9v\r\n-----END X-----\r\n",
        "subject=CN=x\n\n-----BEGIN X-----\nZm9v\n-----END X-----\ntrailing words\n",
        "\xef\xbb\xbf-----BEGIN X-----\nZm9v\n-----END X-----",
        "-----BEGIN X-----\nZ\nm\n9\nv\n-----END X-----\n",
        "-----BEGIN X-----Zm9v-----END X-----",
        "  -----BEGIN X-----\n  Zm9v\n  -----END X-----\n",
        ("-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n"
         "-----BEGIN X-----\nZm9v\n-----END X-----\n"),
        "-----BEGIN broken\n-----BEGIN X-----\nZm9v\n-----END X-----\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct slice text = slice_str(files[i]);
        struct fault f;
        struct buf b;

        buf_init(&b, 64);
        assert_int_equal(pem_next(&text, x_label, NULL, &b, &f), 0);
        assert_string_equal(buf_cstr(&b), "foo");
        assert_int_equal(pem_next(&text, x_label, NULL, &b, &f), 1);
        assert_int_equal(pem_or_der(slice_str(files[i]), x_label, &b, &f), 0);
        assert_string_equal(buf_cstr(&b), "foo");
        buf_free(&b);
    }
}

static void test_blocks_come_one_after_the_other_with_their_label(void **state)
{
    struct slice text = slice_str("-----BEGIN NEW CERTIFICATE REQUEST-----\nZm8=\n"
                                  "-----END NEW CERTIFICATE REQUEST-----\n"
                                  "-----BEGIN CERTIFICATE REQUEST-----\nZg==\n"
                                  "-----END CERTIFICATE REQUEST-----\n");
    struct fault f;
    struct buf b;
    size_t label = 9;

    (void)state;
    buf_init(&b, 64);
    assert_int_equal(pem_next(&text, request_labels, &label, &b, &f), 0);
    assert_int_equal(label, 1);
    assert_string_equal(buf_cstr(&b), "fo");
    assert_int_equal(pem_next(&text, request_labels, &label, &b, &f), 0);
    assert_int_equal(label, 0);
    assert_string_equal(buf_cstr(&b), "f");
    assert_int_equal(pem_next(&text, request_labels, &label, &b, &f), 1);
    buf_free(&b);
}

static void test_broken_blocks_are_refused(void **state)
{
    static const struct {
        const char *text, *rule;
        int code;
    } rows[] = {
        {"-----BEGIN X-----\nZm9v\n", "pem.end", FAULT_MALFORMED},
        {"-----BEGIN X-----\nZm9v\n-----END X", "pem.end", FAULT_MALFORMED},
        {"-----BEGIN X-----\nZm9v\n-----END Y-----\n", "pem.end", FAULT_MALFORMED},
        {"-----BEGIN X-----\nZm9\n-----END X-----\n", "pem.base64", FAULT_MALFORMED},
        {"-----BEGIN X-----\nProc-Type: 4\n\nZm9v\n-----END X-----\n", "pem.base64",
         FAULT_MALFORMED},
        {"-----BEGIN X-----\nZm9vZm9vZm9v\n-----END X-----\n", "pem.size", FAULT_TOO_LARGE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice text = slice_str(rows[i].text);
        struct fault f;
        struct buf b;

        buf_init(&b, 8);
        assert_int_equal(pem_next(&text, x_label, NULL, &b, &f), -rows[i].code);
        assert_string_equal(f.rule, rows[i].rule);
        buf_free(&b);
    }
}

static void test_der_is_taken_as_it_is(void **state)
{
    static const char *const neither[] = {"",
                                          "0",
                                          "hello",
                                          "\x30\x05"
                                          "ab",
                                          "-----BEGIN Y-----\n",
                                          "\x30\x01"
                                          "abc"};
    struct fault f;
    struct buf b;

    (void)state;
    buf_init(&b, 64);
    assert_int_equal(pem_or_der(slice_str("\x30\x03"
                                          "abc"),
                                x_label, &b, &f),
                     0);
    assert_string_equal(buf_cstr(&b), "\x30\x03"
                                      "abc");
    for (size_t i = 0; i < sizeof(neither) / sizeof(neither[0]); i++) {
        assert_int_equal(pem_or_der(slice_str(neither[i]), x_label, &b, &f), -FAULT_MALFORMED);
        assert_string_equal(f.rule, "pem.none");
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_vectors),
        cmocka_unit_test(test_base64_skips_white_space),
        cmocka_unit_test(test_no_octet_but_the_alphabet_is_a_digit),
        cmocka_unit_test(test_what_is_not_base64_is_refused),
        cmocka_unit_test(test_blocks_are_those_of_openssl),
        cmocka_unit_test(test_real_files_are_read),
        cmocka_unit_test(test_blocks_come_one_after_the_other_with_their_label),
        cmocka_unit_test(test_broken_blocks_are_refused),
        cmocka_unit_test(test_der_is_taken_as_it_is),
    };

    return cmocka_run_group_tests_name("pem", tests, NULL, NULL);
}
