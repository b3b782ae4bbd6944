/* Punycode: the samples of RFC 3492 7.1, and what is none. */
#include "lib/punycode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CAP 63

static void the_samples_of_the_rfc_decode(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        uint32_t code[16];
    } samples[] = {
        /* (B), (L), (S) and one that everybody knows */
        {"ihqwcrb4cv8a8dqg056pqjye",
         9,
         {0x4ed6, 0x4eec, 0x4e3a, 0x4ec0, 0x4e48, 0x4e0d, 0x8bf4, 0x4e2d, 0x6587}},
        {"MajiKoi5-783gue6qz075azm5e",
         13,
         {'M', 'a', 'j', 'i', 0x3067, 'K', 'o', 'i', 0x3059, 0x308b, '5', 0x79d2, 0x524d}},
        {"-> $1.00 <--", 11, {'-', '>', ' ', '$', '1', '.', '0', '0', ' ', '<', '-'}},
        {"mnchen-3ya", 7, {'m', 0xfc, 'n', 'c', 'h', 'e', 'n'}},
        {"ls8h", 1, {0x1f4a9}},
        {"", 0, {0}},
    };
    uint32_t code[CAP];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        assert_int_equal(punycode_decode(slice_str(samples[i].text), code, CAP, &n), 0);
        assert_int_equal(n, samples[i].n);
        assert_memory_equal(code, samples[i].code, n * sizeof(code[0]));
    }
}

static void other_characters_cut_ones_and_overflows_are_refused(void **state)
{
    static const char *const bad[] = {
        "mnchen-3y",          /* a number that does not end */
        "a-\xc3\xa4",         /* no digit */
        "a-b c",              /* nor is a space */
        "99999999",           /* past the last code point */
        "zzzzzzzzzzzzzzzzzz", /* past 32 bits */
    };
    uint32_t code[CAP];
    size_t n = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(punycode_decode(slice_str(bad[i]), code, CAP, &n), -1);
        assert_int_equal(n, 0);
    }
}

static void no_more_than_there_is_room_for_is_written(void **state)
{
    uint32_t code[8];
    size_t n;

    (void)state;
    code[7] = 0xfeed;
    assert_int_equal(punycode_decode(slice_str("mnchen-3ya"), code, 7, &n), 0);
    assert_int_equal(punycode_decode(slice_str("mnchen-3ya"), code, 6, &n), -1);
    assert_int_equal(punycode_decode(slice_str("abcdefgh-"), code, 7, &n), -1);
    assert_int_equal(code[7], 0xfeed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_samples_of_the_rfc_decode),
        cmocka_unit_test(other_characters_cut_ones_and_overflows_are_refused),
        cmocka_unit_test(no_more_than_there_is_room_for_is_written),
    };

    return cmocka_run_group_tests_name("punycode", tests, NULL, NULL);
}
