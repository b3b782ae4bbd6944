/* What a CSR's extensions may ask for: less than the profile gives, never more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/tbs.h"
#include "tests/unit/policy_bench.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct asked {
    const char *profile;
    const char *name, *value; /* one extension besides the names */
    const char *rule;         /* NULL: allowed */
    const char *dropped;      /* the rule that is left when extensions are dropped; NULL: allowed */
};

static const struct asked cases[] = {
    {"tls-server", "keyUsage", "digitalSignature", NULL, NULL},
    /* What an RSA key would need is asked for with EC keys by many clients. */
    {"tls-server", "keyUsage", "digitalSignature,keyEncipherment", NULL, NULL},
    {"tls-server", "keyUsage", "digitalSignature,nonRepudiation", "csr.key_usage", NULL},
    {"tls-server", "keyUsage", "keyCertSign", "csr.key_usage", NULL},
    {"tls-server", "extendedKeyUsage", "serverAuth", NULL, NULL},
    {"tls-server", "extendedKeyUsage", "serverAuth,clientAuth", "csr.eku", NULL},
    {"tls-server", "extendedKeyUsage", "anyExtendedKeyUsage", "csr.eku", NULL},
    {"tls-server", "extendedKeyUsage", "1.3.6.1.4.1.99999.1", "csr.eku", NULL},
    {"mtls", "extendedKeyUsage", "clientAuth", NULL, NULL},
    {"vpn-server", "extendedKeyUsage", "serverAuth,ipsecIKE", NULL, NULL},
    {"tls-server", "basicConstraints", "CA:FALSE", NULL, NULL},
    {"tls-server", "basicConstraints", "critical,CA:TRUE", "csr.ca", "csr.ca"},
    {"tls-server", "tlsfeature", "status_request", "csr.must_staple", NULL},
    {"tls-server", "tlsfeature", "17", NULL, NULL},
    /* Sent by real clients whatever they are asked. */
    {"tls-server", "subjectKeyIdentifier", "01:02", NULL, NULL},
    {"tls-server", "nsComment", "OpenSSL Generated", NULL, NULL},
    {"tls-server", "nsCertType", "server", NULL, NULL},
    {"tls-server", "1.3.6.1.4.1.311.20.2", "ASN1:BMPSTRING:WebServer", NULL, NULL},
    {"tls-server", "1.3.6.1.4.1.311.21.7", "DER:3000", NULL, NULL},
    {"tls-server", "1.2.840.113549.1.9.15", "DER:3000", NULL, NULL},
    /* Something that a certificate would say. */
    {"tls-server", "certificatePolicies", "1.2.3.4", "csr.extension", NULL},
    {"tls-server", "nameConstraints", "permitted;DNS:a", "csr.extension", NULL},
    {"tls-server", "1.2.3.4.5", "DER:0500", "csr.extension", NULL},
    {"tls-server", "noCheck", "ignored", "csr.extension", NULL},
    {"ocsp-responder", "noCheck", "ignored", NULL, NULL},
    {"tls-server", "1.3.6.1.4.1.311.25.2", "DER:3000", "csr.extension", NULL},
    {"subordinate-ca", "basicConstraints", "critical,CA:TRUE,pathlen:0", NULL, NULL},
    {"subordinate-ca", "basicConstraints", "critical,CA:TRUE,pathlen:1", "csr.path_length",
     "csr.path_length"},
    {"subordinate-ca", "basicConstraints", "critical,CA:FALSE", "csr.ca", "csr.ca"},
    {"subordinate-ca", "keyUsage", "keyCertSign,cRLSign", NULL, NULL},
    {"subordinate-ca", "keyUsage", "digitalSignature,keyCertSign", "csr.key_usage", NULL},
};

static const char *ask(const struct asked *c, uint32_t drop)
{
    static char rule[64];
    const char *names[][2] = {
        {"subjectAltName", "DNS:a.example.test"}, {c->name, c->value}, {NULL, NULL}};
    const char *none[][2] = {{c->name, c->value}, {NULL, NULL}};
    struct policy_bench b;
    int rc;

    bench_open(&b, c->profile);
    b.profile.drop = drop;
    rc = bench_ask(&b, "a.example.test",
                   b.profile.san_kinds != 0 ? (const char *const(*)[2])names
                                            : (const char *const(*)[2])none);
    memcpy(rule, b.fault.rule, sizeof(rule));
    assert_int_equal(rc == 0, rule[0] == '\0');
    bench_close(&b);
    return rule;
}

static void each_extension_is_granted_left_out_or_refused_by_its_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *rule = ask(&cases[i], 0);

        if (strcmp(rule, cases[i].rule != NULL ? cases[i].rule : "") != 0)
            fail_msg("%s %s=%s: \"%s\"", cases[i].profile, cases[i].name, cases[i].value, rule);
    }
}

static void what_a_profile_drops_is_no_reason_to_refuse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *rule = ask(&cases[i], DROP_EXTENSIONS);

        if (strcmp(rule, cases[i].dropped != NULL ? cases[i].dropped : "") != 0)
            fail_msg("%s %s=%s: \"%s\"", cases[i].profile, cases[i].name, cases[i].value, rule);
    }
}

static void a_refused_extension_is_named_by_its_oid(void **state)
{
    static const char *const ext[][2] = {
        {"subjectAltName", "DNS:a.example.test"}, {"1.2.3.4.5", "DER:0500"}, {NULL, NULL}};
    struct policy_bench b;

    (void)state;
    bench_open(&b, "tls-server");
    bench_refuses(&b, "", ext, "csr.extension");
    assert_string_equal(b.fault.value, "1.2.3.4.5");
    assert_non_null(strstr(b.fault.allowed, "drop"));
    bench_close(&b);
}

static void what_was_asked_for_does_not_change_what_the_profile_makes(void **state)
{
    static const char *const ext[][2] = {{"subjectAltName", "DNS:a.example.test"},
                                         {"keyUsage", "digitalSignature"},
                                         {"extendedKeyUsage", "clientAuth"},
                                         {NULL, NULL}};
    struct policy_bench b;

    (void)state;
    bench_open(&b, "mtls");
    bench_allows(&b, "", ext);
    assert_int_equal(b.decision.eku, EKU_SERVER_AUTH | EKU_CLIENT_AUTH);
    assert_int_equal(b.decision.key_usage, KU_DIGITAL_SIGNATURE);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_extension_is_granted_left_out_or_refused_by_its_rule),
        cmocka_unit_test(what_a_profile_drops_is_no_reason_to_refuse),
        cmocka_unit_test(a_refused_extension_is_named_by_its_oid),
        cmocka_unit_test(what_was_asked_for_does_not_change_what_the_profile_makes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
