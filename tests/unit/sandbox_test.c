#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <lmdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/sandbox.h"
#include "lib/syscalls.h"

/* Every test enters the jail in a child process; the child's exit status is the line at
 * which something was not as said, 0 when all was. */
#define HOLDS(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            dprintf(2, "line %d: %s (errno %d)\n", __LINE__, #x, errno);                           \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)
#define FAILS_WITH(error, call) HOLDS((call) < 0 && errno == (error))
/* A kernel without landlock leaves the paths open, and the jail says so in its log. */
static bool landlock;
#define LANDLOCKED(call) HOLDS(landlock ? (call) < 0 && errno == EACCES : (call) >= 0)

struct folders {
    char root[32], readable[48], writable[48], outside[48];
};

static void make_file(const char *folder, const char *name)
{
    char path[80];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "text", 4), 4);
    close(fd);
}

static int make_folders(void **state)
{
    struct folders *d = xcalloc(1, sizeof *d);
    strcpy(d->root, "/tmp/cerca-jail-XXXXXX");
    assert_non_null(mkdtemp(d->root));
    assert_int_equal(chmod(d->root, 0777), 0);
    char *const all[] = {d->readable, d->writable, d->outside};
    const char *const name[] = {"readable", "writable", "outside"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(all[i], sizeof d->readable, "%s/%s", d->root, name[i]);
        assert_int_equal(mkdir(all[i], 0777), 0);
        make_file(all[i], "file");
    }
    *state = d;
    return 0;
}

static int remove_folders(void **state)
{
    struct folders *d = *state;
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", d->root);
    assert_int_equal(system(command), 0);
    free(d);
    return 0;
}

/* The wait status of a child that enters the jail and then runs fn. */
static int in_jail(const struct sandbox *s, void (*fn)(const struct folders *), void *folders)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct fault f;
        HOLDS(sandbox_enter(s, &f) == 0);
        fn(folders);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static struct sandbox plain(const struct folders *d)
{
    struct sandbox s = {.program = "test"};
    sandbox_allow(&s, d->readable, false);
    sandbox_allow(&s, d->writable, true);
    return s;
}

static int open_in(const char *folder, const char *name, int flags)
{
    char path[80];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return open(path, flags | O_CLOEXEC, 0666);
}

static void try_paths(const struct folders *d)
{
    HOLDS(open_in(d->readable, "file", O_RDONLY) >= 0);
    LANDLOCKED(open_in(d->readable, "file", O_RDWR));
    LANDLOCKED(open_in(d->readable, "new", O_CREAT | O_WRONLY));
    HOLDS(open_in(d->writable, "file", O_RDWR | O_TRUNC) >= 0);
    HOLDS(open_in(d->writable, "new", O_CREAT | O_WRONLY) >= 0);
    LANDLOCKED(open_in(d->outside, "file", O_RDONLY));
    LANDLOCKED(open_in(d->outside, "new", O_CREAT | O_WRONLY));
    LANDLOCKED(open("/etc/passwd", O_RDONLY));
}

static void only_allowed_paths_open_and_only_as_allowed(void **state)
{
    struct folders *d = *state;
    struct sandbox s = plain(d);
    assert_int_equal(in_jail(&s, try_paths, d), 0);
}

static void change_folders(const struct folders *d)
{
    char a[80], b[80], out[80];
    snprintf(a, sizeof a, "%s/a", d->writable);
    snprintf(b, sizeof b, "%s/sub/b", d->writable);
    snprintf(out, sizeof out, "%s/b", d->outside);
    HOLDS(open_in(d->writable, "a", O_CREAT | O_WRONLY) >= 0);
    HOLDS(open_in(d->writable, "sub", O_RDONLY) < 0 && errno == ENOENT);
    char sub[80];
    snprintf(sub, sizeof sub, "%s/sub", d->writable);
    HOLDS(mkdir(sub, 0700) == 0);
    HOLDS(rename(a, b) == 0);
    HOLDS(!landlock || (rename(b, out) < 0 && (errno == EXDEV || errno == EACCES)));
    FAILS_WITH(EPERM, symlink(b, a));
    HOLDS(unlink(b) == 0);
    HOLDS(rmdir(sub) == 0);
    int fd = open(d->writable, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    HOLDS(fd >= 0 && fsync(fd) == 0);
}

static void files_move_inside_allowed_folders_and_never_out(void **state)
{
    struct folders *d = *state;
    struct sandbox s = plain(d);
    assert_int_equal(in_jail(&s, change_folders, d), 0);
}

static void look_at_timers(const struct folders *d)
{
    const struct itimerval none = {.it_value.tv_sec = 0};
    struct itimerval left;

    (void)d;
    HOLDS(setitimer(ITIMER_REAL, &none, &left) == 0);
    HOLDS(left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0);
    FAILS_WITH(EPERM, setitimer(ITIMER_VIRTUAL, &none, NULL));
}

static void the_time_for_making_a_filter_ends_with_it(void **state)
{
    struct sandbox s = plain(*state);
    assert_int_equal(in_jail(&s, look_at_timers, *state), 0);
}

static void absent_paths_are_skipped_and_too_many_are_refused(void **state)
{
    struct folders *d = *state;
    struct sandbox s = plain(d);
    sandbox_allow(&s, "/nonexistent/x", true);
    assert_int_equal(in_jail(&s, try_paths, d), 0);
    for (int i = 0; i < SANDBOX_PATHS_MAX; i++)
        sandbox_allow(&s, "/", false);
    struct fault f;
    assert_int_equal(sandbox_enter(&s, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "sandbox.paths");
}

static void try_sockets(const struct folders *d)
{
    (void)d;
    FAILS_WITH(EPERM, socket(AF_INET, SOCK_STREAM, 0));
    FAILS_WITH(EPERM, socket(AF_INET6, SOCK_STREAM, 0));
    FAILS_WITH(EPERM, socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS_WITH(EPERM, socket(AF_NETLINK, SOCK_RAW, 0));
}

static void try_unix_sockets(const struct folders *d)
{
    (void)d;
    HOLDS(socket(AF_UNIX, SOCK_SEQPACKET, 0) >= 0);
    HOLDS(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) >= 0);
    FAILS_WITH(EPERM, socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS_WITH(EPERM, socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    FAILS_WITH(EPERM, socket(AF_INET, SOCK_STREAM, 0));
    FAILS_WITH(EPERM, socket(AF_INET6, SOCK_STREAM, 0));
}

static void try_net_sockets(const struct folders *d)
{
    (void)d;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    HOLDS(fd >= 0);
    FAILS_WITH(EPERM, listen(fd, 1));
    HOLDS(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0);
    HOLDS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE) >= 0);
    FAILS_WITH(EPERM, socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
    FAILS_WITH(EPERM, socket(AF_INET, SOCK_RAW, 1));
    FAILS_WITH(EPERM, socket(AF_PACKET, SOCK_RAW, 0));
    FAILS_WITH(EPERM, socket(AF_UNIX, SOCK_STREAM, 0));
}

static void sockets_are_made_only_of_the_families_and_types_asked_for(void **state)
{
    struct folders *d = *state;
    struct sandbox s = plain(d);
    assert_int_equal(in_jail(&s, try_sockets, d), 0);
    s.unix_connect = true;
    assert_int_equal(in_jail(&s, try_unix_sockets, d), 0);
    s.unix_connect = false;
    s.net_connect = true;
    assert_int_equal(in_jail(&s, try_net_sockets, d), 0);
}

static void try_exec(const struct folders *d)
{
    (void)d;
    execl("/bin/true", "true", (char *)NULL);
}

static void try_ptrace(const struct folders *d)
{
    (void)d;
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void try_read_memory(const struct folders *d)
{
    struct iovec v = {(void *)(uintptr_t)d, 1};
    (void)process_vm_readv(getppid(), &v, 1, &v, 1, 0);
}

static void try_descriptor_of_another(const struct folders *d)
{
    (void)d;
    (void)syscall(SYS_pidfd_getfd, 0, 0, 0);
}

static void try_bpf(const struct folders *d)
{
    (void)d;
    (void)syscall(SYS_bpf, 0, NULL, 0);
}

static void try_keys_of_the_kernel(const struct folders *d)
{
    (void)d;
    (void)syscall(SYS_keyctl, 0, 0);
}

static void try_mount(const struct folders *d)
{
    (void)syscall(SYS_mount, "none", d->writable, "tmpfs", 0, NULL);
}

static void try_file_by_handle(const struct folders *d)
{
    (void)d;
    (void)syscall(SYS_open_by_handle_at, 0, NULL, 0);
}

static void try_new_kernel(const struct folders *d)
{
    (void)d;
    (void)syscall(SYS_kexec_file_load, -1, -1, 0, NULL, 0);
}

static void try_userfaultfd(const struct folders *d)
{
    (void)d;
    (void)syscall(SYS_userfaultfd, 0);
}

static void try_namespace(const struct folders *d)
{
    (void)d;
    (void)unshare(CLONE_NEWUSER);
}

static void what_only_an_intruder_does_kills_the_process(void **state)
{
    struct folders *d = *state;
    struct sandbox s = plain(d);
    void (*const attempts[])(const struct folders *) = {try_exec,        try_ptrace,
                                                        try_read_memory, try_descriptor_of_another,
                                                        try_bpf,         try_keys_of_the_kernel,
                                                        try_mount,       try_file_by_handle,
                                                        try_new_kernel,  try_userfaultfd,
                                                        try_namespace};
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        int status = in_jail(&s, attempts[i], d);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
        assert_false(WCOREDUMP(status));
    }
}

static void try_processes(const struct folders *d)
{
    (void)d;
    FAILS_WITH(EPERM, fork());
    FAILS_WITH(EPERM, kill(getppid(), 0));
    FAILS_WITH(EPERM, kill(-1, 0));
    HOLDS(kill(getpid(), 0) == 0);
    FAILS_WITH(ENOSYS, syscall(SYS_clone3, NULL, 0));
    FAILS_WITH(EPERM, setuid(0));
}

static void no_other_process_is_made_or_signalled(void **state)
{
    struct folders *d = *state;
    struct sandbox s = plain(d);
    assert_int_equal(in_jail(&s, try_processes, d), 0);
}

/* Landlock does not look at modes, so a path outside would be open to this. */
static void try_modes(const struct folders *d)
{
    FAILS_WITH(EPERM, chmod(d->outside, 0700));
    FAILS_WITH(EPERM, fchmodat(AT_FDCWD, d->outside, 0700, 0));
    FAILS_WITH(EPERM, chown(d->outside, getuid(), getgid()));
    int fd = open_in(d->writable, "file", O_RDWR);
    HOLDS(fd >= 0 && fchmod(fd, 0600) == 0);
    /* Rings do their own system calls, which no filter sees. */
    FAILS_WITH(EPERM, syscall(SYS_io_uring_setup, 1, NULL));
}

static void modes_change_only_through_descriptors_and_no_ring_is_made(void **state)
{
    struct folders *d = *state;
    struct sandbox s = plain(d);
    assert_int_equal(in_jail(&s, try_modes, d), 0);
}

static void try_new_code(const struct folders *d)
{
    (void)d;
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    HOLDS(p == MAP_FAILED && errno == EPERM);
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    HOLDS(p != MAP_FAILED);
    FAILS_WITH(EPERM, mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static void try_module_code(const struct folders *d)
{
    (void)d;
    HOLDS(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
          MAP_FAILED);
}

static void code_is_mapped_only_by_who_loads_modules(void **state)
{
    struct folders *d = *state;
    struct sandbox s = plain(d);
    assert_int_equal(in_jail(&s, try_new_code, d), 0);
    s.load_modules = true;
    assert_int_equal(in_jail(&s, try_module_code, d), 0);
}

static void *work(void *arg)
{
    pthread_setname_np(pthread_self(), "worker");
    void *p = malloc(1 << 20);
    bool works = p && memfd_create("t", MFD_CLOEXEC) >= 0 && sched_yield() == 0;
    free(p);
    return works ? arg : NULL;
}

static void work_as_usual(const struct folders *d)
{
    pthread_t thread[4];
    int one = 1;
    for (int i = 0; i < 4; i++)
        HOLDS(pthread_create(&thread[i], NULL, work, &one) == 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        HOLDS(pthread_join(thread[i], &result) == 0 && result == &one);
    }
    HOLDS(clock_now() > 0);
    int fd = open_in(d->writable, "data", O_CREAT | O_RDWR);
    struct flock whole = {.l_type = F_WRLCK};
    struct stat st;
    struct iovec v = {&one, sizeof one};
    HOLDS(fd >= 0 && flock(fd, LOCK_EX) == 0 && fcntl(fd, F_SETLK, &whole) == 0);
    HOLDS(pwritev(fd, &v, 1, 0) == sizeof one && ftruncate(fd, 100) == 0 && fstat(fd, &st) == 0);
    HOLDS(fdatasync(fd) == 0 && st.st_size == 100);
    FILE *file = fdopen(fd, "r+");
    HOLDS(file && fprintf(file, "text\n") > 0 && fflush(file) == 0);
    printf("%s", "");
}

static void threads_memory_locks_and_files_work_as_usual(void **state)
{
    struct folders *d = *state;
    struct sandbox s = plain(d);
    assert_int_equal(in_jail(&s, work_as_usual, d), 0);
}

static void use_lmdb(const struct folders *d)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val k = {3, "key"}, v = {5, "value"};
    HOLDS(mdb_env_create(&env) == 0);
    HOLDS(mdb_env_set_mapsize(env, (size_t)1 << 40) == 0);
    HOLDS(mdb_env_open(env, d->writable, 0, 0600) == 0);
    for (int i = 0; i < 3; i++) {
        HOLDS(mdb_txn_begin(env, NULL, 0, &txn) == 0);
        HOLDS(mdb_dbi_open(txn, NULL, 0, &dbi) == 0);
        HOLDS(mdb_put(txn, dbi, &k, &v, 0) == 0);
        HOLDS(mdb_txn_commit(txn) == 0);
    }
    HOLDS(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0);
    HOLDS(mdb_get(txn, dbi, &k, &v) == 0 && v.mv_size == 5);
    mdb_txn_abort(txn);
    int fd = open_in(d->writable, "copy", O_CREAT | O_WRONLY);
    HOLDS(mdb_env_copyfd2(env, fd, MDB_CP_COMPACT) == 0);
    mdb_env_close(env);
}

static void the_store_opens_commits_and_copies_inside_the_jail(void **state)
{
    struct folders *d = *state;
    struct sandbox s = plain(d);
    assert_int_equal(in_jail(&s, use_lmdb, d), 0);
}

static void wait_to_be_looked_at(const struct folders *d)
{
    char c;
    (void)d;
    struct rlimit core;
    HOLDS(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
    HOLDS(write(STDOUT_FILENO, "r", 1) == 1);
    HOLDS(read(STDIN_FILENO, &c, 1) == 0);
}

/* The files of a process in /proc belong to root when the process is not dumpable, and
 * to its own user otherwise. */
static void no_memory_image_is_left_and_nobody_may_look_inside(void **state)
{
    struct folders *d = *state;
    int to[2], from[2];
    char c, path[32];
    assert_int_equal(pipe2(to, O_CLOEXEC) | pipe2(from, O_CLOEXEC), 0);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct sandbox s = plain(d);
        struct fault f;
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        close(to[1]);
        HOLDS(getuid() != 0 || setuid(65534) == 0);
        HOLDS(sandbox_enter(&s, &f) == 0);
        wait_to_be_looked_at(d);
        _exit(0);
    }
    close(from[1]);
    assert_int_equal(read(from[0], &c, 1), 1);
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 0);
    close(to[0]);
    close(to[1]);
    close(from[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* What cercad does: start a program that then narrows the jail for itself. */
static void start_children(const struct folders *d)
{
    int status;
    pid_t pid = fork();
    HOLDS(pid >= 0);
    if (pid == 0)
        try_exec(d);
    HOLDS(waitpid(pid, &status, 0) == pid && status == 0);
    pid = fork();
    HOLDS(pid >= 0);
    if (pid == 0) {
        struct sandbox s = plain(d);
        struct fault f;
        HOLDS(sandbox_enter(&s, &f) == 0);
        try_paths(d);
        try_sockets(d);
        try_processes(d);
        work_as_usual(d);
        _exit(0);
    }
    HOLDS(waitpid(pid, &status, 0) == pid && status == 0);
    FAILS_WITH(EPERM, mknod("/tmp/x", S_IFCHR, 0));
    FAILS_WITH(EPERM, syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0));
}

static void a_jail_that_spawns_lets_children_enter_narrower_ones(void **state)
{
    struct folders *d = *state;
    struct sandbox s = {.program = "test", .spawn = true};
    assert_int_equal(in_jail(&s, start_children, d), 0);
}

static void every_call_in_the_lists_is_known(void **state)
{
    (void)state;
    const char *unknown = syscalls_unknown();
    assert_null(unknown);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_folders, remove_folders)
    const struct CMUnitTest tests[] = {
        T(only_allowed_paths_open_and_only_as_allowed),
        T(files_move_inside_allowed_folders_and_never_out),
        T(the_time_for_making_a_filter_ends_with_it),
        T(absent_paths_are_skipped_and_too_many_are_refused),
        T(sockets_are_made_only_of_the_families_and_types_asked_for),
        T(what_only_an_intruder_does_kills_the_process),
        T(no_other_process_is_made_or_signalled),
        T(modes_change_only_through_descriptors_and_no_ring_is_made),
        T(code_is_mapped_only_by_who_loads_modules),
        T(threads_memory_locks_and_files_work_as_usual),
        T(the_store_opens_commits_and_copies_inside_the_jail),
        T(no_memory_image_is_left_and_nobody_may_look_inside),
        T(a_jail_that_spawns_lets_children_enter_narrower_ones),
        T(every_call_in_the_lists_is_known),
    };
    landlock = sandbox_landlock_abi() > 0;
    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
