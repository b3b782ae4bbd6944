/* Which names a profile, a grant and an authorisation allow, and who may say what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/tbs.h"
#include "tests/unit/policy_bench.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define SID "S-1-5-21-1004336348-1177238915-682003330-512"

static const char *const no_ext[][2] = {{NULL, NULL}};
static const char *const host[][2] = {{"subjectAltName", "DNS:a.example.test"}, {NULL, NULL}};
static const char *const upn[][2] = {
    {"subjectAltName", "email:alice@example.test,otherName:msUPN;UTF8:alice@example.test"},
    {NULL, NULL}};

/* OpenSSL's own syntax has no comma in a URI. */
static const char *sid_uri_der(void)
{
    static char text[512] = "DER:";
    static struct san_list l = {.n = 2};
    struct buf der;

    l.item[0] = (struct san){SAN_EMAIL, slice_str("alice@example.test")};
    l.item[1] = (struct san){SAN_URI, slice_str(PROFILE_SID_URI SID)};
    buf_init(&der, 200);
    san_list_put(&der, &l);
    hex_encode(buf_slice(&der), text + strlen("DER:"));
    buf_free(&der);
    return text;
}

static void each_builtin_profile_has_its_own_names(void **state)
{
    static const struct {
        const char *profile, *name, *rule;
    } cases[] = {
        {"tls-server", "dns:a.example", NULL},
        {"tls-server", "ip:192.0.2.1", NULL},
        {"tls-server", "email:a@b.example", "san.kind"},
        {"tls-server", "dns:*.a.example", "san.dns.wildcard"},
        {"vpn-server", "ip:2001:db8::1", NULL},
        {"vpn-client", "email:a@b.example", NULL},
        {"vpn-client", "ip:192.0.2.1", "san.kind"},
        {"wifi-client", "email:a@b.example", NULL},
        {"wifi-client", "uri:urn:x", "san.kind"},
        {"radius-server", "dns:radius.example", NULL},
        {"radius-server", "ip:192.0.2.1", "san.kind"},
        {"device", "uri:urn:dev:1", NULL},
        {"code-signing", "dns:a.example", "san.kind"},
        {"smime", "email:a@b.example", NULL},
        {"smime", "dns:a.example", "san.kind"},
        {"ocsp-responder", "dns:a.example", "san.kind"},
        {"subordinate-ca", "dns:a.example", "san.kind"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct policy_bench b;

        bench_open(&b, cases[i].profile);
        b.profile.subject_required = 0;
        bench_san(&b, cases[i].name);
        (void)bench_ask(&b, "", no_ext);
        if (strcmp(b.fault.rule, cases[i].rule != NULL ? cases[i].rule : "") != 0)
            fail_msg("%s %s: %s", cases[i].profile, cases[i].name, b.fault.rule);
        bench_close(&b);
    }
}

static void names_that_must_be_there_are_asked_for(void **state)
{
    struct policy_bench b;

    (void)state;
    bench_open(&b, "smime");
    bench_refuses(&b, "Alice", no_ext, "san.required");
    b.profile.san_required = false;
    bench_refuses(&b, "Alice", no_ext, "san.required.kind");
    assert_string_equal(b.fault.allowed, "email");
    bench_close(&b);
}

/* SPIFFE-ID 2, and prefixes that end at a boundary. */
static void a_spiffe_id_is_one_of_its_trust_domain(void **state)
{
    static char *domain[] = {(char *)"spiffe://prod.example/"};
    static const struct {
        const char *uri, *rule;
    } cases[] = {
        {"spiffe://prod.example/ns/a/sa/b", NULL},
        {"spiffe://prod.example.evil/ns/a", "san.uri.prefix"},
        {"spiffe://other.example/ns/a", "san.uri.prefix"},
        {"https://prod.example/", "san.uri.prefix"},
        {"spiffe://prod.example/ns//a", "san.uri.spiffe"},
        {"spiffe://prod.example/ns/../a", "san.uri.spiffe"},
        {"spiffe://prod.example/ns/a/", "san.uri.spiffe"},
        {"spiffe://PROD.example/ns/a", "san.uri.spiffe"},
        {"SPIFFE://prod.example/ns/a", "san.uri.spiffe"},
        {"spiffe://user@prod.example/ns", "san.uri.spiffe"},
        {"spiffe://prod.example:8443/ns", "san.uri.spiffe"},
        {"spiffe://prod.example/ns?x=1", "san.uri.spiffe"},
        {"spiffe://prod.example/a%20b", "san.uri.spiffe"},
    };
    struct policy_bench b;

    (void)state;
    bench_open(&b, "mtls");
    b.profile.uri = domain;
    b.profile.n_uri = 1;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct san s = {SAN_URI, slice_str(cases[i].uri)};

        fault_clear(&b.fault);
        if ((policy_name(&b.profile, &s, &b.fault) == 0) != (cases[i].rule == NULL) ||
            strcmp(b.fault.rule, cases[i].rule != NULL ? cases[i].rule : "") != 0)
            fail_msg("%s: %s", cases[i].uri, b.fault.rule);
    }
    bench_close(&b);
}

/* RFC 3986 5.2.4: what a program resolves before it compares must not lead elsewhere. */
static void no_uri_leads_out_of_its_prefix(void **state)
{
    static const struct {
        const char *prefix, *uri;
        bool allowed;
    } cases[] = {
        {"https://a.example/team", "https://a.example/team", true},
        {"https://a.example/team", "https://a.example/team/x", true},
        {"https://a.example/team", "https://a.example/teams", false},
        {"https://a.example/team", "https://a.example/team/../other", false},
        {"https://a.example/team", "https://a.example/team/..", false},
        {"https://a.example/team/", "https://a.example/team/../other", false},
        {"https://a.example/team/", "https://a.example/team/./x", false},
        {"https://a.example/team/", "https://a.example/team/x/%2E%2e/../other", false},
        {"https://a.example/team/", "https://a.example/team/.%2e%2Fother", false},
        {"https://a.example/team/", "https://a.example/team/..?x", false},
        {"https://a.example/team/", "https://a.example/team/...", true},
        {"https://a.example/team/", "https://a.example/team/..x/%2ex/x..", true},
        {"https://a.example/team/", "https://a.example/team/x?y=../z", true},
        {"https://a.example", "https://a.example@b.example/", false},
        {"https://a.example:", "https://a.example:x@b.example/", false},
        {"urn:dev:", "urn:dev:mac:0024beff", true},
        {"urn:dev:", "urn:device:x", false},
        {"urn:dev", "urn:dev:x", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *pattern[] = {(char *)cases[i].prefix};
        struct san s = {SAN_URI, slice_str(cases[i].uri)};

        if (pattern_has_name(&s, pattern, 1) != cases[i].allowed)
            fail_msg("%s: %s", cases[i].prefix, cases[i].uri);
    }
}

static void no_directory_identity_comes_from_a_csr(void **state)
{
    const char *const sid_uri[][2] = {{"subjectAltName", sid_uri_der()}, {NULL, NULL}};
    struct policy_bench b;

    (void)state;
    bench_open(&b, "wifi-client");
    bench_refuses(&b, "", upn, "san.upn.source");
    bench_refuses(&b, "", sid_uri, "san.sid.source");
    b.profile.drop = DROP_SAN;
    bench_allows(&b, "", upn);
    assert_int_equal(b.decision.sans.n, 1);
    assert_int_equal(b.decision.sans.item[0].kind, SAN_EMAIL);
    bench_allows(&b, "", sid_uri);
    assert_int_equal(b.decision.sans.n, 1);
    assert_int_equal(b.decision.sid.n, 0);
    bench_close(&b);
}

static void an_operator_vouches_for_identities_only_with_a_grant(void **state)
{
    static char *suffix[] = {(char *)"example.test"};
    struct conf_grant grant = {
        .name = (char *)"g", .operator=(char *) "alice", .upn = suffix, .n_upn = 1, .sid = true};
    struct policy_bench b;

    (void)state;
    bench_open(&b, "wifi-client");
    bench_san(&b, "upn:alice@example.test");
    bench_san(&b, "uri:" PROFILE_SID_URI SID);
    bench_refuses(&b, "", no_ext, "san.upn.source");
    b.conf.grants = &grant;
    b.conf.n_grants = 1;
    bench_allows(&b, "", no_ext);
    assert_int_equal(b.decision.sans.n, 1);
    assert_int_equal(b.decision.sans.item[0].kind, SAN_UPN);
    assert_true(slice_is(b.decision.sid, SID));
    grant.sid = false;
    bench_refuses(&b, "", no_ext, "san.sid.source");
    grant.sid = true;
    suffix[0] = (char *)"other.test";
    bench_refuses(&b, "", no_ext, "san.upn.source");
    suffix[0] = (char *)"example.test";
    b.in.requester = "operator:bob";
    bench_refuses(&b, "", no_ext, "san.upn.source");
    bench_close(&b);
}

static void an_authorisation_says_no_more_than_its_makers_grants(void **state)
{
    static char *suffix[] = {(char *)"example.test"};
    struct conf_grant grant = {
        .name = (char *)"g", .operator=(char *) "alice", .upn = suffix, .n_upn = 1, .sid = true};
    struct policy_bench b;

    (void)state;
    bench_open(&b, "wifi-client");
    b.authorisation = (struct policy_authorisation){.sid = SID, .upn = "alice@example.test"};
    b.in.authorisation = &b.authorisation;
    bench_allows(&b, "", no_ext);
    b.conf.grants = &grant;
    b.conf.n_grants = 1;
    bench_allows(&b, "", no_ext);
    suffix[0] = (char *)"other.test";
    bench_refuses(&b, "", no_ext, "grant.name");
    suffix[0] = (char *)"example.test";
    grant.sid = false;
    bench_refuses(&b, "", no_ext, "grant.name");
    b.in.requester = "operator:bob";
    bench_allows(&b, "", no_ext);
    bench_close(&b);
}

static void an_authorisation_brings_its_identities_in_the_profiles_form(void **state)
{
    static const struct {
        enum conf_sid form;
        size_t names;
        bool extension;
    } cases[] = {{SID_EXTENSION, 1, true}, {SID_URI, 2, false}, {SID_BOTH, 2, true}};
    struct policy_bench b;

    (void)state;
    bench_open(&b, "wifi-client");
    b.authorisation = (struct policy_authorisation){.sid = SID, .upn = "alice@example.test"};
    b.in.authorisation = &b.authorisation;
    for (size_t i = 0; i < COUNT(cases); i++) {
        b.profile.sid = cases[i].form;
        bench_allows(&b, "", no_ext);
        assert_int_equal(b.decision.sans.n, cases[i].names);
        assert_int_equal(b.decision.sid.n > 0, cases[i].extension);
    }
    b.profile.sid = SID_NONE;
    bench_refuses(&b, "", no_ext, "san.sid");
    b.profile.sid = SID_BOTH;
    b.authorisation.sid = "S-1-5-";
    bench_refuses(&b, "", no_ext, "san.sid");
    b.authorisation.sid = NULL;
    b.authorisation.upn = "alice";
    bench_refuses(&b, "", no_ext, "san.upn.syntax");
    b.authorisation.upn = "alice@example.test";
    b.profile.san_kinds = 1u << SAN_DNS;
    bench_refuses(&b, "", no_ext, "san.kind");
    bench_close(&b);
}

static void who_is_bound_to_names_has_no_other_common_name(void **state)
{
    static struct san_list names;
    struct policy_bench b;

    (void)state;
    bench_open(&b, "tls-client");
    bench_allows(&b, "Anybody", host);
    names.n = 1;
    names.item[0] = (struct san){SAN_DNS, slice_str("a.example.test")};
    b.authorisation.names = &names;
    b.in.authorisation = &b.authorisation;
    bench_refuses(&b, "Anybody", host, "subject.cn.san");
    bench_allows(&b, "a.example.test", host);
    names.item[0].value = slice_str("b.example.test");
    bench_refuses(&b, "", host, "authorisation.name");
    bench_close(&b);
}

static void a_grant_bounds_profiles_and_names(void **state)
{
    static char *web[] = {(char *)".web.example.test"};
    static char *server[] = {(char *)"tls-server"};
    struct conf_grant grants[] = {{.name = (char *)"g",
                                   .operator=(char *) "alice",
                                   .profiles = server,
                                   .n_profiles = 1,
                                   .dns = web,
                                   .n_dns = 1}};
    struct policy_bench b;

    (void)state;
    bench_open(&b, "tls-server");
    b.conf.grants = grants;
    b.conf.n_grants = 1;
    bench_refuses(&b, "", host, "grant.name");
    assert_int_equal(b.fault.code, FAULT_DENIED);
    bench_san(&b, "dns:a.web.example.test");
    bench_allows(&b, "", no_ext);
    bench_san(&b, "ip:192.0.2.1");
    bench_refuses(&b, "", no_ext, "grant.name");
    /* Without any pattern the profile's names stand. */
    grants[0].n_dns = 0;
    bench_allows(&b, "", no_ext);
    server[0] = (char *)"mtls";
    bench_refuses(&b, "", no_ext, "grant.profile");
    b.in.requester = "operator:bob";
    bench_allows(&b, "", host);
    bench_close(&b);
}

static void a_profile_of_named_operators_is_for_them_alone(void **state)
{
    static char *names[] = {(char *)"bob"};
    struct policy_bench b;

    (void)state;
    bench_open(&b, "tls-server");
    b.profile.operators = names;
    b.profile.n_operators = 1;
    bench_refuses(&b, "", host, "requester.operator");
    b.in.requester = "operator:bob";
    bench_allows(&b, "", host);
    b.in.requester = "token:bob";
    bench_refuses(&b, "", host, "requester.operator");
    bench_close(&b);
}

static void dropped_names_are_those_of_the_csr_only(void **state)
{
    static const char *const mixed[][2] = {
        {"subjectAltName", "DNS:a.example.test,email:a@example.test"}, {NULL, NULL}};
    struct policy_bench b;

    (void)state;
    bench_open(&b, "tls-server");
    bench_refuses(&b, "", mixed, "san.kind");
    b.profile.drop = DROP_SAN;
    bench_allows(&b, "", mixed);
    assert_int_equal(b.decision.sans.n, 1);
    bench_san(&b, "email:a@example.test");
    bench_refuses(&b, "", mixed, "san.kind");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_builtin_profile_has_its_own_names),
        cmocka_unit_test(names_that_must_be_there_are_asked_for),
        cmocka_unit_test(a_spiffe_id_is_one_of_its_trust_domain),
        cmocka_unit_test(no_uri_leads_out_of_its_prefix),
        cmocka_unit_test(no_directory_identity_comes_from_a_csr),
        cmocka_unit_test(an_operator_vouches_for_identities_only_with_a_grant),
        cmocka_unit_test(an_authorisation_says_no_more_than_its_makers_grants),
        cmocka_unit_test(an_authorisation_brings_its_identities_in_the_profiles_form),
        cmocka_unit_test(who_is_bound_to_names_has_no_other_common_name),
        cmocka_unit_test(a_grant_bounds_profiles_and_names),
        cmocka_unit_test(a_profile_of_named_operators_is_for_them_alone),
        cmocka_unit_test(dropped_names_are_those_of_the_csr_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
