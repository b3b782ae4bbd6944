/* Messages about campaigns: round trips, and everything cut or too long is malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/proto_campaign.h"

static const struct campaign_info info = {.name = "rsa-away",
                                          .profile = "web",
                                          .owner = "alice",
                                          .issuer = "issuing",
                                          .key_type = "rsa2048",
                                          .algorithm = "rsa-sha256",
                                          .count = 20,
                                          .rate = 10,
                                          .per = 3600,
                                          .created = 1,
                                          .start = 2,
                                          .paused = 3,
                                          .end = 4,
                                          .state = 2,
                                          .by = "operator:bob",
                                          .reason = "why"};

static void a_count_round_trips(void **state)
{
    struct campaign_count c = {.of = info, .further = true, .after = {7}}, out;
    struct buf b;
    (void)state;

    buf_init(&b, FRAME_BODY_MAX);
    campaign_count_put(&b, &c);
    assert_int_equal(campaign_count_get(buf_slice(&b), &out), 0);
    assert_string_equal(out.of.name, "rsa-away");
    assert_string_equal(out.of.profile, "web");
    assert_string_equal(out.of.owner, "alice");
    assert_string_equal(out.of.issuer, "issuing");
    assert_string_equal(out.of.key_type, "rsa2048");
    assert_string_equal(out.of.algorithm, "rsa-sha256");
    assert_string_equal(out.of.by, "operator:bob");
    assert_string_equal(out.of.reason, "why");
    assert_int_equal(out.of.count, 20);
    assert_int_equal(out.of.rate, 10);
    assert_true(out.of.per == 3600 && out.of.created == 1 && out.of.start == 2);
    assert_true(out.of.paused == 3 && out.of.end == 4 && out.of.state == 2);
    assert_true(out.further && out.after[0] == 7);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(campaign_count_get(slice_of(b.p, n), &out), -1);
    buf_put_u8(&b, 0);
    assert_int_equal(campaign_count_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void what_was_counted_round_trips(void **state)
{
    struct campaign_counted c = {true, {9}, 1, 2, 3, 4, 5, 6}, out;
    struct buf b;
    (void)state;

    buf_init(&b, FRAME_BODY_MAX);
    campaign_counted_put(&b, &c);
    assert_int_equal(campaign_counted_get(buf_slice(&b), &out), 0);
    assert_true(out.more && out.at[0] == 9);
    assert_true(out.renewed == 1 && out.in_vain == 2 && out.pulled == 3);
    assert_true(out.late == 4 && out.blocked == 5 && out.to_come == 6);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(campaign_counted_get(slice_of(b.p, n), &out), -1);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_count_round_trips),
        cmocka_unit_test(what_was_counted_round_trips),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
