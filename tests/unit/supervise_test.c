#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/supervise/backoff.h"
#include "ca/supervise/checks.h"
#include "ca/supervise/child.h"
#include "ca/supervise/launch.h"
#include "ca/supervise/lock.h"
#include "ca/supervise/pins.h"
#include "lib/exitcode.h"

struct folder {
    char path[40];
};

static int make_folder(void **state)
{
    struct folder *d = xcalloc(1, sizeof *d);
    strcpy(d->path, "/tmp/cerca-supervise-XXXXXX");
    assert_non_null(mkdtemp(d->path));
    *state = d;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *d = *state;
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", d->path);
    assert_int_equal(system(command), 0);
    free(d);
    return 0;
}

static void waits_double_from_50_ms_to_5_s_and_a_long_life_forgets_them(void **state)
{
    (void)state;
    struct backoff b = {0};
    const uint32_t want[] = {50, 100, 200, 400, 800, 1600, 3200, 5000, 5000};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        assert_int_equal(backoff_next(&b, 10), want[i]);
    assert_int_equal(backoff_next(&b, BACKOFF_RESET_MS - 1), 5000);
    assert_int_equal(backoff_next(&b, BACKOFF_RESET_MS), 50);
    assert_int_equal(backoff_next(&b, 0), 100);
}

static void an_ending_says_what_happened_and_whether_it_is_final(void **state)
{
    (void)state;
    const struct {
        int status;
        bool final;
        const char *reason;
    } table[] = {
        {W_EXITCODE(EXITCODE_OK, 0), false, "exit status 0"},
        {W_EXITCODE(EXITCODE_FAILED, 0), false, "exit status 1"},
        {W_EXITCODE(EXITCODE_WRONG_PIN, 0), true, "wrong PIN"},
        {W_EXITCODE(EXITCODE_CONFIG, 0), true, "configuration unusable"},
        {W_EXITCODE(EXITCODE_TOKEN, 0), false, "token or module failed"},
        {W_EXITCODE(EXITCODE_STORE, 0), false, "store must recover"},
        {W_EXITCODE(0, SIGKILL), false, "killed by signal 9"},
        {W_EXITCODE(0, SIGSEGV), false, "killed by signal 11"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct ending e;
        ending_read(table[i].status, &e);
        assert_int_equal(e.final, table[i].final);
        assert_string_equal(e.reason, table[i].reason);
    }
}

/* A child on a loop whose program is a process that ends as the list says. */
struct script {
    struct loop *loop;
    struct child *child;
    const int *exits; /* of one life after the other; -1: refuse to start; -2: live on */
    int lives;
    struct buf states;
};

static pid_t start_script(void *arg, const struct program *p, struct fault *f)
{
    struct script *s = arg;
    int how = s->exits[s->lives++];
    (void)p;
    if (how == -1)
        return fault_set(f, FAULT_INTERNAL, "test", "cannot start");
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (how == -2)
        (void)pause();
    _exit(how);
}

static void note_state(void *arg, struct child *c)
{
    struct script *s = arg;
    struct child_status status;
    child_status(c, &status);
    buf_printf(&s->states, "%s%s%s%s ",
               status.state == CHILD_RUNNING   ? "running"
               : status.state == CHILD_WAITING ? "waiting"
                                               : "stopped",
               *status.reason ? "(" : "", status.reason, *status.reason ? ")" : "");
    if (status.state == CHILD_STOPPED)
        loop_stop(s->loop);
}

static void reap(void *arg, int signo)
{
    struct script *s = arg;
    int status;
    pid_t pid;
    (void)signo;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        assert_true(child_reaped(s->child, pid, status));
}

static const struct child_callbacks script_callbacks = {.start = start_script,
                                                        .changed = note_state};

static void run_script(struct script *s, const int *exits, void (*soon)(void *))
{
    static char token[] = "t";
    static const struct program program = {.name = "cerca-signer", .token = token};
    *s = (struct script){.loop = loop_new(), .exits = exits};
    buf_init(&s->states, 4096);
    loop_signal(s->loop, SIGCHLD, reap, s);
    s->child = child_new(s->loop, &program, &script_callbacks, s);
    child_start(s->child);
    if (soon)
        loop_post(s->loop, soon, s);
    loop_run(s->loop);
}

static void end_script(struct script *s)
{
    child_free(s->child);
    loop_free(s->loop);
    buf_free(&s->states);
}

static void a_program_is_started_again_until_it_says_that_this_is_useless(void **state)
{
    (void)state;
    struct script s;
    const int exits[] = {EXITCODE_FAILED, -1, EXITCODE_WRONG_PIN};
    run_script(&s, exits, NULL);
    assert_string_equal(buf_cstr(&s.states), "running waiting(exit status 1) waiting(cannot start) "
                                             "running(cannot start) stopped(wrong PIN) ");
    assert_int_equal(s.lives, 3);
    struct child_status status;
    child_status(s.child, &status);
    assert_int_equal(status.restarts, 2);
    assert_int_equal(status.pid, 0);
    assert_string_equal(status.program, "cerca-signer");
    assert_string_equal(status.token, "t");
    end_script(&s);
}

static void ask_to_end(void *arg)
{
    struct script *s = arg;
    child_end(s->child, SIGTERM);
    child_end(s->child, SIGTERM);
}

static void a_program_asked_to_end_is_not_started_again(void **state)
{
    (void)state;
    struct script s;
    const int exits[] = {-2};
    run_script(&s, exits, ask_to_end);
    assert_string_equal(buf_cstr(&s.states), "running stopped ");
    assert_int_equal(s.lives, 1);
    assert_false(child_alive(s.child));
    end_script(&s);
}

static void a_program_that_waits_for_its_next_start_can_be_ended_too(void **state)
{
    (void)state;
    struct script s;
    const int exits[] = {-1};
    run_script(&s, exits, ask_to_end);
    assert_string_equal(buf_cstr(&s.states), "waiting(cannot start) stopped(cannot start) ");
    assert_int_equal(s.lives, 1);
    end_script(&s);
}

/* Starts a shell with `command`; what it prints comes back in `out`. */
static int run_shell(struct launch *l, const char *command, char *const *environment, char *out,
                     size_t size)
{
    struct fault f;
    int report[2], status;
    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    l->path = "/bin/sh";
    l->argv[0] = "sh";
    l->argv[1] = "-c";
    l->argv[2] = command;
    l->environment = environment;
    l->fd[l->n_fds].from = report[1];
    l->fd[l->n_fds++].to = 9;
    pid_t pid = launch(l, &f);
    assert_true(pid > 0);
    close(report[1]);
    size_t n = 0;
    for (ssize_t r = 1; r > 0 && n<size - 1; n += r> 0 ? (size_t)r : 0)
        r = read(report[0], out + n, size - 1 - n);
    out[n] = '\0';
    close(report[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* Shells start others by vfork with borrowed descriptors and signals blocked, so these two
 * look with what is built into the shell. */
static void a_program_gets_its_descriptors_at_their_numbers_and_no_others(void **state)
{
    (void)state;
    char out[256];
    int a = memfd_create("a", MFD_CLOEXEC), b = memfd_create("b", MFD_CLOEXEC);
    assert_int_equal(write(a, "AA", 2), 2);
    assert_int_equal(write(b, "BB", 2), 2);
    lseek(a, 0, SEEK_SET);
    lseek(b, 0, SEEK_SET);
    /* Each wants the number that the other has now. */
    struct launch l = {.fd = {{a, b}, {b, a}}, .n_fds = 2};
    char *const environment[] = {(char[]){"ONE=1"}, NULL};
    char command[300], want[64];
    snprintf(command, sizeof command,
             "for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do"
             " [ -e /proc/$$/fd/$n ] && l=\"$l $n\"; done;"
             "cat <&%d >&9; cat <&%d >&9; echo \" $ONE$HOME\" >&9;"
             "echo $l >&9; readlink /proc/$$/fd/0 >&9",
             a, b);
    assert_int_equal(run_shell(&l, command, environment, out, sizeof out), 0);
    snprintf(want, sizeof want, "BBAA 1\n0 1 2 %d %d 9\n/dev/null\n", a, b);
    assert_string_equal(out, want);
    close(a);
    close(b);
}

static void a_program_has_a_session_of_its_own_and_no_blocked_signals(void **state)
{
    (void)state;
    char out[256];
    sigset_t hup, before;
    sigemptyset(&hup);
    sigaddset(&hup, SIGHUP);
    assert_int_equal(sigprocmask(SIG_BLOCK, &hup, &before), 0);
    struct launch l = {.n_fds = 0};
    char *const environment[] = {NULL};
    const char *command = "read p n s r </proc/self/stat; set -- $r; "
                          "[ \"$3\" = $$ ] && echo own >&9; while read k v; do [ \"$k\" = SigBlk: "
                          "] && echo \"$k $v\" >&9; done </proc/self/status; :";
    assert_int_equal(run_shell(&l, command, environment, out, sizeof out), 0);
    assert_string_equal(out, "own\nSigBlk: 0000000000000000\n");
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void a_program_that_is_absent_ends_with_127(void **state)
{
    (void)state;
    struct fault f;
    int status;
    char *const environment[] = {NULL};
    struct launch l = {
        .path = "/nonexistent/program", .argv = {"program"}, .environment = environment};
    pid_t pid = launch(&l, &f);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, W_EXITCODE(127, 0));
}

/* The pipe's reading end sees its end only when every process that holds the other has
 * gone. */
static void a_program_dies_with_who_started_it(void **state)
{
    (void)state;
    int alive[2];
    assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
    pid_t middle = fork();
    assert_true(middle >= 0);
    if (middle == 0) {
        struct fault f;
        char *const environment[] = {NULL};
        struct launch l = {.path = "/bin/sh",
                           .argv = {"sh", "-c", "echo up >&3; while :; do read x; done"},
                           .environment = environment,
                           .fd = {{alive[1], 3}},
                           .n_fds = 1};
        if (launch(&l, &f) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    close(alive[1]);
    char c[8];
    assert_int_equal(read(alive[0], c, sizeof c), 3);
    assert_int_equal(kill(middle, SIGKILL), 0);
    assert_int_equal(waitpid(middle, NULL, 0), middle);
    struct pollfd p = {.fd = alive[0], .events = POLLIN};
    assert_int_equal(poll(&p, 1, 60000), 1);
    assert_int_equal(read(alive[0], c, sizeof c), 0);
    close(alive[0]);
}

static void an_inherited_pin_can_be_handed_on_more_than_once(void **state)
{
    (void)state;
    static struct pins pins;
    struct fault f;
    int p[2], file;
    assert_int_equal(pipe(p), 0);
    assert_int_equal(write(p[1], "1234\n", 5), 5);
    close(p[1]);
    pins_init(&pins);
    for (int i = 0; i < 3; i++) {
        char got[16];
        assert_int_equal(pins_get(&pins, p[0], &file, &f), 0);
        assert_int_equal(read(file, got, sizeof got), 5);
        assert_memory_equal(got, "1234\n", 5);
    }
    assert_true(write(file, "x", 1) < 0);
    close(file);
}

static void a_pin_descriptor_that_was_not_inherited_is_refused(void **state)
{
    (void)state;
    static struct pins pins;
    struct fault f;
    pins_init(&pins);
    int later = memfd_create("later", MFD_CLOEXEC), file;
    assert_int_equal(write(later, "1234", 4), 4);
    lseek(later, 0, SEEK_SET);
    assert_int_equal(pins_get(&pins, later, &file, &f), -FAULT_CONFIG);
    assert_int_equal(file, -1);
    assert_true(fcntl(later, F_GETFD) >= 0);
    close(later);
}

static void a_second_lock_of_a_folder_names_who_holds_it(void **state)
{
    const struct folder *d = *state;
    struct fault f;
    char sub[64], pid[32];
    int first, second;
    snprintf(sub, sizeof sub, "%s/sock", d->path);
    snprintf(pid, sizeof pid, "(pid %d)", (int)getpid());
    assert_int_equal(lock_folder(sub, &first, &f), 0);
    assert_int_equal(lock_folder(sub, &second, &f), -FAULT_CONFLICT);
    assert_non_null(strstr(f.text, pid));
    assert_non_null(strstr(f.text, sub));
    close(first);
    assert_int_equal(lock_folder(sub, &second, &f), 0);
    close(second);
}

/* Killed behind a fork, so that its child has the lock for a moment more. */
static _Noreturn void lock_and_die(const char *sub)
{
    struct fault f;
    int lock;
    if (lock_folder(sub, &lock, &f) != 0)
        _exit(1);
    if (fork() == 0) {
        (void)usleep(300000);
        _exit(0);
    }
    _exit(0);
}

static void what_is_left_of_a_killed_one_is_waited_for(void **state)
{
    const struct folder *d = *state;
    struct fault f;
    char sub[64];
    int status, lock;
    snprintf(sub, sizeof sub, "%s/sock", d->path);
    pid_t first = fork();
    if (first == 0)
        lock_and_die(sub);
    assert_int_equal(waitpid(first, &status, 0), first);
    assert_int_equal(status, 0);
    assert_int_equal(lock_folder(sub, &lock, &f), 0);
    close(lock);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_from_50_ms_to_5_s_and_a_long_life_forgets_them),
        cmocka_unit_test(an_ending_says_what_happened_and_whether_it_is_final),
        cmocka_unit_test(a_program_is_started_again_until_it_says_that_this_is_useless),
        cmocka_unit_test(a_program_asked_to_end_is_not_started_again),
        cmocka_unit_test(a_program_that_waits_for_its_next_start_can_be_ended_too),
        cmocka_unit_test(a_program_gets_its_descriptors_at_their_numbers_and_no_others),
        cmocka_unit_test(a_program_has_a_session_of_its_own_and_no_blocked_signals),
        cmocka_unit_test(a_program_that_is_absent_ends_with_127),
        cmocka_unit_test(a_program_dies_with_who_started_it),
        cmocka_unit_test(an_inherited_pin_can_be_handed_on_more_than_once),
        cmocka_unit_test(a_pin_descriptor_that_was_not_inherited_is_refused),
        T(what_is_left_of_a_killed_one_is_waited_for),
        T(a_second_lock_of_a_folder_names_who_holds_it),
    };
    /* As cercad does: what the test runner left open goes to no program. */
    (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    return cmocka_run_group_tests_name("supervise", tests, NULL, NULL);
}
