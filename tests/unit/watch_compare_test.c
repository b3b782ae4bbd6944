/* What is seen, held against what is recorded: each outcome of the vocabulary, and when it is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "watch/rules/compare.h"

#define NOW INT64_C(2000000000)

static const struct compare_place served = {.at = COMPARE_AT_SERVED, .looked = NOW - 10};
static const struct compare_place gone = {
    .at = COMPARE_AT_SERVED, .looked = NOW - 10, .gone = true};
static const struct compare_place installed = {.at = COMPARE_AT_INSTALLED, .looked = NOW - 10};
static const struct compare_place lying = {.at = COMPARE_AT_FOUND, .looked = NOW - 10};
static const struct compare_known ours = {
    .told = true, .issued = true, .newest = true, .ends = NOW + 1000};

static void what_is_as_recorded_matches(void **state)
{
    (void)state;
    assert_int_equal(compare(&served, &ours, NOW), 0);
    assert_int_equal(compare(&installed, &ours, NOW), 0);
    assert_int_equal(compare(&lying, &ours, NOW), 0);
}

static void it_is_superseded_once_it_is_seen_after_its_successor(void **state)
{
    struct compare_known k = ours;
    struct compare_place p = installed;

    (void)state;
    k.newest = false;
    k.since = NOW - 11;
    assert_int_equal(compare(&served, &k, NOW), COMPARE_BIT(COMPARE_SUPERSEDED));
    assert_int_equal(compare(&installed, &k, NOW), COMPARE_BIT(COMPARE_SUPERSEDED));
    assert_int_equal(compare(&lying, &k, NOW), 0); /* an old file is no harm */
    k.since = NOW - 10;
    assert_int_equal(compare(&served, &k, NOW), 0);
    p.serves_others = true; /* new on the disk, old in the service */
    assert_int_equal(compare(&p, &ours, NOW), COMPARE_BIT(COMPARE_SUPERSEDED));
}

static void who_is_not_known_or_not_ours_is_said(void **state)
{
    struct compare_known k = ours;
    struct compare_place p = served;

    (void)state;
    k.issued = false;
    assert_int_equal(compare(&served, &k, NOW), COMPARE_BIT(COMPARE_FOREIGN));
    k.told = false;
    assert_int_equal(compare(&served, &k, NOW),
                     COMPARE_BIT(COMPARE_FOREIGN) | COMPARE_BIT(COMPARE_UNKNOWN));
    assert_int_equal(compare(&lying, &k, NOW), COMPARE_BIT(COMPARE_UNKNOWN));
    p.flaws = COMPARE_BIT(COMPARE_SELF_SIGNED);
    assert_int_equal(compare(&p, &k, NOW),
                     COMPARE_BIT(COMPARE_SELF_SIGNED) | COMPARE_BIT(COMPARE_UNKNOWN));
}

static void what_a_log_shows_may_be_unknown_and_no_more(void **state)
{
    const struct compare_place logged = {.at = COMPARE_AT_LOGGED, .looked = NOW - 10};
    struct compare_known k = ours;

    (void)state;
    k.newest = false;
    k.since = NOW - 100;
    k.revoked = true;
    assert_int_equal(compare(&logged, &k, NOW), 0);
    k.told = k.issued = false;
    assert_int_equal(compare(&logged, &k, NOW), COMPARE_BIT(COMPARE_UNKNOWN));
    assert_int_equal(compare(&logged, &k, k.ends - 1), COMPARE_BIT(COMPARE_UNKNOWN));
    assert_int_equal(compare(&logged, &k, k.ends), 0);
}

static void what_is_over_is_found_where_it_is_used(void **state)
{
    struct compare_known k = ours;

    (void)state;
    k.ends = NOW;
    assert_int_equal(compare(&served, &k, NOW), COMPARE_BIT(COMPARE_EXPIRED));
    assert_int_equal(compare(&lying, &k, NOW), 0);
    k = ours;
    k.revoked = true;
    assert_int_equal(compare(&installed, &k, NOW), COMPARE_BIT(COMPARE_REVOKED));
    k = ours;
    k.retired = NOW - 11;
    assert_int_equal(compare(&served, &k, NOW), COMPARE_BIT(COMPARE_RETIRED));
    k.retired = NOW - 9; /* it was retired since that look */
    assert_int_equal(compare(&served, &k, NOW), 0);
}

static void only_what_is_wanted_is_missed(void **state)
{
    struct compare_place p = gone;
    struct compare_known k = ours;

    (void)state;
    assert_int_equal(compare(&gone, &ours, NOW), COMPARE_BIT(COMPARE_UNREACHABLE));
    p.no_tls = true;
    assert_int_equal(compare(&p, &ours, NOW), COMPARE_BIT(COMPARE_NO_TLS));
    p.flaws = COMPARE_BIT(COMPARE_WEAK_PROTOCOL); /* of a look long ago */
    assert_int_equal(compare(&p, &ours, NOW), COMPARE_BIT(COMPARE_NO_TLS));
    k.newest = false;
    assert_int_equal(compare(&gone, &k, NOW), 0);
    k = ours;
    k.retired = NOW - 99;
    assert_int_equal(compare(&gone, &k, NOW), 0);
    k = ours;
    k.ends = NOW;
    assert_int_equal(compare(&gone, &k, NOW), 0);
}

static void words_are_read_as_they_are_said(void **state)
{
    (void)state;
    for (unsigned c = 0; c < COMPARES; c++)
        assert_int_equal(compare_parse(compare_word((enum compare)c)), c);
    assert_string_equal(compare_word(COMPARES), "matches");
    assert_int_equal(compare_parse("nonsense"), COMPARES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_as_recorded_matches),
        cmocka_unit_test(it_is_superseded_once_it_is_seen_after_its_successor),
        cmocka_unit_test(who_is_not_known_or_not_ours_is_said),
        cmocka_unit_test(what_a_log_shows_may_be_unknown_and_no_more),
        cmocka_unit_test(what_is_over_is_found_where_it_is_used),
        cmocka_unit_test(only_what_is_wanted_is_missed),
        cmocka_unit_test(words_are_read_as_they_are_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
