/* What a hostile cerca-ca can try to have signed: drafts bent by hand, octet by octet. */
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
#include "lib/oid.h"
#include "tests/unit/signer_place.h"

#define DAY 86400
#define BYTES(octets) slice_of(octets, sizeof(octets) - 1)

struct scene {
    struct place *place;
    struct guard guard;
    struct guard_issuer *root, *issuing;
    struct draft d;
    struct buf bent;
};

static int setup(void **state)
{
    struct scene *s = xcalloc(1, sizeof(*s));
    struct fault f;
    struct buf spki;

    s->place = place_new(NULL, NULL, place_two_issuers);
    assert_int_equal(guard_new(s->place->conf, &s->guard, &f), 0);
    s->root = &s->guard.issuer[0];
    s->issuing = &s->guard.issuer[1];
    buf_init(&spki, CERT_MAX);
    new_spki(&spki);
    assert_int_equal(guard_set_key(s->root, buf_slice(&spki), 1, &f), 0);
    new_spki(&spki);
    assert_int_equal(guard_set_key(s->issuing, buf_slice(&spki), 2, &f), 0);
    buf_free(&spki);
    draft_init(&s->d, s->issuing->conf, s->issuing->key_id);
    buf_init(&s->bent, TBS_MAX);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    buf_free(&s->bent);
    draft_free(&s->d);
    guard_free(&s->guard);
    place_free(s->place);
    free(s);
    return 0;
}

/* The rule that keeps these octets from being signed; "" when nothing does. */
static const char *verdict(struct scene *s, const struct guard_issuer *by, struct slice tbs)
{
    static struct fault f;
    static struct cert c;

    fault_clear(&f);
    if (tbs_parse(tbs, &c, &f) == 0 && guard_check(&s->guard, by, &c, clock_now(), &f) == 0)
        assert_int_equal(f.code, FAULT_NONE);
    return f.rule;
}

static void is_signed(struct scene *s, const struct guard_issuer *by)
{
    assert_string_equal(verdict(s, by, draft_tbs(&s->d)), "");
}

static void is_refused(struct scene *s, const struct guard_issuer *by, const char *rule)
{
    assert_string_equal(verdict(s, by, draft_tbs(&s->d)), rule);
}

static void put_extension(struct buf *b, struct slice oid, struct slice critical,
                          struct slice value)
{
    struct der_mark m = der_open(b, DER_SEQUENCE);

    der_put_oid(b, oid);
    buf_put_slice(b, critical);
    der_put(b, DER_OCTET_STRING, value);
    der_close(b, m);
}

static const struct slice is_critical = {(const uint8_t *)"\x01\x01\xff", 3};

/* The draft with `between` in front of its extensions, the one of `oid` left out unless `twice`,
 * and one more behind: that of `oid` with this criticality (octets of the BOOLEAN) and value. */
static struct slice bend(struct scene *s, struct slice between, struct slice oid, bool twice,
                         struct slice critical, struct slice value)
{
    struct slice tbs = draft_tbs(&s->d), in = tbs, seq, fields, tagged, list;
    struct cert_extension e;
    struct der_mark whole, tag, inner;

    assert_int_equal(der_get(&in, DER_SEQUENCE, &seq), 0);
    fields = seq;
    while (!der_peek(seq, DER_CONTEXT_CONSTRUCTED(3)))
        assert_int_equal(der_get_any(&seq, NULL, NULL, NULL), 0);
    fields.n -= seq.n;
    assert_int_equal(der_get(&seq, DER_CONTEXT_CONSTRUCTED(3), &tagged), 0);
    assert_int_equal(der_get(&tagged, DER_SEQUENCE, &list), 0);
    buf_reset(&s->bent);
    whole = der_open(&s->bent, DER_SEQUENCE);
    buf_put_slice(&s->bent, fields);
    buf_put_slice(&s->bent, between);
    tag = der_open(&s->bent, DER_CONTEXT_CONSTRUCTED(3));
    inner = der_open(&s->bent, DER_SEQUENCE);
    while (!der_end(list)) {
        assert_int_equal(ext_get(&list, &e), 0);
        if (twice || !slice_eq(e.oid, oid))
            put_extension(&s->bent, e.oid, e.critical ? is_critical : SLICE_NONE, e.value);
    }
    if (oid.n > 0)
        put_extension(&s->bent, oid, critical, value);
    der_close(&s->bent, inner);
    der_close(&s->bent, tag);
    der_close(&s->bent, whole);
    assert_false(buf_failed(&s->bent));
    return buf_slice(&s->bent);
}

static void bent_is_refused(struct scene *s, struct slice oid, struct slice critical,
                            struct slice value, const char *rule)
{
    struct slice tbs = bend(s, SLICE_NONE, oid, false, critical, value);

    assert_string_equal(verdict(s, s->issuing, tbs), rule);
}

/* What extension `oid` of the draft holds now. */
static struct slice value_of(struct scene *s, struct slice oid)
{
    static struct cert c;
    struct fault f;

    assert_int_equal(tbs_parse(draft_tbs(&s->d), &c, &f), 0);
    assert_non_null(cert_find(&c, oid));
    return cert_find(&c, oid)->value;
}

/* Turns the draft into the certificate of the issuing CA, for the root to sign. */
static void make_ca(struct scene *s)
{
    struct fault f;

    buf_reset(&s->d.issuer);
    buf_reset(&s->d.subject);
    buf_reset(&s->d.spki);
    assert_int_equal(name_parse(s->root->conf->subject, &s->d.issuer, &f), 0);
    assert_int_equal(name_parse(s->issuing->conf->subject, &s->d.subject, &f), 0);
    buf_put_slice(&s->d.spki, buf_slice(&s->issuing->spki));
    memcpy(s->d.spec.subject_key_id, s->issuing->key_id, 20);
    memcpy(s->d.spec.authority_key_id, s->root->key_id, 20);
    s->d.spec.ca = true;
    s->d.spec.path_len = 0;
    s->d.spec.key_usage = KU_KEY_CERT_SIGN | KU_CRL_SIGN;
    s->d.spec.eku = 0;
    s->d.spec.sans = NULL;
    s->d.spec.ocsp_url = s->d.spec.crl_url = NULL;
    s->d.spec.not_after = s->d.spec.not_before + 365 * DAY;
}

static void a_draft_taken_apart_and_put_together_again_is_signed(void **state)
{
    struct scene *s = *state;
    struct slice tbs = bend(s, SLICE_NONE, SLICE_NONE, false, SLICE_NONE, SLICE_NONE);

    assert_string_equal(verdict(s, s->issuing, tbs), "");
    make_ca(s);
    is_signed(s, s->root);
}

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

/* RFC 5280 4.2.1.12: anyExtendedKeyUsage, alone and behind a purpose that is configured. */
static void any_purpose_is_refused(void **state)
{
    struct scene *s = *state;

    bent_is_refused(s, oid_ext_key_usage, SLICE_NONE, BYTES("\x30\x06\x06\x04\x55\x1d\x25\x00"),
                    "signer.profile");
    bent_is_refused(
        s, oid_ext_key_usage, SLICE_NONE,
        BYTES("\x30\x10\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01\x06\x04\x55\x1d\x25\x00"),
        "signer.profile");
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

/* RFC 5280 4.2: not more than one of a kind. */
static void an_extension_that_is_there_twice_is_refused(void **state)
{
    struct scene *s = *state;
    struct slice tbs =
        bend(s, SLICE_NONE, oid_basic_constraints, true, is_critical, BYTES("\x30\x00"));

    assert_string_equal(verdict(s, s->issuing, tbs), "signer.form");
    tbs = bend(s, SLICE_NONE, oid_key_usage, true, is_critical, BYTES("\x03\x02\x01\x06"));
    assert_string_equal(verdict(s, s->issuing, tbs), "cert.extension");
}

static void a_criticality_of_another_mind_is_refused(void **state)
{
    struct scene *s = *state;
    const struct slice false_written = BYTES("\x01\x01\x00");

    bent_is_refused(s, oid_key_usage, SLICE_NONE, value_of(s, oid_key_usage), "signer.form");
    bent_is_refused(s, oid_ext_key_usage, is_critical, value_of(s, oid_ext_key_usage),
                    "signer.profile");
    bent_is_refused(s, oid_subject_alt_name, is_critical, value_of(s, oid_subject_alt_name),
                    "signer.form");
    bent_is_refused(s, oid_crl_distribution_points, false_written,
                    value_of(s, oid_crl_distribution_points), "signer.form");
}

/* Policy mappings, an unknown one, and nsCertType, which old verifiers take for cA. */
static void an_extension_that_no_draft_of_ours_has_is_refused(void **state)
{
    struct scene *s = *state;

    bent_is_refused(s, BYTES("\x55\x1d\x21"), is_critical, BYTES("\x30\x00"), "signer.extension");
    bent_is_refused(s, BYTES("\x2a\x03\x04"), is_critical, BYTES("\x05\x00"), "signer.extension");
    bent_is_refused(s, BYTES("\x60\x86\x48\x01\x86\xf8\x42\x01\x01"), SLICE_NONE,
                    BYTES("\x03\x02\x00\x07"), "signer.extension");
}

/* RFC 5280 4.2.1.10: only in CA certificates. */
static void a_leaf_has_no_name_constraints(void **state)
{
    struct scene *s = *state;

    bent_is_refused(s, oid_name_constraints, is_critical,
                    BYTES("\x30\x09\xa0\x07\x30\x05\x82\x03\x61\x62\x63"), "signer.profile");
    bent_is_refused(s, oid_name_constraints, is_critical, BYTES("\x30\x00"), "cert.extension");
}

/* RFC 5280 4.2.1.9 */
static void a_leaf_with_any_basic_constraints_is_refused(void **state)
{
    struct scene *s = *state;

    bent_is_refused(s, oid_basic_constraints, is_critical, BYTES("\x30\x00"), "signer.form");
    bent_is_refused(s, oid_basic_constraints, is_critical, BYTES("\x30\x03\x01\x01\x00"),
                    "signer.form");
    bent_is_refused(s, oid_basic_constraints, is_critical, BYTES("\x30\x03\x02\x01\x00"),
                    "signer.form");
    bent_is_refused(s, oid_basic_constraints, is_critical, BYTES("\x30\x03\x01\x01\xff"),
                    "signer.ca");
    /* X.690 11.1 and 8.3.2: TRUE is FF, integers are short. */
    bent_is_refused(s, oid_basic_constraints, is_critical, BYTES("\x30\x03\x01\x01\x01"),
                    "cert.extension");
    bent_is_refused(s, oid_basic_constraints, is_critical,
                    BYTES("\x30\x07\x01\x01\xff\x02\x02\x00\x00"), "cert.extension");
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

/* RFC 5280 4.2.1.1 and 4.2.1.2 */
static void key_identifiers_say_what_they_should_and_no_more(void **state)
{
    static const uint8_t more[] = "\xa1\x04\xa4\x02\x30\x00\x82\x01\x01";
    struct scene *s = *state;
    struct buf value;
    struct der_mark m;

    buf_init(&value, 64);
    m = der_open(&value, DER_SEQUENCE);
    der_put(&value, DER_CONTEXT(0), slice_of(s->issuing->key_id, 20));
    buf_put(&value, more, sizeof(more) - 1);
    der_close(&value, m);
    bent_is_refused(s, oid_authority_key_id, SLICE_NONE, buf_slice(&value), "signer.form");
    buf_free(&value);
    memcpy(s->d.spec.subject_key_id, s->issuing->key_id, 20);
    is_refused(s, s->issuing, "signer.form");
}

/* RFC 5280 4.1.2.1 and 4.1.2.8 */
static void unique_identifiers_and_older_versions_are_refused(void **state)
{
    struct scene *s = *state;
    struct slice tbs =
        bend(s, BYTES("\x82\x02\x00\x01"), SLICE_NONE, false, SLICE_NONE, SLICE_NONE);
    uint8_t *version;

    assert_string_equal(verdict(s, s->issuing, tbs), "signer.form");
    tbs = bend(s, SLICE_NONE, SLICE_NONE, false, SLICE_NONE, SLICE_NONE);
    version = memmem(s->bent.p, s->bent.n, "\xa0\x03\x02\x01\x02", 5);
    assert_non_null(version);
    version[4] = 1;
    assert_string_equal(verdict(s, s->issuing, tbs), "cert.extension");
}

/* X.690 10.1: DER has definite lengths only; nothing stands behind the draft. */
static void what_is_no_der_or_has_a_tail_is_refused(void **state)
{
    struct scene *s = *state;
    struct slice tbs = draft_tbs(&s->d);

    buf_put_slice(&s->bent, tbs);
    buf_put_u8(&s->bent, 0);
    assert_string_equal(verdict(s, s->issuing, buf_slice(&s->bent)), "cert.der");
    buf_reset(&s->bent);
    buf_put(&s->bent, "\x30\x80", 2);
    buf_put(&s->bent, tbs.p + 4, tbs.n - 4);
    buf_put(&s->bent, "\x00\x00", 2);
    assert_string_equal(verdict(s, s->issuing, buf_slice(&s->bent)), "cert.der");
    bent_is_refused(s, oid_key_usage, is_critical, BYTES("\x03\x02\x07\x80\x00"), "cert.extension");
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

static void rename_subject(struct scene *s, uint8_t tag, const char *cn)
{
    struct der_mark name, rdn, pair;

    buf_reset(&s->d.subject);
    name = der_open(&s->d.subject, DER_SEQUENCE);
    rdn = der_open(&s->d.subject, DER_SET);
    pair = der_open(&s->d.subject, DER_SEQUENCE);
    der_put_oid(&s->d.subject, BYTES("\x55\x04\x03"));
    der_put(&s->d.subject, tag, slice_str(cn));
    der_close(&s->d.subject, pair);
    der_close(&s->d.subject, rdn);
    der_close(&s->d.subject, name);
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

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_draft_taken_apart_and_put_together_again_is_signed),
        T(no_responder_and_no_other_purpose_comes_from_a_leaf_profile),
        T(any_purpose_is_refused),
        T(key_usages_and_keys_of_no_profile_are_refused),
        T(names_of_a_kind_that_no_profile_has_are_refused),
        T(an_extension_that_is_there_twice_is_refused),
        T(a_criticality_of_another_mind_is_refused),
        T(an_extension_that_no_draft_of_ours_has_is_refused),
        T(a_leaf_has_no_name_constraints),
        T(a_leaf_with_any_basic_constraints_is_refused),
        T(the_urls_are_the_configured_ones),
        T(key_identifiers_say_what_they_should_and_no_more),
        T(unique_identifiers_and_older_versions_are_refused),
        T(what_is_no_der_or_has_a_tail_is_refused),
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
