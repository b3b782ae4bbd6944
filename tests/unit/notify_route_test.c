/* Which channel tells what, and when again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "watch/route/route.h"

static struct conf_channel channel;
static struct notice notice;

static void set_up(void)
{
    memset(&channel, 0, sizeof(channel));
    channel.type = CHANNEL_WEBHOOK;
    channel.severity = SEVERITY_INFO;
    channel.kinds = 0x7e;
    memset(&notice, 0, sizeof(notice));
    notice.kind = NOTICE_RAISED;
    notice.severity = SEVERITY_WARNING;
    notice.has_key = true;
    notice_set(notice.rule, sizeof(notice.rule), "crl.late");
    notice_set(notice.owner, sizeof(notice.owner), "web team");
}

static void a_channel_takes_what_its_filters_let_through(void **state)
{
    static char *owners[] = {"db team", "web team"}, *rules[] = {"expiry", "crl.*"};
    (void)state;

    set_up();
    assert_true(route_takes(&channel, &notice));
    channel.severity = SEVERITY_CRITICAL;
    assert_false(route_takes(&channel, &notice));
    channel.severity = SEVERITY_WARNING;
    assert_true(route_takes(&channel, &notice));

    channel.kinds = 1U << NOTICE_RESOLVED;
    assert_false(route_takes(&channel, &notice));
    notice.kind = NOTICE_RESOLVED;
    assert_true(route_takes(&channel, &notice));

    channel.owners = owners;
    channel.n_owners = 1;
    assert_false(route_takes(&channel, &notice));
    channel.n_owners = 2;
    assert_true(route_takes(&channel, &notice));
    channel.rules = rules;
    channel.n_rules = 1;
    assert_false(route_takes(&channel, &notice));
    channel.n_rules = 2;
    assert_true(route_takes(&channel, &notice));
}

static void tests_and_heartbeats_are_not_routed(void **state)
{
    (void)state;
    set_up();
    channel.kinds = UINT32_MAX;
    notice.kind = NOTICE_TEST;
    assert_false(route_takes(&channel, &notice));
    notice.kind = NOTICE_HEARTBEAT;
    assert_false(route_takes(&channel, &notice));
    notice.kind = NOTICE_DIGEST;
    assert_true(route_takes(&channel, &notice));
    notice.has_key = false;
    channel.type = CHANNEL_JIRA; /* of what would it be a ticket? */
    assert_false(route_takes(&channel, &notice));
}

static void a_mail_to_nobody_is_not_sent(void **state)
{
    (void)state;
    set_up();
    channel.type = CHANNEL_MAIL;
    channel.to_owner = true;
    assert_false(route_takes(&channel, &notice));
    notice_set(notice.contact, sizeof(notice.contact), "alice@example.com");
    assert_true(route_takes(&channel, &notice));
}

static void an_address_has_nothing_that_ends_it(void **state)
{
    static const char *const bad[] = {"",      "a",          "@b",        "a@",           "a@.b",
                                      "a b@c", "a@b c",      "a@b\n",     "a@b>\r\nX: y", "<a@b>",
                                      "a@b@c", "\"a\"@b",    "-oQ/tmp@b", "a@-b",         "a,b@c",
                                      "a@b,c", "\xc3\xa9@b", "a@\xc3\xa9"};
    (void)state;

    assert_true(route_address("first.last+tag@sub.example.com"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(route_address(bad[i]));
}

static void retries_slow_down_to_a_day_and_end(void **state)
{
    int64_t now = 1000000, added = now, end = 7 * 86400, last = 0;
    uint32_t tries = 0;
    (void)state;

    for (;;) {
        int64_t next = route_next(++tries, added, now, end, 0, 250);
        int64_t wait = next - now;

        if (next == 0)
            break;
        assert_true(wait >= last || next == added + end);
        assert_true(wait <= 86400);
        last = wait;
        now = next;
        assert_true(tries < 50);
    }
    assert_true(tries > 15);
    assert_int_equal(now, added + end); /* once more at the end, then no more */
    assert_int_equal(route_next(1, 0, 0, end, 0, 0), 8);
    assert_int_equal(route_next(1, 0, 0, end, 0, 500), 12);
    assert_int_equal(route_next(1, 0, 0, end, 120, 250), 120);
    assert_int_equal(route_next(1, 0, 0, end, INT64_MAX, 250), 86400);
    assert_int_equal(route_next(UINT32_MAX, 0, 0, end, 0, 250), 86400);
}

#define T(fn) cmocka_unit_test(fn)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_channel_takes_what_its_filters_let_through),
        T(tests_and_heartbeats_are_not_routed),
        T(a_mail_to_nobody_is_not_sent),
        T(an_address_has_nothing_that_ends_it),
        T(retries_slow_down_to_a_day_and_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
