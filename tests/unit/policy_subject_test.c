/* Subjects by template, what they must have, and what the profile puts in besides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/tbs.h"
#include "tests/unit/policy_bench.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#include "lib/subject.h"

static const char *const no_ext[][2] = {{NULL, NULL}};
static const char *const host[][2] = {{"subjectAltName", "DNS:a.example.test"}, {NULL, NULL}};

static void templates_are_checked(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"CN={cn},O=Example", true},
        {"CN={dns}", true},
        {"CN={email},C=DE", true},
        {"serialNumber={serialNumber},OU={ou}", true},
        {"CN={CN}", true},
        {"CN=x{cn}", false},
        {"CN={host}", false},
        {"CN={ip}", false},
        {"emailAddress={email}", false},
        {"CN={emailAddress}", false},
        {"cn", false},
        {"CN={cn", false},
    };
    struct fault f;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if ((subject_template_check(cases[i].text, &f) == 0) != cases[i].good)
            fail_msg("%s", cases[i].text);
}

static void a_template_makes_the_subject_or_says_what_it_lacks_room_for(void **state)
{
    static const struct {
        const char *template, *asked;
        uint32_t drop;
        const char *made; /* or the rule */
    } cases[] = {
        {"CN={cn},O=Example", "CN=a.example.test", 0, "CN=a.example.test,O=Example"},
        {"CN={cn},O=Example", "CN=a.example.test,O=Example", 0, "CN=a.example.test,O=Example"},
        {"CN={cn},O=Example", "CN=a.example.test,O=Evil", 0, "subject.template"},
        {"CN={cn},O=Example", "CN=a.example.test,OU=x", 0, "subject.template"},
        {"CN={dns},O=Example", "", 0, "CN=a.example.test,O=Example"},
        {"CN={dns},O=Example", "CN=a.example.test", 0, "CN=a.example.test,O=Example"},
        {"CN={dns}", "CN=b.example.test", 0, "subject.template"},
        {"CN={cn},OU={ou}", "CN=a.example.test,OU=x,OU=y", 0, "CN=a.example.test,OU=x,OU=y"},
        {"CN={cn},OU={ou},O=E", "", 0, "O=E"},
        {"O=E", "CN=a.example.test", 0, "subject.template"},
        {"C={o}", "O=Example", 0, "name.length"},
    };
    struct policy_bench b;
    struct buf text;

    (void)state;
    buf_init(&text, 1024);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got;

        bench_open(&b, "tls-server");
        b.profile.subject = (char *)cases[i].template;
        (void)snprintf(b.request.subject, sizeof(b.request.subject), "%s", cases[i].asked);
        buf_reset(&text);
        if (bench_ask(&b, "", host) == 0)
            name_print(b.decision.subject, &text);
        got = b.fault.rule[0] != '\0' ? b.fault.rule : buf_cstr(&text);
        if (strcmp(got, cases[i].made) != 0)
            fail_msg("%s of %s: %s", cases[i].template, cases[i].asked, got);
        bench_close(&b);
    }
    buf_free(&text);
}

static void what_a_csr_says_too_much_may_be_dropped(void **state)
{
    struct policy_bench b;
    struct buf text;

    (void)state;
    buf_init(&text, 1024);
    bench_open(&b, "tls-server");
    bench_refuses(&b, "b.example.test", host, "subject.cn.san");
    b.profile.drop = DROP_SUBJECT;
    bench_allows(&b, "b.example.test", host);
    assert_true(name_empty(b.decision.subject));
    b.profile.subject = (char *)"O=Example";
    bench_allows(&b, "b.example.test", host);
    name_print(b.decision.subject, &text);
    assert_string_equal(buf_cstr(&text), "O=Example");
    /* The requester's own word is refused all the same. */
    strcpy(b.request.subject, "CN=b.example.test");
    bench_refuses(&b, "", host, "subject.template");
    buf_free(&text);
    bench_close(&b);
}

static void a_subject_must_have_what_the_profile_requires(void **state)
{
    struct policy_bench b;

    (void)state;
    bench_open(&b, "device");
    bench_refuses(&b, "Pump", no_ext, "subject.required");
    assert_string_equal(b.fault.allowed, "serialNumber");
    strcpy(b.request.subject, "CN=Pump,serialNumber=4711");
    bench_allows(&b, "", no_ext);
    bench_close(&b);
    bench_open(&b, "code-signing");
    bench_refuses(&b, "", no_ext, "subject.empty");
    bench_allows(&b, "Example Build", no_ext);
    bench_close(&b);
}

static void a_ca_has_a_name_of_its_own(void **state)
{
    static struct policy_own_keys own;
    struct policy_bench b;

    (void)state;
    bench_open(&b, "subordinate-ca");
    assert_int_equal(policy_own_name(&own, "CN=Example Root", &b.fault), 0);
    b.in.own = &own;
    bench_refuses(&b, "EXAMPLE  root", no_ext, "subject.ca");
    bench_allows(&b, "Example Department CA", no_ext);
    assert_true(b.decision.ca);
    assert_int_equal(b.decision.path_len, 0);
    assert_int_equal(b.decision.key_usage, KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    /* Its life is cut to the issuer's. */
    assert_int_equal(b.decision.not_after, b.in.issuer.not_after);
    bench_close(&b);
}

/* RFC 5280 4.1.2.6; the signer would refuse it too, but only after it is recorded. */
static void no_leaf_has_the_name_of_a_ca(void **state)
{
    static struct policy_own_keys own;
    struct policy_bench b;

    (void)state;
    bench_open(&b, "tls-client");
    assert_int_equal(policy_own_name(&own, "CN=Other CA", &b.fault), 0);
    assert_int_equal(policy_own_name(&own, "CN=Example Root,O=Example", &b.fault), 0);
    b.in.own = &own;
    strcpy(b.request.subject, "CN=EXAMPLE  root,O=example");
    bench_refuses(&b, "", no_ext, "subject.ca");
    strcpy(b.request.subject, "CN=Example Root,O=Example,OU=Us");
    bench_allows(&b, "", no_ext);
    bench_close(&b);
}

/* RFC 5280 4.1.2.5 */
static void a_device_without_an_end_outlives_its_issuer(void **state)
{
    struct policy_bench b;

    (void)state;
    bench_open(&b, "device");
    b.profile.no_expiry = true;
    strcpy(b.request.subject, "serialNumber=1");
    bench_allows(&b, "", no_ext);
    assert_int_equal(b.decision.not_after, PROFILE_NO_EXPIRY);
    b.request.validity = 10 * DAY;
    bench_allows(&b, "", no_ext);
    assert_int_equal(b.decision.not_after, NOW + 10 * DAY);
    b.request.validity = 1001 * (int64_t)DAY;
    bench_refuses(&b, "", no_ext, "validity.issuer");
    bench_close(&b);
}

/* RFC 9608: the whole span counts, backdating included. */
static void only_short_lives_do_without_revocation(void **state)
{
    struct policy_bench b;

    (void)state;
    bench_open(&b, "tls-server");
    b.profile.no_rev_avail = DAY;
    b.request.validity = DAY - b.profile.backdate;
    bench_allows(&b, "", host);
    assert_true(b.decision.no_rev_avail);
    b.request.validity++;
    bench_allows(&b, "", host);
    assert_false(b.decision.no_rev_avail);
    bench_close(&b);
}

static void the_hash_of_the_signature_is_the_profiles(void **state)
{
    static const struct {
        enum sig_alg alg;
        unsigned hash;
        enum sig_alg made;
    } cases[] = {
        {SIG_ECDSA_SHA256, 0, SIG_ECDSA_SHA256},      {SIG_ECDSA_SHA256, 48, SIG_ECDSA_SHA384},
        {SIG_ECDSA_SHA512, 32, SIG_ECDSA_SHA256},     {SIG_RSA_SHA256, 64, SIG_RSA_SHA512},
        {SIG_RSA_PSS_SHA384, 32, SIG_RSA_PSS_SHA256}, {SIG_ED25519, 64, SIG_ED25519},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct conf_profile p = {.hash = cases[i].hash};
        struct conf_issuer issuer = {.alg = cases[i].alg};

        assert_int_equal(profile_alg(&p, &issuer), cases[i].made);
    }
}

/* RFC 8410 5 */
static void ed25519_keys_do_not_agree(void **state)
{
    struct conf_profile p = {.ku_ec = KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT};

    (void)state;
    assert_int_equal(profile_key_usage(&p, KEY_P256), KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT);
    assert_int_equal(profile_key_usage(&p, KEY_ED25519), KU_DIGITAL_SIGNATURE);
}

struct told {
    size_t steps, refusals;
    char rules[8][64];
};

static void note(void *arg, const struct policy_step *s)
{
    struct told *t = arg;

    t->steps++;
    if (s->refusal != NULL && t->refusals < 8)
        (void)snprintf(t->rules[t->refusals++], sizeof(t->rules[0]), "%s", s->refusal->rule);
}

static void a_report_tells_everything_that_is_wrong(void **state)
{
    static const char *const bad[][2] = {
        {"subjectAltName", "email:a@example.test,DNS:*.example.test"},
        {"keyUsage", "keyCertSign"},
        {"certificatePolicies", "1.2.3.4"},
        {NULL, NULL}};
    static const char *const expected[] = {"csr.key_usage",    "csr.extension",  "san.kind",
                                           "san.dns.wildcard", "subject.cn.san", "owner.required"};
    struct told told = {0};
    const struct policy_report report = {note, &told};
    struct policy_bench b;

    (void)state;
    bench_open(&b, "tls-server");
    b.profile.owner_required = true;
    b.in.report = &report;
    bench_refuses(&b, "other.example.test", bad, expected[0]);
    assert_int_equal(told.refusals, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_string_equal(told.rules[i], expected[i]);
    memset(&told, 0, sizeof(told));
    strcpy(b.request.owner, "alice");
    bench_allows(&b, "", host);
    assert_int_equal(told.refusals, 0);
    assert_true(told.steps >= 9);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_checked),
        cmocka_unit_test(a_template_makes_the_subject_or_says_what_it_lacks_room_for),
        cmocka_unit_test(what_a_csr_says_too_much_may_be_dropped),
        cmocka_unit_test(a_subject_must_have_what_the_profile_requires),
        cmocka_unit_test(a_ca_has_a_name_of_its_own),
        cmocka_unit_test(no_leaf_has_the_name_of_a_ca),
        cmocka_unit_test(a_device_without_an_end_outlives_its_issuer),
        cmocka_unit_test(only_short_lives_do_without_revocation),
        cmocka_unit_test(the_hash_of_the_signature_is_the_profiles),
        cmocka_unit_test(ed25519_keys_do_not_agree),
        cmocka_unit_test(a_report_tells_everything_that_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
