#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/p11uri.h"

static void assert_attr(const struct p11uri_attr *a, const void *p, size_t n)
{
    assert_true(a->set);
    assert_int_equal(a->n, n);
    assert_memory_equal(a->p, p, n);
}

static void refused(const char *text, const char *rule)
{
    struct p11uri u;
    struct fault f = {0};

    assert_int_equal(p11uri_parse(text, &u, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, rule);
    assert_false(u.token.set);
    assert_false(u.object.set);
}

/* RFC 7512 section 3 */
static void the_examples_of_the_standard_are_read(void **state)
{
    struct p11uri u;
    struct fault f;

    (void)state;
    assert_int_equal(p11uri_parse("pkcs11:", &u, &f), 0);
    assert_false(p11uri_names_token(&u));
    assert_false(p11uri_names_object(&u));
    assert_int_equal(p11uri_parse("pkcs11:object=my-pubkey;type=public", &u, &f), 0);
    assert_attr(&u.object, "my-pubkey", 9);
    assert_int_equal(u.type, P11URI_PUBLIC);
    assert_int_equal(p11uri_parse("pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;"
                                  "manufacturer=Snake%20Oil,%20Inc.;model=1.0;"
                                  "object=my-certificate;type=cert;"
                                  "id=%69%95%3E%5C%F4%BD%EC%91;serial=",
                                  &u, &f),
                     -FAULT_CONFIG); /* an empty serial names nothing */
    assert_int_equal(p11uri_parse("pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;"
                                  "manufacturer=Snake%20Oil,%20Inc.;model=1.0;"
                                  "object=my-certificate;type=cert;"
                                  "id=%69%95%3E%5C%F4%BD%EC%91",
                                  &u, &f),
                     0);
    assert_attr(&u.token, "The Software PKCS#11 Softtoken", 30);
    assert_attr(&u.manufacturer, "Snake Oil, Inc.", 15);
    assert_attr(&u.model, "1.0", 3);
    assert_attr(&u.id, "\x69\x95\x3e\x5c\xf4\xbd\xec\x91", 8);
    assert_int_equal(p11uri_parse("pkcs11:slot-id=327", &u, &f), 0);
    assert_true(u.has_slot_id);
    assert_int_equal(u.slot_id, 327);
}

/* RFC 7512 2.3 */
static void an_attribute_twice_or_unknown_is_refused(void **state)
{
    (void)state;
    refused("pkcs11:token=a;token=b", "p11uri.attribute");
    refused("pkcs11:id=%01;token=a;id=%01", "p11uri.attribute");
    refused("pkcs11:type=private;type=private", "p11uri.attribute");
    refused("pkcs11:slot-id=1;slot-id=2", "p11uri.attribute");
    refused("pkcs11:tokn=a", "p11uri.attribute");
    refused("pkcs11:Token=a", "p11uri.attribute");
    refused("pkcs11:x-vendor=a", "p11uri.attribute");
}

static void what_is_not_a_uri_of_the_scheme_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "pkcs11",
        "PKCS11:token=a",
        "token=a",
        "pkcs11:token",
        "pkcs11:=a",
        "pkcs11:token=",
        "pkcs11:id=",
        "pkcs11:token=a;",
        "pkcs11:;token=a",
        "pkcs11:token=a;;object=b",
        "pkcs11:token=a b",
        "pkcs11:token=a/b",
        "pkcs11:token=a%2",
        "pkcs11:token=a%",
        "pkcs11:token=a%g0",
        "pkcs11:token=a% 1",
        "pkcs11:token=a%:1",
        "pkcs11:token=a%00b",
        "pkcs11:token=%FF",
        "pkcs11:object=\x80",
        "pkcs11:token=a#b",
        "pkcs11:slot-id=",
        "pkcs11:slot-id=-1",
        "pkcs11:slot-id=1x",
        "pkcs11:slot-id=18446744073709551616",
        "pkcs11:type=key",
        "pkcs11:type=",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct p11uri u;
        struct fault f;

        assert_int_equal(p11uri_parse(bad[i], &u, &f), -FAULT_CONFIG);
    }
}

/* Sizes of CK_TOKEN_INFO, PKCS #11 2.40 3.2. */
static void a_value_that_no_token_can_hold_is_refused(void **state)
{
    char text[2048] = "pkcs11:token=";
    struct p11uri u;
    struct fault f;

    (void)state;
    memset(text + 13, 'a', 32);
    assert_int_equal(p11uri_parse(text, &u, &f), 0);
    text[13 + 32] = 'a';
    refused(text, "p11uri.syntax");
    refused("pkcs11:serial=12345678901234567", "p11uri.syntax");
    memset(text + 13, 'a', sizeof(text) - 14);
    refused(text, "p11uri.syntax");
}

static void a_pin_is_refused_and_not_repeated(void **state)
{
    static const char *const pins[] = {
        "pkcs11:token=a?pin-value=s3cr3t",
        "pkcs11:token=a?pin-source=file:/s3cr3t",
        "pkcs11:?module-name=x&pin-value=s3cr3t",
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct p11uri u;
        struct fault f = {0};

        assert_int_equal(p11uri_parse(pins[i], &u, &f), -FAULT_CONFIG);
        assert_string_equal(f.rule, "p11uri.pin");
        assert_null(strstr(f.text, "s3cr3t"));
        assert_string_equal(f.value, "");
        assert_non_null(strstr(f.text, "pin_file"));
    }
    refused("pkcs11:token=a?module-path=/x.so", "p11uri.module");
    refused("pkcs11:token=a?", "p11uri.module");
}

static void what_is_printed_reads_back_as_the_same(void **state)
{
    static const char *const cases[] = {
        "pkcs11:",
        "pkcs11:token=a%20b%3Bc;manufacturer=m;model=x;serial=1;object=k%25;id=%00%FF",
        "pkcs11:token=%C3%A9",
        "pkcs11:slot-id=0;type=private",
        "pkcs11:type=secret-key",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct p11uri u;
        struct fault f;
        struct buf out;

        buf_init(&out, 1024);
        assert_int_equal(p11uri_parse(cases[i], &u, &f), 0);
        p11uri_print(&u, &out);
        assert_string_equal(buf_cstr(&out), cases[i]);
        buf_free(&out);
    }
}

static void a_field_of_the_token_is_compared_without_its_padding(void **state)
{
    struct p11uri u;
    struct fault f;

    (void)state;
    assert_int_equal(p11uri_parse("pkcs11:token=cerca", &u, &f), 0);
    assert_true(p11uri_matches(&u.token, (const uint8_t *)"cerca           ", 16));
    assert_true(p11uri_matches(&u.token, (const uint8_t *)"cerca", 5));
    assert_false(p11uri_matches(&u.token, (const uint8_t *)"cerca2          ", 16));
    assert_false(p11uri_matches(&u.token, (const uint8_t *)"                ", 16));
    assert_true(p11uri_matches(&u.serial, (const uint8_t *)"anything        ", 16));
}

static void two_uris_differ_in_token_only_where_both_say_so(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {{"pkcs11:object=k", "pkcs11:token=t", true},
                 {"pkcs11:token=t;object=k", "pkcs11:token=t", true},
                 {"pkcs11:token=u;object=k", "pkcs11:token=t", false},
                 {"pkcs11:serial=1;object=k", "pkcs11:token=t;serial=2", false},
                 {"pkcs11:slot-id=1;object=k", "pkcs11:slot-id=2", false},
                 {"pkcs11:object=k", "pkcs11:object=l", true}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct p11uri a, b;
        struct fault f;

        assert_int_equal(p11uri_parse(cases[i].a, &a, &f), 0);
        assert_int_equal(p11uri_parse(cases[i].b, &b, &f), 0);
        assert_int_equal(p11uri_same_token(&a, &b), cases[i].same);
    }
}

static void two_uris_name_the_same_object_where_what_both_say_is_equal(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {{"pkcs11:object=k", "pkcs11:object=%6B", true},
                 {"pkcs11:object=k;id=%01", "pkcs11:object=k", true},
                 {"pkcs11:object=k;id=%01", "pkcs11:object=k;id=%02", false},
                 {"pkcs11:object=k;id=%01", "pkcs11:object=l;id=%01", false},
                 {"pkcs11:object=k", "pkcs11:id=%01", false},
                 {"pkcs11:", "pkcs11:", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct p11uri a, b;
        struct fault f;

        assert_int_equal(p11uri_parse(cases[i].a, &a, &f), 0);
        assert_int_equal(p11uri_parse(cases[i].b, &b, &f), 0);
        assert_int_equal(p11uri_same_object(&a, &b), cases[i].same);
    }
}

static void no_prefix_or_flipped_bit_of_a_uri_is_more_than_refused(void **state)
{
    static const char uri[] = "pkcs11:token=a%20b;serial=%41;object=k;id=%01%02;slot-id=7;"
                              "type=private?pin-value=x";

    (void)state;
    for (size_t i = 0; i < sizeof(uri); i++) {
        for (unsigned bit = 0; bit <= 8; bit++) {
            char text[sizeof(uri)];
            struct p11uri u;
            struct fault f = {0};

            memcpy(text, uri, sizeof(uri));
            text[i] = bit == 8 ? (char)0 : (char)((uint8_t)text[i] ^ (1u << bit));
            text[sizeof(text) - 1] = '\0';
            if (p11uri_parse(text, &u, &f) < 0)
                assert_string_not_equal(f.rule, "");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_standard_are_read),
        cmocka_unit_test(an_attribute_twice_or_unknown_is_refused),
        cmocka_unit_test(what_is_not_a_uri_of_the_scheme_is_refused),
        cmocka_unit_test(a_value_that_no_token_can_hold_is_refused),
        cmocka_unit_test(a_pin_is_refused_and_not_repeated),
        cmocka_unit_test(what_is_printed_reads_back_as_the_same),
        cmocka_unit_test(a_field_of_the_token_is_compared_without_its_padding),
        cmocka_unit_test(two_uris_differ_in_token_only_where_both_say_so),
        cmocka_unit_test(two_uris_name_the_same_object_where_what_both_say_is_equal),
        cmocka_unit_test(no_prefix_or_flipped_bit_of_a_uri_is_more_than_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
