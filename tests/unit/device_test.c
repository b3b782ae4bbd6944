/* Names that are made of a device's subject: only of values that can hide nothing in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "ca/enroll/device.h"
#include "lib/name.h"

static char text[64] = "dns:{serialNumber}.born.example";
static char *template[] = {text};
static const struct conf_est label = {.device_names = template, .n_device_names = 1};

/* The name, or NULL when it is refused. */
static const char *made(const char *subject)
{
    static char room[EST_DEVICE_NAMES_MAX][DEVICE_NAME_SIZE];
    static struct san_list names;
    static char out[DEVICE_NAME_SIZE];
    struct fault f;
    struct buf der;
    int rc;

    fault_clear(&f);
    names.n = 0;
    buf_init(&der, NAME_DER_MAX);
    assert_int_equal(name_parse(subject, &der, &f), 0);
    rc = device_names(&label, buf_slice(&der), room, &names, &f);
    buf_free(&der);
    if (rc != 0) {
        assert_int_equal(rc, -FAULT_DENIED);
        assert_string_equal(f.rule, "est.device.name");
        return NULL;
    }
    assert_int_equal(names.n, 1);
    (void)snprintf(out, sizeof(out), "%.*s", (int)names.item[0].value.n,
                   (const char *)names.item[0].value.p);
    return out;
}

static void a_serial_number_makes_a_name(void **state)
{
    (void)state;
    assert_string_equal(made("serialNumber=SN-12,O=Maker"), "SN-12.born.example");
}

static void what_may_hide_something_is_refused(void **state)
{
    (void)state;
    assert_null(made("O=Maker"));
    assert_null(made("serialNumber=a.b,O=Maker"));
    assert_null(made("serialNumber=a b,O=Maker"));
    assert_null(made("serialNumber=a/b,O=Maker"));
    assert_null(made("serialNumber=-a,O=Maker")); /* no label of DNS */
    assert_null(made("serialNumber=a,serialNumber=b,O=Maker"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_serial_number_makes_a_name),
        cmocka_unit_test(what_may_hide_something_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
