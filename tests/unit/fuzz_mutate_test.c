/* Mutation of DER by its structure (tests/fuzz/mutate_der.h): it is bounded, the same for a seed,
 * and what it makes is mostly DER, or targets behind it would only see what the first reader
 * refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/der.h"
#include "tests/fuzz/mutate_der.h"
#include "tests/unit/x509_help.h"

#define ROUNDS 4000
#define ROOM 16384
#define GUARD 64 /* octets behind `max` that must stay */
#define GUARD_OCTET 0xa5

static unsigned plain; /* mutations as octets */

/* In place of libFuzzer's: one octet is changed, or one more added. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max)
{
    plain++;
    if (n < max && n % 2 == 0)
        data[n++] = 0x5a;
    else if (n > 0)
        data[n / 2] ^= 0x10;
    return n;
}

static void certificate(struct buf *out)
{
    struct tbs_spec spec;

    buf_init(out, ROOM);
    test_draft(&spec, KEY_P256, KEY_P256);
    test_issue(&spec, KEY_P256, out);
    assert_in_range(out->n, 100, ROOM / 2);
}

/* Elements one behind the other, to the end; `deep`: so are the contents of constructed ones. */
static bool is_der(struct slice in, bool deep)
{
    struct slice contents;
    uint8_t tag;

    while (in.n > 0) {
        if (der_get_any(&in, &tag, &contents, NULL) != 0)
            return false;
        if (deep && (tag & 0x20) != 0 && !is_der(contents, true))
            return false;
    }
    return true;
}

/* In an allocation of just that size, where a sanitizer sees what a guard may not. */
static uint8_t *room_for(struct slice in, size_t max)
{
    uint8_t *data = xcalloc(max + GUARD, 1);

    memcpy(data, in.p, in.n);
    memset(data + max, GUARD_OCTET, GUARD);
    return data;
}

static void assert_bounded(const uint8_t *data, size_t n, size_t max)
{
    assert_in_range(n, 0, max);
    for (size_t i = 0; i < GUARD; i++)
        assert_int_equal(data[max + i], GUARD_OCTET);
}

static void what_it_makes_is_mostly_der(void **state)
{
    unsigned changed = 0, deep = 0;
    struct buf der;

    (void)state;
    certificate(&der);
    for (unsigned seed = 0; seed < ROUNDS; seed++) {
        uint8_t *data = room_for(buf_slice(&der), ROOM);
        size_t n = mutate_der(data, der.n, ROOM, seed);

        assert_bounded(data, n, ROOM);
        assert_true(is_der(slice_of(data, n), false));
        deep += is_der(slice_of(data, n), true);
        changed += !slice_eq(slice_of(data, n), buf_slice(&der));
        free(data);
    }
    assert_in_range(deep, ROUNDS * 8 / 10, ROUNDS);
    assert_in_range(changed, ROUNDS * 9 / 10, ROUNDS);
    buf_free(&der);
}

static void a_seed_makes_the_same(void **state)
{
    struct buf der;

    (void)state;
    certificate(&der);
    for (unsigned seed = 0; seed < 500; seed++) {
        uint8_t *one = room_for(buf_slice(&der), ROOM), *two = room_for(buf_slice(&der), ROOM);
        size_t n = mutate_der(one, der.n, ROOM, seed);

        assert_int_equal(mutate_der(two, der.n, ROOM, seed), n);
        assert_memory_equal(one, two, n);
        assert_int_equal(splice_der(one, n, ROOM, buf_slice(&der), seed),
                         splice_der(two, n, ROOM, buf_slice(&der), seed));
        assert_memory_equal(one, two, ROOM);
        free(one);
        free(two);
    }
    buf_free(&der);
}

/* However little room there is. What would not fit is left as it was. */
static void it_stays_within_its_room(void **state)
{
    struct buf der;

    (void)state;
    certificate(&der);
    for (unsigned seed = 0; seed < ROUNDS; seed++) {
        size_t max = der.n + seed % 7;
        uint8_t *data = room_for(buf_slice(&der), max);
        size_t n = mutate_der(data, der.n, max, seed);

        assert_bounded(data, n, max);
        assert_true(is_der(slice_of(data, n), false));
        n = splice_der(data, n, max, buf_slice(&der), seed);
        assert_bounded(data, n, max);
        assert_true(is_der(slice_of(data, n), false));
        free(data);
    }
    buf_free(&der);
}

static void an_element_of_the_other_comes_in(void **state)
{
    static const uint8_t other[] = {0x30, 0x09, 0x0c, 0x07, 'f', 'o', 'r', 'e', 'i', 'g', 'n'};
    unsigned came = 0;
    struct buf der;

    (void)state;
    certificate(&der);
    for (unsigned seed = 0; seed < 200; seed++) {
        uint8_t *data = room_for(buf_slice(&der), ROOM);
        size_t n = splice_der(data, der.n, ROOM, slice_of(other, sizeof(other)), seed);

        came += memmem(data, n, "foreign", 7) != NULL;
        free(data);
    }
    assert_int_equal(came, 200);
    buf_free(&der);
}

static void what_is_no_der_is_changed_as_octets(void **state)
{
    static const char *const texts[] = {"", "no DER at all", "\x30\x05\x02",
                                        "\x30\x80\x02\x01\x01"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint8_t *data = room_for(slice_str(texts[i]), 64);

        plain = 0;
        assert_bounded(data, mutate_der(data, strlen(texts[i]), 64, 1), 64);
        assert_int_equal(plain, 1);
        assert_int_equal(splice_der(data, strlen(texts[i]), 64, slice_str("\x05"), 1),
                         strlen(texts[i]));
        free(data);
    }
}

/* A thousand levels, or ten thousand elements: beyond its tables. */
static void large_trees_are_bounded(void **state)
{
    struct buf deep, wide, around;

    (void)state;
    buf_init(&deep, ROOM);
    buf_init(&wide, 2 * ROOM);
    buf_init(&around, ROOM);
    buf_put(&deep, "\x05\x00", 2);
    for (int i = 0; i < 1000; i++) {
        struct der_mark m = der_open(&around, DER_SEQUENCE);

        buf_put_slice(&around, buf_slice(&deep));
        der_close(&around, m);
        buf_reset(&deep);
        buf_put_slice(&deep, buf_slice(&around));
        buf_reset(&around);
    }
    for (int i = 0; i < 10000; i++)
        buf_put(&wide, "\x05\x00", 2);
    assert_true(is_der(buf_slice(&deep), true) && !buf_failed(&deep) && !buf_failed(&wide));
    for (unsigned seed = 0; seed < 200; seed++) {
        uint8_t *one = room_for(buf_slice(&deep), deep.n + 100);
        uint8_t *two = room_for(buf_slice(&wide), wide.n + 100);

        assert_bounded(one, mutate_der(one, deep.n, deep.n + 100, seed), deep.n + 100);
        assert_bounded(two, mutate_der(two, wide.n, wide.n + 100, seed), wide.n + 100);
        free(one);
        free(two);
    }
    buf_free(&deep);
    buf_free(&wide);
    buf_free(&around);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_makes_is_mostly_der),
        cmocka_unit_test(a_seed_makes_the_same),
        cmocka_unit_test(it_stays_within_its_room),
        cmocka_unit_test(an_element_of_the_other_comes_in),
        cmocka_unit_test(what_is_no_der_is_changed_as_octets),
        cmocka_unit_test(large_trees_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
