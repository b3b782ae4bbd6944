#include "est/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 7030 3.2.2 */
static void test_paths_name_operation_and_label(void **state)
{
    static const struct {
        const char *target;
        enum est_op op; /* 0: no path of EST */
        const char *label;
    } rows[] = {
        {"/.well-known/est/cacerts", EST_CACERTS, ""},
        {"/.well-known/est/simpleenroll", EST_SIMPLEENROLL, ""},
        {"/.well-known/est/simplereenroll", EST_SIMPLEREENROLL, ""},
        {"/.well-known/est/fullcmc", EST_FULLCMC, ""},
        {"/.well-known/est/serverkeygen", EST_SERVERKEYGEN, ""},
        {"/.well-known/est/csrattrs", EST_CSRATTRS, ""},
        {"/.well-known/est/vpn/cacerts", EST_CACERTS, "vpn"},
        {"/.well-known/est/tls-client_1.x/csrattrs", EST_CSRATTRS, "tls-client_1.x"},
        {"/.well-known/est/%76pn/c%61certs?x=/y", EST_CACERTS, "vpn"},
        {"http://ca.example/.well-known/est/cacerts", EST_CACERTS, ""},
        {"/.well-known/est/a2345678901234567890123456789012/cacerts", EST_CACERTS,
         "a2345678901234567890123456789012"},
        {"/.well-known/est/a23456789012345678901234567890123/cacerts", 0, ""},
        {"/.well-known/est/cacerts/cacerts", 0, ""},
        {"/.well-known/est/vpn", 0, ""},
        {"/.well-known/est/vpn/", 0, ""},
        {"/.well-known/est/", 0, ""},
        {"/.well-known/est", 0, ""},
        {"/.well-known/est//cacerts", 0, ""},
        {"/.well-known/est/vpn/x/cacerts", 0, ""},
        {"/.well-known/est/vpn/cacerts/", 0, ""},
        {"/.well-known/est/../cacerts", 0, ""},
        {"/.well-known/est/.x/cacerts", 0, ""},
        {"/.well-known/est/v%2Fpn/cacerts", 0, ""},
        {"/.well-known/est/vpn%2fcacerts", 0, ""},
        {"/.well-known/est/v%00n/cacerts", 0, ""},
        {"/.well-known/est/v%0an/cacerts", 0, ""},
        {"/.well-known/est/v%pn/cacerts", 0, ""},
        {"/.well-known/est/v\xc3\xa4/cacerts", 0, ""},
        {"/.well-known/est/CACERTS", 0, ""},
        {"/.well-known/EST/cacerts", 0, ""},
        {"/.well-known/est/cacertsx", 0, ""},
        {"cacerts", 0, ""},
        {"", 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct est_path p;
        int rc = est_path_parse(rows[i].target, &p);

        assert_int_equal(rc, rows[i].op == 0 ? -1 : 0);
        if (rc != 0)
            continue;
        assert_int_equal(p.operation->op, rows[i].op);
        assert_string_equal(p.label, rows[i].label);
        assert_ptr_equal(p.operation, est_operation(rows[i].op));
    }
}

static void test_every_operation_has_its_line(void **state)
{
    (void)state;
    for (int op = EST_CACERTS; op <= EST_CSRATTRS; op++) {
        const struct est_operation *o = est_operation((enum est_op)op);

        assert_non_null(o);
        assert_int_equal(strcmp(o->method, "GET") == 0, o->request[0] == '\0');
        assert_false(est_label_valid(o->name));
    }
    assert_null(est_operation((enum est_op)0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_name_operation_and_label),
        cmocka_unit_test(test_every_operation_has_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
