#include "lib/san.h"

#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/der.h"

#define L63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static int check(enum san_kind kind, const char *value, struct fault *f)
{
    struct san s = {kind, slice_str(value)};

    return san_check(&s, f);
}

/* RFC 1034 3.5, RFC 1123 2.1, RFC 5890 2.3.2.1, RFC 6125 6.4.3 */
static void test_dns_names_that_are_right(void **state)
{
    static const char *const good[] = {
        "a",
        "host",
        "host.example",
        "HOST.Example",
        "*.example",
        "*.a.example",
        "1.example",
        "3com.example",
        "xn--mnchen-3ya.example",
        "a-b.example",
        L63 ".example",
        "r4---sn.example",
        L63 "." L63 "." L63 "."
            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi",
    };
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(check(SAN_DNS, good[i], &f), 0);
}

static void test_dns_names_that_are_wrong(void **state)
{
    static const char *const bad[] = {
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "-a.example",
        "a-.example",
        "a_b.example",
        "*",
        "*.",
        "a.*",
        "a*.example",
        "*a.example",
        "*.*.example",
        "a.*.example",
        "a b",
        "a\tb",
        "m\xc3\xbcnchen.example",
        "host.example\n",
        L63 "l.example",
        "192.0.2.1",
        "1",
        "a.1",
        "host:443",
        "a/b",
        "2001:db8::1",
        L63 "." L63 "." L63 "."
            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij",
    };
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(check(SAN_DNS, bad[i], &f), -FAULT_MALFORMED);
        assert_string_equal(f.rule, "san.dns.syntax");
        assert_int_equal(f.code, FAULT_MALFORMED);
    }
}

static void test_no_kind_may_hold_a_nul(void **state)
{
    static const struct {
        enum san_kind kind;
        const char *text;
        size_t n;
    } rows[] = {
        {SAN_DNS, "a.example\0.evil", 15},     {SAN_DNS, "\0", 1},
        {SAN_EMAIL, "a@b.example\0.evil", 17}, {SAN_EMAIL, "a\0b@c.example", 13},
        {SAN_URI, "https://a.example/\0", 19}, {SAN_URI, "https://a.example\0.evil/", 24},
        {SAN_URI, "ht\0tp://a.example/", 18},
    };
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct san s = {rows[i].kind, slice_of(rows[i].text, rows[i].n)};

        assert_int_equal(san_check(&s, &f), -FAULT_MALFORMED);
    }
}

/* RFC 5321 4.1.2 */
static void test_mail_addresses(void **state)
{
    static const char *const good[] = {"a@b", "first.last@mail.example", "a+b@c.example",
                                       "o'neil@x.example", "!#$%&*/=?^_`{|}~@x.example"};
    static const char *const bad[] = {
        "",
        "@",
        "a@",
        "@b.example",
        "a",
        ".a@b.example",
        "a.@b.example",
        "a..b@c.example",
        "a b@c.example",
        "\"a b\"@c.example",
        "a@b@c.example",
        "a@[192.0.2.1]",
        "a@*.example",
        "a@b_c.example",
        "a,b@c.example",
        "a@b.example\r\n",
        "\xc3\xbc@b.example",
        L63 "ll@b.example",
    };
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(check(SAN_EMAIL, good[i], &f), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(check(SAN_EMAIL, bad[i], &f), -FAULT_MALFORMED);
        assert_string_equal(f.rule, "san.email.syntax");
    }
}

/* RFC 3986 3, RFC 5280 4.2.1.6 */
static void test_uris(void **state)
{
    static const char *const good[] = {
        "https://a.example/",
        "https://a.example",
        "spiffe://prod.example/ns/a_b/sa/c",
        "urn:uuid:f81d4fae-7dec-11d0",
        "https://u:p@h.example:8443/x?q=1&r=%20#f",
        "https://[2001:db8::1]:443/",
        "https://192.0.2.1/",
        "tag:a@b.example,2026:x",
        "spiffe://trust_domain/x",
        "coap+tcp://h/",
        "x:/a?b",
    };
    static const char *const bad[] = {
        "",
        ":",
        "a",
        "/x",
        "//h/x",
        "https:",
        "https://",
        "https:///x",
        "https://:443/",
        "1https://h/",
        "ht tp://h/",
        "https://h/ x",
        "https://h/%2",
        "https://h/%zz",
        "https://h/\xc3\xbc",
        "https://h:port/",
        "https://[2001:db8::1/",
        "https://[host]/",
        "https://[::1]x/",
        "https://a\\b/",
        "https://h/<x>",
        "https://h/#a#b",
        "x:?y",
        "https://@/",
        "https://h/\n",
        "https://a[b]c/",
    };
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(check(SAN_URI, good[i], &f), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(check(SAN_URI, bad[i], &f), -FAULT_MALFORMED);
        assert_string_equal(f.rule, "san.uri.syntax");
    }
}

static void test_an_address_has_4_or_16_octets(void **state)
{
    struct fault f;

    (void)state;
    assert_int_equal(check(SAN_IP, "four", &f), 0);
    assert_int_equal(check(SAN_IP, "sixteen octets..", &f), 0);
    assert_int_equal(check(SAN_IP, "three", &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "san.ip.syntax");
    assert_int_equal(check((enum san_kind)9, "four", &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "san.kind");
}

static void test_a_name_has_a_size(void **state)
{
    static char big[SAN_VALUE_MAX + 2];
    struct fault f;

    (void)state;
    memset(big, 'a', sizeof(big) - 1);
    memcpy(big, "x:", 2);
    assert_int_equal(check(SAN_URI, big, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "san.size");
    big[SAN_VALUE_MAX] = 0;
    assert_int_equal(check(SAN_URI, big, &f), 0);
}

static void test_text_is_read_and_printed(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"dns:a.example", "dns:a.example"},
        {"a.example", "dns:a.example"},
        {"*.example", "dns:*.example"},
        {"192.0.2.1", "ip:192.0.2.1"},
        {"ip:192.0.2.1", "ip:192.0.2.1"},
        {"2001:DB8:0::1", "ip:2001:db8::1"},
        {"ip:::1", "ip:::1"},
        {"::ffff:192.0.2.1", "ip:::ffff:192.0.2.1"},
        {"a@b.example", "email:a@b.example"},
        {"email:a@b.example", "email:a@b.example"},
        {"spiffe://x/y", "uri:spiffe://x/y"},
        {"uri:urn:x:y", "uri:urn:x:y"},
        {"DNS:a.example", "dns:a.example"},
        {"IP:192.0.2.1", "ip:192.0.2.1"},
        {"https://u@h/", "uri:https://u@h/"},
    };
    uint8_t arena[1024];
    size_t used = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct san s;
        struct fault f;
        struct buf b;

        buf_init(&b, 4096);
        assert_int_equal(san_parse(rows[i].in, &s, arena, sizeof(arena), &used, &f), 0);
        san_print(&s, &b);
        assert_string_equal(buf_cstr(&b), rows[i].out);
        buf_free(&b);
    }
}

static void test_text_that_is_no_name(void **state)
{
    static const struct {
        const char *in, *rule;
    } rows[] = {
        {"", "san.dns.syntax"},
        {"dns:", "san.dns.syntax"},
        {"dns:192.0.2.1", "san.dns.syntax"},
        {"ip:host", "san.ip.syntax"},
        {"ip:192.0.2.256", "san.ip.syntax"},
        {"ip:192.0.2.1/24", "san.ip.syntax"},
        {"email:x", "san.email.syntax"},
        {"uri:x", "san.uri.syntax"},
        {"urn:x:y", "san.dns.syntax"},
        {"foo:bar", "san.dns.syntax"},
        {"DNS :a", "san.dns.syntax"},
    };
    uint8_t arena[16];
    size_t used = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct san s;
        struct fault f;

        assert_int_equal(san_parse(rows[i].in, &s, arena, sizeof(arena), &used, &f),
                         -FAULT_MALFORMED);
        assert_string_equal(f.rule, rows[i].rule);
        assert_int_equal(used, 0);
    }
}

static void test_the_arena_for_addresses_is_bounded(void **state)
{
    uint8_t arena[20];
    size_t used = 0;
    struct san s;
    struct fault f;

    (void)state;
    assert_int_equal(san_parse("::1", &s, arena, sizeof(arena), &used, &f), 0);
    assert_int_equal(san_parse("192.0.2.1", &s, arena, sizeof(arena), &used, &f), 0);
    assert_int_equal(used, 20);
    assert_int_equal(san_parse("192.0.2.1", &s, arena, sizeof(arena), &used, &f), -FAULT_TOO_LARGE);
}

static void test_unprintable_octets_are_escaped(void **state)
{
    struct san s = {SAN_DNS, slice_of("a\0\\\xff\n", 5)};
    struct buf b;

    (void)state;
    buf_init(&b, 64);
    san_print(&s, &b);
    assert_string_equal(buf_cstr(&b), "dns:a\\x00\\x5c\\xff\\x0a");
    buf_free(&b);
}

/* RFC 5280 4.2.1.6, 7.2, 7.5 */
static void test_names_compare_as_their_kind_does(void **state)
{
    static const struct {
        struct san a, b;
        bool equal;
    } rows[] = {
        {{SAN_DNS, {(const uint8_t *)"A.b", 3}}, {SAN_DNS, {(const uint8_t *)"a.B", 3}}, true},
        {{SAN_DNS, {(const uint8_t *)"a.b", 3}}, {SAN_URI, {(const uint8_t *)"a.b", 3}}, false},
        {{SAN_EMAIL, {(const uint8_t *)"a@B", 3}}, {SAN_EMAIL, {(const uint8_t *)"a@b", 3}}, true},
        {{SAN_EMAIL, {(const uint8_t *)"A@b", 3}}, {SAN_EMAIL, {(const uint8_t *)"a@b", 3}}, false},
        {{SAN_URI, {(const uint8_t *)"a:B", 3}}, {SAN_URI, {(const uint8_t *)"a:b", 3}}, false},
        {{SAN_DNS, {(const uint8_t *)"a.b", 3}}, {SAN_DNS, {(const uint8_t *)"a.bc", 4}}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(san_equal(&rows[i].a, &rows[i].b), rows[i].equal);
}

static void test_a_list_holds_each_name_once_and_no_more_than_it_may(void **state)
{
    static struct san_list l;
    static char names[SAN_MAX + 1][16];
    struct fault f;

    (void)state;
    for (size_t i = 0; i < SAN_MAX; i++) {
        struct san s;

        (void)snprintf(names[i], sizeof(names[i]), "h%zu", i);
        s = (struct san){SAN_DNS, slice_str(names[i])};
        assert_int_equal(san_list_add(&l, &s, &f), 0);
    }
    assert_int_equal(san_list_add(&l, &(struct san){SAN_DNS, slice_str("H7")}, &f), 0);
    assert_int_equal(l.n, SAN_MAX);
    assert_int_equal(san_list_add(&l, &(struct san){SAN_DNS, slice_str("new")}, &f),
                     -FAULT_TOO_LARGE);
    assert_false(san_list_has(&l, &(struct san){SAN_DNS, slice_str("new")}));
}

static void test_what_is_put_openssl_reads(void **state)
{
    static const uint8_t v6[16] = {0x20, 1, 0x0d, 0xb8};
    struct san_list l = {4,
                         {{SAN_DNS, slice_str("a.example")},
                          {SAN_IP, slice_of(v6, 16)},
                          {SAN_EMAIL, slice_str("a@b.example")},
                          {SAN_URI, slice_str("spiffe://x/y")}}};
    static const int types[] = {GEN_DNS, GEN_IPADD, GEN_EMAIL, GEN_URI};
    struct san_list back;
    struct fault f;
    struct buf b;
    const unsigned char *p;
    GENERAL_NAMES *theirs;

    (void)state;
    buf_init(&b, 1024);
    san_list_put(&b, &l);
    p = b.p;
    theirs = d2i_GENERAL_NAMES(NULL, &p, (long)b.n);
    assert_non_null(theirs);
    assert_int_equal(sk_GENERAL_NAME_num(theirs), 4);
    for (int i = 0; i < 4; i++) {
        int type;
        const ASN1_STRING *s = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(theirs, i), &type);

        assert_int_equal(type, types[i]);
        assert_true(slice_eq(slice_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)),
                             l.item[i].value));
    }
    GENERAL_NAMES_free(theirs);
    assert_int_equal(san_list_get(buf_slice(&b), &back, &f), 0);
    assert_int_equal(back.n, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(san_equal(&back.item[i], &l.item[i]));
    buf_free(&b);
}

/* RFC 5280 4.2.1.6: the kinds that are not ours, wrong lengths, an empty list. */
static void test_general_names_that_are_refused(void **state)
{
    static const struct {
        const char *der, *rule;
        size_t n;
    } rows[] = {
        {"\x30\x00", "san.der", 2},
        {"\x30\x03\x88\x01\x2a", "san.kind", 5},                          /* registeredID */
        {"\x30\x04\xa4\x02\x30\x00", "san.kind", 6},                      /* directoryName */
        {"\x30\x09\xa0\x07\x06\x01\x2a\xa0\x02\x05\x00", "san.kind", 11}, /* otherName */
        {"\x30\x02\x82\x00", "san.value", 4},
        {"\x30\x05\x82\x03"
         "a\0b",
         "san.value", 7},
        {"\x30\x03\x82\x01\xff", "san.value", 5},
        {"\x30\x07\x87\x05\x01\x02\x03\x04\x05", "san.value", 9},
        {"\x30\x03\x82\x02"
         "a",
         "san.der", 5},
        {"\x30\x03\x82\x01"
         "a\x00",
         "san.der", 6},
        {"\x31\x03\x82\x01"
         "a",
         "san.der", 5},
    };
    struct san_list l;
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(san_list_get(slice_of(rows[i].der, rows[i].n), &l, &f), -FAULT_MALFORMED);
        assert_string_equal(f.rule, rows[i].rule);
        assert_int_equal(l.n, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dns_names_that_are_right),
        cmocka_unit_test(test_dns_names_that_are_wrong),
        cmocka_unit_test(test_no_kind_may_hold_a_nul),
        cmocka_unit_test(test_mail_addresses),
        cmocka_unit_test(test_uris),
        cmocka_unit_test(test_an_address_has_4_or_16_octets),
        cmocka_unit_test(test_a_name_has_a_size),
        cmocka_unit_test(test_text_is_read_and_printed),
        cmocka_unit_test(test_text_that_is_no_name),
        cmocka_unit_test(test_the_arena_for_addresses_is_bounded),
        cmocka_unit_test(test_unprintable_octets_are_escaped),
        cmocka_unit_test(test_names_compare_as_their_kind_does),
        cmocka_unit_test(test_a_list_holds_each_name_once_and_no_more_than_it_may),
        cmocka_unit_test(test_what_is_put_openssl_reads),
        cmocka_unit_test(test_general_names_that_are_refused),
    };

    return cmocka_run_group_tests_name("san", tests, NULL, NULL);
}
