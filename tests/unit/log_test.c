#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"

static int pipe_ends[2];
static int real_stderr;
static char got[8192];

/* Standard error goes into a pipe until take_lines; a pipe holds 64 KiB, so nothing blocks. */
static void capture(void)
{
    assert_int_equal(pipe(pipe_ends), 0);
    real_stderr = dup(STDERR_FILENO);
    assert_true(real_stderr >= 0);
    assert_int_equal(dup2(pipe_ends[1], STDERR_FILENO), STDERR_FILENO);
}

static const char *take_lines(void)
{
    ssize_t n;

    assert_int_equal(dup2(real_stderr, STDERR_FILENO), STDERR_FILENO);
    (void)close(real_stderr);
    (void)close(pipe_ends[1]);
    n = read(pipe_ends[0], got, sizeof(got) - 1);
    assert_true(n >= 0);
    got[n] = 0;
    (void)close(pipe_ends[0]);
    return got;
}

static void a_line_has_time_level_program_event_and_pairs(void **state)
{
    const char *line;

    (void)state;
    capture();
    log_open("cerca-ca", LOG_LEVEL_INFO);
    log_info("signer.started", "token", "dev", "pid", log_num(42), NULL);
    line = take_lines();
    assert_int_equal(strlen(line), strlen("2026-11-21T09:30:00Z info cerca-ca signer.started "
                                          "token=dev pid=42\n"));
    assert_int_equal(line[10], 'T');
    assert_string_equal(line + 20, " info cerca-ca signer.started token=dev pid=42\n");
}

static void values_cannot_forge_lines_or_pairs(void **state)
{
    (void)state;
    capture();
    log_open("t", LOG_LEVEL_INFO);
    log_warn("e", "v", "a b\n\"c\"\\ x=y", "empty", "", "none", NULL, "plain", "x", NULL);
    assert_string_equal(take_lines() + 20, " warn t e v=\"a b\\x0a\\\"c\\\"\\\\ x=y\" "
                                           "empty=\"\" none=\"\" plain=x\n");
}

/* CSI is 9b, or c2 9b in UTF-8: neither reaches a terminal. */
static void no_control_character_is_written_and_text_stays_readable(void **state)
{
    (void)state;
    capture();
    log_open("t", LOG_LEVEL_INFO);
    log_warn("e", "v", "\x1b[2J\x7f", "c1",
             "\xc2\x9b"
             "2J",
             "octet",
             "\x9b"
             "2J\xff",
             "text", "Z\xc3\xbcrich\xc2\xa0", NULL);
    assert_string_equal(take_lines() + 20,
                        " warn t e v=\"\\x1b[2J\\x7f\" c1=\"\\xc2\\x9b2J\" "
                        "octet=\"\\x9b2J\\xff\" text=\"Z\xc3\xbcrich\xc2\xa0\"\n");
}

static void levels_below_the_chosen_one_are_silent(void **state)
{
    (void)state;
    capture();
    log_open("t", LOG_LEVEL_WARN);
    log_info("quiet", NULL);
    log_debug("quiet", NULL);
    log_error("loud", NULL);
    assert_string_equal(take_lines() + 20, " error t loud\n");
    assert_int_equal(log_level_now(), LOG_LEVEL_WARN);
}

static void a_fault_comes_behind_the_pairs(void **state)
{
    struct fault f;

    (void)state;
    assert_int_equal(fault_refuse(&f, "san.dns", "san", slice_str("x y"), "z"), -FAULT_POLICY);
    capture();
    log_open("t", LOG_LEVEL_INFO);
    log_fault(LOG_LEVEL_INFO, "issue.refused", &f, "id", "7", NULL);
    assert_string_equal(take_lines() + 20,
                        " info t issue.refused id=7 code=refused rule=san.dns field=san "
                        "value=\"x y\" text=\"san \\\"x y\\\" is not allowed\"\n");
}

static void the_journal_gets_a_priority_instead_of_time_and_level(void **state)
{
    struct stat st;
    char stream[64];

    (void)state;
    capture();
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    (void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    log_open("t", LOG_LEVEL_INFO);
    log_error("e", "k", "v", NULL);
    assert_string_equal(take_lines(), "<3>t e k=v\n");
    assert_int_equal(setenv("JOURNAL_STREAM", "1:2", 1), 0);
    capture();
    log_open("t", LOG_LEVEL_INFO);
    log_error("e", NULL);
    assert_string_equal(take_lines() + 20, " error t e\n");
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

static void a_line_that_is_too_long_is_cut_and_still_ends(void **state)
{
    static char part[1001];
    const char *line;

    (void)state;
    memset(part, 'x', sizeof(part) - 1);
    capture();
    log_open("t", LOG_LEVEL_INFO);
    log_info("e", "a", part, "b", part, "c", part, "d", part, "e", part, NULL);
    line = take_lines();
    assert_in_range(strlen(line), 3000, 4096);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void level_names_are_read(void **state)
{
    enum log_level level;

    (void)state;
    assert_int_equal(log_level_parse("debug", &level), 0);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse("error", &level), 0);
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_int_equal(log_level_parse("DEBUG", &level), -1);
    assert_int_equal(log_level_parse("", &level), -1);
}

static void eight_numbers_of_one_line_stay_apart(void **state)
{
    const char *n[8];
    uint8_t octets[40] = {0xab};

    (void)state;
    for (int i = 0; i < 8; i++)
        n[i] = log_num(INT64_MIN + i);
    for (int i = 0; i < 8; i++)
        assert_true(strtoll(n[i], NULL, 10) == INT64_MIN + i);
    assert_int_equal(strlen(log_hex(slice_of(octets, sizeof(octets)))), 64);
    assert_string_equal(log_hex(slice_of(octets, 2)), "ab00");
}

/* In the child: what is opened behind log_open gets none of the numbers 0, 1 and 2. */
static int opened_with_nothing_open(void)
{
    struct stat st;
    char octet;
    FILE *file;

    (void)close_range(STDIN_FILENO, STDERR_FILENO, 0);
    log_open("t", LOG_LEVEL_INFO);
    file = tmpfile();
    if (file == NULL || fileno(file) <= STDERR_FILENO)
        return 1;
    log_error("e", NULL);
    if (fstat(fileno(file), &st) != 0 || st.st_size != 0)
        return 2;
    if (write(STDOUT_FILENO, "x", 1) != -1 || errno != EBADF)
        return 3;
    return read(STDIN_FILENO, &octet, 1) != -1 || errno != EBADF ? 4 : 0;
}

static void closed_standard_files_are_not_met_again(void **state)
{
    int status = -1;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        _exit(opened_with_nothing_open());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_program_event_and_pairs),
        cmocka_unit_test(values_cannot_forge_lines_or_pairs),
        cmocka_unit_test(no_control_character_is_written_and_text_stays_readable),
        cmocka_unit_test(levels_below_the_chosen_one_are_silent),
        cmocka_unit_test(a_fault_comes_behind_the_pairs),
        cmocka_unit_test(the_journal_gets_a_priority_instead_of_time_and_level),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_and_still_ends),
        cmocka_unit_test(level_names_are_read),
        cmocka_unit_test(eight_numbers_of_one_line_stay_apart),
        cmocka_unit_test(closed_standard_files_are_not_met_again),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
