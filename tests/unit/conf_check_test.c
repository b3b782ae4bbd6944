/* What the file as a whole must keep: references, order, uniqueness, no secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/conf.h"
#include "tests/unit/conf_help.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void duplicates_are_refused(void **state)
{
    static const struct conf_wrong cases[] = {
        {"level = \"info\";", "level = \"info\";\nlevel = \"warn\";", "level = \"warn\"",
         "conf.syntax", "duplicate setting name"},
        {"operators = (", "log = { };\noperators = (", "log = { }", "conf.syntax",
         "duplicate setting name"},
        {"name = \"issuing\"", "name = \"root\"",
         "name = \"root\";\n        subject = \"CN=Cerca "
         "Development Issuing",
         "conf.duplicate", "already there"},
        {"\"tokens\" )", "\"tokens\", \"./tokens\" )", NULL, "conf.duplicate", "twice"},
        {"role = \"admin\"; }",
         "role = \"admin\"; },\n{ name = \"bob\"; uid = \"1000\"; role = "
         "\"auditor\"; }",
         "name = \"bob\"", "conf.unique", "also that of \"alice\""},
        {"CN=Cerca Development Issuing CA", "CN=Cerca Development Root CA",
         "Root CA\";\n        token = \"default\";\n        key = \"pkcs11:object=issuing",
         "conf.unique", "also that of \"root\""},
        {"CN=Cerca Development Issuing CA", "cn=Cerca Development Root C\\\\41",
         "subject = \"cn=", "conf.unique", "also that of \"root\""},
        {"operators = (", "metrics = { listen = \"0.0.0.0\"; port = \"8080\"; };\noperators = (",
         "metrics = {", "conf.unique", "8080 is also that of http"},
        {"operators = (",
         "metrics = { listen = \"127.0.0.1\";\nport = \"8443\"; };\n"
         "est = ( { name = \"default\"; profile = \"mtls\"; } );\noperators = (",
         "port = \"8443\"; };\nest", "conf.unique", "8443 is also that of https"},
        {"object=issuing", "id=%01;object=r%6Fot", "object=r%6Fot", "conf.unique",
         "also that of \"root\""},
        {"object=issuing", "object=root",
         "key = \"pkcs11:object=root\";\n        key_type = "
         "\"p256",
         "conf.unique", "also that of \"root\""},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
}

static void generations_offline_and_cross_issuers_are_consistent(void **state)
{
    static const struct conf_wrong cases[] = {
        {"signs_cas = true;", "signs_cas = true; offline = true;", "offline = true", "conf.order",
         "neither token nor key"},
        {"token = \"default\";\n        key = \"pkcs11:object=issuing\";", "",
         "{\n        name = \"issuing\"", "conf.missing", "where the key is"},
        {"signs_leaves = true;", "signs_leaves = true; replaces = \"nobody\";",
         "replaces =", "conf.reference", "no issuer"},
        {"signs_leaves = true;", "signs_leaves = true; replaces = \"issuing\";",
         "replaces =", "conf.reference", "back to itself"},
        {"signs_leaves = true;", "signs_leaves = true; state = \"crl-only\";",
         "{\n        name = \"issuing\"", "conf.reference", "no issuer replaces it"},
        {"signs_leaves = true;", "signs_leaves = true; cross = ( \"root\" );",
         "cross =", "conf.reference", "itself and its parent"},
        {"signs_cas = true;", "signs_cas = true; cross = ( \"issuing\" );",
         "cross =", "conf.reference", "no CA certificates"},
        {"signs_leaves = true;", "signs_leaves = true; permitted = ( \"dns:.a.example\" );",
         "permitted =", "conf.value", "without a dot in front"},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
}

static void crls_come_before_the_last_one_ends(void **state)
{
    static const struct conf_wrong cases[] = {
        {"signs_leaves = true;", "signs_leaves = true; crl_every = \"7d\";",
         "{\n        name = \"issuing\"", "conf.order", "not longer than crl_every"},
        {"signs_leaves = true;", "signs_leaves = true; crl_delta = \"24h\";",
         "crl_delta =", "conf.order", "not shorter than crl_every"},
        {"signs_leaves = true;", "signs_leaves = true; crl_delta = \"6h\";",
         "{\n        name = \"issuing\"", "conf.order", "not longer than crl_delta"},
        {"signs_leaves = true;",
         "signs_leaves = true; crl_delta = \"2h\"; crl_delta_validity = \"2h\";",
         "crl_delta_validity =", "conf.order", "not longer than crl_delta"},
        {"crl/issuing.crl\"", "crl?of=issuing.crl\"; crl_delta = \"1h\"",
         "crl_delta =", "conf.order", "without a query"},
        {"/crl/issuing.crl\"", "/crl#issuing.crl\"; crl_shards = \"8\"",
         "crl_shards =", "conf.order", "without a query"},
        {"signs_leaves = true;", "signs_leaves = true; crl_shards = \"257\";",
         "crl_shards =", "conf.value", "256"},
        {"signs_leaves = true;", "signs_leaves = true; crl_delta = \"1\";",
         "crl_delta =", "conf.value", "span"},
        {"token = \"default\";\n        key = \"pkcs11:object=root\";",
         "offline = true; crl_shards = \"8\";", "crl_shards =", "conf.order", "full CRL only"},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
}

static void a_token_has_exactly_one_source_of_its_pin(void **state)
{
    static const struct conf_wrong cases[] = {
        {"pin_file = \"secrets/default.pin\";", "", "{\n        name = \"default\"", "conf.pin",
         "none"},
        {"pin_file =", "pin_fd = \"3\"; pin_file =", "{\n        name = \"default\"", "conf.pin",
         "several"},
        {"pin_file = \"secrets/default.pin\"", "pin_fd = \"2\"", NULL, "conf.value", "descriptor"},
        {"pin_file = \"secrets/default.pin\"", "pin_credential = \"a/b\"", NULL, "conf.value",
         "letters"},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
    conf_free(conf_accepted("pin_file = \"secrets/default.pin\"", "pin_fd = \"3\""));
    conf_free(
        conf_accepted("pin_file = \"secrets/default.pin\"", "pin_credential = \"cerca.pin\""));
}

static void a_secret_in_the_configuration_is_refused_and_not_repeated(void **state)
{
    struct conf *c;
    struct fault f;
    struct buf text;

    (void)state;
    conf_changed("token=cerca-dev", "token=cerca-dev?pin-value=s3cr3t", &text);
    assert_int_equal(conf_load_text(buf_cstr(&text), CONF_TEST_PATH, &c, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "p11uri.pin");
    assert_null(strstr(f.text, "s3cr3t"));
    assert_null(strstr(f.value, "s3cr3t"));
    assert_non_null(strstr(f.text, "pin_file"));
    buf_free(&text);
}

static void what_is_referred_to_must_be_there(void **state)
{
    static const struct conf_wrong cases[] = {
        {"token = \"default\"", "token = \"other\"", NULL, "conf.reference", "no token \"other\""},
        {"parent = \"root\";\n        signs_leaves", "parent = \"nobody\";\n        signs_leaves",
         NULL, "conf.reference", "no issuer \"nobody\""},
        {"parent = \"root\";\n        signs_leaves", "parent = \"issuing\";\n        signs_leaves",
         NULL, "conf.reference", "signs_cas"},
        {"parent = \"root\"; # signs itself", "parent = \"issuing\";", NULL, "conf.reference",
         "signs_cas"},
        {"signs_cas = true", "signs_leaves = true", "parent = \"root\"; # signs itself",
         "conf.reference", "signs_cas"},
        {"object=issuing", "token=elsewhere;object=issuing", NULL, "conf.reference",
         "another token"},
        {"object=issuing", "token=cerca-dev", "key = \"pkcs11:token=cerca-dev", "conf.value",
         "object or id"},
        {"token=cerca-dev", "object=x", NULL, "conf.value", "names no token"},
        {"operators = (", "profiles = ( { name = \"mtls\";\nissuer = \"x\"; } );\noperators = (",
         "issuer = \"x\"", "conf.reference", "no issuer \"x\""},
        {"operators = (", "profiles = ( { name = \"mtls\";\nissuer = \"root\"; } );\noperators = (",
         "issuer = \"root\"", "conf.reference", "signs_leaves"},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
}

/* root <- issuing <- root: no certificate signs itself. */
static void parents_in_a_circle_are_refused(void **state)
{
    static const struct conf_wrong cases[] = {
        {"parent = \"root\"; # signs itself", "parent = \"third\";", NULL, "conf.reference",
         "circle"},
    };
    static const char third[] =
        "    { name = \"third\"; subject = \"CN=Third\"; token = \"default\";\n"
        "      key = \"pkcs11:object=third\"; key_type = \"p256\"; parent = \"root\";\n"
        "      signs_cas = true; validity = \"10y\"; },\n    {\n        name = \"issuing\"";
    struct buf text, circle;
    const char *at;

    (void)state;
    conf_changed(cases[0].from, cases[0].to, &text);
    at = strstr(buf_cstr(&text), "    {\n        name = \"issuing\"");
    buf_init(&circle, CONF_MAX);
    buf_put(&circle, text.p, (size_t)(at - (const char *)text.p));
    buf_put_str(&circle, third);
    buf_put_str(&circle, at + strlen("    {\n        name = \"issuing\""));
    memset(strstr((char *)circle.p, "path_len = \"1\";"), ' ', strlen("path_len = \"1\";"));
    conf_refused_at(buf_cstr(&circle), cases[0].to, cases[0].rule, cases[0].says);
    buf_free(&text);
    buf_free(&circle);
}

/* RFC 5280 4.2.1.9 */
static void a_path_length_too_short_for_what_is_below_is_refused(void **state)
{
    static const struct conf_wrong cases[] = {
        {"path_len = \"1\"", "path_len = \"0\"", NULL, "conf.order", "too short"},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
    conf_free(conf_accepted("path_len = \"1\"", "path_len = \"none\""));
}

static void spans_are_in_order(void **state)
{
    static const struct conf_wrong cases[] = {
        {"validity = \"5y\"", "validity = \"11y\"", NULL, "conf.order", "its parent \"root\""},
        {"operators = (",
         "profiles = ( { name = \"mtls\";\nvalidity = \"398d\"; } );\noperators = (",
         "validity = \"398d\"", "conf.order", "validity_max"},
        {"operators = (",
         "profiles = ( { name = \"mtls\";\nvalidity_max = \"398d\"; } );\noperators = (",
         "validity_max = \"398d\"", "conf.order", "leaf_validity_max"},
        {"key_type = \"p256\";", "key_type = \"rsa2048\"; alg = \"ecdsa-sha256\";", NULL,
         "conf.order", "key_type"},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
    conf_free(
        conf_accepted("key_type = \"p256\";", "key_type = \"rsa3072\"; alg = \"rsa-pss-sha256\";"));
}

static void what_profiles_say_goes_together(void **state)
{
    static const struct conf_wrong cases[] = {
        {"operators = (",
         "profiles = ( { name = \"mtls\";\neku = ( \"OCSPSigning\", \"serverAuth\" ); } "
         ");\noperators = (",
         "eku = ( \"OCSPSigning\", \"serverAuth\" );", "conf.order", "stand alone"},
        {"operators = (",
         "profiles = ( { name = \"mtls\";\neku = ( \"timeStamping\" ); } );\noperators = (",
         "eku = ( \"timeStamping\" );", "conf.order", "eku_critical"},
        {"operators = (",
         "profiles = ( { name = \"mtls\";\nocsp_no_check = true; } );\noperators = (",
         "ocsp_no_check = true;", "conf.order", "OCSPSigning alone"},
        {"operators = (",
         "profiles = ( { name = \"mtls\";\nno_rev_avail = \"1d\"; must_staple = true; } "
         ");\noperators = (",
         "no_rev_avail = \"1d\"; must_staple = true;", "conf.order", "does not go with"},
        {"operators = (",
         "profiles = ( { name = \"mtls\";\nvalidity_max = \"91d\"; no_rev_avail = \"30d\"; "
         "backdate = \"1h\"; ku_ec = ( \"cRLSign\" ); } );\noperators = (",
         "validity_max = \"91d\"; no_rev_avail = \"30d\"; backdate = \"1h\"; ku_ec = ( \"cRLSign\" "
         ");",
         "conf.order", "ca = true"},
        {"operators = (",
         "profiles = ( { name = \"mtls\";\nsan_required_kinds = ( \"email\" ); } );\noperators = (",
         "san_required_kinds = ( \"email\" );", "conf.order", "not in san_kinds"},
        {"operators = (",
         "profiles = ( { name = \"mtls\";\noperators = ( \"nobody\" ); } );\noperators = (",
         "operators = ( \"nobody\" );", "conf.reference", "no operator"},
        {"operators = (",
         "profiles = ( { name = \"mtls\";\npermitted = ( \"dns:a.example\" ); } );\noperators = (",
         "permitted = ( \"dns:a.example\" );", "conf.order", "for CAs"},
        {"operators = (",
         "profiles = ( { name = \"mtls\";\nca = true; san_kinds = (); san_required = false; } "
         ");\noperators = (",
         "{ name = \"mtls\";", "conf.reference", "signs_cas"},
        {"operators = (", "profiles = ( { name = \"mtls\";\nissuer = \"root\"; } );\noperators = (",
         "issuer = \"root\";", "conf.reference", "signs_leaves"},
        {"operators = (",
         "profiles = ( { name = \"mtls\";\nsubject = \"CN={host}\"; } );\noperators = (",
         "subject = \"CN={host}\";", "subject.template", "{cn}"},
        {"operators = (",
         "profiles = ( { name = \"dept\"; issuer = \"root\"; ca = true;\npath_len = \"1\";"
         " san_kinds = (); san_required = false; } );\noperators = (",
         "path_len = \"1\"; san", "conf.order", "below that of issuer"},
        {"operators = (", "grants = ( { name = \"g\";\noperator = \"nobody\"; } );\noperators = (",
         "operator = \"nobody\"", "conf.reference", "no operator"},
        {"operators = (",
         "grants = ( { name = \"g\"; operator = \"alice\";\nprofiles = ( \"x\" ); } );\n"
         "operators = (",
         "profiles = ( \"x\" )", "conf.reference", "no profile"},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
}

/* A span that the file does not say is cut to what the issuer allows; one that it says is refused
 * (spans_are_in_order). */
static void default_spans_fit_the_issuer(void **state)
{
    struct conf *c =
        conf_accepted("signs_leaves = true;", "signs_leaves = true; leaf_validity_max = \"30d\";");

    (void)state;
    assert_int_equal(conf_profile(c, "tls-server")->validity_max, 30 * 86400 - 300);
    assert_int_equal(conf_profile(c, "tls-server")->validity, 30 * 86400 - 300);
    assert_int_equal(conf_profile(c, "ocsp-responder")->validity, 7 * 86400);
    conf_free(c);
    c = conf_accepted("signs_leaves = true;", "signs_leaves = true; leaf_validity_max = \"30y\";");
    assert_int_equal(conf_profile(c, "device")->validity, (int64_t)3650 * 86400);
    conf_free(c);
}

/* Is the built-in profile that makes CAs in force, once `more` stands in the configuration? */
static bool makes_cas(const char *more)
{
    struct buf text;
    struct conf *c;
    const struct conf_profile *p;
    bool there;

    buf_init(&text, CONF_MAX);
    buf_printf(&text, "%s\noperators = (", more);
    c = conf_accepted("operators = (", buf_cstr(&text));
    buf_free(&text);
    p = conf_profile(c, "subordinate-ca");
    there = p != NULL;
    if (there)
        assert_int_equal(p->validity_max, (int64_t)3650 * 86400);
    assert_int_equal(conf_profile_is_off(c, "subordinate-ca"), !there);
    assert_false(conf_profile_is_off(c, "tls-server"));
    if (!there)
        assert_non_null(strstr(
            c->profile_off, "add { name = \"subordinate-ca\"; issuer = \"root\"; } to profiles"));
    conf_free(c);
    return there;
}

static void cas_are_made_only_where_the_file_names_it(void **state)
{
    struct fault f;
    struct conf *c;

    (void)state;
    assert_false(makes_cas(""));
    assert_false(makes_cas("profiles = ( { name = \"mtls\"; } );"));
    assert_false(makes_cas("signings = ( { name = \"web\"; profile = \"mtls\"; csr = \"a\"; } );"));
    /* An operator who may is no reason that it is; an earlier version took this, so it loads. */
    assert_false(makes_cas("grants = ( { name = \"g\"; operator = \"alice\";"
                           " profiles = ( \"subordinate-ca\" ); } );"));
    assert_true(makes_cas("profiles = ( { name = \"subordinate-ca\"; } );"));
    assert_true(makes_cas("profiles = ( { name = \"subordinate-ca\"; issuer = \"root\"; } );"));
    assert_true(makes_cas("profiles = ( { name = \"subordinate-ca\"; validity = \"1y\"; } );"));
    assert_true(makes_cas("signings = ( { name = \"sub\"; csr = \"a\"; } );"));
    /* Where no issuer could make one, there is nothing to add. */
    assert_int_equal(conf_load_text("", CONF_TEST_PATH, &c, &f), 0);
    assert_null(conf_profile(c, "subordinate-ca"));
    assert_null(c->profile_off);
    conf_free(c);
}

static void key_usages_must_suit_the_keys(void **state)
{
    static const struct conf_wrong cases[] = {
        {"operators = (",
         "profiles = ( { name = \"mtls\";\nku_ec = ( \"keyEncipherment\" ); } );\noperators = (",
         "ku_ec", "conf.order", "RFC 5480"},
        {"operators = (",
         "profiles = ( { name = \"mtls\";\nku_ec = ( \"keyAgreement\" ); } );\noperators = (",
         "ku_ec", "conf.order", "RFC 8410"},
        {"operators = (",
         "profiles = ( { name = \"mtls\";\nku_rsa = ( \"keyAgreement\" ); } );\noperators = (",
         "ku_rsa", "conf.order", "RFC 3279"},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
}

/* unix(7): sun_path has 108 octets, the NUL among them. */
static void a_socket_path_that_is_too_long_is_refused(void **state)
{
    char to[160];
    struct conf_wrong w = {"dir = \"sock\"", to, "name = \"default\"", "conf.value", "sockets.dir"};

    (void)state;
    snprintf(to, sizeof(to), "dir = \"/%086d\"", 0); /* /0...0/signer-default.sock: 107 */
    conf_free(conf_accepted("dir = \"sock\"", to));
    snprintf(to, sizeof(to), "dir = \"/%087d\"", 0);
    conf_refuse_all(&w, 1);
}

static void what_libconfig_takes_in_silence_is_refused(void **state)
{
    static const struct conf_wrong cases[] = {
        {"log = {", "@include \"/etc/passwd\"\nlog = {", "@include", "conf.include", "one file"},
        {"log = {", "log = { @include \"/etc/passwd\"\n", "@include", "conf.include", "one file"},
        {"dir = \"store\"", "dir = \"a\\x00b\"", NULL, "conf.syntax", "NUL"},
        {"dir = \"store\"", "dir = \"a\\\\\\X00b\"", NULL, "conf.syntax", "NUL"},
        {"dir = \"store\"", "dir = \"\xff\"", NULL, "conf.syntax", "UTF-8"},
        {"log = {", "x = (((((((((((", NULL, "conf.syntax", "nested"},
        {"log = {", "/* log = {", NULL, "conf.syntax", "comment without its end"},
        {"role = \"admin\"; }\n);", "role = \"admin; }\n);", NULL, "conf.syntax",
         "text without its end"},
        {"log = {", "log = ", NULL, "conf.syntax", "syntax error"},
        {"log = {", "log = }", NULL, "conf.syntax", "syntax error"},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
    conf_free(conf_accepted("log = {", "# @include\n/* @ * / @ */ // @ ((((((((((\nlog = {"));
    conf_free(conf_accepted("dir = \"store\"", "dir = \"a\\\\x00@include((((((((((\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duplicates_are_refused),
        cmocka_unit_test(generations_offline_and_cross_issuers_are_consistent),
        cmocka_unit_test(crls_come_before_the_last_one_ends),
        cmocka_unit_test(a_token_has_exactly_one_source_of_its_pin),
        cmocka_unit_test(a_secret_in_the_configuration_is_refused_and_not_repeated),
        cmocka_unit_test(what_is_referred_to_must_be_there),
        cmocka_unit_test(parents_in_a_circle_are_refused),
        cmocka_unit_test(a_path_length_too_short_for_what_is_below_is_refused),
        cmocka_unit_test(spans_are_in_order),
        cmocka_unit_test(what_profiles_say_goes_together),
        cmocka_unit_test(default_spans_fit_the_issuer),
        cmocka_unit_test(cas_are_made_only_where_the_file_names_it),
        cmocka_unit_test(key_usages_must_suit_the_keys),
        cmocka_unit_test(a_socket_path_that_is_too_long_is_refused),
        cmocka_unit_test(what_libconfig_takes_in_silence_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
