#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/door/serial.h"
#include "lib/buf.h"
#include "lib/clock.h"

#define THREADS 4
#define EACH 20000

static struct serial_source source;

static int from_zero(void **state)
{
    (void)state;
    serial_init(&source, 0);
    return 0;
}

static uint64_t tick_of(const uint8_t serial[SERIAL_LEN])
{
    uint64_t tick = serial[0] & 0x3f;

    for (int i = 1; i < 6; i++)
        tick = tick << 8 | serial[i];
    return tick;
}

/* RFC 5280 4.1.2.2: positive, at most 20 octets; X.690 8.3.2: minimal. */
static void a_serial_is_a_minimal_positive_integer_with_the_time_in_front(void **state)
{
    uint8_t serial[SERIAL_LEN];
    uint64_t before = clock_ticks(), after;

    (void)state;
    serial_next(&source, serial);
    after = clock_ticks();
    assert_int_equal(serial[0] & 0xc0, 0x40);
    assert_in_range(tick_of(serial), before, after);
}

static void ticks_grow_strictly_from_the_last_one_recorded(void **state)
{
    uint8_t serial[SERIAL_LEN];
    uint64_t last = clock_ticks() + 5 * CLOCK_TICKS_PER_SECOND;

    (void)state;
    serial_init(&source, last);
    for (uint64_t i = 1; i <= 1000; i++) {
        serial_next(&source, serial);
        assert_int_equal(tick_of(serial), last + i);
    }
}

static void the_last_ten_octets_are_random(void **state)
{
    uint8_t a[SERIAL_LEN], b[SERIAL_LEN];

    (void)state;
    serial_next(&source, a);
    serial_next(&source, b);
    assert_memory_not_equal(a + 6, b + 6, SERIAL_LEN - 6);
}

static void *take_many(void *arg)
{
    uint64_t *ticks = arg;
    uint8_t serial[SERIAL_LEN];

    for (size_t i = 0; i < EACH; i++) {
        serial_next(&source, serial);
        ticks[i] = tick_of(serial);
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void threads_never_get_the_same_tick(void **state)
{
    uint64_t *ticks = xcalloc((size_t)THREADS * EACH, sizeof(*ticks));
    pthread_t thread[THREADS];

    (void)state;
    for (size_t t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, take_many, ticks + t * EACH), 0);
    for (size_t t = 0; t < THREADS; t++)
        assert_int_equal(pthread_join(thread[t], NULL), 0);
    for (size_t t = 0; t < THREADS; t++)
        for (size_t i = 1; i < EACH; i++)
            assert_true(ticks[t * EACH + i - 1] < ticks[t * EACH + i]);
    qsort(ticks, (size_t)THREADS * EACH, sizeof(*ticks), by_value);
    assert_true(ticks[0] > 0);
    for (size_t i = 1; i < (size_t)THREADS * EACH; i++)
        assert_true(ticks[i - 1] < ticks[i]);
    free(ticks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_serial_is_a_minimal_positive_integer_with_the_time_in_front,
                               from_zero),
        cmocka_unit_test_setup(ticks_grow_strictly_from_the_last_one_recorded, from_zero),
        cmocka_unit_test_setup(the_last_ten_octets_are_random, from_zero),
        cmocka_unit_test_setup(threads_never_get_the_same_tick, from_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
