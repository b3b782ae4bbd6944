/* Every rule of lint has a certificate that keeps it and one that breaks it (lint_cases_*.c). */
#include "lib/lint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/lint_help.h"
#include "tests/unit/x509_help.h"

static const struct lint_cases *const all_cases[] = {
    &lint_der_cases,    &lint_field_cases,  &lint_name_cases,  &lint_key_cases,
    &lint_ext_cases,    &lint_san_cases,    &lint_usage_cases, &lint_ca_cases,
    &lint_access_cases, &lint_policy_cases, &lint_chain_cases,
};

#define N_LISTS (sizeof(all_cases) / sizeof(all_cases[0]))

static const struct lint_rule *rule_named(const char *name)
{
    for (size_t i = 0; i < lint_rules_count(); i++)
        if (strcmp(lint_rule(i)->name, name) == 0)
            return lint_rule(i);
    fail_msg("no rule %s", name);
    return NULL;
}

/* Asks one rule about one sample. */
static int ask(const struct lint_rule *r, const struct lint_sample *s, char why[LINT_WHY])
{
    struct buf der, issuer;
    struct lint_cert c, by;
    int rc;

    buf_init(&der, CERT_MAX);
    buf_init(&issuer, CERT_MAX);
    lint_sample_der(s, false, &der);
    lint_read(buf_slice(&der), false, &c);
    if (s->by != NULL) {
        lint_sample_der(s->by, false, &issuer);
        lint_read(buf_slice(&issuer), false, &by);
        assert_null(by.unread);
        c.by = &by;
    }
    rc = r->check(&c, why);
    buf_free(&issuer);
    buf_free(&der);
    return rc;
}

static void each_rule_lets_the_good_one_pass_and_finds_the_bad_one(void **state)
{
    char why[LINT_WHY];
    size_t wrong = 0;

    (void)state;
    for (size_t l = 0; l < N_LISTS; l++)
        for (size_t i = 0; i < all_cases[l]->n; i++) {
            const struct lint_case *c = &all_cases[l]->item[i];
            const struct lint_rule *r = rule_named(c->rule);

            why[0] = 0;
            if (ask(r, &c->good, why) != 0) {
                print_error("%s, case %zu: the good one breaks it: %s\n", c->rule, i, why);
                wrong++;
            }
            why[0] = 0;
            if (ask(r, &c->bad, why) == 0 || strlen(why) < 5) {
                print_error("%s, case %zu: the bad one keeps it\n", c->rule, i);
                wrong++;
            }
        }
    assert_int_equal(wrong, 0);
}

static void no_rule_is_without_certificates(void **state)
{
    (void)state;
    for (size_t k = 0; k < lint_rules_count(); k++) {
        bool found = false;

        for (size_t l = 0; l < N_LISTS && !found; l++)
            for (size_t i = 0; i < all_cases[l]->n && !found; i++)
                found = strcmp(all_cases[l]->item[i].rule, lint_rule(k)->name) == 0;
        if (!found)
            fail_msg("%s has no certificates", lint_rule(k)->name);
    }
}

static void rules_have_names_of_their_own_and_sections(void **state)
{
    (void)state;
    for (size_t i = 0; i < lint_rules_count(); i++) {
        const struct lint_rule *r = lint_rule(i);

        assert_true(strncmp(r->name, "lint.", 5) == 0 || strncmp(r->name, "key.", 4) == 0);
        assert_true(strlen(r->section) > 4);
        assert_true((r->whose & LINT_ALL) != 0);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(lint_rule(k)->name, r->name);
    }
}

/* --- whole certificates -------------------------------------------------------------- */

struct told {
    size_t n;
    char first[64], list[1024];
};

static void note(void *arg, const struct lint_rule *r, const char *why)
{
    struct told *t = arg;
    size_t at = strlen(t->list);

    if (t->n++ == 0)
        snprintf(t->first, sizeof(t->first), "%s", r->name);
    snprintf(t->list + at, sizeof(t->list) - at, "%s: %s; ", r->name, why);
}

static void look(const struct lint_sample *s, struct told *t)
{
    struct buf der;

    memset(t, 0, sizeof(*t));
    buf_init(&der, CERT_MAX);
    lint_sample_der(s, false, &der);
    lint_certificate(buf_slice(&der), SLICE_NONE, note, t);
    buf_free(&der);
}

static void the_samples_themselves_break_no_rule(void **state)
{
    static const struct lint_sample server, root = {.ca = true};
    struct told t;

    (void)state;
    look(&server, &t);
    assert_string_equal(t.list, "");
    look(&root, &t);
    assert_string_equal(t.list, "");
}

static void what_cannot_be_read_is_told_once_and_how_it_is_not_der(void **state)
{
    static const struct lint_sample bad = {.more = "3081{}"};
    struct told t;

    (void)state;
    look(&bad, &t);
    assert_int_equal(t.n, 2);
    assert_non_null(strstr(t.list, "lint.certificate: "));
    assert_non_null(strstr(t.list, "lint.der.length: "));
}

/* --- drafts of our own ---------------------------------------------------------------- */

static void lint_draft(const struct tbs_spec *s, struct fault *f)
{
    struct cert c;
    struct buf der;

    fault_clear(f);
    buf_init(&der, TBS_MAX);
    tbs_put(&der, s);
    assert_false(buf_failed(&der));
    if (tbs_parse(buf_slice(&der), &c, f) == 0 && lint_tbs(&c, f) == 0)
        assert_int_equal(f->code, FAULT_NONE);
    buf_free(&der);
}

static void assert_good(const struct tbs_spec *s)
{
    struct fault f;

    lint_draft(s, &f);
    assert_string_equal(f.text, "");
}

static void good_drafts_for_every_key_break_no_rule(void **state)
{
    (void)state;
    for (enum key_type t = KEY_RSA; t <= KEY_ED25519; t++) {
        struct tbs_spec s;

        test_draft(&s, t, KEY_P256);
        if (t == KEY_RSA)
            s.key_usage |= KU_KEY_ENCIPHERMENT;
        assert_good(&s);
        test_draft_ca(&s, t);
        assert_good(&s);
        s.has_authority_key_id = false; /* self-issued */
        assert_good(&s);
        s.not_after = 2600000000; /* past 2049 */
        assert_good(&s);
    }
}

static void a_subject_may_be_empty_with_critical_names(void **state)
{
    static const uint8_t empty[] = {0x30, 0};
    struct tbs_spec s;

    (void)state;
    test_draft(&s, KEY_P256, KEY_P256);
    s.subject = slice_of(empty, 2);
    assert_good(&s);
}

static void a_client_needs_no_names_and_any_cn(void **state)
{
    struct tbs_spec s;

    (void)state;
    test_draft(&s, KEY_P256, KEY_P256);
    s.eku = EKU_CLIENT_AUTH;
    s.sans = NULL;
    assert_good(&s);
}

/* The fault names the rule and its section, so that a wrong draft is found in a log. */
static void a_wrong_draft_is_refused_by_rule_and_section(void **state)
{
    struct tbs_spec s;
    struct fault f;

    (void)state;
    test_draft(&s, KEY_P256, KEY_P256);
    s.crl_url = "https://ca.example/crl";
    lint_draft(&s, &f);
    assert_int_equal(f.code, FAULT_INTERNAL);
    assert_string_equal(f.rule, "lint.crldp.ours");
    assert_non_null(strstr(f.text, "RFC 5280 4.2.1.13"));
}

/* What is only a warning elsewhere does not stop us; what we promise beyond the standards does. */
static void drafts_answer_to_the_rules_for_ours_and_others_do_not(void **state)
{
    static const struct lint_sample serial = {.serial = "02{<20A>}"};
    struct tbs_spec s;
    struct fault f;
    struct told t;

    (void)state;
    look(&serial, &t);
    assert_int_equal(t.n, 0);
    test_draft(&s, KEY_P256, KEY_P256);
    s.serial[0] = 0x01;
    lint_draft(&s, &f);
    assert_string_equal(f.rule, "lint.serial.ours");
    test_draft(&s, KEY_P256, KEY_P256);
    struct san_list l = {1, {{SAN_DNS, slice_str("a_b.example")}}};
    s.sans = &l;
    s.eku = EKU_CLIENT_AUTH;
    assert_good(&s);
}

/* RFC 5280 4.2.1.1: our draft names its issuer's key as the issuer's certificate does. */
static void a_draft_is_also_looked_at_beside_its_issuer(void **state)
{
    struct tbs_spec ca, leaf;
    struct buf root, tbs;
    struct cert c;
    struct fault f;

    (void)state;
    buf_init(&root, CERT_MAX);
    buf_init(&tbs, TBS_MAX);
    test_draft_ca(&ca, KEY_P384);
    test_issue(&ca, KEY_P384, &root);
    test_draft(&leaf, KEY_P256, KEY_P384);
    tbs_put(&tbs, &leaf);
    assert_int_equal(tbs_parse(buf_slice(&tbs), &c, &f), 0);
    assert_int_equal(lint_issued(&c, buf_slice(&root), &f), 0);
    assert_int_equal(lint_issued(&c, SLICE_NONE, &f), 0);
    leaf.authority_key_id[0] ^= 1;
    buf_reset(&tbs);
    tbs_put(&tbs, &leaf);
    assert_int_equal(tbs_parse(buf_slice(&tbs), &c, &f), 0);
    assert_int_equal(lint_issued(&c, SLICE_NONE, &f), 0);
    assert_int_equal(lint_issued(&c, buf_slice(&root), &f), -FAULT_INTERNAL);
    assert_string_equal(f.rule, "lint.chain.key_id");
    buf_free(&root);
    buf_free(&tbs);
}

/* --- chains -------------------------------------------------------------------------- */

static void a_chain_that_is_right_breaks_no_rule_and_another_key_does(void **state)
{
    struct tbs_spec ca, leaf;
    struct buf root, cert;
    struct told t = {0};
    struct lint_links up, down;

    (void)state;
    buf_init(&root, CERT_MAX);
    buf_init(&cert, CERT_MAX);
    test_draft_ca(&ca, KEY_P384);
    test_issue(&ca, KEY_P384, &root);
    test_draft(&leaf, KEY_P256, KEY_P384);
    test_issue(&leaf, KEY_P384, &cert);
    lint_links(buf_slice(&root), &up);
    lint_links(buf_slice(&cert), &down);
    assert_true(lint_linked(&down, &up));
    assert_true(lint_linked(&up, &up));
    assert_false(lint_linked(&up, &down));
    lint_certificate(buf_slice(&cert), buf_slice(&root), note, &t);
    assert_string_equal(t.list, "");
    cert.p[cert.n - 1] ^= 1;
    lint_certificate(buf_slice(&cert), buf_slice(&root), note, &t);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.first, "lint.chain.signature");
    buf_free(&root);
    buf_free(&cert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_lets_the_good_one_pass_and_finds_the_bad_one),
        cmocka_unit_test(no_rule_is_without_certificates),
        cmocka_unit_test(rules_have_names_of_their_own_and_sections),
        cmocka_unit_test(the_samples_themselves_break_no_rule),
        cmocka_unit_test(what_cannot_be_read_is_told_once_and_how_it_is_not_der),
        cmocka_unit_test(good_drafts_for_every_key_break_no_rule),
        cmocka_unit_test(a_subject_may_be_empty_with_critical_names),
        cmocka_unit_test(a_client_needs_no_names_and_any_cn),
        cmocka_unit_test(a_wrong_draft_is_refused_by_rule_and_section),
        cmocka_unit_test(drafts_answer_to_the_rules_for_ours_and_others_do_not),
        cmocka_unit_test(a_draft_is_also_looked_at_beside_its_issuer),
        cmocka_unit_test(a_chain_that_is_right_breaks_no_rule_and_another_key_does),
    };

    return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}
