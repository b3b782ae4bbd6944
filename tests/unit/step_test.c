#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/step.h"

#define SURVIVED 7

/* How a child ends that passes "door.sign" twice and "door.finish" once. */
static int end_of_child(const char *order)
{
    pid_t pid;
    int status;

    assert_int_equal(setenv("CERCA_STEP_KILL", order, 1), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);

        if (dup2(null, STDERR_FILENO) < 0)
            _exit(1);
        STEP_INIT("cerca-ca");
        STEP("door.sign");
        STEP("door.finish");
        STEP("door.sign");
        _exit(SURVIVED);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void the_named_step_kills_at_its_count(void **state)
{
    (void)state;
    assert_int_equal(end_of_child("cerca-ca:door.sign:1"), -SIGKILL);
    assert_int_equal(end_of_child("cerca-ca:door.sign:2"), -SIGKILL);
    assert_int_equal(end_of_child("cerca-ca:door.finish:1"), -SIGKILL);
    assert_int_equal(end_of_child("cerca-ca:door.sign:3"), SURVIVED);
}

static void another_program_or_step_lives(void **state)
{
    (void)state;
    assert_int_equal(end_of_child("cerca-signer:door.sign:1"), SURVIVED);
    assert_int_equal(end_of_child("cerca:door.sign:1"), SURVIVED);
    assert_int_equal(end_of_child("cerca-ca:door.intent:1"), SURVIVED);
}

static void with_a_file_it_kills_once_and_takes_the_file(void **state)
{
    char path[] = "/tmp/cerca-step-XXXXXX";
    char order[128];
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    (void)snprintf(order, sizeof(order), "cerca-ca:door.sign:2@%s", path);
    assert_int_equal(end_of_child(order), -SIGKILL);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(end_of_child(order), SURVIVED);
}

static void a_malformed_order_does_not_go_unnoticed(void **state)
{
    (void)state;
    assert_int_equal(end_of_child("cerca-ca:door.sign"), EXIT_FAILURE);
    assert_int_equal(end_of_child("cerca-ca:door.sign:0"), EXIT_FAILURE);
    assert_int_equal(end_of_child("cerca-ca:door.sign:x"), EXIT_FAILURE);
    assert_int_equal(end_of_child("cerca-ca:door.sign:1x"), EXIT_FAILURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_named_step_kills_at_its_count),
        cmocka_unit_test(another_program_or_step_lives),
        cmocka_unit_test(with_a_file_it_kills_once_and_takes_the_file),
        cmocka_unit_test(a_malformed_order_does_not_go_unnoticed),
    };

    return cmocka_run_group_tests_name("step", tests, NULL, NULL);
}
