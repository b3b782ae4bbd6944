/* Which addresses count as one client, and which names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/source.h"

static void an_ipv6_host_is_its_64(void **state)
{
    (void)state;
    assert_true(source_key("2001:db8::1") == source_key("2001:db8::ffff:2"));
    assert_true(source_key("2001:db8::1") != source_key("2001:db8:0:1::1"));
}

/* An IPv6 socket has IPv4 clients like that (RFC 4291 2.5.5.2): they are not one /64. */
static void an_ipv4_host_is_itself_however_it_came(void **state)
{
    (void)state;
    assert_true(source_key("192.0.2.1") != source_key("192.0.2.2"));
    assert_true(source_key("::ffff:192.0.2.1") == source_key("192.0.2.1"));
    assert_true(source_key("::ffff:192.0.2.1") != source_key("::ffff:192.0.2.2"));
    assert_true(source_key("::1") != source_key("127.0.0.1"));
}

static void what_is_no_address_is_one(void **state)
{
    (void)state;
    assert_true(source_key("") == source_key("others"));
    assert_true(source_key("") != source_key("0.0.0.0"));
}

static void who_has_a_name_is_itself(void **state)
{
    (void)state;
    assert_true(source_key_named("user", "alice") == source_key_named("user", "alice"));
    assert_true(source_key_named("user", "alice") != source_key_named("user", "bob"));
    assert_true(source_key_named("user", "alice") != source_key_named("requester", "alice"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv6_host_is_its_64),
        cmocka_unit_test(an_ipv4_host_is_itself_however_it_came),
        cmocka_unit_test(what_is_no_address_is_one),
        cmocka_unit_test(who_has_a_name_is_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
