/* Passwords as crypt(3) hashes them: right, wrong, unknown; files that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/enroll/passwords.h"

static char path[] = "/tmp/cerca-passwords-XXXXXX";

static void put(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void each_strong_method_is_known(void **state)
{
    static const char *const settings[] = {"$y$j9T$abcdefghijklmnopqrst1.",
                                           "$7$CU..../....abcdefgh",
                                           "$2b$05$abcdefghijklmnopqrstuu", "$6$saltsalt"};
    struct passwords *p;
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        struct crypt_data *d = xcalloc(1, sizeof(*d));
        const char *hash = crypt_rn("open sesame", settings[i], d, sizeof(*d));
        struct buf text;

        assert_non_null(hash);
        buf_init(&text, 4096);
        buf_printf(&text, "# users\n\nzoe:%s\nbob:%s\n", hash, hash);
        put(buf_cstr(&text), 0640);
        buf_free(&text);
        free(d);
        assert_int_equal(passwords_load(path, &p, &f), 0);
        assert_int_equal(passwords_count(p), 2);
        assert_true(passwords_right(p, "bob", slice_str("open sesame")));
        assert_true(passwords_right(p, "zoe", slice_str("open sesame")));
        assert_false(passwords_right(p, "bob", slice_str("open sesam")));
        assert_false(passwords_right(p, "bob", SLICE_NONE));
        assert_false(passwords_right(p, "bob", slice_of("open sesame\0x", 13)));
        assert_false(passwords_right(p, "carol", slice_str("open sesame")));
        assert_false(passwords_right(p, "", slice_str("open sesame")));
        passwords_free(p);
    }
}

static void refused(const char *text, mode_t mode, const char *rule)
{
    struct passwords *p;
    struct fault f;

    fault_clear(&f);
    put(text, mode);
    assert_int_equal(passwords_load(path, &p, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, rule);
    assert_null(p);
}

static void bad_files_are_refused(void **state)
{
    (void)state;
    refused("bob:$6$saltsalt$x\n", 0644, "password.file");
    refused("bob\n", 0600, "password.syntax");
    refused(":$6$saltsalt$x\n", 0600, "password.syntax");
    refused("bob:secret\n", 0600, "password.syntax");
    refused("bob:$1$saltsalt$x\n", 0600, "password.syntax"); /* MD5 */
    refused("bob:$6$saltsalt$x:1\n", 0600, "password.syntax");
    refused("bob:$6$saltsalt$x\nbob:$6$saltsalt$y\n", 0600, "password.syntax");
}

static void without_a_file_nothing_is_right(void **state)
{
    struct passwords *p;
    struct fault f;

    (void)state;
    assert_int_equal(passwords_load("", &p, &f), 0);
    assert_null(p);
    assert_false(passwords_right(p, "bob", slice_str("x")));
    assert_int_equal(passwords_load("/nonexistent/file", &p, &f), -FAULT_CONFIG);
    put("", 0600);
    assert_int_equal(passwords_load(path, &p, &f), 0);
    assert_false(passwords_right(p, "bob", slice_str("x")));
    passwords_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_strong_method_is_known),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(without_a_file_nothing_is_right),
    };
    int fd = mkstemp(path), rc;

    (void)close(fd);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    return rc;
}
