/* Name constraints (RFC 5280 4.2.1.10): each form with its borders, the same cases put to OpenSSL;
 * what is written for the configuration, and what is refused when read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/constraints.h"
#include "lib/name.h"
#include "tests/unit/x509_help.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct name_case {
    const char *constraint;
    const char *san; /* as san_parse reads it and, with a big prefix, OpenSSL */
    bool within;
    bool alone; /* OpenSSL sees it otherwise; the comment says why */
};

static const struct name_case cases[] = {
    {"dns:example.com", "DNS:example.com", true, false},
    {"dns:example.com", "DNS:EXAMPLE.com", true, false},
    {"dns:example.com", "DNS:a.example.com", true, false},
    {"dns:example.com", "DNS:a.b.example.com", true, false},
    {"dns:example.com", "DNS:*.example.com", true, false},
    {"dns:example.com", "DNS:badexample.com", false, false},
    {"dns:example.com", "DNS:example.com.evil", false, false},
    {"dns:example.com", "DNS:com", false, false},
    {"dns:a.example.com", "DNS:example.com", false, false},
    {"dns:", "DNS:example.com", true, false},
    {"ip:10.0.0.0/8", "IP:10.0.0.0", true, false},
    {"ip:10.0.0.0/8", "IP:10.255.255.255", true, false},
    {"ip:10.0.0.0/8", "IP:11.0.0.0", false, false},
    {"ip:10.0.0.0/8", "IP:9.255.255.255", false, false},
    {"ip:192.0.2.128/25", "IP:192.0.2.127", false, false},
    {"ip:192.0.2.128/25", "IP:192.0.2.128", true, false},
    {"ip:192.0.2.1/32", "IP:192.0.2.1", true, false},
    {"ip:0.0.0.0/0", "IP:203.0.113.9", true, false},
    {"ip:0.0.0.0/0", "IP:2001:db8::1", false, false},
    {"ip:2001:db8::/33", "IP:2001:db8:7fff::1", true, false},
    {"ip:2001:db8::/33", "IP:2001:db8:8000::1", false, false},
    {"email:example.com", "email:a@example.com", true, false},
    {"email:example.com", "email:a@EXAMPLE.COM", true, false},
    {"email:example.com", "email:a@mx.example.com", false, false},
    {"email:.example.com", "email:a@mx.example.com", true, false},
    {"email:.example.com", "email:a@example.com", false, false},
    {"email:.example.com", "email:a@badexample.com", false, false},
    {"email:a@example.com", "email:a@example.com", true, false},
    {"email:a@example.com", "email:A@example.com", false, false},
    {"email:a@example.com", "email:b@example.com", false, false},
    {"uri:example.com", "URI:https://example.com/x", true, false},
    {"uri:example.com", "URI:https://EXAMPLE.com:8443/x", true, false},
    {"uri:example.com", "URI:https://a.example.com/x", false, false},
    {"uri:.example.com", "URI:spiffe://a.example.com/x", true, false},
    {"uri:.example.com", "URI:https://example.com/", false, false},
    {"uri:example.com", "URI:https://example.com.evil/", false, false},
    /* OpenSSL takes the host up to the first colon or slash, userinfo and all. */
    {"uri:evil.example", "URI:https://example.com@evil.example/", true, true},
    {"uri:example.com", "URI:https://example.com@evil.example/", false, false},
};

static void encode(const char *constraint, bool permitted, struct buf *out)
{
    char text[128];
    char *list[] = {text};
    struct fault f;

    snprintf(text, sizeof(text), "%s", constraint);
    buf_init(out, CONSTRAINTS_MAX);
    assert_int_equal(constraints_put(list, permitted ? 1 : 0, list, permitted ? 0 : 1, out, &f), 0);
}

static bool allowed(const struct buf *der, const char *subject, const char *san, struct fault *f)
{
    struct constraints c;
    struct san_list sans = {0};
    struct buf name;
    uint8_t arena[16];
    size_t used = 0;
    int rc;

    fault_clear(f);
    buf_init(&name, NAME_DER_MAX);
    assert_int_equal(name_parse(subject, &name, f), 0);
    assert_int_equal(constraints_get(buf_slice(der), &c), 0);
    if (san != NULL) {
        assert_int_equal(san_parse(san, &sans.item[0], arena, sizeof(arena), &used, f), 0);
        sans.n = 1;
    }
    rc = constraints_check(&c, "test", buf_slice(&name), &sans, f);
    buf_free(&name);
    return rc == 0;
}

static bool openssl_allows(const struct buf *der, const char *san)
{
    const char *const extensions[][2] = {{"subjectAltName", san}, {NULL, NULL}};
    X509 *x = test_foreign(extensions);
    bool ok = test_constraints_error(buf_slice(der), x) == X509_V_OK;

    X509_free(x);
    return ok;
}

static void each_form_has_its_borders_and_openssl_agrees(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct name_case *c = &cases[i];
        struct buf permitted, excluded;
        struct fault f;

        encode(c->constraint, true, &permitted);
        encode(c->constraint, false, &excluded);
        if (allowed(&permitted, "O=Test", c->san, &f) != c->within)
            fail_msg("permitted %s, %s: expected %d", c->constraint, c->san, c->within);
        if (!c->within)
            assert_string_equal(f.rule, "constraints.permitted");
        if (allowed(&excluded, "O=Test", c->san, &f) == c->within)
            fail_msg("excluded %s, %s: expected %d", c->constraint, c->san, !c->within);
        if (c->within)
            assert_string_equal(f.rule, "constraints.excluded");
        if (!c->alone && openssl_allows(&permitted, c->san) != c->within)
            fail_msg("OpenSSL, permitted %s, %s: not %d", c->constraint, c->san, c->within);
        if (!c->alone && openssl_allows(&excluded, c->san) == c->within)
            fail_msg("OpenSSL, excluded %s, %s: not %d", c->constraint, c->san, !c->within);
        buf_free(&permitted);
        buf_free(&excluded);
    }
}

static void names_of_another_form_are_free(void **state)
{
    struct buf der;
    struct fault f;

    (void)state;
    encode("dns:example.com", true, &der);
    assert_true(allowed(&der, "O=Test", "ip:192.0.2.1", &f));
    assert_true(allowed(&der, "O=Test", "email:a@b.example", &f));
    assert_true(allowed(&der, "O=Test", NULL, &f));
    buf_free(&der);
}

static void a_uri_without_a_host_name_satisfies_no_constraint(void **state)
{
    struct buf permitted, excluded;
    struct fault f;

    (void)state;
    encode("uri:.example.com", true, &permitted);
    encode("uri:.example.com", false, &excluded);
    assert_false(allowed(&permitted, "O=Test", "uri:https://192.0.2.1/x", &f));
    assert_false(allowed(&excluded, "O=Test", "uri:https://192.0.2.1/x", &f));
    assert_false(allowed(&excluded, "O=Test", "uri:https://[2001:db8::1]/x", &f));
    assert_false(allowed(&excluded, "O=Test", "uri:urn:example:a", &f));
    buf_free(&permitted);
    buf_free(&excluded);
}

/* OpenSSL compares the text "*.example.com" only; the names that it stands for are what counts. */
static void a_wildcard_does_not_reach_into_what_is_excluded(void **state)
{
    struct buf der;
    struct fault f;

    (void)state;
    encode("dns:a.example.com", false, &der);
    assert_false(allowed(&der, "O=Test", "dns:*.example.com", &f));
    assert_false(allowed(&der, "O=Test", "dns:*.a.example.com", &f));
    assert_true(allowed(&der, "O=Test", "dns:*.b.example.com", &f));
    assert_true(allowed(&der, "O=Test", "dns:b.example.com", &f));
    buf_free(&der);
}

static void a_common_name_counts_as_dns_name_when_there_is_no_other(void **state)
{
    struct buf der;
    struct fault f;

    (void)state;
    encode("dns:example.com", true, &der);
    assert_false(allowed(&der, "CN=web.example.org", NULL, &f));
    assert_string_equal(f.field, "subject.CN");
    assert_true(allowed(&der, "CN=web.example.com", NULL, &f));
    assert_true(allowed(&der, "CN=Alice", NULL, &f));
    assert_true(allowed(&der, "CN=web.example.org", "dns:web.example.com", &f));
    buf_free(&der);
}

static void a_directory_name_is_within_when_it_begins_so(void **state)
{
    struct buf permitted, excluded;
    struct fault f;

    (void)state;
    encode("dirname:O=Example,C=DE", true, &permitted);
    encode("dirname:O=Example,C=DE", false, &excluded);
    assert_true(allowed(&permitted, "O=Example,C=DE", NULL, &f));
    assert_true(allowed(&permitted, "CN=a,O=Example,C=DE", NULL, &f));
    assert_true(allowed(&permitted, "CN=a,O=EXAMPLE ,C=de", NULL, &f));
    assert_false(allowed(&permitted, "CN=a,O=Example2,C=DE", NULL, &f));
    assert_false(allowed(&permitted, "CN=a,C=DE", NULL, &f));
    assert_false(allowed(&permitted, "O=Example,C=DE,CN=a", NULL, &f));
    assert_false(allowed(&excluded, "CN=a,O=Example,C=DE", NULL, &f));
    assert_true(allowed(&excluded, "CN=a,O=Other,C=DE", NULL, &f));
    /* RFC 5280 4.2.1.10: on the subject field when it is not empty. */
    assert_true(allowed(&permitted, "", "dns:a.example", &f));
    buf_free(&permitted);
    buf_free(&excluded);
}

static void what_is_excluded_wins_over_what_is_permitted(void **state)
{
    char in[] = "dns:example.com", out[] = "dns:a.example.com";
    char *permitted[] = {in}, *excluded[] = {out};
    struct buf der;
    struct fault f;

    (void)state;
    buf_init(&der, CONSTRAINTS_MAX);
    assert_int_equal(constraints_put(permitted, 1, excluded, 1, &der, &f), 0);
    assert_true(allowed(&der, "O=Test", "dns:b.example.com", &f));
    assert_false(allowed(&der, "O=Test", "dns:x.a.example.com", &f));
    buf_free(&der);
}

static void a_line_that_means_nothing_is_refused(void **state)
{
    static const char *const lines[] = {
        "example.com",        "dns:.example.com", "dns:*.example.com", "dns:a b",
        "ip:10.0.0.1",        "ip:10.0.0.1/8",    "ip:10.0.0.0/33",    "ip:fd00::/129",
        "email:@example.com", "email:a@",         "email:..a",         "uri:https://a.example",
        "dirname:",           "dirname:nonsense", "upn:example.com",   "DNS:example.com",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct buf der;
        struct fault f;

        fault_clear(&f);
        buf_init(&der, CONSTRAINTS_MAX);
        if (constraint_parse(lines[i], &der, &f) == 0)
            fail_msg("\"%s\" was accepted", lines[i]);
        assert_int_not_equal(f.code, FAULT_NONE);
        buf_free(&der);
    }
}

static void malformed_extensions_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "3000",                                     /* neither list */
        "3002a000",                                 /* an empty list */
        "300ba009300782056578616d",                 /* the name goes past its end */
        "300ca00a3008820378797a800100",             /* a minimum */
        "300ca00a3008820378797a810105",             /* a maximum */
        "300ba009300787050a000000ff",               /* five octets of address */
        "3009a00730058203612062",                   /* a blank in a DNS name */
        "3012a00730058203616263a00730058203616263", /* permitted twice */
        "3009a0073005820361626300",                 /* something behind it */
        "3009a2073005820361626a",                   /* a third list */
    };
    struct constraints c;
    struct buf b;

    (void)state;
    buf_init(&b, 256);
    for (size_t i = 0; i < COUNT(bad); i++) {
        test_hex(bad[i], &b);
        if (constraints_get(buf_slice(&b), &c) == 0)
            fail_msg("%s was accepted", bad[i]);
    }
    test_hex("3009a00730058203616263", &b);
    assert_int_equal(constraints_get(buf_slice(&b), &c), 0);
    assert_int_equal(c.permitted.n, 7);
    assert_int_equal(c.excluded.n, 0);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_has_its_borders_and_openssl_agrees),
        cmocka_unit_test(names_of_another_form_are_free),
        cmocka_unit_test(a_uri_without_a_host_name_satisfies_no_constraint),
        cmocka_unit_test(a_wildcard_does_not_reach_into_what_is_excluded),
        cmocka_unit_test(a_common_name_counts_as_dns_name_when_there_is_no_other),
        cmocka_unit_test(a_directory_name_is_within_when_it_begins_so),
        cmocka_unit_test(what_is_excluded_wins_over_what_is_permitted),
        cmocka_unit_test(a_line_that_means_nothing_is_refused),
        cmocka_unit_test(malformed_extensions_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
