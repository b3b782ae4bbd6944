/* What the authorities know of the store when they are loaded. */
#include "ca/door/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/store_help.h"

/* No certificate is ever made for the key of a CA, also when the configuration no longer names
 * that generation of it. */
static void keys_of_earlier_generations_are_our_own_too(void **state)
{
    const struct conf none = {.n_issuers = 0};
    const uint8_t first[32] = {1}, second[32] = {2};
    struct authorities *all;
    struct fixture x;
    uint16_t number;
    size_t before;

    (void)state;
    fixture_open(&x, false);
    assert_int_equal(authorities_load(&none, x.s, 1, &all, &x.f), 0);
    before = all->own.n; /* the fixture's own issuer */
    authorities_free(all);
    assert_int_equal(store_issuer_add(x.s, "issuing", first, &number, &x.f), 0);
    assert_int_equal(store_issuer_add(x.s, "issuing", second, &number, &x.f), 0);
    assert_int_equal(store_issuer_add(x.s, "copy", second, &number, &x.f), 0);
    assert_int_equal(authorities_load(&none, x.s, 1, &all, &x.f), 0);
    assert_int_equal(all->own.n, before + 2);
    assert_memory_equal(all->own.spki_hash[before], first, 32);
    assert_memory_equal(all->own.spki_hash[before + 1], second, 32);
    authorities_free(all);
    fixture_close(&x);
    fixture_remove(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_earlier_generations_are_our_own_too),
    };

    return cmocka_run_group_tests_name("authority", tests, NULL, NULL);
}
