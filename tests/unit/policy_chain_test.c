/* What the CAs above a certificate allow: the end of their lives, and their name constraints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "ca/policy/policy.h"
#include "lib/name.h"
#include "tests/unit/x509_help.h"

#define DAY ((int64_t)86400)
#define NOW INT64_C(1790000000)

static struct conf_issuer root_conf = {.name = "root", .subject = "CN=Root,O=Example"};
static struct conf_issuer issuing_conf = {
    .name = "issuing", .subject = "CN=Issuing,O=Example", .validity = 100 * DAY, .path_len = 0};

static void a_default_is_clamped_to_the_first_end_in_the_chain(void **state)
{
    struct conf_profile p = {.validity = 90 * DAY, .validity_max = 397 * DAY, .backdate = 300};
    struct policy_issuer root = {.conf = &root_conf, .not_after = NOW + 30 * DAY};
    struct policy_issuer issuing = {
        .conf = &issuing_conf, .not_after = NOW + 60 * DAY, .above = &root};
    struct issue_request r = {0};
    int64_t begin, end;
    struct fault f;

    (void)state;
    fault_clear(&f);
    assert_int_equal(policy_validity(&p, &issuing, &r, NOW, &begin, &end, &f), 0);
    assert_int_equal(end, NOW + 30 * DAY);
    r.validity = 30 * DAY;
    assert_int_equal(policy_validity(&p, &issuing, &r, NOW, &begin, &end, &f), 0);
    r.validity = 30 * DAY + 1;
    assert_int_equal(policy_validity(&p, &issuing, &r, NOW, &begin, &end, &f), -FAULT_POLICY);
    assert_string_equal(f.rule, "validity.issuer");
    root.not_after = NOW;
    r.validity = 60;
    assert_int_equal(policy_validity(&p, &issuing, &r, NOW, &begin, &end, &f), -FAULT_POLICY);
    assert_non_null(strstr(f.text, "\"root\" has expired"));
}

static void read_constraints(const char *permitted, struct buf *der, struct constraints *out)
{
    char text[128];
    char *list[] = {text};
    struct fault f;

    (void)snprintf(text, sizeof(text), "%s", permitted);
    buf_init(der, CONSTRAINTS_MAX);
    assert_int_equal(constraints_put(list, 1, NULL, 0, der, &f), 0);
    assert_int_equal(constraints_get(buf_slice(der), out), 0);
}

static int check(const struct policy_issuer *i, const char *san, struct fault *f)
{
    struct decision d = {.ca = false};
    uint8_t arena[16];
    size_t used = 0;
    int rc;

    fault_clear(f);
    buf_init(&d.bytes, NAME_DER_MAX);
    assert_int_equal(name_parse("", &d.bytes, f), 0);
    d.subject = buf_slice(&d.bytes);
    assert_int_equal(san_parse(san, &d.sans.item[0], arena, sizeof(arena), &used, f), 0);
    d.sans.n = 1;
    rc = policy_constraints(i, &d, f);
    buf_free(&d.bytes);
    return rc;
}

static void constraints_of_every_ca_above_count(void **state)
{
    struct constraints of_root, of_issuing;
    struct buf root_der, issuing_der;
    struct policy_issuer root = {.conf = &root_conf, .constraints = &of_root};
    struct policy_issuer issuing = {
        .conf = &issuing_conf, .constraints = &of_issuing, .above = &root};
    struct fault f;

    (void)state;
    read_constraints("dns:example.com", &root_der, &of_root);
    read_constraints("dns:a.example.com", &issuing_der, &of_issuing);
    assert_int_equal(check(&issuing, "dns:x.a.example.com", &f), 0);
    assert_int_equal(check(&issuing, "dns:b.example.com", &f), -FAULT_POLICY);
    assert_non_null(strstr(f.allowed, "\"issuing\""));
    issuing.constraints = NULL;
    assert_int_equal(check(&issuing, "dns:b.example.com", &f), 0);
    assert_int_equal(check(&issuing, "dns:b.example.org", &f), -FAULT_POLICY);
    assert_string_equal(f.rule, "constraints.permitted");
    assert_non_null(strstr(f.allowed, "\"root\""));
    buf_free(&root_der);
    buf_free(&issuing_der);
}

static void a_subordinate_has_the_configured_constraints_and_keeps_those_above(void **state)
{
    char line[] = "dns:example.com";
    char *list[] = {line};
    struct conf_issuer conf = issuing_conf;
    struct constraints of_root, written;
    struct buf root_der, spki;
    struct policy_issuer root = {
        .conf = &root_conf, .not_after = NOW + 1000 * DAY, .constraints = &of_root};
    const struct policy_own_keys none = {0};
    struct decision d;
    struct fault f;

    (void)state;
    fault_clear(&f);
    buf_init(&spki, 4096);
    test_spki(test_key(KEY_P256), &spki);
    conf.permitted = list;
    conf.n_permitted = 1;
    read_constraints("dirname:O=Example", &root_der, &of_root);
    assert_int_equal(policy_decide_ca(&conf, &root, &none, buf_slice(&spki), NOW, &d, &f), 0);
    assert_int_equal(constraints_get(d.constraints, &written), 0);
    assert_true(written.permitted.n > 0);
    decision_free(&d);
    buf_free(&root_der);
    read_constraints("dirname:O=Other", &root_der, &of_root);
    assert_int_equal(policy_decide_ca(&conf, &root, &none, buf_slice(&spki), NOW, &d, &f),
                     -FAULT_POLICY);
    assert_string_equal(f.rule, "constraints.permitted");
    buf_free(&root_der);
    buf_free(&spki);
}

static void a_cross_certificate_ends_with_the_earlier_of_both(void **state)
{
    struct constraints of_root;
    struct buf der, spki;
    struct policy_issuer old = {.conf = &root_conf, .not_after = NOW + 10 * DAY};
    struct policy_issuer subject = {.conf = &issuing_conf, .not_after = NOW + 20 * DAY};
    const struct policy_own_keys none = {0};
    struct decision d;
    struct fault f;

    (void)state;
    fault_clear(&f);
    buf_init(&spki, 4096);
    test_spki(test_key(KEY_P256), &spki);
    assert_int_equal(policy_decide_cross(&subject, &old, &none, buf_slice(&spki), NOW, &d, &f), 0);
    assert_int_equal(d.not_after, NOW + 10 * DAY);
    assert_true(d.ca);
    assert_string_equal(d.profile, "cross-ca");
    decision_free(&d);
    subject.not_after = NOW + 5 * DAY;
    assert_int_equal(policy_decide_cross(&subject, &old, &none, buf_slice(&spki), NOW, &d, &f), 0);
    assert_int_equal(d.not_after, NOW + 5 * DAY);
    decision_free(&d);
    subject.not_after = NOW;
    assert_int_equal(policy_decide_cross(&subject, &old, &none, buf_slice(&spki), NOW, &d, &f),
                     -FAULT_POLICY);
    assert_string_equal(f.rule, "validity.issuer");
    subject.not_after = NOW + DAY;
    read_constraints("dirname:O=Other", &der, &of_root);
    old.constraints = &of_root;
    assert_int_equal(policy_decide_cross(&subject, &old, &none, buf_slice(&spki), NOW, &d, &f),
                     -FAULT_POLICY);
    assert_string_equal(f.rule, "constraints.permitted");
    buf_free(&der);
    buf_free(&spki);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_default_is_clamped_to_the_first_end_in_the_chain),
        cmocka_unit_test(constraints_of_every_ca_above_count),
        cmocka_unit_test(a_cross_certificate_ends_with_the_earlier_of_both),
        cmocka_unit_test(a_subordinate_has_the_configured_constraints_and_keeps_those_above),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
