#include "lib/name.h"

#include <openssl/bio.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/der.h"
#include "lib/oid.h"
#include "tests/unit/x509_help.h"

/* What X509_NAME_print_ex says. */
static void openssl_print(struct slice der, char out[512])
{
    const unsigned char *p = der.p;
    X509_NAME *n = d2i_X509_NAME(NULL, &p, (long)der.n);
    BIO *b = BIO_new(BIO_s_mem());
    int got;

    assert_non_null(n);
    assert_true(X509_NAME_print_ex(b, n, 0, XN_FLAG_RFC2253) >= 0);
    got = BIO_read(b, out, 511);
    out[got < 0 ? 0 : got] = 0;
    BIO_free(b);
    X509_NAME_free(n);
}

/* RFC 4514 2 */
static void test_names_print_as_openssl_prints_them(void **state)
{
    static const char *const texts[] = {
        "",
        "CN=Example Root",
        "CN=Example Root,O=Example,C=DE",
        "CN=a.example,OU=x,OU=y,O=Example\\, Inc.,L=Berlin,ST=Berlin,C=DE",
        "CN=\\#1,O=a\\+b\\\"c\\\"\\<d\\>\\;",
        "CN=\\ a\\ ",
        "UID=j,DC=example,DC=com",
        "emailAddress=a@b.example,serialNumber=12-3,CN=x=y",
        "CN=a\\\\b",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct buf der, text;
        struct fault f;
        char theirs[512];

        buf_init(&der, NAME_DER_MAX);
        buf_init(&text, 4096);
        assert_int_equal(name_parse(texts[i], &der, &f), 0);
        name_print(buf_slice(&der), &text);
        openssl_print(buf_slice(&der), theirs);
        assert_string_equal(buf_cstr(&text), theirs);
        assert_string_equal(buf_cstr(&text), texts[i]);
        buf_free(&text);
        buf_free(&der);
    }
}

static void test_an_unknown_attribute_prints_as_openssl_prints_it(void **state)
{
    struct buf der, text;
    char theirs[512];

    (void)state;
    buf_init(&der, 64);
    buf_init(&text, 256);
    test_hex("300f310d300b06052a03040501"
             "0c026869",
             &der);
    assert_int_equal(der.n, 17);
    name_print(buf_slice(&der), &text);
    openssl_print(buf_slice(&der), theirs);
    assert_string_equal(buf_cstr(&text), theirs);
    assert_string_equal(theirs, "1.2.3.4.5.1=#0C026869");
    buf_free(&text);
    buf_free(&der);
}

/* CN or, as `oid` says, another attribute, with one value. */
static void put_name(struct buf *der, const char *oid, uint8_t tag, struct slice value)
{
    struct der_mark name, set, seq;

    buf_init(der, 16384);
    name = der_open(der, DER_SEQUENCE);
    set = der_open(der, DER_SET);
    seq = der_open(der, DER_SEQUENCE);
    der_put_oid(der, slice_str(oid));
    der_put(der, tag, value);
    der_close(der, seq);
    der_close(der, set);
    der_close(der, name);
}

/* Each octet of a TeletexString becomes two: the longest that a name has room for. */
static void test_a_long_teletex_string_has_room(void **state)
{
    static uint8_t octets[2000];
    struct buf der, text;
    struct fault f;

    (void)state;
    memset(octets, 0xe9, sizeof(octets));
    put_name(&der, "\x55\x04\x2a", DER_TELETEX_STRING, slice_of(octets, sizeof(octets)));
    assert_int_equal(name_check(buf_slice(&der), NULL, NULL, &f), 0);
    buf_free(&der);
    put_name(&der, "\x55\x04\x03", DER_TELETEX_STRING, slice_of(octets, sizeof(octets)));
    assert_int_equal(name_check(buf_slice(&der), NULL, NULL, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "name.length");
    buf_init(&text, 8192);
    name_print(buf_slice(&der), &text);
    assert_int_equal(text.n, 3 + 2 * sizeof(octets));
    buf_free(&text);
    buf_free(&der);
}

/* A foreign subject is printed for people, and as valid UTF-8 whatever it is. */
static void test_odd_strings_print_as_text_or_hex(void **state)
{
    static const struct {
        uint8_t tag;
        struct slice value;
        const char *text;
    } rows[] = {
        {DER_BMP_STRING, {(const uint8_t *)"\0B\0\xe9\x20\xac", 6}, "CN=B\xc3\xa9\xe2\x82\xac"},
        {DER_BMP_STRING, {(const uint8_t *)"\xd8\0", 2}, "CN=#1E02D800"},
        {DER_UTF8_STRING, {(const uint8_t *)"a\xff", 2}, "CN=#0C0261FF"},
        {DER_PRINTABLE_STRING, {(const uint8_t *)"\xe9", 1}, "CN=#1301E9"},
        {DER_UTF8_STRING, {(const uint8_t *)"a\0\n", 3}, "CN=a\\00\\0A"},
        {DER_UNIVERSAL_STRING, {(const uint8_t *)"\0\0\0a", 4}, "CN=#1C0400000061"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf der, text;

        put_name(&der, "\x55\x04\x03", rows[i].tag, rows[i].value);
        buf_init(&text, 4096);
        name_print(buf_slice(&der), &text);
        assert_string_equal(buf_cstr(&text), rows[i].text);
        buf_free(&text);
        buf_free(&der);
    }
}

/* Old string types print as the text that they mean. */
static void test_teletex_prints_as_utf8(void **state)
{
    struct buf der, text;

    (void)state;
    buf_init(&der, 64);
    buf_init(&text, 64);
    test_hex("300f310d300b06035504031404"
             "fc2c20"
             "41",
             &der);
    name_print(buf_slice(&der), &text);
    assert_string_equal(buf_cstr(&text), "CN=\xc3\xbc\\, A");
    buf_free(&text);
    buf_free(&der);
}

static void test_too_much_text_is_refused(void **state)
{
    struct buf der, text;
    struct fault f;

    (void)state;
    buf_init(&der, NAME_DER_MAX);
    buf_init(&text, 1 << 16);
    for (int i = 0; i < 33; i++)
        buf_put_str(&text, i == 0 ? "OU=x" : ",OU=x");
    assert_int_equal(name_parse(buf_cstr(&text), &der, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "name.text");
    buf_reset(&text);
    buf_reset(&der);
    buf_put_str(&text, "CN=");
    for (int i = 0; i < NAME_DER_MAX + 1; i++)
        buf_put_u8(&text, 'x');
    assert_int_equal(name_parse(buf_cstr(&text), &der, &f), -FAULT_TOO_LARGE);
    assert_string_equal(f.rule, "name.size");
    buf_free(&text);
    buf_free(&der);
}

/* An arc past 64 bits (X.667 UUIDs have 128) has no text here; the buffer says so. */
static void test_a_huge_arc_fails_the_buffer(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 64);
    oid_print(slice_str("\x69\x83\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), &text);
    assert_true(buf_failed(&text));
    buf_free(&text);
}

static void test_text_is_read_with_spaces_case_and_escapes(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"  CN = Example Root , O = Example  ", "CN=Example Root,O=Example"},
        {"cn=x,o=y", "CN=x,O=y"},
        {"CN=a\\2Cb", "CN=a\\,b"},
        {"CN=M\xc3\xbcnchen", "CN=M\xc3\xbcnchen"},
        {"CN=M\\C3\\BCnchen", "CN=M\xc3\xbcnchen"},
        {"CN=a\\ ", "CN=a\\ "},
        {"CN=\\20a", "CN=\\ a"},
        {"   ", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf der, text;
        struct fault f;

        buf_init(&der, NAME_DER_MAX);
        buf_init(&text, 256);
        assert_int_equal(name_parse(rows[i].in, &der, &f), 0);
        name_print(buf_slice(&der), &text);
        assert_string_equal(buf_cstr(&text), rows[i].out);
        buf_free(&text);
        buf_free(&der);
    }
}

static void test_text_that_is_no_name(void **state)
{
    static const struct {
        const char *text, *rule;
    } rows[] = {
        {"Example", "name.text"},
        {"CN", "name.text"},
        {"CN=a,", "name.text"},
        {",CN=a", "name.text"},
        {"CN=a,,O=b", "name.text"},
        {"X=a", "name.text"},
        {"CN=a+O=b", "name.text"},
        {"CN=\"a\"", "name.text"},
        {"CN=a\\", "name.text"},
        {"CN=a\\zz", "name.text"},
        {"CN=a\\4", "name.text"},
        {"CN=#0c0161", "name.text"},
        {"CN=a;O=b", "name.text"},
        {"CN=", "name.value"},
        {"CN=\\00", "name.value"},
        {"CN=a\\0Ab", "name.value"},
        {"CN=\\FF", "name.string"},
        {"CN=\\C2\\80", "name.value"},
        {"C=DEU", "name.length"},
        {"C=D", "name.length"},
        {"C=\xc3\xbc\xc3\xbc", "name.string"},
        {"DC=\xc3\xbc", "name.string"},
        {"=a", "name.text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf der;
        struct fault f;

        buf_init(&der, NAME_DER_MAX);
        assert_int_equal(name_parse(rows[i].text, &der, &f), -FAULT_MALFORMED);
        assert_string_equal(f.rule, rows[i].rule);
        buf_free(&der);
    }
}

/* RFC 5280 A.1: ub-common-name counts characters, not octets. */
static void test_length_bounds_count_characters(void **state)
{
    struct buf cn, der;
    struct fault f;

    (void)state;
    buf_init(&cn, 256);
    buf_init(&der, NAME_DER_MAX);
    for (int i = 0; i < 64; i++)
        buf_put_str(&cn, "\xc3\xbc");
    assert_int_equal(name_from_cn(buf_slice(&cn), &der, &f), 0);
    buf_put_str(&cn, "x");
    buf_reset(&der);
    assert_int_equal(name_from_cn(buf_slice(&cn), &der, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "name.length");
    buf_free(&cn);
    buf_free(&der);
}

static void test_common_name_is_the_last_one(void **state)
{
    struct buf der;
    struct fault f;

    (void)state;
    buf_init(&der, NAME_DER_MAX);
    assert_int_equal(name_parse("CN=last,O=x,CN=first", &der, &f), 0);
    assert_true(slice_is(name_common_name(buf_slice(&der)), "last"));
    buf_reset(&der);
    assert_int_equal(name_parse("O=x", &der, &f), 0);
    assert_int_equal(name_common_name(buf_slice(&der)).n, 0);
    buf_reset(&der);
    assert_int_equal(name_from_cn(SLICE_NONE, &der, &f), 0);
    assert_true(name_empty(buf_slice(&der)));
    buf_reset(&der);
    assert_int_equal(name_from_cn(slice_str("h.example"), &der, &f), 0);
    assert_true(slice_is(name_common_name(buf_slice(&der)), "h.example"));
    assert_false(name_empty(buf_slice(&der)));
    buf_free(&der);
}

static int collect(void *arg, enum name_attr attr, struct slice oid, struct slice utf8,
                   struct fault *f)
{
    (void)oid;
    (void)f;
    buf_printf(arg, "%d=%.*s;", (int)attr, (int)utf8.n, (const char *)utf8.p);
    return 0;
}

/* Old string types are understood on input. */
static void test_values_come_out_as_utf8(void **state)
{
    static const struct {
        const char *der, *text;
    } rows[] = {
        {"300d310b3009060355040314"
         "02fc41",
         "1=\xc3\xbc"
         "A;"},
        {"300f310d300b06035504031e0400fc20ac", "1=\xc3\xbc\xe2\x82\xac;"},
        {"300d310b300906035504030c"
         "026869",
         "1=hi;"},
        {"300d310b3009060355040613"
         "024445",
         "4=DE;"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf der, text;
        struct fault f;

        buf_init(&der, 64);
        buf_init(&text, 64);
        test_hex(rows[i].der, &der);
        assert_int_equal(name_check(buf_slice(&der), collect, &text, &f), 0);
        assert_string_equal(buf_cstr(&text), rows[i].text);
        buf_free(&text);
        buf_free(&der);
    }
}

/* RFC 5280 4.1.2.4, X.690 11.6 */
static void test_names_that_are_refused(void **state)
{
    static const struct {
        const char *der, *rule;
    } rows[] = {
        {"3100", "name.der"},
        {"30003000", "name.der"},
        {"30023100", "name.der"}, /* an empty RDN */
        {"300d310b30090603550403160268"
         "69",
         "name.string"}, /* CN as IA5String */
        {"300d310b300906035504030c02c3"
         "28",
         "name.string"}, /* broken UTF-8 */
        {"300d310b30090603550403130268"
         "40",
         "name.string"}, /* "@" in PrintableString */
        {"300d310b300906035504030c0261"
         "00",
         "name.value"},
        {"300d310b300906035504030c026"
         "17f",
         "name.value"},
        {"300b3109300706035504030c00", "name.value"},
        {"300d310b300906035504031e02d8"
         "00",
         "name.string"}, /* half a surrogate pair */
        {"300c310a300806035504031e0141", "name.string"},
        {"300d310b300906035504030302"
         "0080",
         "name.string"}, /* BIT STRING */
        /* a SET that is not sorted: O before CN */
        {"301a311830"
         "0a060355040a0c036f6f6f"
         "300a06035504030c036363"
         "63",
         "name.der"},
        /* the same element twice */
        {"3018311630"
         "0906035504030c026363"
         "300906035504030c02636"
         "3",
         "name.der"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf der;
        struct fault f;

        buf_init(&der, 64);
        test_hex(rows[i].der, &der);
        assert_int_equal(name_check(buf_slice(&der), NULL, NULL, &f), -FAULT_MALFORMED);
        assert_string_equal(f.rule, rows[i].rule);
        buf_free(&der);
    }
}

static void test_a_name_has_a_size(void **state)
{
    static const uint8_t zeros[NAME_DER_MAX + 1];
    struct fault f;

    (void)state;
    assert_int_equal(name_check(slice_of(zeros, sizeof(zeros)), NULL, NULL, &f), -FAULT_TOO_LARGE);
    assert_string_equal(f.rule, "name.size");
}

static void test_damaged_names_never_crash_the_printer(void **state)
{
    struct buf der, text;
    struct fault f;

    (void)state;
    buf_init(&der, NAME_DER_MAX);
    buf_init(&text, 1 << 16);
    assert_int_equal(name_parse("CN=a.example,UID=x,O=Example,C=DE", &der, &f), 0);
    for (size_t bit = 0; bit < der.n * 8; bit++) {
        der.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        buf_reset(&text);
        name_print(buf_slice(&der), &text);
        (void)name_common_name(buf_slice(&der));
        if (name_check(buf_slice(&der), NULL, NULL, &f) == 0) {
            const unsigned char *p = der.p;
            X509_NAME *n = d2i_X509_NAME(NULL, &p, (long)der.n);

            assert_non_null(n);
            X509_NAME_free(n);
        }
        der.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t n = 0; n < der.n; n++)
        assert_true(name_check(slice_of(der.p, n), NULL, NULL, &f) < 0);
    buf_free(&text);
    buf_free(&der);
}

static bool taken_for_another(const char *a, const char *b)
{
    struct buf der, x, y;
    struct fault f;
    bool same;

    buf_init(&der, NAME_DER_MAX);
    buf_init(&x, 2 * NAME_DER_MAX);
    buf_init(&y, 2 * NAME_DER_MAX);
    assert_int_equal(name_parse(a, &der, &f), 0);
    assert_int_equal(name_fold(buf_slice(&der), &x, &f), 0);
    buf_reset(&der);
    assert_int_equal(name_parse(b, &der, &f), 0);
    assert_int_equal(name_fold(buf_slice(&der), &y, &f), 0);
    same = slice_eq(buf_slice(&x), buf_slice(&y));
    buf_free(&der);
    buf_free(&x);
    buf_free(&y);
    return same;
}

/* RFC 5280 7.1 */
static void folding_forgets_case_and_spaces_and_nothing_else(void **state)
{
    (void)state;
    assert_true(taken_for_another("CN=Test  Root,O=Example", "CN=\\ test root\\ ,O=EXAMPLE"));
    assert_false(taken_for_another("CN=Test Root", "CN=TestRoot"));
    assert_false(taken_for_another("CN=Test Root", "O=Test Root"));
    assert_false(taken_for_another("CN=a,O=b", "O=b,CN=a"));
    assert_false(taken_for_another("CN=a", "CN=a,O=b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_print_as_openssl_prints_them),
        cmocka_unit_test(test_an_unknown_attribute_prints_as_openssl_prints_it),
        cmocka_unit_test(test_a_long_teletex_string_has_room),
        cmocka_unit_test(test_odd_strings_print_as_text_or_hex),
        cmocka_unit_test(test_teletex_prints_as_utf8),
        cmocka_unit_test(test_too_much_text_is_refused),
        cmocka_unit_test(test_a_huge_arc_fails_the_buffer),
        cmocka_unit_test(test_text_is_read_with_spaces_case_and_escapes),
        cmocka_unit_test(test_text_that_is_no_name),
        cmocka_unit_test(test_length_bounds_count_characters),
        cmocka_unit_test(test_common_name_is_the_last_one),
        cmocka_unit_test(test_values_come_out_as_utf8),
        cmocka_unit_test(test_names_that_are_refused),
        cmocka_unit_test(test_a_name_has_a_size),
        cmocka_unit_test(test_damaged_names_never_crash_the_printer),
        cmocka_unit_test(folding_forgets_case_and_spaces_and_nothing_else),
    };

    return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
