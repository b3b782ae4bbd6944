/* The names of a certificate against those that an entry asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/names.h"

static char *asked[] = {"dns:A.example", "ip:192.0.2.1", "dns:a.example"};

static void has(struct anycert *c, const char *const *names)
{
    static uint8_t arena[64];
    size_t used = 0;
    struct fault f;
    struct san name;

    memset(c, 0, sizeof(*c));
    for (; *names != NULL; names++) {
        assert_int_equal(san_parse(*names, &name, arena, sizeof(arena), &used, &f), 0);
        assert_int_equal(san_list_add(&c->sans, &name, &f), 0);
    }
}

static void expect(const struct agent_cert *c, const char *const *names, bool same,
                   const char *further)
{
    struct anycert present;
    struct buf out;

    has(&present, names);
    buf_init(&out, 1024);
    assert_int_equal(names_same(c, &present), same);
    names_further(c, &present, &out);
    assert_string_equal(buf_cstr(&out), further);
    buf_free(&out);
}

static void names_are_compared_as_sets(void **state)
{
    const struct agent_cert c = {.names = asked, .n_names = 3}, none = {.n_names = 0};
    const char *const same[] = {"ip:192.0.2.1", "dns:a.example", NULL};
    const char *const more[] = {"dns:b.example", "ip:192.0.2.1", "dns:a.example", "email:x@y.z",
                                NULL};
    const char *const other[] = {"dns:a.example", "dns:b.example", NULL};

    (void)state;
    expect(&c, same, true, "");
    expect(&c, more, false, "dns:b.example, email:x@y.z");
    expect(&c, other, false, "dns:b.example");
    expect(&none, more, true, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_compared_as_sets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
