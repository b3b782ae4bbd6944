/* What a hostile cerca-ca can try to have signed: well-formed drafts that claim what they may not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/der.h"
#include "tests/unit/signer_scene.h"

/* RFC 6960 4.2.2.2: whoever has it answers for the CA. */
static void no_responder_and_no_other_purpose_comes_from_a_leaf_profile(void **state)
{
    static const uint32_t purposes[] = {EKU_OCSP_SIGNING, EKU_SERVER_AUTH | EKU_OCSP_SIGNING,
                                        EKU_CODE_SIGNING, EKU_TIME_STAMPING, 0};
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++) {
        s->d.spec.eku = purposes[i];
        is_refused(s, s->issuing, "signer.profile");
    }
}

static void key_usages_and_keys_of_no_profile_are_refused(void **state)
{
    struct scene *s = *state;

    s->d.spec.key_usage = KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT;
    is_refused(s, s->issuing, "signer.profile");
    s->d.spec.key_usage = 0;
    is_refused(s, s->issuing, "signer.profile");
}

static void names_of_a_kind_that_no_profile_has_are_refused(void **state)
{
    struct scene *s = *state;

    s->d.sans.item[0] = (struct san){SAN_EMAIL, slice_str("root@example.com")};
    is_refused(s, s->issuing, "signer.profile");
    s->d.sans.n = 0;
    is_refused(s, s->issuing, "signer.profile");
    /* RFC 5280 4.2.1.6: a profile may do without names, but then there is a subject. */
    s->d.spec.eku = EKU_CLIENT_AUTH;
    is_signed(s, s->issuing);
    buf_reset(&s->d.subject);
    buf_put(&s->d.subject, "\x30\x00", 2);
    is_refused(s, s->issuing, "signer.lint");
}

/* Another responder, another list, or none at all, so that revoking it would change nothing. */
static void the_urls_are_the_configured_ones(void **state)
{
    struct scene *s = *state;

    s->d.spec.ocsp_url = "http://elsewhere.test/ocsp";
    is_refused(s, s->issuing, "signer.form");
    s->d.spec.ocsp_url = NULL;
    is_refused(s, s->issuing, "signer.form");
    s->d.spec.ocsp_url = s->issuing->conf->ocsp_url;
    s->d.spec.issuer_url = "http://elsewhere.test/ca";
    is_refused(s, s->issuing, "signer.form");
    s->d.spec.issuer_url = NULL;
    s->d.spec.crl_url = NULL;
    is_refused(s, s->issuing, "signer.form");
}

/* RFC 5280 4.1.2.5: 99991231235959Z means no end. */
static void a_validity_from_long_ago_or_without_end_is_refused(void **state)
{
    struct scene *s = *state;
    int64_t begin = s->d.spec.not_before;

    s->d.spec.not_after = 253402300799;
    is_refused(s, s->issuing, "signer.profile");
    s->d.spec.not_before = begin - 30 * DAY;
    s->d.spec.not_after = begin + 30 * DAY;
    is_refused(s, s->issuing, "signer.validity");
    s->d.spec.not_after = begin - 90 * DAY;
    is_refused(s, s->issuing, "signer.validity");
    s->d.spec.not_before = begin;
    s->d.spec.not_after = begin - 1;
    is_refused(s, s->issuing, "signer.validity");
    s->d.spec.not_before = begin - DAY + 600;
    s->d.spec.not_after = begin + DAY;
    is_signed(s, s->issuing);
    make_ca(s);
    s->d.spec.not_before = begin - 100 * DAY;
    is_refused(s, s->root, "signer.validity");
}

/* RFC 5280 7.1: none of these makes a name another one. */
static void a_leaf_has_no_cas_name_in_any_spelling(void **state)
{
    static const struct {
        uint8_t tag;
        const char *cn;
    } spellings[] = {
        {DER_UTF8_STRING, "Test Root"},       {DER_PRINTABLE_STRING, "Test Root"},
        {DER_UTF8_STRING, "TEST ROOT"},       {DER_UTF8_STRING, " Test   Root "},
        {DER_TELETEX_STRING, "test issuing"}, {DER_PRINTABLE_STRING, "tEST  iSSUING"},
    };
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        rename_subject(s, spellings[i].tag, spellings[i].cn);
        is_refused(s, s->issuing, "signer.subject");
    }
}

/* RFC 5280 4.1.2.4: relying parties chain by comparing octets, many of them. */
static void issuer_and_ca_names_are_the_configured_octets(void **state)
{
    struct scene *s = *state;

    rename_subject(s, DER_PRINTABLE_STRING, "Test Issuing");
    buf_reset(&s->d.issuer);
    buf_put_slice(&s->d.issuer, buf_slice(&s->d.subject));
    is_refused(s, s->issuing, "signer.issuer-name");
    make_ca(s);
    rename_subject(s, DER_PRINTABLE_STRING, "Test Issuing");
    is_refused(s, s->root, "signer.spki");
    buf_reset(&s->d.spki);
    new_spki(&s->d.spki);
    is_refused(s, s->root, "signer.subject");
}

/* With id-kp-OCSPSigning a CA would answer for its own issuer (RFC 6960 4.2.2.2). */
static void a_ca_has_no_purposes_no_names_and_no_other_usages(void **state)
{
    struct scene *s = *state;

    make_ca(s);
    s->d.spec.eku = EKU_OCSP_SIGNING;
    is_refused(s, s->root, "signer.ca");
    make_ca(s);
    s->d.spec.sans = &s->d.sans;
    is_refused(s, s->root, "signer.ca");
    make_ca(s);
    s->d.spec.key_usage |= KU_DIGITAL_SIGNATURE;
    is_refused(s, s->root, "signer.ca");
}

/* What only some profiles make is refused in drafts that fit others. */
static void statements_that_the_profile_does_not_make_are_refused(void **state)
{
    struct scene *s = *state;
    struct tbs_spec plain = s->d.spec;

    s->d.spec.must_staple = true;
    is_refused(s, s->issuing, "signer.profile");
    s->d.spec = plain;
    s->d.spec.no_rev_avail = true;
    is_refused(s, s->issuing, "signer.profile");
    s->d.spec = plain;
    s->d.spec.ocsp_no_check = true;
    is_refused(s, s->issuing, "signer.profile");
    s->d.spec = plain;
    s->d.spec.eku_critical = true;
    is_refused(s, s->issuing, "signer.profile");
    s->d.spec = plain;
    s->d.spec.alg = SIG_ECDSA_SHA384;
    is_refused(s, s->issuing, "signer.algorithm");
    s->d.spec = plain;
    is_signed(s, s->issuing);
}

/* RFC 6960 4.2.2.2.1: as the profile ocsp-responder makes it, and in no other way. */
static void a_responder_is_what_its_profile_makes(void **state)
{
    struct scene *s = *state;

    s->d.spec.eku = EKU_OCSP_SIGNING;
    s->d.spec.sans = NULL;
    s->d.spec.ocsp_no_check = true;
    is_signed(s, s->issuing);
    s->d.spec.ocsp_no_check = false;
    is_refused(s, s->issuing, "signer.profile");
    s->d.spec.ocsp_no_check = true;
    s->d.spec.sans = &s->d.sans;
    is_refused(s, s->issuing, "signer.profile");
    s->d.spec.sans = NULL;
    s->d.spec.not_after = s->d.spec.not_before + 30 * DAY + 301;
    is_refused(s, s->issuing, "signer.profile");
    s->d.spec.not_after = s->d.spec.not_before + 30 * DAY + 300;
    s->d.spec.eku |= EKU_SERVER_AUTH;
    is_refused(s, s->issuing, "signer.profile");
}

static void identities_of_directories_are_in_profiles_that_have_them(void **state)
{
    struct scene *s = *state;

    s->d.spec.sid = slice_str("S-1-5-21-1-2-3-500");
    is_refused(s, s->issuing, "signer.profile");
    s->d.spec.eku = EKU_CLIENT_AUTH; /* wifi-client */
    s->d.sans.item[0] = (struct san){SAN_UPN, slice_str("boss@corp.example")};
    is_signed(s, s->issuing);
    s->d.spec.sid = slice_str("S-1-5-21-x");
    is_refused(s, s->issuing, "signer.profile");
    s->d.spec.sid = SLICE_NONE;
    s->d.sans.item[1] =
        (struct san){SAN_URI, slice_str("tag:microsoft.com,2022-09-14:sid:S-1-5-1")};
    s->d.sans.n = 2;
    is_refused(s, s->issuing, "signer.profile");
    s->d.sans.n = 1;
    s->d.spec.eku = EKU_SERVER_AUTH;
    is_refused(s, s->issuing, "signer.profile");
}

static void names_outside_the_patterns_of_every_profile_are_refused(void **state)
{
    struct scene *s = *state;
    struct conf *c = s->place->conf;
    static char *pattern[] = {(char *)".example.com"};

    for (size_t i = 0; i < c->n_profiles; i++) {
        c->profiles[i].dns = pattern;
        c->profiles[i].n_dns = 1;
    }
    is_signed(s, s->issuing);
    s->d.sans.item[0].value = slice_str("host.example.org");
    is_refused(s, s->issuing, "signer.profile");
    s->d.sans.item[0].value = slice_str("*.example.com");
    is_refused(s, s->issuing, "signer.profile");
    for (size_t i = 0; i < c->n_profiles; i++) {
        c->profiles[i].dns = NULL;
        c->profiles[i].n_dns = 0;
    }
}

/* Without an end only where a profile says so (RFC 5280 4.1.2.5). */
static void a_certificate_without_an_end_needs_a_profile_that_makes_it(void **state)
{
    struct scene *s = *state;
    struct conf *c = s->place->conf;

    s->d.spec.not_after = 253402300799;
    is_refused(s, s->issuing, "signer.profile");
    for (size_t i = 0; i < c->n_profiles; i++)
        c->profiles[i].no_expiry = c->profiles[i].eku == EKU_SERVER_AUTH;
    is_signed(s, s->issuing);
    s->d.spec.not_after--;
    is_refused(s, s->issuing, "signer.profile");
    s->d.spec.not_after++;
    s->d.spec.not_before += 10 * DAY;
    is_refused(s, s->issuing, "signer.validity");
}

#define T(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(no_responder_and_no_other_purpose_comes_from_a_leaf_profile),
        T(key_usages_and_keys_of_no_profile_are_refused),
        T(names_of_a_kind_that_no_profile_has_are_refused),
        T(the_urls_are_the_configured_ones),
        T(a_validity_from_long_ago_or_without_end_is_refused),
        T(a_leaf_has_no_cas_name_in_any_spelling),
        T(issuer_and_ca_names_are_the_configured_octets),
        T(a_ca_has_no_purposes_no_names_and_no_other_usages),
        T(statements_that_the_profile_does_not_make_are_refused),
        T(a_responder_is_what_its_profile_makes),
        T(identities_of_directories_are_in_profiles_that_have_them),
        T(names_outside_the_patterns_of_every_profile_are_refused),
        T(a_certificate_without_an_end_needs_a_profile_that_makes_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
