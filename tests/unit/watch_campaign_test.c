/* Campaigns: whom they want, when each one's time is, and what a pause does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "watch/rules/campaign.h"

#define BEGIN INT64_C(1800000000)

static struct campaign sample(uint32_t count, uint32_t rate, int64_t per)
{
    return (struct campaign){.name = "rsa-away",
                             .count = count,
                             .rate = rate,
                             .per = per,
                             .created = BEGIN,
                             .start = BEGIN,
                             .state = CAMPAIGN_RUNS};
}

static int64_t at(const struct campaign *c, uint32_t i)
{
    uint8_t identity[16] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

    return campaign_at(c, identity);
}

static void they_come_at_the_rate(void **state)
{
    struct campaign c = sample(100000, 1000, 3600);
    unsigned in[100] = {0};
    (void)state;

    assert_true(campaign_length(&c) == 360000);
    for (uint32_t i = 0; i < 100000; i++) {
        int64_t then = at(&c, i);

        assert_true(then >= BEGIN && then < BEGIN + campaign_length(&c));
        assert_true(then == at(&c, i));
        in[(then - BEGIN) / 3600]++;
    }
    for (size_t i = 0; i < 100; i++)
        assert_in_range(in[i], 850, 1150);
}

static void the_largest_does_not_overflow(void **state)
{
    struct campaign c = sample(UINT32_MAX, 1, CAMPAIGN_PER_MAX);
    (void)state;

    assert_true(campaign_sound(&c));
    c.start = INT64_MAX / 4 - 1;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(at(&c, i) >= c.start);
        assert_true(at(&c, i) - c.start <= campaign_length(&c));
    }
    c = sample(1, 1, 1);
    assert_true(at(&c, 5) == BEGIN);
}

static void all_that_it_names_must_be_so(void **state)
{
    struct campaign_what is = {"web", "alice", "issuing", "rsa2048", "ecdsa-sha256"};
    struct campaign c = sample(1, 1, 1);
    (void)state;

    assert_true(campaign_wants(&c, &is, BEGIN));
    assert_false(campaign_wants(&c, &is, BEGIN + 1)); /* issued since */
    strcpy(c.what.key_type, "rsa");
    assert_true(campaign_wants(&c, &is, BEGIN));
    strcpy(c.what.key_type, "rsa3072");
    assert_false(campaign_wants(&c, &is, BEGIN));
    strcpy(c.what.key_type, "rsa2048");
    strcpy(c.what.issuer, "issuing");
    strcpy(c.what.algorithm, "ecdsa-sha256");
    strcpy(c.what.owner, "alice");
    strcpy(c.what.profile, "web");
    assert_true(campaign_wants(&c, &is, BEGIN));
    strcpy(c.what.owner, "bob");
    assert_false(campaign_wants(&c, &is, BEGIN));
}

static void a_pause_moves_what_is_to_come(void **state)
{
    struct campaign c = sample(100, 1, 3600);
    int64_t before = at(&c, 7);
    (void)state;

    assert_false(campaign_change(&c, CAMPAIGN_RESUME, BEGIN));
    assert_true(campaign_change(&c, CAMPAIGN_PAUSE, BEGIN + 100));
    assert_false(campaign_change(&c, CAMPAIGN_PAUSE, BEGIN + 110));
    assert_true(campaign_change(&c, CAMPAIGN_RESUME, BEGIN + 600));
    assert_true(at(&c, 7) == before + 500);
    assert_true(campaign_change(&c, CAMPAIGN_PAUSE, BEGIN + 700));
    assert_true(campaign_change(&c, CAMPAIGN_RESUME, BEGIN + 650)); /* the clock went back */
    assert_true(at(&c, 7) == before + 500);
    assert_true(campaign_change(&c, CAMPAIGN_CANCEL, BEGIN + 800));
    assert_false(campaign_change(&c, CAMPAIGN_CANCEL, BEGIN + 800));
    assert_false(campaign_change(&c, CAMPAIGN_RESUME, BEGIN + 800));
}

static void one_that_has_not_begun_begins_at_once_after_a_long_pause(void **state)
{
    struct campaign c = sample(100, 1, 3600);
    (void)state;

    c.start = BEGIN + 1000;
    assert_true(campaign_change(&c, CAMPAIGN_PAUSE, BEGIN));
    assert_true(campaign_change(&c, CAMPAIGN_RESUME, BEGIN + 500));
    assert_true(c.start == BEGIN + 1000);
    assert_true(campaign_change(&c, CAMPAIGN_PAUSE, BEGIN + 600));
    assert_true(campaign_change(&c, CAMPAIGN_RESUME, BEGIN + 3000));
    assert_true(c.start == BEGIN + 3000);
}

static void what_is_out_of_bounds_is_not_sound(void **state)
{
    struct campaign c = sample(1, 1, 1);
    (void)state;

    assert_true(campaign_sound(&c));
    c.rate = 0;
    assert_false(campaign_sound(&c));
    c = sample(0, 1, 1);
    assert_false(campaign_sound(&c));
    c = sample(1, 1, CAMPAIGN_PER_MAX + 1);
    assert_false(campaign_sound(&c));
    c = sample(1, 1, 1);
    c.start = -1;
    assert_false(campaign_sound(&c));
    assert_false(campaign_name_valid(""));
    assert_false(campaign_name_valid("a b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_come_at_the_rate),
        cmocka_unit_test(the_largest_does_not_overflow),
        cmocka_unit_test(all_that_it_names_must_be_so),
        cmocka_unit_test(a_pause_moves_what_is_to_come),
        cmocka_unit_test(one_that_has_not_begun_begins_at_once_after_a_long_pause),
        cmocka_unit_test(what_is_out_of_bounds_is_not_sound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
