/* What people are told: thresholds of a life, and the machine of alerts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/conf.h"
#include "tests/unit/conf_help.h"
#include "watch/rules/alert.h"

#define DAY INT64_C(86400)
#define HOUR INT64_C(3600)
#define NOON (INT64_C(20000) * DAY + 12 * HOUR)

static struct watch_times times_of(const char *more)
{
    struct watch_times t;
    struct fault f = {0};
    struct conf *c;

    assert_int_equal(conf_load_text(more, "/nowhere/cerca.conf", &c, &f), 0);
    watch_times_read(c, &t);
    conf_free(c);
    return t;
}

static struct watch_life life(int64_t days)
{
    return (struct watch_life){NOON, NOON + days * DAY};
}

/* ---- thresholds ---- */

static void a_long_life_goes_by_days(void **state)
{
    static const int64_t left[] = {60, 30, 14, 7, 1};
    struct watch_times t = times_of("");
    struct watch_life l = life(398);
    uint32_t all = 0;
    (void)state;

    assert_int_equal(watch_passed(&t, &l, l.not_after - 60 * DAY - 1), 0);
    for (size_t i = 0; i < 5; i++) {
        int64_t at = l.not_after - left[i] * DAY;

        assert_int_equal(watch_passed(&t, &l, at - 1), all);
        assert_true(watch_next(&t, &l, at - 1) == at);
        all |= 1u << i;
        assert_int_equal(watch_passed(&t, &l, at), all);
    }
    assert_int_equal(watch_passed(&t, &l, l.not_after), all | WATCH_ENDED);
    assert_true(watch_next(&t, &l, l.not_after) == l.not_after + 30 * DAY);
    assert_true(watch_next(&t, &l, l.not_after + 30 * DAY) == INT64_MAX);
}

static void a_short_life_goes_by_fractions(void **state)
{
    struct watch_times t = times_of("");
    struct watch_life l = life(47);
    (void)state;

    assert_int_equal(watch_passed(&t, &l, l.not_after - 47 * DAY / 4 - 1), 0);
    assert_int_equal(watch_passed(&t, &l, l.not_after - 47 * DAY / 4), 1);
    assert_int_equal(watch_passed(&t, &l, l.not_after - 47 * DAY / 50), 31);
    /* ninety days are not short any more: 60 days are left after a third of them */
    l = life(90);
    assert_int_equal(watch_passed(&t, &l, l.not_before + 30 * DAY - 1), 0);
    assert_int_equal(watch_passed(&t, &l, l.not_before + 30 * DAY), 1);
    l = life(1);
    assert_int_equal(watch_passed(&t, &l, l.not_after + DAY), 0);
}

static void a_certificate_without_end_overflows_nothing(void **state)
{
    struct watch_times t = times_of("");
    struct watch_life l = {NOON, INT64_C(253402300799)};
    (void)state;

    assert_int_equal(watch_passed(&t, &l, NOON), 0);
    assert_true(watch_opens(&t, &l) > NOON && watch_opens(&t, &l) < watch_late(&t, &l));
    l = (struct watch_life){NOON, NOON - DAY}; /* what was imported may end before it begins */
    assert_true(watch_next(&t, &l, NOON - 2 * DAY) >= NOON - 2 * DAY);
}

static void severity_grows_as_the_end_comes_nearer(void **state)
{
    struct watch_times t = times_of("");
    struct watch_life year = life(398), quarter = life(90);
    char text[64];
    (void)state;

    assert_int_equal(watch_expiry_severity(&t, &quarter, 1), SEVERITY_INFO);
    assert_int_equal(watch_expiry_severity(&t, &year, 1), SEVERITY_WARNING);
    assert_int_equal(watch_expiry_severity(&t, &year, 15), SEVERITY_CRITICAL);
    assert_int_equal(watch_expiry_severity(&t, &year, 31 | WATCH_ENDED), SEVERITY_CRITICAL);
    watch_passed_text(&t, &year, 7, text);
    assert_string_equal(text, "less than 2w before its end");
    watch_passed_text(&t, &(struct watch_life){NOON, NOON + 47 * DAY}, 3, text);
    assert_string_equal(text, "15% of its life are left");
}

static void the_order_in_the_file_does_not_matter(void **state)
{
    struct watch_times t = times_of(
        "alerts = { expiry = ( \"7d\", \"21d\", \"1w\" ); fractions = ( \"5%\", \"50%\" ); };");
    (void)state;

    assert_int_equal(t.n_days, 2);
    assert_true(t.days[0] == 21 * DAY && t.days[1] == 7 * DAY);
    assert_true(t.n_fractions == 2 && t.fraction[0] == 50 && t.fraction[1] == 5);
}

static void bad_values_are_refused(void **state)
{
    static const char *const bad[] = {
        "alerts = { expiry = ( \"soon\" ); };",
        "alerts = { fractions = ( \"0%\" ); };",
        "alerts = { fractions = ( \"100%\" ); };",
        "alerts = { fractions = ( \"25\" ); };",
        "alerts = { quiet_from = \"24:00\"; quiet_until = \"06:00\"; };",
        "alerts = { quiet_from = \"22:60\"; quiet_until = \"06:00\"; };",
        "alerts = { quiet_from = \"22:00\"; };",
        "alerts = { renewal_opens = 80; renewal_late = 80; };",
        "alerts = { team_after = \"7d\"; security_after = \"7d\"; };",
        "owners = ( { name = \"\"; } );",
    };
    struct conf *c;
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fault f = {0};

        assert_true(conf_load_text(bad[i], "/nowhere/cerca.conf", &c, &f) < 0);
    }
}

/* ---- the clock ---- */

static void quiet_hours_may_go_over_midnight(void **state)
{
    struct watch_times night =
        times_of("alerts = { quiet_from = \"22:00\"; quiet_until = \"06:30\"; };");
    struct watch_times siesta =
        times_of("alerts = { quiet_from = \"13:00\"; quiet_until = \"15:00\"; };");
    struct watch_times none = times_of("");
    int64_t midnight = NOON + 12 * HOUR, until;
    (void)state;

    assert_false(watch_quiet(&none, midnight, &until));
    assert_false(watch_quiet(&night, NOON, &until));
    assert_true(watch_quiet(&night, midnight - 2 * HOUR, &until));
    assert_true(until == midnight + 6 * HOUR + 1800);
    assert_true(watch_quiet(&night, midnight, &until));
    assert_true(until == midnight + 6 * HOUR + 1800);
    assert_false(watch_quiet(&night, until, &until));
    assert_true(watch_quiet(&siesta, NOON + HOUR, &until));
    assert_true(until == NOON + 3 * HOUR);
    assert_false(watch_quiet(&siesta, NOON + 3 * HOUR, &until));
}

static void a_slot_stays_until_the_next(void **state)
{
    struct watch_times t = times_of("alerts = { digest_at = \"13:00\"; };");
    struct watch_times none = times_of("alerts = { digest_at = \"\"; };");
    (void)state;

    assert_true(watch_digest_slot(&t, NOON) == NOON - 23 * HOUR);
    assert_true(watch_digest_slot(&t, NOON + HOUR - 1) == NOON - 23 * HOUR);
    assert_true(watch_digest_slot(&t, NOON + HOUR) == NOON + HOUR);
    assert_true(watch_digest_slot(&none, NOON) == 0);
}

/* ---- the machine ---- */

struct scene {
    struct watch_times times;
    struct alert now; /* state 0: none */
    struct alert_outcome out;
};

static void step(struct scene *s, enum alert_verb verb, int64_t at, const struct alert *seen)
{
    struct alert_input in = {verb, at, seen, "operator:alice", "on it"};

    alert_step(&s->times, s->now.state == 0 ? NULL : &s->now, &in, &s->out);
    if (s->out.changed)
        s->now = s->out.alert;
}

static void told(const struct scene *s, enum notice_kind kind)
{
    assert_true(s->out.tell);
    assert_int_equal(s->out.kind, kind);
}

static struct alert expiry(uint32_t passed, enum severity severity)
{
    struct alert a = {.rule = "expiry",
                      .subject = "0011",
                      .name = "www.example.com",
                      .epoch = 5000,
                      .told = passed,
                      .severity = severity};

    return a;
}

static void each_threshold_is_told_once(void **state)
{
    struct scene s = {.times = times_of("")};
    struct alert a = expiry(1, SEVERITY_INFO);
    (void)state;

    step(&s, ALERT_SEEN, NOON, &a);
    told(&s, NOTICE_RAISED);
    assert_int_equal(s.now.times, 1);
    step(&s, ALERT_SEEN, NOON + 1, &a);
    assert_false(s.out.tell || s.out.changed);
    a = expiry(7, SEVERITY_WARNING); /* two were passed meanwhile: one message */
    step(&s, ALERT_SEEN, NOON + 2, &a);
    told(&s, NOTICE_RAISED);
    step(&s, ALERT_SEEN, NOON + 3, &a);
    assert_false(s.out.tell || s.out.changed);
    a = expiry(3, SEVERITY_WARNING); /* the clock went back */
    step(&s, ALERT_SEEN, NOON - DAY, &a);
    assert_false(s.out.tell);
    a = expiry(7, SEVERITY_WARNING);
    step(&s, ALERT_SEEN, NOON + 4, &a);
    assert_false(s.out.tell);
    assert_int_equal(s.now.times, 1);
}

static void another_certificate_begins_anew(void **state)
{
    struct scene s = {.times = times_of("")};
    struct alert a = expiry(7, SEVERITY_WARNING);
    (void)state;

    step(&s, ALERT_SEEN, NOON, &a);
    a = expiry(1, SEVERITY_WARNING);
    a.epoch = 9000;
    step(&s, ALERT_SEEN, NOON + 1, &a);
    told(&s, NOTICE_RAISED);
    assert_int_equal(s.now.told, 1);
    assert_int_equal(s.now.times, 2);
}

static void what_is_gone_is_resolved_once_and_may_come_again(void **state)
{
    struct scene s = {.times = times_of("")};
    struct alert a = expiry(1, SEVERITY_WARNING);
    (void)state;

    step(&s, ALERT_GONE, NOON, NULL);
    assert_false(s.out.changed);
    step(&s, ALERT_SEEN, NOON, &a);
    step(&s, ALERT_GONE, NOON + 1, NULL);
    told(&s, NOTICE_RESOLVED);
    assert_int_equal(s.now.state, ALERT_RESOLVED);
    step(&s, ALERT_GONE, NOON + 2, NULL);
    assert_false(s.out.changed);
    step(&s, ALERT_SEEN, NOON + 3, &a);
    told(&s, NOTICE_RAISED);
    assert_int_equal(s.now.times, 2);
}

static void it_escalates_and_repeats_until_acknowledged(void **state)
{
    struct scene s = {.times = times_of("")}; /* team after 3, security after 7, every 7 days */
    struct alert a = expiry(1, SEVERITY_WARNING);
    (void)state;

    step(&s, ALERT_SEEN, NOON, &a);
    assert_true(s.now.next == NOON + 3 * DAY);
    step(&s, ALERT_TIME, NOON + 3 * DAY - 1, NULL);
    assert_false(s.out.changed);
    step(&s, ALERT_TIME, NOON + 3 * DAY, NULL);
    told(&s, NOTICE_ESCALATED);
    assert_int_equal(s.now.level, ALERT_TEAM);
    step(&s, ALERT_TIME, NOON + 3 * DAY, NULL);
    assert_false(s.out.changed);
    step(&s, ALERT_TIME, NOON + 7 * DAY, NULL);
    told(&s, NOTICE_ESCALATED);
    assert_int_equal(s.now.level, ALERT_SECURITY);
    step(&s, ALERT_TIME, NOON + 14 * DAY, NULL);
    told(&s, NOTICE_REPEATED);
    step(&s, ALERT_ACKNOWLEDGE, NOON + 14 * DAY + 1, NULL);
    told(&s, NOTICE_ACKNOWLEDGED);
    assert_string_equal(s.now.by, "operator:alice");
    assert_true(s.now.next == 0);
    step(&s, ALERT_TIME, NOON + 100 * DAY, NULL);
    assert_false(s.out.changed);
    step(&s, ALERT_UNACKNOWLEDGE, NOON + 100 * DAY, NULL);
    assert_int_equal(s.now.state, ALERT_RAISED);
    assert_true(s.now.next == NOON + 107 * DAY);
}

static void what_gets_worse_is_not_acknowledged_any_more(void **state)
{
    struct scene s = {.times = times_of("")};
    struct alert a = expiry(1, SEVERITY_WARNING);
    (void)state;

    step(&s, ALERT_SEEN, NOON, &a);
    step(&s, ALERT_ACKNOWLEDGE, NOON + 1, NULL);
    a = expiry(3, SEVERITY_WARNING); /* as bad: told, but still acknowledged */
    step(&s, ALERT_SEEN, NOON + 2, &a);
    told(&s, NOTICE_RAISED);
    assert_int_equal(s.now.state, ALERT_ACKNOWLEDGED);
    a = expiry(7, SEVERITY_CRITICAL);
    step(&s, ALERT_SEEN, NOON + 3, &a);
    told(&s, NOTICE_RAISED);
    assert_int_equal(s.now.state, ALERT_RAISED);
    assert_string_equal(s.now.by, "");
}

static void what_can_wait_waits_for_the_end_of_the_quiet_hours(void **state)
{
    struct scene s = {
        .times = times_of("alerts = { quiet_from = \"11:00\"; quiet_until = \"14:00\"; };")};
    struct alert a = expiry(1, SEVERITY_WARNING), b = expiry(1, SEVERITY_CRITICAL);
    (void)state;

    step(&s, ALERT_SEEN, NOON, &a);
    told(&s, NOTICE_RAISED);
    assert_true(s.out.after == NOON + 2 * HOUR);
    assert_true(s.now.next == NOON + 3 * DAY + 2 * HOUR);
    s.now.state = 0;
    step(&s, ALERT_SEEN, NOON, &b);
    assert_true(s.out.after == NOON);
    assert_true(s.now.next == NOON + 4 * HOUR);
}

static void what_is_only_worth_knowing_is_neither_repeated_nor_escalated(void **state)
{
    struct scene s = {.times = times_of("")};
    struct alert a = expiry(1, SEVERITY_INFO);
    (void)state;

    step(&s, ALERT_SEEN, NOON, &a);
    assert_true(s.now.next == 0);
    step(&s, ALERT_TIME, NOON + 100 * DAY, NULL);
    assert_false(s.out.changed);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_life_goes_by_days),
        cmocka_unit_test(a_short_life_goes_by_fractions),
        cmocka_unit_test(a_certificate_without_end_overflows_nothing),
        cmocka_unit_test(severity_grows_as_the_end_comes_nearer),
        cmocka_unit_test(the_order_in_the_file_does_not_matter),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(quiet_hours_may_go_over_midnight),
        cmocka_unit_test(a_slot_stays_until_the_next),
        cmocka_unit_test(each_threshold_is_told_once),
        cmocka_unit_test(another_certificate_begins_anew),
        cmocka_unit_test(what_is_gone_is_resolved_once_and_may_come_again),
        cmocka_unit_test(it_escalates_and_repeats_until_acknowledged),
        cmocka_unit_test(what_gets_worse_is_not_acknowledged_any_more),
        cmocka_unit_test(what_can_wait_waits_for_the_end_of_the_quiet_hours),
        cmocka_unit_test(what_is_only_worth_knowing_is_neither_repeated_nor_escalated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
