/* Policy says yes or no, with rule, field, value and what is allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/policy/policy.h"
#include "lib/conf.h"
#include "lib/tbs.h"
#include "tests/unit/x509_help.h"

#define NOW 1800000000
#define DAY 86400

static char *server_keys[] = {(char *)"p256", (char *)"rsa2048"};
static char *server_dns[] = {(char *)".example.test", (char *)"single.test"};
static char *server_ip[] = {(char *)"192.0.2.0/25", (char *)"2001:db8::/33"};
static char *mail_domains[] = {(char *)"example.test"};
static char *uri_prefixes[] = {(char *)"spiffe://example.test"};

static struct conf_profile server_profile(void)
{
    return (struct conf_profile){
        .name = (char *)"tls-server",
        .issuer = (char *)"issuing",
        .eku = EKU_SERVER_AUTH,
        .ku_rsa = KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT,
        .ku_ec = KU_DIGITAL_SIGNATURE,
        .key_types = server_keys,
        .n_key_types = 2,
        .validity = 90 * DAY,
        .validity_max = 397 * DAY,
        .backdate = 60,
        .san_kinds = 1u << SAN_DNS | 1u << SAN_IP,
        .san_max = 3,
        .dns = server_dns,
        .n_dns = 2,
        .ip = server_ip,
        .n_ip = 2,
        .san_required = true,
        .cn_must_be_san = true,
        .role = ROLE_OPERATOR,
    };
}

static const struct conf_issuer issuing = {.name = (char *)"issuing"};

struct outcome {
    int rc;
    struct fault fault;
    struct decision decision;
};

static const struct policy_authorisation *authorisation;

/* Decides over a CSR made by OpenSSL. The CSR's bytes stay until the test ends. */
static struct outcome decide(const struct conf_profile *p, EVP_PKEY *key, const char *cn,
                             const char *const ext[][2], struct issue_request *r, struct buf *der)
{
    static const struct policy_own_keys none;
    struct outcome o = {0};
    static struct csr csr;
    struct policy_input in = {.profile = p,
                              .issuer = {.conf = &issuing, .not_after = NOW + 1000 * (int64_t)DAY},
                              .own = &none,
                              .request = r,
                              .csr = &csr,
                              .authorisation = authorisation,
                              .now = NOW};
    X509_REQ *req = test_request(key, sig_alg_default(KEY_P256), cn, ext);

    buf_init(der, CSR_MAX);
    test_request_der(req, der);
    X509_REQ_free(req);
    assert_int_equal(csr_parse(buf_slice(der), &csr, &o.fault), 0);
    assert_int_equal(csr_verify(&csr, &o.fault), 0);
    o.rc = policy_decide(&in, &o.decision, &o.fault);
    return o;
}

static void refused(const struct conf_profile *p, const char *cn, const char *const ext[][2],
                    struct issue_request *r, const char *rule)
{
    struct buf der;
    struct outcome o = decide(p, test_key(KEY_P256), cn, ext, r, &der);

    assert_true(o.rc < 0);
    assert_string_equal(o.fault.rule, rule);
    buf_free(&der);
}

static const char *const one_name[][2] = {{"subjectAltName", "DNS:a.example.test"}, {NULL, NULL}};

static void a_good_request_becomes_exactly_what_the_profile_says(void **state)
{
    struct conf_profile p = server_profile();
    struct issue_request r = {.profile = "tls-server"};
    struct buf der;
    struct outcome o;

    (void)state;
    o = decide(&p, test_key(KEY_P256), "a.example.test", one_name, &r, &der);
    assert_int_equal(o.rc, 0);
    assert_int_equal(o.decision.sans.n, 1);
    assert_int_equal(o.decision.key_usage, KU_DIGITAL_SIGNATURE);
    assert_int_equal(o.decision.eku, EKU_SERVER_AUTH);
    assert_false(o.decision.ca);
    assert_int_equal(o.decision.not_before, NOW - 60);
    assert_int_equal(o.decision.not_after, NOW + 90 * (int64_t)DAY);
    decision_free(&o.decision);
    buf_free(&der);
}

static void rsa_keys_get_the_usages_of_rsa(void **state)
{
    struct conf_profile p = server_profile();
    static const struct policy_own_keys none;
    struct issue_request r = {.profile = "tls-server"};
    static struct csr csr;
    struct policy_input in = {.profile = &p,
                              .issuer = {.conf = &issuing, .not_after = NOW + 1000 * (int64_t)DAY},
                              .own = &none,
                              .request = &r,
                              .csr = &csr,
                              .now = NOW};
    X509_REQ *req = test_request(test_key(KEY_RSA), SIG_RSA_SHA256, "", one_name);
    struct decision d;
    struct fault f;
    struct buf der;

    (void)state;
    fault_clear(&f);
    buf_init(&der, CSR_MAX);
    test_request_der(req, &der);
    assert_int_equal(csr_parse(buf_slice(&der), &csr, &f), 0);
    assert_int_equal(policy_decide(&in, &d, &f), 0);
    assert_int_equal(d.key_usage, KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
    decision_free(&d);
    X509_REQ_free(req);
    buf_free(&der);
}

static void a_key_of_another_kind_is_refused_and_the_allowed_ones_are_named(void **state)
{
    struct conf_profile p = server_profile();
    struct policy_own_keys none = {0};
    struct spki key = {.type = KEY_P384, .bits = 384};
    struct fault f;

    (void)state;
    fault_clear(&f);
    assert_true(policy_key(&p, &none, &key, &f) < 0);
    assert_string_equal(f.rule, "key.type");
    assert_string_equal(f.value, "p384");
    assert_string_equal(f.allowed, "p256, rsa2048");
}

/* The rules for every key are tested in keycheck_test.c; here, that they are asked. */
static void weak_keys_are_refused_for_leaves_and_for_cas(void **state)
{
    const struct conf_issuer ca = {
        .name = (char *)"issuing", .subject = (char *)"CN=Issuing", .validity = DAY};
    struct conf_profile p = server_profile();
    struct policy_own_keys none = {0};
    struct decision d;
    struct buf der;
    struct spki key;
    struct fault f;

    (void)state;
    fault_clear(&f);
    buf_init(&der, 4096);
    test_spki(test_key(KEY_RSA), &der);
    assert_int_equal(spki_parse(buf_slice(&der), &key, &f), 0);
    assert_int_equal(policy_key(&p, &none, &key, &f), 0);
    key.exponent = slice_of("\x03", 1);
    assert_true(policy_key(&p, &none, &key, &f) < 0);
    assert_string_equal(f.rule, "key.rsa.exponent");
    buf_reset(&der);
    test_spki(test_key(KEY_P256), &der);
    der.p[der.n - 1] ^= 1;
    assert_int_equal(policy_decide_ca(&ca, NULL, &none, buf_slice(&der), NOW, &d, &f),
                     -FAULT_POLICY);
    assert_string_equal(f.rule, "key.ec.point");
    buf_free(&der);
}

static void keys_on_the_list_are_refused_for_leaves_and_for_cas(void **state)
{
    const struct conf_issuer ca = {
        .name = (char *)"issuing", .subject = (char *)"CN=Issuing", .validity = DAY};
    struct conf_profile p = server_profile();
    struct policy_own_keys refused = {0};
    struct key_blocklist *list;
    struct decision d;
    struct buf der;
    struct spki key;
    struct fault f;
    uint8_t hash[32];
    char text[65], path[] = "/tmp/cerca-blocklist-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    buf_init(&der, 4096);
    test_spki(test_key(KEY_P256), &der);
    assert_int_equal(spki_parse(buf_slice(&der), &key, &f), 0);
    spki_hash(&key, hash);
    hex_encode(slice_of(hash, sizeof(hash)), text);
    assert_int_equal(write(fd, text, 64), 64);
    close(fd);
    assert_int_equal(key_blocklist_load(path, &list, &f), 0);
    unlink(path);
    assert_int_equal(policy_key(&p, &refused, &key, &f), 0);
    refused.blocklist = list;
    assert_int_equal(policy_key(&p, &refused, &key, &f), -FAULT_POLICY);
    assert_string_equal(f.rule, "key.blocklisted");
    assert_string_equal(f.value, text);
    assert_int_equal(policy_decide_ca(&ca, NULL, &refused, buf_slice(&der), NOW, &d, &f),
                     -FAULT_POLICY);
    assert_string_equal(f.rule, "key.blocklisted");
    key_blocklist_free(list);
    buf_free(&der);
}

static void the_keys_of_the_ca_itself_are_refused(void **state)
{
    struct conf_profile p = server_profile();
    struct policy_own_keys own = {.n = 1};
    struct buf der;
    struct spki key;
    struct fault f;

    (void)state;
    fault_clear(&f);
    buf_init(&der, 4096);
    test_spki(test_key(KEY_P256), &der);
    assert_int_equal(spki_parse(buf_slice(&der), &key, &f), 0);
    spki_hash(&key, own.spki_hash[0]);
    assert_true(policy_key(&p, &own, &key, &f) < 0);
    assert_string_equal(f.rule, "key.ca");
    buf_free(&der);
}

static void names_outside_the_patterns_are_refused(void **state)
{
    struct conf_profile p = server_profile();
    struct fault f;
    size_t i;
    static const struct {
        enum san_kind kind;
        const char *value;
        size_t n;
        const char *rule; /* NULL: allowed */
    } cases[] = {
        {SAN_DNS, "a.example.test", 14, NULL},
        {SAN_DNS, "A.EXAMPLE.test", 14, NULL},
        {SAN_DNS, "single.test", 11, NULL},
        {SAN_DNS, "a.single.test", 13, "san.dns.pattern"},
        {SAN_DNS, "example.test", 12, "san.dns.pattern"},
        {SAN_DNS, "evilexample.test", 16, "san.dns.pattern"},
        {SAN_DNS, "*.example.test", 14, "san.dns.wildcard"},
        {SAN_IP, "\xc0\x00\x02\x7f", 4, NULL},
        {SAN_IP, "\xc0\x00\x02\x80", 4, "san.ip.range"},
        {SAN_IP, "\x20\x01\x0d\xb8\x7f\0\0\0\0\0\0\0\0\0\0\1", 16, NULL},
        {SAN_IP, "\x20\x01\x0d\xb8\x80\0\0\0\0\0\0\0\0\0\0\1", 16, "san.ip.range"},
        {SAN_EMAIL, "a@example.test", 14, "san.kind"},
        {SAN_URI, "spiffe://example.test/x", 23, "san.kind"},
    };

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct san s = {cases[i].kind, slice_of(cases[i].value, cases[i].n)};
        int rc;

        fault_clear(&f);
        rc = policy_name(&p, &s, &f);
        assert_string_equal(f.rule, cases[i].rule != NULL ? cases[i].rule : "");
        assert_int_equal(rc == 0, cases[i].rule == NULL);
    }
}

/* A prefix or domain counts only up to a boundary. */
static void uri_prefixes_and_mail_domains_end_at_a_boundary(void **state)
{
    struct conf_profile p = server_profile();
    struct fault f;
    static const struct {
        enum san_kind kind;
        const char *value;
        bool allowed;
    } cases[] = {
        {SAN_URI, "spiffe://example.test/ns/a", true},
        {SAN_URI, "spiffe://example.test.evil/ns/a", false},
        {SAN_URI, "https://example.test/", false},
        {SAN_EMAIL, "a@example.test", true},
        {SAN_EMAIL, "a@sub.example.test", false},
        {SAN_EMAIL, "a@evil-example.test", false},
    };

    (void)state;
    p.san_kinds = 1u << SAN_URI | 1u << SAN_EMAIL;
    p.uri = uri_prefixes;
    p.email = mail_domains;
    p.n_uri = p.n_email = 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct san s = {cases[i].kind, slice_str(cases[i].value)};

        fault_clear(&f);
        assert_int_equal(policy_name(&p, &s, &f) == 0, cases[i].allowed);
    }
}

static void the_subject_and_the_names_must_agree(void **state)
{
    struct conf_profile p = server_profile();
    struct issue_request r = {.profile = "tls-server"};
    static const char *const none[][2] = {{NULL, NULL}};

    (void)state;
    refused(&p, "other.example.test", one_name, &r, "subject.cn.san");
    refused(&p, "", none, &r, "san.required");
    strcpy(r.subject, "CN=a.example.test,emailAddress=x@y.test");
    refused(&p, "", one_name, &r, "subject.attribute");
}

static void a_bearer_gets_no_name_that_his_authorisation_lacks(void **state)
{
    struct conf_profile p = server_profile();
    struct issue_request r = {.profile = "tls-server"};
    static struct san_list names = {.n = 1};
    const struct policy_authorisation a = {.names = &names};
    struct outcome o;
    struct buf der;

    (void)state;
    names.item[0] = (struct san){SAN_DNS, slice_str("b.example.test")};
    authorisation = &a;
    refused(&p, "", one_name, &r, "authorisation.name");
    names.item[0] = (struct san){SAN_DNS, slice_str("a.example.test")};
    o = decide(&p, test_key(KEY_P256), "", one_name, &r, &der);
    authorisation = NULL;
    assert_int_equal(o.rc, 0);
    decision_free(&o.decision);
    buf_free(&der);
}

static void too_many_names_are_refused(void **state)
{
    struct conf_profile p = server_profile();
    struct issue_request r = {.profile = "tls-server"};
    static const char *const four[][2] = {
        {"subjectAltName", "DNS:a.example.test,DNS:b.example.test,DNS:c.example.test,"
                           "DNS:d.example.test"},
        {NULL, NULL}};

    (void)state;
    refused(&p, "", four, &r, "san.count");
}

static void a_request_for_a_ca_or_for_other_usages_is_refused(void **state)
{
    struct conf_profile p = server_profile();
    struct issue_request r = {.profile = "tls-server"};
    static const char *const ca[][2] = {{"subjectAltName", "DNS:a.example.test"},
                                        {"basicConstraints", "critical,CA:TRUE"},
                                        {NULL, NULL}};
    static const char *const usage[][2] = {
        {"subjectAltName", "DNS:a.example.test"}, {"keyUsage", "keyCertSign"}, {NULL, NULL}};

    (void)state;
    refused(&p, "", ca, &r, "csr.ca");
    refused(&p, "", usage, &r, "csr.key_usage");
}

static void validity_is_bounded_by_profile_and_issuer(void **state)
{
    struct conf_profile p = server_profile();
    struct policy_issuer issuer = {.conf = &issuing, .not_after = NOW + 30 * (int64_t)DAY};
    struct issue_request r = {.profile = "tls-server"};
    int64_t nb, na;
    struct fault f;

    (void)state;
    fault_clear(&f);
    /* The default is clamped to the issuer's end ... */
    assert_int_equal(policy_validity(&p, &issuer, &r, NOW, &nb, &na, &f), 0);
    assert_int_equal(na, issuer.not_after);
    /* ... but what was asked for explicitly is refused. */
    r.validity = 31 * DAY;
    assert_true(policy_validity(&p, &issuer, &r, NOW, &nb, &na, &f) < 0);
    assert_string_equal(f.rule, "validity.issuer");
    r.validity = 398 * (int64_t)DAY;
    assert_true(policy_validity(&p, &issuer, &r, NOW, &nb, &na, &f) < 0);
    assert_string_equal(f.rule, "validity.max");
    r.validity = 0;
    r.not_after = NOW - 1;
    assert_true(policy_validity(&p, &issuer, &r, NOW, &nb, &na, &f) < 0);
    assert_string_equal(f.rule, "validity.past");
    r.validity = DAY;
    assert_true(policy_validity(&p, &issuer, &r, NOW, &nb, &na, &f) < 0);
    assert_string_equal(f.rule, "validity.both");
    r.validity = INT64_MAX;
    r.not_after = 0;
    assert_true(policy_validity(&p, &issuer, &r, NOW, &nb, &na, &f) < 0);
    assert_string_equal(f.rule, "validity.range");
    issuer.not_after = NOW;
    r.validity = DAY;
    assert_true(policy_validity(&p, &issuer, &r, NOW, &nb, &na, &f) < 0);
    assert_string_equal(f.rule, "validity.issuer");
}

static void an_owner_is_required_where_the_profile_says_so(void **state)
{
    struct conf_profile p = server_profile();
    struct issue_request r = {.profile = "tls-server"};

    (void)state;
    p.owner_required = true;
    refused(&p, "", one_name, &r, "owner.required");
    strcpy(r.owner, "a\nb");
    refused(&p, "", one_name, &r, "owner.syntax");
}

static void identity_does_not_depend_on_order_or_case_of_names(void **state)
{
    struct san_list a = {.n = 2}, b = {.n = 2};
    uint8_t x[16], y[16];

    (void)state;
    a.item[0] = b.item[1] = (struct san){SAN_DNS, slice_str("a.example.test")};
    a.item[1] = (struct san){SAN_DNS, slice_str("b.example.test")};
    b.item[0] = (struct san){SAN_DNS, slice_str("B.EXAMPLE.test")};
    policy_identity("p", SLICE_NONE, &a, x);
    policy_identity("p", SLICE_NONE, &b, y);
    assert_memory_equal(x, y, sizeof(x));
    policy_identity("q", SLICE_NONE, &b, y);
    assert_memory_not_equal(x, y, sizeof(x));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_request_becomes_exactly_what_the_profile_says),
        cmocka_unit_test(rsa_keys_get_the_usages_of_rsa),
        cmocka_unit_test(a_key_of_another_kind_is_refused_and_the_allowed_ones_are_named),
        cmocka_unit_test(weak_keys_are_refused_for_leaves_and_for_cas),
        cmocka_unit_test(keys_on_the_list_are_refused_for_leaves_and_for_cas),
        cmocka_unit_test(the_keys_of_the_ca_itself_are_refused),
        cmocka_unit_test(names_outside_the_patterns_are_refused),
        cmocka_unit_test(uri_prefixes_and_mail_domains_end_at_a_boundary),
        cmocka_unit_test(the_subject_and_the_names_must_agree),
        cmocka_unit_test(a_bearer_gets_no_name_that_his_authorisation_lacks),
        cmocka_unit_test(too_many_names_are_refused),
        cmocka_unit_test(a_request_for_a_ca_or_for_other_usages_is_refused),
        cmocka_unit_test(validity_is_bounded_by_profile_and_issuer),
        cmocka_unit_test(an_owner_is_required_where_the_profile_says_so),
        cmocka_unit_test(identity_does_not_depend_on_order_or_case_of_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
