/* What `cerca status` makes of what systemctl prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/units.h"

static struct status_item items[8];

static size_t parse(const char *text)
{
    return units_parse(slice_str(text), items, 8);
}

static void each_program_is_an_item(void **s)
{
    (void)s;
    assert_int_equal(parse("MainPID=41\nNRestarts=2\nResult=success\nId=cerca-public.service\n"
                           "ActiveState=active\nSubState=running\n\n"
                           "MainPID=0\nNRestarts=7\nResult=signal\nId=cerca-watch.service\n"
                           "ActiveState=activating\nSubState=auto-restart\n\n"
                           "MainPID=0\nNRestarts=0\nResult=exit-code\n"
                           "Id=cerca-signer@hsm.service\nActiveState=failed\nSubState=failed\n"),
                     3);
    assert_string_equal(items[0].name, "public");
    assert_true(items[0].ok);
    assert_string_equal(items[0].state, "running");
    assert_string_equal(items[0].text, "pid 41, restarted 2 times");
    assert_string_equal(items[1].name, "watch");
    assert_false(items[1].ok);
    assert_string_equal(items[1].state, "restarting");
    assert_int_equal(items[1].retry_after, 1);
    assert_string_equal(items[2].name, "signer.hsm");
    assert_false(items[2].ok);
    assert_string_equal(items[2].state, "failed");
    assert_non_null(strstr(items[2].text, "exit-code"));
    assert_non_null(strstr(items[2].text, "journalctl -u cerca-signer@hsm.service"));
}

static void what_is_no_program_of_a_ca_is_none(void **s)
{
    (void)s;
    assert_int_equal(parse("Id=cerca-agent.service\nActiveState=active\n\n"
                           "Id=cerca-node.service\nActiveState=active\n\n"
                           "Id=cerca-ca-admin.socket\nActiveState=active\n\n"
                           "Id=cerca-bootstrap.service\nActiveState=active\n\n"
                           "Id=cerca-scan.service\nActiveState=inactive\n\n"
                           "Id=nginx.service\nActiveState=active\n\nId=cerca-\n\n"),
                     0);
    assert_int_equal(parse(""), 0);
    assert_int_equal(parse("\n\n\n"), 0);
    assert_int_equal(parse("nonsense"), 0);
}

static void no_more_than_there_is_room_for(void **s)
{
    struct buf text;

    (void)s;
    buf_init(&text, 4096);
    for (int i = 0; i < 12; i++)
        buf_put_str(&text, "Id=cerca-admin.service\nActiveState=active\n\n");
    assert_int_equal(parse(buf_cstr(&text)), 8);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_program_is_an_item),
        cmocka_unit_test(what_is_no_program_of_a_ca_is_none),
        cmocka_unit_test(no_more_than_there_is_room_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
