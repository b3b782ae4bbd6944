/* The manifest of an export: what is written reads back, and nothing else reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/viewexport.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX_UPPER "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"
#define HEAD "cerca-view-export/1\npki.test/audit/view\n42\n1700000000\n"

static int entries(const char *text, unsigned *n)
{
    struct viewexport_entry e = {.size = 0};
    struct viewexport_head head;
    struct slice rest;
    struct fault f;
    int rc = viewexport_begin(slice_str(text), &head, &rest, &f);

    *n = 0;
    while (rc == 0 && (rc = viewexport_next(&rest, &e, &f)) == 1) {
        (*n)++;
        rc = 0;
        if (rest.n == 0)
            break;
    }
    return rc;
}

static void what_is_written_reads_back(void **state)
{
    struct viewexport_head in = {.number = 42, .time = 1700000000}, out;
    struct viewexport_entry a = {.size = 7, .path = slice_str("issuing-2/log.1")}, e = {.size = 0};
    struct slice rest;
    struct fault f;
    struct buf b;

    (void)state;
    memcpy(in.origin, "pki.test/audit/view", sizeof "pki.test/audit/view");
    memset(a.hash, 0xa5, sizeof a.hash);
    buf_init(&b, 4096);
    viewexport_head_put(&b, &in);
    viewexport_entry_put(&b, &a);
    viewexport_entry_put(&b, &a);
    assert_int_equal(viewexport_begin(buf_slice(&b), &out, &rest, &f), 0);
    assert_string_equal(out.origin, in.origin);
    assert_int_equal(out.number, 42);
    assert_int_equal(out.time, 1700000000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(viewexport_next(&rest, &e, &f), 1);
        assert_memory_equal(e.hash, a.hash, sizeof e.hash);
        assert_int_equal(e.size, 7);
        assert_true(slice_eq(e.path, a.path));
    }
    assert_int_equal(viewexport_next(&rest, &e, &f), 0);
    buf_free(&b);
}

static void what_is_cut_anywhere_is_no_manifest(void **state)
{
    static const char whole[] = HEAD HEX " 7 a/b\n" HEX " 7 a/c\n";
    size_t head = sizeof HEAD - 1, line = (sizeof whole - 1 - head) / 2;

    (void)state;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        struct viewexport_entry e = {.size = 0};
        struct viewexport_head h;
        struct slice rest;
        struct fault f;
        int rc = viewexport_begin(slice_of(whole, n), &h, &rest, &f);

        while (rc == 0 && (rc = viewexport_next(&rest, &e, &f)) == 1)
            rc = 0;
        /* Whole lines are a shorter manifest: that is for the seal to find. */
        if (n != head && n != head + line)
            assert_int_equal(rc, -FAULT_MALFORMED);
    }
}

static void malformed_heads_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "cerca-view-export/2\nx\n1\n1\n",
        "cerca-view-export/1\n\n1\n1\n",
        "cerca-view-export/1\na b\n1\n1\n",
        "cerca-view-export/1\nx\n01\n1\n",
        "cerca-view-export/1\nx\n-1\n1\n",
        "cerca-view-export/1\nx\n1\n\n",
        "cerca-view-export/1\nx\n1\n9999999999999999999\n",
        "cerca-view-export/1\r\nx\n1\n1\n",
    };
    unsigned n;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(entries(bad[i], &n), -FAULT_MALFORMED);
}

static void malformed_entries_are_refused(void **state)
{
    static const char *const bad[] = {
        HEAD "\n",
        HEAD HEX " 0 a\n",
        HEAD HEX " 1048577 a\n",
        HEAD HEX " 07 a\n",
        HEAD HEX "  7 a\n",
        HEAD HEX " 7  a\n",
        HEAD HEX "0 7 a\n",
        HEAD HEX_UPPER " 7 a\n",
        HEAD HEX " 7 b\n" HEX " 7 a\n", /* order */
        HEAD HEX " 7 a/b\n" HEX " 7 a\n",
    };
    unsigned n;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(entries(bad[i], &n), -FAULT_MALFORMED);
    assert_int_equal(entries(HEAD HEX " 7 a\n" HEX " 7 a\n" HEX " 7 b\n", &n), 0);
    assert_int_equal(n, 3);
}

static void paths_stay_below_their_folder(void **state)
{
    static const char *const good[] = {"a", "issuing-2/log.1", "audit/tile/0/x001/234.p/17",
                                       "a_b/c.d-e"};
    static const char *const bad[] = {"",     "/a",     "a/",   "a//b",    ".",   "..",
                                      "../a", "a/../b", "a/.b", ".a/b",    "a b", "a\\b",
                                      "a\tb", "a:b",    "-a",   "\xc3\xa4"};
    char longest[VIEWEXPORT_PATH_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(viewexport_path_valid(slice_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(viewexport_path_valid(slice_str(bad[i])));
    assert_false(viewexport_path_valid(slice_of("a\0b", 3)));
    memset(longest, 'a', sizeof longest);
    assert_true(viewexport_path_valid(slice_of(longest, VIEWEXPORT_PATH_MAX)));
    assert_false(viewexport_path_valid(slice_of(longest, VIEWEXPORT_PATH_MAX + 1)));
}

static void a_key_of_the_log_is_another_under_the_name_of_exports(void **state)
{
    uint8_t public[32] = {1, 2, 3};
    struct note_key log, view;

    (void)state;
    assert_int_equal(note_key_ed25519("pki.test/audit", public, &log), 0);
    assert_int_equal(viewexport_key(&log, &view), 0);
    assert_string_equal(view.name, "pki.test/audit/view");
    assert_memory_equal(view.spki, log.spki, log.spki_n);
    assert_memory_not_equal(view.id, log.id, sizeof log.id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(what_is_cut_anywhere_is_no_manifest),
        cmocka_unit_test(malformed_heads_are_refused),
        cmocka_unit_test(malformed_entries_are_refused),
        cmocka_unit_test(paths_stay_below_their_folder),
        cmocka_unit_test(a_key_of_the_log_is_another_under_the_name_of_exports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
