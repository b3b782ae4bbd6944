/* What a hostile cerca-ca can try to have signed: drafts bent by hand, octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/der.h"
#include "lib/oid.h"
#include "tests/unit/signer_scene.h"

static void a_draft_taken_apart_and_put_together_again_is_signed(void **state)
{
    struct scene *s = *state;
    struct slice tbs = bend(s, SLICE_NONE, SLICE_NONE, false, SLICE_NONE, SLICE_NONE);

    assert_string_equal(verdict(s, s->issuing, tbs), "");
    make_ca(s);
    is_signed(s, s->root);
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

#define T(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_draft_taken_apart_and_put_together_again_is_signed),
        T(any_purpose_is_refused),
        T(an_extension_that_is_there_twice_is_refused),
        T(a_criticality_of_another_mind_is_refused),
        T(an_extension_that_no_draft_of_ours_has_is_refused),
        T(a_leaf_has_no_name_constraints),
        T(a_leaf_with_any_basic_constraints_is_refused),
        T(key_identifiers_say_what_they_should_and_no_more),
        T(unique_identifiers_and_older_versions_are_refused),
        T(what_is_no_der_or_has_a_tail_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
