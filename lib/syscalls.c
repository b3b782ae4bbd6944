/*
 * One filter a process, default EPERM: a library that probes for a feature goes on without
 * it. What only an intruder would do kills the process instead, and the kernel's audit log
 * names it. Filters are inherited, so cercad's (spawn) contains what its children need,
 * and they narrow it for themselves.
 */
#include "lib/syscalls.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41 /* names of anonymous memory, from glibc 2.37 on */
#endif

/* Plain work: files that landlock allows, memory, threads, time, inherited sockets. Landlock does
 * not look at changes of mode, so they go through descriptors alone. */
static const char *const calls_base[] = {
    /* files */
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "openat",
    "open", "close", "fstat", "newfstatat", "stat", "lstat", "statx", "lseek", "fsync", "fdatasync",
    "sync_file_range", "syncfs", "ftruncate", "fallocate", "flock", "fcntl", "getdents64", "rename",
    "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "access",
    "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd", "fchmod", "umask", "dup", "dup2",
    "dup3", "pipe2", "memfd_create", "statfs", "fstatfs", "fadvise64",
    /* memory; mmap and mprotect have conditions */
    "munmap", "mremap", "madvise", "brk", "msync", "mlock", "munlock",
    /* waiting */
    "poll", "ppoll", "select", "pselect6", "epoll_create1", "epoll_ctl", "epoll_wait",
    "epoll_pwait", "eventfd2", "signalfd4",
    /* sockets that are open already */
    "accept4", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "sendto", "recvfrom", "getsockopt",
    "setsockopt", "getsockname", "getpeername", "shutdown",
    /* threads and signals; clone, kill and tgkill have conditions */
    "futex", "set_robust_list", "rseq", "set_tid_address", "sched_yield", "sched_getaffinity",
    "membarrier", "gettid", "getpid", "getppid", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "sigaltstack", "restart_syscall", "exit", "exit_group",
    /* time, chance, identity */
    "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time",
    "getrandom", "getuid", "geteuid", "getgid", "getegid", "getrusage", "sysinfo", "uname",
    "getrlimit"};

/* send_files */
static const char *const calls_send[] = {"sendfile"};

/* unix_connect and net_connect; socket() has conditions. */
static const char *const calls_connect[] = {"connect"};

/* A resolver binds its netlink socket; landlock still refuses to bind TCP. */
static const char *const calls_net[] = {"bind"};

/* cercad: start and end programs, listen, and whatever its children do before their own jail. */
static const char *const calls_spawn[] = {"execve",
                                          "vfork",
                                          "fork",
                                          "wait4",
                                          "waitid",
                                          "kill",
                                          "tgkill",
                                          "bind",
                                          "listen",
                                          "connect",
                                          "socketpair",
                                          "setuid",
                                          "setgid",
                                          "setgroups",
                                          "mmap",
                                          "mprotect",
                                          "prctl",
                                          "arch_prctl",
                                          "prlimit64",
                                          "seccomp",
                                          "landlock_create_ruleset",
                                          "landlock_add_rule",
                                          "landlock_restrict_self",
                                          "getgroups",
                                          "close_range",
                                          "chmod",
                                          "fchmodat",
                                          "chown",
                                          "fchownat",
                                          "chdir",
                                          "setsid"};

/* Nobody needs these; they are how one takes over a neighbour or the kernel. */
static const char *const calls_kill[] = {"ptrace",
                                         "process_vm_readv",
                                         "process_vm_writev",
                                         "pidfd_getfd",
                                         "bpf",
                                         "keyctl",
                                         "add_key",
                                         "request_key",
                                         "mount",
                                         "umount2",
                                         "move_mount",
                                         "open_tree",
                                         "fsopen",
                                         "fsmount",
                                         "fspick",
                                         "mount_setattr",
                                         "pivot_root",
                                         "chroot",
                                         "open_by_handle_at",
                                         "init_module",
                                         "finit_module",
                                         "delete_module",
                                         "kexec_load",
                                         "kexec_file_load",
                                         "reboot",
                                         "swapon",
                                         "swapoff",
                                         "iopl",
                                         "ioperm",
                                         "userfaultfd",
                                         "perf_event_open",
                                         "setns",
                                         "unshare"};

#define NAMESPACES                                                                                 \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)
#define COUNT(list) (sizeof(list) / sizeof(list)[0])

#define MADE_WITHIN 60 /* seconds */

struct filter {
    scmp_filter_ctx ctx;
    int error; /* the first, negative errno */
    unsigned count;
};

static void rule(struct filter *t, uint32_t action, const char *name, unsigned n,
                 const struct scmp_arg_cmp *arg)
{
    int number = seccomp_syscall_resolve_name(name);
    if (t->error != 0 || number == __NR_SCMP_ERROR)
        return;
    t->error = seccomp_rule_add_array(t->ctx, action, number, n, arg);
    if (action == SCMP_ACT_ALLOW)
        t->count++;
}

static void allow_list(struct filter *t, const char *const *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        rule(t, SCMP_ACT_ALLOW, name[i], 0, NULL);
}

static struct scmp_arg_cmp equal(unsigned arg, scmp_datum_t value)
{
    return (struct scmp_arg_cmp){.arg = arg, .op = SCMP_CMP_EQ, .datum_a = value};
}

static struct scmp_arg_cmp masked(unsigned arg, scmp_datum_t mask, scmp_datum_t value)
{
    return (struct scmp_arg_cmp){
        .arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

static void allow_if(struct filter *t, const char *name, struct scmp_arg_cmp arg)
{
    rule(t, SCMP_ACT_ALLOW, name, 1, &arg);
}

static void allow_if_both(struct filter *t, const char *name, struct scmp_arg_cmp a,
                          struct scmp_arg_cmp b)
{
    const struct scmp_arg_cmp both[] = {a, b};
    rule(t, SCMP_ACT_ALLOW, name, 2, both);
}

static void allow_own_process(struct filter *t)
{
    scmp_datum_t self = (scmp_datum_t)getpid();
    allow_if(t, "kill", equal(0, self));
    allow_if(t, "tgkill", equal(0, self));
    allow_if(t, "prlimit64", equal(0, 0));
    allow_if(t, "prctl", equal(0, PR_SET_NAME));
    allow_if(t, "prctl", equal(0, PR_SET_VMA));
    /* A thread, never a process. */
    allow_if(t, "clone", masked(0, CLONE_THREAD, CLONE_THREAD));
}

/* No code that was not there when the jail was entered, unless modules are loaded later. */
static void allow_mapping(struct filter *t, bool code)
{
    if (code) {
        rule(t, SCMP_ACT_ALLOW, "mmap", 0, NULL);
        rule(t, SCMP_ACT_ALLOW, "mprotect", 0, NULL);
        return;
    }
    allow_if(t, "mmap", masked(2, PROT_EXEC, 0));
    allow_if(t, "mprotect", masked(2, PROT_EXEC, 0));
}

/* Flags may come with the type of a socket. */
static struct scmp_arg_cmp of_type(scmp_datum_t type)
{
    return masked(1, ~(scmp_datum_t)(SOCK_CLOEXEC | SOCK_NONBLOCK), type);
}

static void allow_internet(struct filter *t)
{
    const int inet[] = {AF_INET, AF_INET6};

    for (size_t i = 0; i < COUNT(inet); i++) {
        allow_if_both(t, "socket", equal(0, (scmp_datum_t)inet[i]), of_type(SOCK_STREAM));
        allow_if_both(t, "socket", equal(0, (scmp_datum_t)inet[i]), of_type(SOCK_DGRAM));
    }
    allow_if_both(t, "socket", equal(0, AF_NETLINK), equal(2, NETLINK_ROUTE));
}

/* Landlock does not look at connections to sockets in the file system, and nothing of ours but our
 * own programs listens with SOCK_SEQPACKET: no message bus, no container engine, no name service.
 * Of netlink a resolver needs only the routes (rtnetlink(7)). */
static void allow_sockets(struct filter *t, const struct sandbox *s)
{
    if (s->unix_connect || s->net_connect)
        allow_list(t, calls_connect, COUNT(calls_connect));
    if (s->unix_connect)
        allow_if_both(t, "socket", equal(0, AF_UNIX), of_type(SOCK_SEQPACKET));
    if (!s->net_connect)
        return;
    allow_internet(t);
    allow_list(t, calls_net, COUNT(calls_net));
}

static void fill(struct filter *t, const struct sandbox *s)
{
    rule(t, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL); /* glibc then uses clone */
    for (size_t i = 0; i < COUNT(calls_kill); i++)
        rule(t, SCMP_ACT_KILL_PROCESS, calls_kill[i], 0, NULL);
    allow_list(t, calls_base, COUNT(calls_base));
    allow_if(t, "setitimer", equal(0, ITIMER_REAL)); /* give_time, in here and in children */
    allow_if(t, "ioctl", equal(1, TCGETS));          /* stdio asks whether it is a terminal */
    /* A thread may step back behind the others: in children only if their parent's jail lets it. */
    allow_if_both(t, "setpriority", equal(0, PRIO_PROCESS), equal(1, 0));
    if (s->spawn) {
        allow_list(t, calls_spawn, COUNT(calls_spawn));
        /* Its own and those of its children, before their jails: nothing raw. */
        allow_if(t, "socket", equal(0, AF_UNIX));
        allow_internet(t);
        allow_list(t, calls_send, COUNT(calls_send));
        /* Processes and threads, but no namespaces. */
        allow_if(t, "clone", masked(0, NAMESPACES, 0));
        return;
    }
    rule(t, SCMP_ACT_KILL_PROCESS, "execve", 0, NULL);
    rule(t, SCMP_ACT_KILL_PROCESS, "execveat", 0, NULL);
    allow_own_process(t);
    allow_mapping(t, s->load_modules);
    if (s->send_files)
        allow_list(t, calls_send, COUNT(calls_send));
    allow_sockets(t, s);
}

/* libseccomp turns for ever where it had no memory for a filter: then SIGALRM ends the process. */
static int give_time(time_t seconds)
{
    const struct itimerval t = {.it_value.tv_sec = seconds};

    return setitimer(ITIMER_REAL, &t, NULL) == 0 ? 0 : -errno;
}

int syscalls_enter(const struct sandbox *s, unsigned *count, struct fault *f)
{
    *count = 0;
    struct filter t = {.ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM))};
    if (!t.ctx)
        return fault_set(f, FAULT_INTERNAL, "sandbox.seccomp", "seccomp_init failed");
    /* A tree instead of a chain: these programs make tens of thousands of calls a second. */
    (void)seccomp_attr_set(t.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    t.error = give_time(MADE_WITHIN);
    fill(&t, s);
    if (t.error == 0)
        t.error = seccomp_load(t.ctx);
    seccomp_release(t.ctx);
    if (t.error == 0)
        t.error = give_time(0);
    if (t.error != 0)
        return fault_set(f, FAULT_INTERNAL, "sandbox.seccomp", "%s", strerror(-t.error));
    *count = t.count;
    return 0;
}

static const char *unknown_in(const char *const *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (seccomp_syscall_resolve_name(name[i]) == __NR_SCMP_ERROR)
            return name[i];
    return NULL;
}

const char *syscalls_unknown(void)
{
    const char *u = unknown_in(calls_base, COUNT(calls_base));
    if (!u)
        u = unknown_in(calls_connect, COUNT(calls_connect));
    if (!u)
        u = unknown_in(calls_send, COUNT(calls_send));
    if (!u)
        u = unknown_in(calls_net, COUNT(calls_net));
    if (!u)
        u = unknown_in(calls_spawn, COUNT(calls_spawn));
    return u ? u : unknown_in(calls_kill, COUNT(calls_kill));
}
