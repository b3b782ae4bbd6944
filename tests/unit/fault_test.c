#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/fault.h"

static void a_fault_returns_its_code_negative(void **state)
{
    struct fault f;

    (void)state;
    assert_int_equal(fault_set(&f, FAULT_CONFLICT, "door.key", "seen %d times", 2),
                     -FAULT_CONFLICT);
    assert_int_equal(f.code, FAULT_CONFLICT);
    assert_string_equal(f.rule, "door.key");
    assert_string_equal(f.text, "seen 2 times");
    assert_string_equal(f.value, "");
    fault_clear(&f);
    assert_int_equal(f.code, FAULT_NONE);
    assert_string_equal(f.text, "");
}

static void a_new_fault_leaves_nothing_of_the_old_one(void **state)
{
    struct fault f;

    (void)state;
    assert_int_equal(fault_refuse(&f, "san.dns", "san.dns", slice_str("x"), "y"), -FAULT_POLICY);
    assert_int_equal(fault_unavailable(&f, 5, "hsm", "gone"), -FAULT_UNAVAILABLE);
    assert_string_equal(f.field, "");
    assert_string_equal(f.allowed, "");
    assert_int_equal(f.retry_after, 5);
}

static void a_refusal_says_rule_field_value_and_allowed(void **state)
{
    struct fault f;
    struct buf b;

    (void)state;
    buf_init(&b, 1024);
    assert_int_equal(fault_refuse(&f, "key.rsa.size", "csr.key", slice_str("1024"), "2048 to 4096"),
                     -FAULT_POLICY);
    fault_print(&f, &b);
    assert_string_equal(buf_cstr(&b), "csr.key \"1024\" is not allowed (rule key.rsa.size; "
                                      "field csr.key; value 1024; allowed: 2048 to 4096)");
    buf_free(&b);
}

static void unprintable_octets_are_shown_escaped(void **state)
{
    struct fault f;

    (void)state;
    assert_int_equal(fault_refuse(&f, "r", "f", slice_of("a\0\n\\\xff", 5), ""), -FAULT_POLICY);
    assert_string_equal(f.value, "a\\x00\\x0a\\x5c\\xff");
}

static void long_parts_are_cut_at_whole_escapes(void **state)
{
    struct fault f;
    char many[1000];

    (void)state;
    memset(many, 1, sizeof(many));
    assert_int_equal(fault_refuse(&f, "r", "f", slice_of(many, sizeof(many)), ""), -FAULT_POLICY);
    assert_int_equal(strlen(f.value), 124); /* 31 escapes of 4 fit into 127 */
    assert_string_equal(f.value + 120, "\\x01");
    memset(many, 'r', sizeof(many) - 1);
    many[sizeof(many) - 1] = 0;
    assert_int_equal(fault_set(&f, FAULT_POLICY, many, "%s", many), -FAULT_POLICY);
    assert_int_equal(strlen(f.rule), sizeof(f.rule) - 1);
    assert_int_equal(strlen(f.text), sizeof(f.text) - 1);
}

static void every_code_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (unsigned a = 0; a <= FAULT_CODE_MAX; a++) {
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(fault_code_name(a), fault_code_name(b));
        assert_string_not_equal(fault_code_name(a), "unknown");
    }
    assert_string_equal(fault_code_name((enum fault_code)(FAULT_CODE_MAX + 1)), "unknown");
}

static void only_what_passes_by_itself_is_retryable(void **state)
{
    struct fault f;

    (void)state;
    for (unsigned code = 0; code <= FAULT_CODE_MAX; code++) {
        fault_clear(&f);
        f.code = code;
        assert_int_equal(fault_retryable(&f), code == FAULT_UNAVAILABLE || code == FAULT_FULL);
    }
}

static void a_new_name_of_the_rule_keeps_the_rest(void **state)
{
    struct fault f;

    (void)state;
    assert_int_equal(fault_set(&f, FAULT_MALFORMED, "name.der", "no name"), -FAULT_MALFORMED);
    assert_int_equal(fault_rename(&f, "csr.subject"), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "csr.subject");
    assert_string_equal(f.text, "no name");
}

static void the_time_to_wait_is_printed(void **state)
{
    struct fault f;
    struct buf b;

    (void)state;
    buf_init(&b, 1024);
    assert_int_equal(fault_unavailable(&f, 30, "", "HSM unavailable"), -FAULT_UNAVAILABLE);
    fault_print(&f, &b);
    assert_string_equal(buf_cstr(&b), "HSM unavailable, retry after 30 s");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_returns_its_code_negative),
        cmocka_unit_test(a_new_fault_leaves_nothing_of_the_old_one),
        cmocka_unit_test(a_refusal_says_rule_field_value_and_allowed),
        cmocka_unit_test(unprintable_octets_are_shown_escaped),
        cmocka_unit_test(long_parts_are_cut_at_whole_escapes),
        cmocka_unit_test(every_code_has_a_word_of_its_own),
        cmocka_unit_test(only_what_passes_by_itself_is_retryable),
        cmocka_unit_test(a_new_name_of_the_rule_keeps_the_rest),
        cmocka_unit_test(the_time_to_wait_is_printed),
    };

    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
