#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ca/signer/guard.h"
#include "lib/clock.h"
#include "lib/der.h"
#include "lib/name.h"
#include "tests/unit/signer_place.h"

#define DAY 86400

struct bench {
    struct place *place;
    struct guard guard;
    struct guard_issuer *root, *issuing;
    struct draft d;
};

static int setup_of(const char *issuers, void **state)
{
    struct bench *b = xcalloc(1, sizeof(*b));
    struct fault f;
    struct buf spki;

    b->place = place_new(NULL, NULL, issuers);
    assert_int_equal(guard_new(b->place->conf, &b->guard, &f), 0);
    b->root = &b->guard.issuer[0];
    b->issuing = &b->guard.issuer[1];
    buf_init(&spki, CERT_MAX);
    new_spki(&spki);
    assert_int_equal(guard_set_key(b->root, buf_slice(&spki), 1, &f), 0);
    new_spki(&spki);
    assert_int_equal(guard_set_key(b->issuing, buf_slice(&spki), 2, &f), 0);
    buf_free(&spki);
    draft_init(&b->d, b->issuing->conf, b->issuing->key_id);
    *state = b;
    return 0;
}

static int setup(void **state)
{
    return setup_of(place_two_issuers, state);
}

/* ... where the configuration names the profile that makes CAs, by what a ceremony signs. */
static int setup_cas(void **state)
{
    struct buf text;
    int rc;

    buf_init(&text, CONF_MAX);
    buf_printf(&text, "%s ); signings = ( { name = \"other\"; csr = \"other.csr\"; }",
               place_two_issuers);
    rc = setup_of(buf_cstr(&text), state);
    buf_free(&text);
    return rc;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    draft_free(&b->d);
    guard_free(&b->guard);
    place_free(b->place);
    free(b);
    return 0;
}

static int ask(struct bench *b, const struct guard_issuer *by, struct fault *f)
{
    struct slice tbs = draft_tbs(&b->d);
    struct cert c;

    fault_clear(f);
    assert_int_equal(tbs_parse(tbs, &c, f), 0);
    return guard_check(&b->guard, by, &c, clock_now(), f);
}

static void allows(struct bench *b, const struct guard_issuer *by)
{
    struct fault f;

    if (ask(b, by, &f) != 0)
        fail_msg("%s: %s", f.rule, f.text);
}

static void refuses(struct bench *b, const struct guard_issuer *by, const char *rule)
{
    struct fault f;

    assert_int_equal(ask(b, by, &f), -FAULT_POLICY);
    assert_string_equal(f.rule, rule);
}

/* Turns the draft into the certificate of `child`, signed by `by`. */
static void make_ca(struct bench *b, const struct guard_issuer *by,
                    const struct guard_issuer *child)
{
    struct fault f;

    buf_reset(&b->d.issuer);
    buf_reset(&b->d.subject);
    buf_reset(&b->d.spki);
    assert_int_equal(name_parse(by->conf->subject, &b->d.issuer, &f), 0);
    assert_int_equal(name_parse(child->conf->subject, &b->d.subject, &f), 0);
    buf_put_slice(&b->d.spki, buf_slice(&child->spki));
    memcpy(b->d.spec.subject_key_id, child->key_id, 20);
    memcpy(b->d.spec.authority_key_id, by->key_id, 20);
    b->d.spec.has_authority_key_id = by != child;
    b->d.spec.ca = true;
    b->d.spec.path_len = child->conf->path_len;
    b->d.spec.key_usage = KU_KEY_CERT_SIGN | KU_CRL_SIGN;
    b->d.spec.eku = 0;
    b->d.spec.sans = NULL;
    b->d.spec.ocsp_url = by->conf->ocsp_url;
    b->d.spec.crl_url = by->conf->crl_url;
    b->d.spec.not_after = b->d.spec.not_before + child->conf->validity;
}

static void a_leaf_a_subordinate_and_a_root_pass(void **state)
{
    struct bench *b = *state;

    allows(b, b->issuing);
    make_ca(b, b->root, b->issuing);
    allows(b, b->root);
    make_ca(b, b->root, b->root);
    allows(b, b->root);
    b->d.spec.has_authority_key_id = true;
    allows(b, b->root);
}

static void another_issuer_name_is_refused(void **state)
{
    struct bench *b = *state;
    struct fault f;

    buf_reset(&b->d.issuer);
    assert_int_equal(name_parse("CN=Test Root", &b->d.issuer, &f), 0);
    refuses(b, b->issuing, "signer.issuer-name");
    buf_reset(&b->d.issuer);
    assert_int_equal(name_parse("CN=Test issuing", &b->d.issuer, &f), 0);
    refuses(b, b->issuing, "signer.issuer-name");
}

static void another_algorithm_is_refused(void **state)
{
    struct bench *b = *state;

    b->d.spec.alg = SIG_ECDSA_SHA384;
    refuses(b, b->issuing, "signer.algorithm");
}

/* RFC 5280 4.1.2.2, and the shape that ours have. */
static void a_serial_of_another_shape_is_refused(void **state)
{
    struct bench *b = *state;

    b->d.spec.serial[0] = 0x80;
    refuses(b, b->issuing, "signer.serial");
    b->d.spec.serial[0] = 0x3f;
    refuses(b, b->issuing, "signer.serial");
    memset(b->d.spec.serial, 0, 4);
    refuses(b, b->issuing, "signer.serial");
}

static void a_validity_past_the_cap_is_refused(void **state)
{
    struct bench *b = *state;

    /* validity_max and backdate of radius-server, the longest profile that it fits. */
    b->d.spec.not_after = b->d.spec.not_before + 397 * DAY + 300;
    allows(b, b->issuing);
    b->d.spec.not_after = b->d.spec.not_before + 397 * DAY + 301;
    refuses(b, b->issuing, "signer.profile");
    b->d.spec.not_before += 10 * DAY;
    b->d.spec.not_after = b->d.spec.not_before + 30 * DAY;
    refuses(b, b->issuing, "signer.validity");
    make_ca(b, b->root, b->issuing);
    b->d.spec.not_after = b->d.spec.not_before + b->issuing->conf->validity + 2 * DAY;
    refuses(b, b->root, "signer.validity");
}

/* RFC 5280 4.2.1.9: cA. */
static void an_issuing_key_signs_no_ca(void **state)
{
    struct bench *b = *state;

    make_ca(b, b->issuing, b->root);
    b->d.spec.has_authority_key_id = true;
    refuses(b, b->issuing, "signer.ca");
}

static void a_root_signs_no_leaf(void **state)
{
    struct bench *b = *state;
    struct fault f;

    buf_reset(&b->d.issuer);
    assert_int_equal(name_parse(b->root->conf->subject, &b->d.issuer, &f), 0);
    memcpy(b->d.spec.authority_key_id, b->root->key_id, 20);
    refuses(b, b->root, "signer.leaf");
}

/* RFC 5280 4.2.1.3: keyCertSign and cA go together. */
static void ca_key_usages_go_with_ca_only(void **state)
{
    struct bench *b = *state;

    b->d.spec.key_usage = KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN;
    refuses(b, b->issuing, "signer.leaf");
    b->d.spec.key_usage = KU_CRL_SIGN;
    refuses(b, b->issuing, "signer.leaf");
    make_ca(b, b->root, b->issuing);
    b->d.spec.key_usage = KU_CRL_SIGN;
    refuses(b, b->root, "signer.ca");
}

static void renew_key(struct bench *b)
{
    struct fault f;
    struct spki k;

    buf_reset(&b->d.spki);
    new_spki(&b->d.spki);
    assert_int_equal(spki_parse(buf_slice(&b->d.spki), &k, &f), 0);
    spki_key_id(&k, b->d.spec.subject_key_id);
}

/* Turns the draft into a certificate of a CA that nobody configured, signed by the root. */
static void make_stranger(struct bench *b)
{
    struct fault f;

    make_ca(b, b->root, b->issuing);
    buf_reset(&b->d.subject);
    assert_int_equal(name_parse("CN=Somebody Else", &b->d.subject, &f), 0);
    renew_key(b);
}

static void another_ca_is_refused_unless_the_configuration_names_a_profile_of_cas(void **state)
{
    struct bench *b = *state;

    make_stranger(b);
    refuses(b, b->root, "signer.profile");
}

static void another_ca_must_be_what_a_profile_of_cas_makes(void **state)
{
    struct bench *b = *state;

    make_stranger(b);
    allows(b, b->root);
    b->d.spec.path_len = 1;
    refuses(b, b->root, "signer.profile");
    b->d.spec.path_len = -1;
    refuses(b, b->root, "signer.profile");
    b->d.spec.path_len = 0;
    b->d.spec.eku = EKU_SERVER_AUTH;
    refuses(b, b->root, "signer.profile");
    b->d.spec.eku = 0;
    b->d.spec.not_after = b->d.spec.not_before + 3650 * (int64_t)DAY + 301;
    refuses(b, b->root, "signer.profile");
    b->d.spec.not_after = b->d.spec.not_before + DAY;
    b->d.spec.key_usage |= KU_DIGITAL_SIGNATURE;
    refuses(b, b->root, "signer.ca");
}

static void a_ca_must_be_a_configured_child_with_its_key(void **state)
{
    struct bench *b = *state;
    struct fault f;

    make_ca(b, b->root, b->issuing);
    buf_reset(&b->d.subject);
    assert_int_equal(name_parse("CN=Somebody Else", &b->d.subject, &f), 0);
    refuses(b, b->root, "signer.spki");
    make_ca(b, b->root, b->issuing);
    buf_reset(&b->d.subject);
    assert_int_equal(name_parse("CN=test  root", &b->d.subject, &f), 0);
    renew_key(b);
    refuses(b, b->root, "signer.subject");
    make_ca(b, b->root, b->issuing);
    new_spki(&b->d.spki);
    refuses(b, b->root, "signer.spki");
    make_ca(b, b->root, b->issuing);
    buf_reset(&b->d.spki);
    buf_put_slice(&b->d.spki, buf_slice(&b->root->spki));
    refuses(b, b->root, "signer.spki");
}

static void a_path_length_beyond_the_configured_one_is_refused(void **state)
{
    struct bench *b = *state;

    make_ca(b, b->root, b->issuing);
    b->d.spec.path_len = 1;
    refuses(b, b->root, "signer.path-length");
    b->d.spec.path_len = -1;
    refuses(b, b->root, "signer.path-length");
}

static void a_ca_has_the_configured_name_constraints_and_no_others(void **state)
{
    char line[] = "dns:example.com";
    char *list[] = {line};
    struct bench *b = *state;
    struct buf der;
    struct fault f;

    buf_init(&der, CONSTRAINTS_MAX);
    assert_int_equal(constraints_put(list, 1, NULL, 0, &der, &f), 0);
    make_ca(b, b->root, b->issuing);
    b->d.spec.constraints = buf_slice(&der);
    refuses(b, b->root, "signer.constraints");
    buf_put_slice(&b->issuing->constraints, buf_slice(&der));
    assert_int_equal(ask(b, b->root, &f), 0);
    b->d.spec.constraints = SLICE_NONE;
    refuses(b, b->root, "signer.constraints");
    buf_free(&der);
}

static void a_crl_only_issuer_signs_responders_and_nothing_else(void **state)
{
    struct bench *b = *state;
    struct conf_issuer retired = *b->issuing->conf, root = *b->root->conf;
    struct fault f;

    assert_int_equal(ask(b, b->issuing, &f), 0);
    retired.state = ISSUER_CRL_ONLY;
    b->issuing->conf = &retired;
    refuses(b, b->issuing, "signer.state");
    make_ca(b, b->root, b->issuing);
    assert_int_equal(ask(b, b->root, &f), 0);
    root.state = ISSUER_CRL_ONLY;
    b->root->conf = &root;
    refuses(b, b->root, "signer.ca");
}

/* RFC 6960 4.2.2.2: it delegates itself, whichever issuer the profile names. */
static void a_root_signs_responders_where_it_has_an_ocsp_url(void **state)
{
    struct bench *b = *state;
    struct conf_issuer root = *b->root->conf;
    struct fault f;

    root.ocsp_url = (char[]){"http://ca.test/ocsp"};
    b->root->conf = &root;
    buf_reset(&b->d.issuer);
    assert_int_equal(name_parse(root.subject, &b->d.issuer, &f), 0);
    memcpy(b->d.spec.authority_key_id, b->root->key_id, 20);
    b->d.spec.alg = root.alg;
    b->d.spec.issuer_url = root.issuer_url;
    b->d.spec.key_usage = KU_DIGITAL_SIGNATURE;
    b->d.spec.eku = EKU_OCSP_SIGNING;
    b->d.spec.ocsp_no_check = true;
    b->d.spec.sans = NULL;
    b->d.spec.not_after = b->d.spec.not_before + 7 * DAY;
    allows(b, b->root);
    b->d.spec.ocsp_no_check = false;
    refuses(b, b->root, "signer.profile");
    b->d.spec.ocsp_no_check = true;
    b->d.spec.not_after = b->d.spec.not_before + 31 * DAY;
    refuses(b, b->root, "signer.profile");
    b->d.spec.not_after = b->d.spec.not_before + 7 * DAY;
    b->d.spec.eku = EKU_OCSP_SIGNING | EKU_SERVER_AUTH;
    refuses(b, b->root, "signer.leaf");
    b->d.spec.eku = EKU_OCSP_SIGNING;
    root.ocsp_url = (char[]){""};
    refuses(b, b->root, "signer.leaf");
}

static void a_leaf_has_neither_the_key_nor_the_name_of_a_ca(void **state)
{
    struct bench *b = *state;
    struct fault f;

    buf_reset(&b->d.spki);
    buf_put_slice(&b->d.spki, buf_slice(&b->root->spki));
    refuses(b, b->issuing, "signer.spki");
    new_spki(&b->d.spki);
    buf_reset(&b->d.subject);
    assert_int_equal(name_parse(b->issuing->conf->subject, &b->d.subject, &f), 0);
    refuses(b, b->issuing, "signer.subject");
}

/* RFC 5280 4.2.1.1 */
static void the_authority_key_identifier_is_the_signing_keys_own(void **state)
{
    struct bench *b = *state;

    b->d.spec.authority_key_id[3] ^= 1;
    refuses(b, b->issuing, "signer.authority");
    b->d.spec.has_authority_key_id = false;
    refuses(b, b->issuing, "signer.authority");
}

/* Policy mappings and whatever else has not been thought through. */
static void an_extension_that_is_not_listed_is_refused(void **state)
{
    static const uint8_t policy_mappings[] = {0x55, 0x1d, 0x21};
    static const uint8_t value[] = {0x30, 0x00};
    struct bench *b = *state;
    struct slice tbs = draft_tbs(&b->d);
    struct cert c;
    struct fault f;

    assert_int_equal(tbs_parse(tbs, &c, &f), 0);
    assert_true(c.n_extensions < CERT_EXTENSIONS_MAX);
    c.extension[c.n_extensions++] =
        (struct cert_extension){slice_of(policy_mappings, 3), true, slice_of(value, 2)};
    assert_int_equal(guard_check(&b->guard, b->issuing, &c, clock_now(), &f), -FAULT_POLICY);
    assert_string_equal(f.rule, "signer.extension");
}

static void only_configured_issuers_with_a_key_here_are_found(void **state)
{
    struct bench *b = *state;
    const struct guard_issuer *by;
    struct fault f;

    assert_int_equal(guard_find(&b->guard, "issuing", &by, &f), 0);
    assert_ptr_equal(by, b->issuing);
    assert_int_equal(guard_find(&b->guard, "nobody", &by, &f), -FAULT_NOT_FOUND);
    assert_string_equal(f.rule, "signer.issuer");
    b->issuing->ours = false;
    assert_int_equal(guard_find(&b->guard, "issuing", &by, &f), -FAULT_UNAVAILABLE);
    assert_string_equal(f.rule, "signer.key");
    assert_null(by);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_leaf_a_subordinate_and_a_root_pass),
        T(another_issuer_name_is_refused),
        T(another_algorithm_is_refused),
        T(a_serial_of_another_shape_is_refused),
        T(a_validity_past_the_cap_is_refused),
        T(an_issuing_key_signs_no_ca),
        T(a_root_signs_no_leaf),
        T(ca_key_usages_go_with_ca_only),
        T(another_ca_is_refused_unless_the_configuration_names_a_profile_of_cas),
        cmocka_unit_test_setup_teardown(another_ca_must_be_what_a_profile_of_cas_makes, setup_cas,
                                        teardown),
        T(a_ca_must_be_a_configured_child_with_its_key),
        T(a_path_length_beyond_the_configured_one_is_refused),
        T(a_ca_has_the_configured_name_constraints_and_no_others),
        T(a_crl_only_issuer_signs_responders_and_nothing_else),
        T(a_root_signs_responders_where_it_has_an_ocsp_url),
        T(a_leaf_has_neither_the_key_nor_the_name_of_a_ca),
        T(the_authority_key_identifier_is_the_signing_keys_own),
        T(an_extension_that_is_not_listed_is_refused),
        T(only_configured_issuers_with_a_key_here_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
