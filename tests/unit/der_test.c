#include "lib/der.h"

#include <openssl/asn1.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/x509_help.h"

static struct buf input;

static struct slice hex(const char *text)
{
    test_hex(text, &input);
    return buf_slice(&input);
}

static int teardown(void **state)
{
    (void)state;
    buf_free(&input);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    buf_init(&input, 4096);
    return 0;
}

/* X.690 8.1.3, 10.1 */
static void test_lengths_only_definite_and_shortest(void **state)
{
    static const char *const bad[] = {
        "",           "04",   "0480",       "048000",       "04810100",
        "048200010a", "0401", "04820001",   "0484ffffffff", "0485000000000100",
        "1f8101",     "0000", "04827fff00",
    };
    struct slice in, out;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        in = hex(bad[i]);
        assert_int_equal(der_get_any(&in, NULL, &out, NULL), -1);
        assert_int_equal(in.n, strlen(bad[i]) / 2);
    }
    in = hex("0403010203ff");
    assert_int_equal(der_get(&in, DER_OCTET_STRING, &out), 0);
    assert_int_equal(out.n, 3);
    assert_int_equal(in.n, 1);
}

static void test_every_length_survives_a_round_trip(void **state)
{
    static uint8_t zeros[70000];
    static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 65535, 65536, 70000};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct buf a, b;
        struct slice in, contents;
        struct der_mark m;

        buf_init(&a, 80000);
        buf_init(&b, 80000);
        der_put(&a, DER_OCTET_STRING, slice_of(zeros, sizes[i]));
        m = der_open(&b, DER_OCTET_STRING);
        buf_put(&b, zeros, sizes[i]);
        der_close(&b, m);
        assert_true(slice_eq(buf_slice(&a), buf_slice(&b)));
        in = buf_slice(&a);
        assert_int_equal(der_get(&in, DER_OCTET_STRING, &contents), 0);
        assert_int_equal(contents.n, sizes[i]);
        assert_true(der_end(in));
        buf_free(&a);
        buf_free(&b);
    }
}

static void test_a_full_buffer_fails_and_stays_failed(void **state)
{
    struct buf b;
    struct der_mark m;

    (void)state;
    buf_init(&b, 130);
    m = der_open(&b, DER_SEQUENCE);
    der_put(&b, DER_OCTET_STRING, slice_of("0123456789", 10));
    for (int i = 0; i < 11; i++)
        der_put(&b, DER_OCTET_STRING, slice_of("01234567", 8));
    der_close(&b, m);
    assert_false(buf_failed(&b));
    buf_reset(&b);
    m = der_open(&b, DER_SEQUENCE);
    for (int i = 0; i < 16; i++)
        der_put(&b, DER_OCTET_STRING, slice_of("012345", 6));
    /* Exactly full; the longer length does not fit any more. */
    der_close(&b, m);
    assert_true(buf_failed(&b));
    der_put_bool(&b, true);
    assert_true(buf_failed(&b));
    buf_free(&b);
}

/* X.690 8.3 */
static void test_integers_are_minimal_and_not_negative(void **state)
{
    static const char *const bad[] = {
        "0200", "020180", "02020001", "0201ff", "0202ff80", "0209010000000000000000", "030101"};
    struct slice in;
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        in = hex(bad[i]);
        assert_int_equal(der_get_u64(&in, &v), -1);
    }
    in = hex("020900ffffffffffffffff");
    assert_int_equal(der_get_u64(&in, &v), 0);
    assert_true(v == UINT64_MAX);
    in = hex("020100");
    assert_int_equal(der_get_u64(&in, &v), 0);
    assert_int_equal(v, 0);
}

static void test_integers_written_as_openssl_writes_them(void **state)
{
    static const uint64_t values[] = {0, 1, 127, 128, 255, 256, 32767, 32768, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        ASN1_INTEGER *a = ASN1_INTEGER_new();
        unsigned char *der = NULL;
        struct buf b;
        int n;

        assert_int_equal(ASN1_INTEGER_set_uint64(a, values[i]), 1);
        n = i2d_ASN1_INTEGER(a, &der);
        buf_init(&b, 64);
        der_put_u64(&b, values[i]);
        assert_true(slice_eq(buf_slice(&b), slice_of(der, (size_t)n)));
        buf_free(&b);
        OPENSSL_free(der);
        ASN1_INTEGER_free(a);
    }
}

/* X.690 11.1, 8.2 */
static void test_booleans_are_00_or_ff(void **state)
{
    struct slice in;
    bool v;

    (void)state;
    in = hex("010101");
    assert_int_equal(der_get_bool(&in, &v), -1);
    in = hex("01020000");
    assert_int_equal(der_get_bool(&in, &v), -1);
    in = hex("0101ff");
    assert_int_equal(der_get_bool(&in, &v), 0);
    assert_true(v);
}

/* X.690 8.6, 11.2 */
static void test_bit_strings_have_zero_unused_bits(void **state)
{
    static const char *const bad[] = {"0300", "030101", "03020801", "03020701", "03020101"};
    struct slice in, octets;
    unsigned unused;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        in = hex(bad[i]);
        assert_int_equal(der_get_bits(&in, &octets, &unused), -1);
    }
    in = hex("03020780");
    assert_int_equal(der_get_bit_octets(&in, &octets), -1);
    assert_int_equal(der_get_bits(&in, &octets, &unused), 0);
    assert_int_equal(unused, 7);
    in = hex("030100");
    assert_int_equal(der_get_bit_octets(&in, &octets), 0);
    assert_int_equal(octets.n, 0);
}

/* X.690 11.2.2 */
static void test_named_bits_drop_trailing_zeros(void **state)
{
    static const struct {
        uint16_t bits;
        const char *der;
    } rows[] = {{0, "030100"},
                {1, "03020780"},
                {0x60, "03020106"},
                {0x80, "03020001"},
                {0x101, "0303078080"}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf b;

        buf_init(&b, 16);
        der_put_named_bits(&b, rows[i].bits);
        assert_true(slice_eq(buf_slice(&b), hex(rows[i].der)));
        buf_free(&b);
    }
}

/* X.690 8.19.2 */
static void test_oids_have_whole_minimal_subidentifiers(void **state)
{
    static const char *const bad[] = {"0600", "060180", "06028001", "06022a86", "0603298001"};
    struct slice in, oid;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        in = hex(bad[i]);
        assert_int_equal(der_get_oid(&in, &oid), -1);
    }
    in = hex("06032a8648");
    assert_int_equal(der_get_oid(&in, &oid), 0);
}

/* RFC 5280 4.1.2.5 */
static void test_times_in_other_forms_are_refused(void **state)
{
    static const char *const texts[] = {
        "\x17\x0b"
        "2611210930Z",
        "\x17\x11"
        "261121093000+0100",
        "\x17\x0c"
        "261121093000",
        "\x17\x0d"
        "261321093000Z",
        "\x17\x0d"
        "260229093000Z",
        "\x17\x0d"
        "261121240000Z",
        "\x17\x0d"
        "261121096000Z",
        "\x17\x0d"
        "261121093060Z",
        "\x17\x0d"
        "26112109300:Z",
        "\x18\x11"
        "20261121093000.5Z",
        "\x18\x0d"
        "261121093000Z",
        "\x18\x0f"
        "21000229093000Z",
        "\x17\x0d"
        "260021093000Z",
        "\x17\x0d"
        "261100093000Z",
        "\x16\x0d"
        "261121093000Z",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct slice in = slice_str(texts[i]);
        int64_t t;

        assert_int_equal(der_get_time(&in, &t), -1);
    }
}

/* RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050; timegm is the oracle. */
static void test_times_agree_with_the_system_calendar(void **state)
{
    (void)state;
    for (int year = 1901; year <= 2400; year += 7)
        for (int month = 0; month < 12; month++) {
            struct tm tm = {.tm_year = year - 1900, .tm_mon = month, .tm_mday = 28, .tm_hour = 23};
            int64_t t = timegm(&tm), back;
            struct buf b;
            struct slice in;

            buf_init(&b, 32);
            der_put_time(&b, t);
            in = buf_slice(&b);
            assert_int_equal(in.p[0],
                             year >= 1950 && year < 2050 ? DER_UTC_TIME : DER_GENERALIZED_TIME);
            assert_int_equal(der_get_time(&in, &back), 0);
            assert_true(back == t);
            buf_free(&b);
        }
}

/* Each day from the year 0 to 9999, at some second of it; gmtime_r is the oracle. */
static void test_every_day_is_written_as_the_system_does(void **state)
{
    char want[80];
    struct buf b;

    (void)state;
    buf_init(&b, 32);
    for (int64_t day = -719528; day <= 2932896; day++) {
        time_t t = (time_t)(day * 86400 + (day + 719528) * 7919 % 86400);
        struct tm tm;

        assert_non_null(gmtime_r(&t, &tm));
        snprintf(want, sizeof(want), "\x18\x0f%04d%02d%02d%02d%02d%02dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        buf_reset(&b);
        der_put_generalized_time(&b, t);
        if (!slice_eq(buf_slice(&b), slice_str(want)))
            fail_msg("%s", want + 2);
    }
    buf_free(&b);
}

static void test_the_edges_of_time(void **state)
{
    struct buf b;
    struct slice in;
    int64_t t;

    (void)state;
    buf_init(&b, 64);
    der_put_time(&b, 2524607999); /* 2049-12-31T23:59:59Z */
    assert_true(slice_eq(buf_slice(&b), slice_str("\x17\x0d"
                                                  "491231235959Z")));
    buf_reset(&b);
    der_put_time(&b, 2524608000);
    assert_true(slice_eq(buf_slice(&b), slice_str("\x18\x0f"
                                                  "20500101000000Z")));
    buf_reset(&b);
    der_put_time(&b, 253402300799);
    assert_true(slice_eq(buf_slice(&b), slice_str("\x18\x0f"
                                                  "99991231235959Z")));
    in = buf_slice(&b);
    assert_int_equal(der_get_time(&in, &t), 0);
    assert_true(t == 253402300799);
    buf_reset(&b);
    der_put_time(&b, 253402300800);
    assert_true(buf_failed(&b));
    buf_reset(&b);
    der_put_generalized_time(&b, 0);
    assert_true(slice_eq(buf_slice(&b), slice_str("\x18\x0f"
                                                  "19700101000000Z")));
    buf_reset(&b);
    der_put_time(&b, -62167219200);
    assert_true(slice_eq(buf_slice(&b), slice_str("\x18\x0f"
                                                  "00000101000000Z")));
    buf_reset(&b);
    der_put_time(&b, -62167219201);
    assert_true(buf_failed(&b));
    buf_reset(&b);
    der_put_time(&b, INT64_MIN);
    assert_true(buf_failed(&b));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths_only_definite_and_shortest),
        cmocka_unit_test(test_every_length_survives_a_round_trip),
        cmocka_unit_test(test_a_full_buffer_fails_and_stays_failed),
        cmocka_unit_test(test_integers_are_minimal_and_not_negative),
        cmocka_unit_test(test_integers_written_as_openssl_writes_them),
        cmocka_unit_test(test_booleans_are_00_or_ff),
        cmocka_unit_test(test_bit_strings_have_zero_unused_bits),
        cmocka_unit_test(test_named_bits_drop_trailing_zeros),
        cmocka_unit_test(test_oids_have_whole_minimal_subidentifiers),
        cmocka_unit_test(test_times_in_other_forms_are_refused),
        cmocka_unit_test(test_times_agree_with_the_system_calendar),
        cmocka_unit_test(test_every_day_is_written_as_the_system_does),
        cmocka_unit_test(test_the_edges_of_time),
    };

    return cmocka_run_group_tests_name("der", tests, setup, teardown);
}
