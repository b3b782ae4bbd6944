/* What people type or paste to name a certificate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/find.h"

#define SERIAL "4f1d5c0a9b3e77a2c4d8e6f001122334"
#define FINGERPRINT SERIAL SERIAL

static void selects(const char *typed, const char *sent)
{
    struct show_request r;
    struct fault f;

    assert_int_equal(find_selector(typed, &r, &f), 0);
    assert_string_equal(r.selector, sent);
}

static void a_serial_is_known_in_every_usual_form(void **state)
{
    (void)state;
    selects(SERIAL, SERIAL);
    selects("4F1D5C0A9B3E77A2C4D8E6F001122334", SERIAL);
    selects("0x" SERIAL, SERIAL);
    selects("4f:1d:5c:0a:9b:3e:77:a2:c4:d8:e6:f0:01:12:23:34", SERIAL);
    selects("4F 1D 5C 0A 9B 3E 77 A2 C4 D8 E6 F0 01 12 23 34", SERIAL);
    selects("serial=4F1D5C0A9B3E77A2C4D8E6F001122334", SERIAL);
}

static void a_fingerprint_is_known_in_every_usual_form(void **state)
{
    (void)state;
    selects(FINGERPRINT, FINGERPRINT);
    selects("sha256 Fingerprint=4F:1D:5C:0A:9B:3E:77:A2:C4:D8:E6:F0:01:12:23:34:"
            "4F:1D:5C:0A:9B:3E:77:A2:C4:D8:E6:F0:01:12:23:34",
            FINGERPRINT);
}

static void anything_else_is_a_name(void **state)
{
    (void)state;
    selects("web.example.com", "web.example.com");
    selects("dns:web.example.com", "web.example.com");
    selects("ip:2001:db8::1", "2001:db8::1");
    selects("uri:spiffe://x/y", "spiffe://x/y");
    selects("CN=web", "web");
    selects("4f1d", "4f1d");
    selects("0x", "0x");
}

static void nothing_and_too_much_are_refused(void **state)
{
    char longer[300];
    struct show_request r;
    struct fault f;

    (void)state;
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = 0;
    assert_int_equal(find_selector("", &r, &f), -FAULT_NOT_FOUND);
    assert_int_equal(find_selector(longer, &r, &f), -FAULT_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_serial_is_known_in_every_usual_form),
        cmocka_unit_test(a_fingerprint_is_known_in_every_usual_form),
        cmocka_unit_test(anything_else_is_a_name),
        cmocka_unit_test(nothing_and_too_much_are_refused),
    };

    return cmocka_run_group_tests_name("tools_find", tests, NULL, NULL);
}
