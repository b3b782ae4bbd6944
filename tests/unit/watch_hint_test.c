/* When a certificate should be renewed: where the window is, and what it never is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/key.h"
#include "tests/unit/conf_help.h"
#include "watch/rules/hint.h"

#define DAY INT64_C(86400)
#define FROM (INT64_C(20000) * DAY)

static struct watch_times times(void)
{
    struct watch_times t;
    struct fault f = {0};
    struct conf *c;

    assert_int_equal(conf_load_text("", "/nowhere/cerca.conf", &c, &f), 0);
    watch_times_read(c, &t);
    conf_free(c);
    return t;
}

static struct hint_facts facts(int64_t days, uint32_t seed)
{
    struct hint_facts h = {.life = {FROM, FROM + days * DAY}, .because = ""};

    sha256(slice_of((const uint8_t *)&seed, sizeof(seed)), h.fingerprint);
    return h;
}

static void assert_same(const struct hint *a, const struct hint *b)
{
    assert_int_equal(a->reason, b->reason);
    assert_true(a->start == b->start && a->end == b->end);
    assert_int_equal(a->retry_after, b->retry_after);
}

static void the_window_lies_between_due_and_late(void **state)
{
    static const int64_t lives[] = {1, 7, 47, 90, 398, 3650};
    struct watch_times t = times();
    (void)state;

    for (uint32_t i = 0; i < 600; i++) {
        struct hint_facts h = facts(lives[i % 6], i);
        struct hint a, b;

        hint_make(&t, &h, &a);
        hint_make(&t, &h, &b);
        assert_same(&a, &b);
        assert_int_equal(a.reason, HINT_LIFE);
        assert_true(a.start >= watch_opens(&t, &h.life));
        assert_true(a.start < a.end);
        assert_true(a.end <= watch_late(&t, &h.life));
        assert_in_range(a.retry_after, 60, 21600);
    }
}

/* Ten thousand of one moment: each tenth of the time gets its share. */
static void they_are_spread(void **state)
{
    struct watch_times t = times();
    unsigned in[10] = {0};
    (void)state;

    for (uint32_t i = 0; i < 10000; i++) {
        struct hint_facts h = facts(398, i);
        int64_t opens = watch_opens(&t, &h.life);
        int64_t half = (watch_late(&t, &h.life) - opens) / 2;
        struct hint w;

        hint_make(&t, &h, &w);
        in[(w.start - opens) * 10 / (half + 1)]++;
    }
    for (size_t i = 0; i < 10; i++)
        assert_in_range(in[i], 850, 1150);
}

static void a_campaign_pulls_forward_and_never_back(void **state)
{
    struct watch_times t = times();
    struct hint_facts h = facts(398, 1);
    struct hint life, w;
    char text[HINT_TEXT];
    (void)state;

    hint_make(&t, &h, &life);
    h.pulled = true;
    h.because = "rsa-away";
    h.pulled_at = FROM + 10 * DAY;
    hint_make(&t, &h, &w);
    assert_int_equal(w.reason, HINT_CAMPAIGN);
    assert_true(w.start == h.pulled_at && w.end == h.pulled_at + HINT_PULLED);
    hint_explain(&t, &h, &w, text);
    assert_non_null(strstr(text, "campaign rsa-away"));
    h.pulled_at = life.start + 1;
    hint_make(&t, &h, &w);
    assert_same(&w, &life);
    h.pulled_at = FROM;
    h.followed = true;
    hint_make(&t, &h, &w);
    assert_same(&w, &life);
}

static void revoked_is_at_once(void **state)
{
    struct watch_times t = times();
    struct hint_facts h = facts(398, 1);
    struct hint w;
    char text[HINT_TEXT];
    (void)state;

    h.revoked = true;
    h.revoked_at = FROM + 3 * DAY;
    hint_make(&t, &h, &w);
    assert_int_equal(w.reason, HINT_REVOKED);
    assert_true(w.start == h.revoked_at && w.end == w.start + 1);
    hint_explain(&t, &h, &w, text);
    assert_non_null(strstr(text, "revoked"));
}

static void it_stays_within_the_life(void **state)
{
    static const int64_t at[] = {INT64_MIN / 2, 0, FROM - 1, FROM, FROM + 398 * DAY - 1};
    struct watch_times t = times();
    (void)state;

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        struct hint_facts h = facts(398, (uint32_t)i);
        struct hint w;

        h.pulled = true;
        h.pulled_at = at[i];
        h.revoked = i % 2 == 1;
        h.revoked_at = at[i] - 5;
        hint_make(&t, &h, &w);
        assert_true(w.start >= h.life.not_before);
        assert_true(w.start < w.end);
        assert_true(w.end <= h.life.not_after);
    }
    for (int64_t seconds = -5; seconds < 5; seconds++) {
        struct hint_facts h = facts(0, 9);
        struct hint w;

        h.life.not_after = FROM + seconds;
        hint_make(&t, &h, &w);
        assert_true(w.start >= FROM && w.start < w.end);
        assert_true(w.end <= FROM + (seconds > 0 ? seconds : 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_window_lies_between_due_and_late),
        cmocka_unit_test(they_are_spread),
        cmocka_unit_test(a_campaign_pulls_forward_and_never_back),
        cmocka_unit_test(revoked_is_at_once),
        cmocka_unit_test(it_stays_within_the_life),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
