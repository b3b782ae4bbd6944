/* What people are told to type reaches the shell as one word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/shellword.h"

static void word_is(const char *text, const char *wanted)
{
    struct buf out;

    buf_init(&out, 256);
    shellword_put(&out, text);
    assert_string_equal(buf_cstr(&out), wanted);
    buf_free(&out);
}

static void plain_paths_stay_as_they_are(void **state)
{
    (void)state;
    word_is("/srv/ca-1/cerca.conf", "/srv/ca-1/cerca.conf");
    word_is("run/web_1.key", "run/web_1.key");
}

/* POSIX Shell Command Language 2.2.2: nothing within single quotes means anything. */
static void all_that_means_something_to_a_shell_is_quoted(void **state)
{
    (void)state;
    word_is("", "''");
    word_is("a b", "'a b'");
    word_is("$(id)", "'$(id)'");
    word_is("~/ca", "'~/ca'");
    word_is("a\nb", "'a\nb'");
    word_is("it's", "'it'\\''s'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_paths_stay_as_they_are),
        cmocka_unit_test(all_that_means_something_to_a_shell_is_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
