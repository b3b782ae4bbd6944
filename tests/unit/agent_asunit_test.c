/* What systemd-run is told when the service manager runs a command: nothing in a path or a word may
 * become another word, property or variable. That it does as told is seen by `make boot-test`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/deploy/asunit.h"

static char **argv;

static int tear_down(void **s)
{
    (void)s;
    asunit_free(argv);
    argv = NULL;
    return unsetenv("CERCA_AGENT_COMMANDS");
}

static size_t find(const char *word)
{
    size_t i = 0;

    while (argv[i] != NULL && strcmp(argv[i], word) != 0)
        i++;
    if (argv[i] == NULL)
        fail_msg("no word %s", word);
    return i;
}

static void words_stay_words(void **s)
{
    const char *const words[] = {"/bin/x$y", "$HOME", "a b", "--property=User=root",
                                 "100%",     "",      NULL};
    const struct command c = {.argv = words, .limit = 5};
    size_t at;

    (void)s;
    argv = asunit_argv(&c);
    at = find("--");
    assert_string_equal(argv[0], "systemd-run");
    assert_string_equal(argv[at + 1], "/bin/x$y");
    assert_string_equal(argv[at + 2], "$$HOME");
    assert_string_equal(argv[at + 3], "a b");
    assert_string_equal(argv[at + 4], "--property=User=root");
    assert_string_equal(argv[at + 5], "100%");
    assert_string_equal(argv[at + 6], "");
    assert_null(argv[at + 7]);
    assert_true(find("--property=RuntimeMaxSec=7") < at);
}

static void paths_stay_paths(void **s)
{
    const char *const words[] = {"true", NULL};
    const struct command c = {.argv = words, .bind_from = "/v/a b:c", .bind_to = "/v/\"1\"\\'2'"};

    (void)s;
    argv = asunit_argv(&c);
    assert_true(find("--property=BindPaths=/v/a\\ b\\:c:/v/\\\"1\\\"\\\\\\'2\\'") < find("--"));
}

static void variables_are_handed_on(void **s)
{
    const char *const words[] = {"true", NULL};
    const struct command c = {
        .argv = words, .env = {{"CERCA_NAME", "web"}, {"CERCA_REASON", "a b=c"}}, .n_env = 2};

    (void)s;
    argv = asunit_argv(&c);
    assert_true(find("--setenv=CERCA_NAME=web") < find("--"));
    assert_true(find("--setenv=CERCA_REASON=a b=c") < find("--"));
    assert_true(find("--setenv=PATH=" COMMAND_PATH) < find("--"));
}

static void only_when_it_is_wanted(void **s)
{
    (void)s;
    assert_false(asunit_wanted());
    assert_int_equal(setenv("CERCA_AGENT_COMMANDS", "", 1), 0);
    assert_false(asunit_wanted());
    assert_int_equal(setenv("CERCA_AGENT_COMMANDS", "systemd-run", 1), 0);
    assert_true(asunit_wanted());
    assert_true(command_can_bind());
}

static void what_cannot_be_found_is_said(void **s)
{
    const char *const missing[] = {"/no/such/program", NULL};
    const struct command c = {.argv = missing};
    struct fault f;

    (void)s;
    assert_int_equal(asunit_missing("sh"), 0);
    assert_int_equal(asunit_missing("/bin/sh"), 0);
    assert_int_equal(asunit_missing("no-such-program-here"), ENOENT);
    assert_int_equal(asunit_missing("/etc/hostname/x"), ENOTDIR);
    assert_int_equal(setenv("CERCA_AGENT_COMMANDS", "systemd-run", 1), 0);
    assert_int_equal(command_run(&c, NULL, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "command.start");
    assert_non_null(strstr(f.text, "/no/such/program"));
}

#define TEST(function) cmocka_unit_test_teardown(function, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(words_stay_words),
        TEST(paths_stay_paths),
        TEST(variables_are_handed_on),
        TEST(only_when_it_is_wanted),
        TEST(what_cannot_be_found_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
