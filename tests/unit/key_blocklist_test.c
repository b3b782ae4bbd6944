/* The file of keys that are never certified: what it may hold, and what is refused. */
#include "lib/key_blocklist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char path[64];

static int load(const char *text, struct key_blocklist **out, struct fault *f)
{
    FILE *file;

    snprintf(path, sizeof(path), "/tmp/cerca-blocklist-XXXXXX");
    file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    int rc = key_blocklist_load(path, out, f);
    unlink(path);
    return rc;
}

static void every_key_of_the_file_is_found_and_no_other(void **state)
{
    enum { N = 1000 };
    static char text[N * 65 + 1];
    uint8_t hash[32] = {0};
    struct key_blocklist *l;
    struct fault f;

    (void)state;
    for (unsigned i = 0; i < N; i++) { /* not in order */
        hash[0] = (uint8_t)(i * 37);
        hash[31] = (uint8_t)(i >> 8);
        hash[30] = (uint8_t)i;
        hex_encode(slice_of(hash, 32), text + i * 65);
        text[i * 65 + 64] = '\n';
    }
    assert_int_equal(load(text, &l, &f), 0);
    assert_int_equal(key_blocklist_count(l), N);
    for (unsigned i = 0; i < N; i++) {
        hash[0] = (uint8_t)(i * 37);
        hash[31] = (uint8_t)(i >> 8);
        hash[30] = (uint8_t)i;
        assert_true(key_blocklist_has(l, hash));
        hash[15] = 1;
        assert_false(key_blocklist_has(l, hash));
        hash[15] = 0;
    }
    key_blocklist_free(l);
}

static void comments_blanks_case_and_line_ends_do_not_count(void **state)
{
    uint8_t hash[32];
    struct key_blocklist *l;
    struct fault f;

    (void)state;
    assert_int_equal(load("# weak keys\r\n\n  \t\n" HASH " # stolen in 2026\r\n"
                          "FF112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
                          &l, &f),
                     0);
    assert_int_equal(key_blocklist_count(l), 2);
    assert_int_equal(hex_decode(HASH, hash, 32), 0);
    assert_true(key_blocklist_has(l, hash));
    hash[0] = 0xff;
    assert_true(key_blocklist_has(l, hash));
    key_blocklist_free(l);
}

static void a_file_without_keys_blocks_none(void **state)
{
    static const uint8_t zero[32];
    struct key_blocklist *l;
    struct fault f;

    (void)state;
    assert_int_equal(load("# nothing yet\n", &l, &f), 0);
    assert_int_equal(key_blocklist_count(l), 0);
    assert_false(key_blocklist_has(l, zero));
    key_blocklist_free(l);
    assert_int_equal(key_blocklist_load("", &l, &f), 0);
    assert_null(l);
    assert_false(key_blocklist_has(NULL, zero));
    assert_int_equal(key_blocklist_count(NULL), 0);
}

static void what_is_no_hash_is_refused_with_file_and_line(void **state)
{
    static char longline[3000];
    const char *const bad[] = {
        "\n" HASH "0\n",         /* 65 digits */
        "\n0011\n",              /* too few */
        "\n" HASH " " HASH "\n", /* two of them */
        "\nsha256:" HASH "\n",   /* with a prefix */
        "\n"
        "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
        longline,
    };
    struct key_blocklist *l;
    struct fault f;
    char place[80];

    (void)state;
    memset(longline, ' ', sizeof(longline) - 1);
    longline[0] = '\n';
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(load(bad[i], &l, &f), -FAULT_CONFIG);
        assert_null(l);
        assert_string_equal(f.rule, "key.blocklist.syntax");
        snprintf(place, sizeof(place), "%s:2:", path);
        assert_non_null(strstr(f.text, place));
    }
}

static void a_file_that_cannot_be_read_is_refused(void **state)
{
    struct key_blocklist *l;
    struct fault f;

    (void)state;
    assert_int_equal(key_blocklist_load("/nonexistent/list", &l, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "key.blocklist.file");
    assert_int_equal(key_blocklist_load("/tmp", &l, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "key.blocklist.file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_the_file_is_found_and_no_other),
        cmocka_unit_test(comments_blanks_case_and_line_ends_do_not_count),
        cmocka_unit_test(a_file_without_keys_blocks_none),
        cmocka_unit_test(what_is_no_hash_is_refused_with_file_and_line),
        cmocka_unit_test(a_file_that_cannot_be_read_is_refused),
    };

    return cmocka_run_group_tests_name("key_blocklist", tests, NULL, NULL);
}
