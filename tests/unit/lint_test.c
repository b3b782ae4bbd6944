#include "lib/lint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/der.h"
#include "lib/oid.h"
#include "tests/unit/x509_help.h"

static const uint8_t empty_name[] = {0x30, 0};

/* --- one way to break each rule: in the draft where it can be written, else in what was read ---
 */

static void no_subject_no_san(struct tbs_spec *s)
{
    s->subject = slice_of(empty_name, 2);
    s->sans = NULL;
    s->eku = EKU_CLIENT_AUTH;
}

static void issuer_empty(struct tbs_spec *s)
{
    s->issuer = slice_of(empty_name, 2);
}

static void ends_before_it_starts(struct tbs_spec *s)
{
    s->not_after = s->not_before - 1;
}

static void serial_negative_looking(struct tbs_spec *s)
{
    s->serial[0] = 0x81;
}

static void serial_short(struct tbs_spec *s)
{
    s->serial[0] = 0;
}

static void subject_teletex(struct tbs_spec *s)
{
    /* CN, TeletexString "a.example" */
    static const uint8_t name[] = "\x30\x14\x31\x12\x30\x10\x06\x03\x55\x04\x03\x14\x09"
                                  "a.example";

    s->subject = slice_of(name, sizeof(name) - 1);
}

static void ca_without_subject(struct tbs_spec *s)
{
    s->subject = slice_of(empty_name, 2);
    s->ca = true;
    s->key_usage = KU_KEY_CERT_SIGN;
}

static struct san_list one_name(enum san_kind kind, const char *value)
{
    struct san_list l = {1, {{kind, slice_str(value)}}};

    return l;
}

static void san_underscore(struct tbs_spec *s)
{
    static struct san_list l;

    l = one_name(SAN_DNS, "a_b.example");
    s->sans = &l;
}

static void san_twice(struct tbs_spec *s)
{
    static struct san_list l;

    l = one_name(SAN_DNS, "a.example");
    l.item[l.n++] = (struct san){SAN_DNS, slice_str("A.example")};
    s->sans = &l;
}

static void no_key_usage(struct tbs_spec *s)
{
    s->key_usage = 0;
}

static void ec_enciphers(struct tbs_spec *s)
{
    s->key_usage |= KU_KEY_ENCIPHERMENT;
}

static void leaf_signs_certificates(struct tbs_spec *s)
{
    s->key_usage |= KU_KEY_CERT_SIGN;
}

static void leaf_signs_crls(struct tbs_spec *s)
{
    s->key_usage |= KU_CRL_SIGN;
}

static void ca_signs_nothing(struct tbs_spec *s)
{
    s->ca = true;
}

static void server_without_names(struct tbs_spec *s)
{
    s->sans = NULL;
}

static void server_with_mail_only(struct tbs_spec *s)
{
    static struct san_list l;

    l = one_name(SAN_EMAIL, "a@b.example");
    s->sans = &l;
}

static void client_that_only_commits(struct tbs_spec *s)
{
    s->key_usage = KU_CONTENT_COMMITMENT;
    s->eku = EKU_CLIENT_AUTH;
}

static void server_that_only_commits(struct tbs_spec *s)
{
    s->key_usage = KU_CONTENT_COMMITMENT;
    s->eku = EKU_SERVER_AUTH;
}

static void cn_is_another_host(struct tbs_spec *s)
{
    static struct san_list l;

    l = one_name(SAN_DNS, "b.example");
    s->sans = &l;
}

static void no_authority_key_id(struct tbs_spec *s)
{
    s->has_authority_key_id = false;
}

static void ocsp_over_https(struct tbs_spec *s)
{
    s->ocsp_url = "https://ca.example/ocsp";
}

static void issuer_over_ldap(struct tbs_spec *s)
{
    s->issuer_url = "ldap://ca.example/cn=x";
}

static void crl_over_https(struct tbs_spec *s)
{
    s->crl_url = "https://ca.example/crl";
}

static void crl_url_broken(struct tbs_spec *s)
{
    s->crl_url = "http://ca.example/a b";
}

static struct cert_extension *find(struct cert *c, struct slice oid)
{
    for (size_t i = 0; i < c->n_extensions; i++)
        if (slice_eq(c->extension[i].oid, oid))
            return &c->extension[i];
    fail_msg("no such extension");
    return NULL;
}

static void version_2(struct cert *c)
{
    c->version = 2;
}

static void algorithms_differ(struct cert *c)
{
    c->alg = SIG_RSA_SHA256;
}

static void time_in_the_wrong_type(struct cert *c)
{
    c->validity = slice_str("\x18\x0f"
                            "20261121000000Z"
                            "\x17\x0d"
                            "270121000000Z");
}

static void rsa_of_1024_bits(struct cert *c)
{
    c->key.type = KEY_RSA;
    c->key.bits = 1024;
}

static void unique_id(struct cert *c)
{
    c->has_unique_id = true;
}

static void extension_twice(struct cert *c)
{
    c->extension[1].oid = c->extension[0].oid;
}

static void aia_critical(struct cert *c)
{
    find(c, oid_authority_info_access)->critical = true;
}

static void ski_critical(struct cert *c)
{
    find(c, oid_subject_key_id)->critical = true;
}

static void san_critical(struct cert *c)
{
    find(c, oid_subject_alt_name)->critical = true;
}

static void key_usage_not_critical(struct cert *c)
{
    find(c, oid_key_usage)->critical = false;
}

static void ca_without_basic_constraints(struct cert *c)
{
    c->ca = true;
}

static void path_len_of_a_leaf(struct cert *c)
{
    c->path_len = 0;
}

static void ski_short(struct cert *c)
{
    c->subject_key_id.n = 19;
}

static void aia_cut(struct cert *c)
{
    find(c, oid_authority_info_access)->value.n--;
}

static void crl_points_empty(struct cert *c)
{
    find(c, oid_crl_distribution_points)->value = slice_of(empty_name, 2);
}

static const struct {
    const char *rule, *section;
    void (*in_draft)(struct tbs_spec *s);
    void (*in_cert)(struct cert *c);
} breaks[] = {
    {"lint.version", "RFC 5280 4.1.2.1", NULL, version_2},
    {"lint.serial", "RFC 5280 4.1.2.2", serial_negative_looking, NULL},
    {"lint.serial", "RFC 5280 4.1.2.2", serial_short, NULL},
    {"lint.signature", "RFC 5280 4.1.1.2, 4.1.2.3", NULL, algorithms_differ},
    {"lint.issuer", "RFC 5280 4.1.2.4", issuer_empty, NULL},
    {"lint.validity.order", "RFC 5280 4.1.2.5", ends_before_it_starts, NULL},
    {"lint.validity.encoding", "RFC 5280 4.1.2.5", NULL, time_in_the_wrong_type},
    {"lint.subject", "RFC 5280 4.1.2.6", no_subject_no_san, NULL},
    {"lint.subject", "RFC 5280 4.1.2.6", ca_without_subject, NULL},
    {"lint.subject.strings", "RFC 5280 4.1.2.4, 4.1.2.6", subject_teletex, NULL},
    {"lint.key.size", "NIST SP 800-131A 3", NULL, rsa_of_1024_bits},
    {"lint.unique_id", "RFC 5280 4.1.2.8", NULL, unique_id},
    {"lint.extension.twice", "RFC 5280 4.2", NULL, extension_twice},
    {"lint.extension.critical", "RFC 5280 4.2", NULL, aia_critical},
    {"lint.extension.critical", "RFC 5280 4.2", NULL, ski_critical},
    {"lint.san.critical", "RFC 5280 4.2.1.6", NULL, san_critical},
    {"lint.san.syntax", "RFC 5280 4.2.1.6", san_underscore, NULL},
    {"lint.san.twice", "RFC 5280 4.2.1.6", san_twice, NULL},
    {"lint.ku.present", "RFC 5280 4.2.1.3", no_key_usage, NULL},
    {"lint.ku.present", "RFC 5280 4.2.1.3", NULL, key_usage_not_critical},
    {"lint.ku.key", "RFC 3279 2.3.1, RFC 8410 5, RFC 8813 3", ec_enciphers, NULL},
    {"lint.ku.ca", "RFC 5280 4.2.1.3", leaf_signs_certificates, NULL},
    {"lint.ku.ca", "RFC 5280 4.2.1.3", leaf_signs_crls, NULL},
    {"lint.ku.ca", "RFC 5280 4.2.1.3", ca_signs_nothing, NULL},
    {"lint.eku.san", "RFC 9525 2", server_without_names, NULL},
    {"lint.eku.san", "RFC 9525 2", server_with_mail_only, NULL},
    {"lint.eku.ku", "RFC 5280 4.2.1.12", server_that_only_commits, NULL},
    {"lint.eku.ku", "RFC 5280 4.2.1.12", client_that_only_commits, NULL},
    {"lint.cn", "CA/Browser Forum BR 7.1.4.3", cn_is_another_host, NULL},
    {"lint.bc", "RFC 5280 4.2.1.9", NULL, ca_without_basic_constraints},
    {"lint.bc.path", "RFC 5280 4.2.1.9", NULL, path_len_of_a_leaf},
    {"lint.ski", "RFC 5280 4.2.1.2", NULL, ski_short},
    {"lint.aki", "RFC 5280 4.2.1.1", no_authority_key_id, NULL},
    {"lint.aia", "RFC 5280 4.2.2.1", ocsp_over_https, NULL},
    {"lint.aia", "RFC 5280 4.2.2.1", issuer_over_ldap, NULL},
    {"lint.aia", "RFC 5280 4.2.2.1", NULL, aia_cut},
    {"lint.crldp", "RFC 5280 4.2.1.13", crl_over_https, NULL},
    {"lint.crldp", "RFC 5280 4.2.1.13", crl_url_broken, NULL},
    {"lint.crldp", "RFC 5280 4.2.1.13", NULL, crl_points_empty},
};

#define N_BREAKS (sizeof(breaks) / sizeof(breaks[0]))

static const struct lint_rule *rule_named(const char *name)
{
    for (size_t i = 0; i < lint_rules_count; i++)
        if (strcmp(lint_rules[i].name, name) == 0)
            return &lint_rules[i];
    fail_msg("no rule %s", name);
    return NULL;
}

static void parse(const struct tbs_spec *s, struct buf *der, struct cert *c)
{
    struct fault f;

    buf_reset(der);
    tbs_put(der, s);
    assert_false(buf_failed(der));
    if (tbs_parse(buf_slice(der), c, &f) != 0)
        fail_msg("%s: %s", f.rule, f.text);
}

static void assert_keeps_every_rule(const struct tbs_spec *s)
{
    struct cert c;
    struct fault f;
    struct buf der;
    char why[160];

    buf_init(&der, TBS_MAX);
    parse(s, &der, &c);
    for (size_t i = 0; i < lint_rules_count; i++)
        if (lint_rules[i].check(&c, why) != 0)
            fail_msg("%s: %s", lint_rules[i].name, why);
    assert_int_equal(lint_tbs(&c, &f), 0);
    buf_free(&der);
}

static void test_good_certificates_of_every_key_keep_every_rule(void **state)
{
    (void)state;
    for (enum key_type t = KEY_RSA; t <= KEY_ED25519; t++) {
        struct tbs_spec s;

        test_draft(&s, t, KEY_P256);
        if (t == KEY_RSA)
            s.key_usage |= KU_KEY_ENCIPHERMENT;
        assert_keeps_every_rule(&s);
        test_draft_ca(&s, t);
        assert_keeps_every_rule(&s);
        s.has_authority_key_id = false; /* self-issued */
        assert_keeps_every_rule(&s);
    }
}

static void test_a_subject_may_be_empty_with_critical_names(void **state)
{
    struct tbs_spec s;

    (void)state;
    test_draft(&s, KEY_P256, KEY_P256);
    s.subject = slice_of(empty_name, 2);
    assert_keeps_every_rule(&s);
}

static void test_a_client_needs_no_names_and_any_cn(void **state)
{
    struct tbs_spec s;

    (void)state;
    test_draft(&s, KEY_P256, KEY_P256);
    s.eku = EKU_CLIENT_AUTH;
    s.sans = NULL;
    assert_keeps_every_rule(&s);
}

static void test_dates_past_2049_are_right(void **state)
{
    struct tbs_spec s;

    (void)state;
    test_draft_ca(&s, KEY_P384);
    s.not_after = 2600000000;
    assert_keeps_every_rule(&s);
    s.not_before = 2550000000;
    assert_keeps_every_rule(&s);
}

static void test_a_server_may_be_an_address(void **state)
{
    static const uint8_t v4[4] = {192, 0, 2, 1};
    struct san_list l = {1, {{SAN_IP, slice_of(v4, 4)}}};
    struct buf cn;
    struct fault f;
    struct tbs_spec s;

    (void)state;
    buf_init(&cn, 64);
    assert_int_equal(name_from_cn(slice_str("192.0.2.1"), &cn, &f), 0);
    test_draft(&s, KEY_P256, KEY_P256);
    s.subject = buf_slice(&cn);
    s.sans = &l;
    assert_keeps_every_rule(&s);
    buf_free(&cn);
}

static void test_each_break_is_found_by_its_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_BREAKS; i++) {
        const struct lint_rule *r = rule_named(breaks[i].rule);
        struct tbs_spec s;
        struct cert c;
        struct fault f;
        struct buf der;
        char why[160] = "";

        buf_init(&der, TBS_MAX);
        test_draft(&s, KEY_P256, KEY_P256);
        if (breaks[i].in_draft != NULL)
            breaks[i].in_draft(&s);
        parse(&s, &der, &c);
        if (breaks[i].in_cert != NULL) {
            assert_int_equal(r->check(&c, why), 0);
            breaks[i].in_cert(&c);
        }
        assert_string_equal(r->section, breaks[i].section);
        assert_int_not_equal(r->check(&c, why), 0);
        assert_true(strlen(why) > 5);
        if (r->severity == LINT_ERROR) {
            assert_int_equal(lint_tbs(&c, &f), -FAULT_INTERNAL);
            assert_non_null(strstr(f.text, "the draft breaks"));
        }
        buf_free(&der);
    }
}

/* The fault names the rule, so that a wrong draft is found in a log. */
static void test_the_fault_names_the_rule(void **state)
{
    struct tbs_spec s;
    struct cert c;
    struct fault f;
    struct buf der;

    (void)state;
    buf_init(&der, TBS_MAX);
    test_draft(&s, KEY_P256, KEY_P256);
    crl_over_https(&s);
    parse(&s, &der, &c);
    assert_int_equal(lint_tbs(&c, &f), -FAULT_INTERNAL);
    assert_string_equal(f.rule, "lint.crldp");
    buf_free(&der);
}

static void test_a_warning_does_not_stop_a_draft(void **state)
{
    struct tbs_spec s;
    struct cert c;
    struct fault f;
    struct buf der;

    (void)state;
    buf_init(&der, TBS_MAX);
    test_draft(&s, KEY_P256, KEY_P256);
    parse(&s, &der, &c);
    san_critical(&c);
    assert_int_equal(lint_tbs(&c, &f), 0);
    buf_free(&der);
}

static void test_no_rule_is_without_a_break(void **state)
{
    (void)state;
    for (size_t i = 0; i < lint_rules_count; i++) {
        bool found = false;

        for (size_t k = 0; k < N_BREAKS && !found; k++)
            found = strcmp(breaks[k].rule, lint_rules[i].name) == 0;
        if (!found)
            fail_msg("%s has no bad certificate", lint_rules[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_certificates_of_every_key_keep_every_rule),
        cmocka_unit_test(test_a_subject_may_be_empty_with_critical_names),
        cmocka_unit_test(test_a_client_needs_no_names_and_any_cn),
        cmocka_unit_test(test_dates_past_2049_are_right),
        cmocka_unit_test(test_a_server_may_be_an_address),
        cmocka_unit_test(test_each_break_is_found_by_its_rule),
        cmocka_unit_test(test_the_fault_names_the_rule),
        cmocka_unit_test(test_a_warning_does_not_stop_a_draft),
        cmocka_unit_test(test_no_rule_is_without_a_break),
    };

    return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}
