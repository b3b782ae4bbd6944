#include "lib/sandbox_probe.h"

#ifdef CERCA_TEST_HOOKS

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/log.h"

#define DEEDS_MAX 128
#define LINE_MAX_OCTETS 512

/* Each does one thing and returns what the system call did. */
typedef long (*deed)(const char *arg);

static long do_read(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static long do_write(const char *path)
{
    return open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
}

/* A file in this folder; what could be made does not stay. */
static long do_create(const char *folder)
{
    char path[LINE_MAX_OCTETS + 32];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/jail-probe.%d", folder, (int)getpid());
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

static long do_list(const char *folder)
{
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static long do_symlink(const char *folder)
{
    char path[LINE_MAX_OCTETS + 32];

    (void)snprintf(path, sizeof(path), "%s/jail-link.%d", folder, (int)getpid());
    return symlink("/", path);
}

static long do_chmod(const char *path)
{
    return chmod(path, 0600);
}

static struct sockaddr_in loopback(const char *port)
{
    struct sockaddr_in a;

    memset(&a, 0, sizeof(a));
    a.sin_family = AF_INET;
    a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static long do_tcp_connect(const char *port)
{
    const struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd < 0 ? fd : connect(fd, (const struct sockaddr *)&a, sizeof(a));
}

static long do_tcp_listen(const char *port)
{
    const struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
        return -1;
    return listen(fd, 1);
}

static long do_udp_send(const char *port)
{
    const struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return fd < 0 ? fd : sendto(fd, "x", 1, 0, (const struct sockaddr *)&a, sizeof(a));
}

static long do_tcp6(const char *arg)
{
    (void)arg;
    return socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long do_raw(const char *arg)
{
    (void)arg;
    return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
}

static long do_packet(const char *arg)
{
    (void)arg;
    return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
}

static long do_netlink(const char *arg)
{
    (void)arg;
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 12); /* NETLINK_NETFILTER */
}

static long do_vsock(const char *arg)
{
    (void)arg;
    return socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long do_unix_stream(const char *arg)
{
    (void)arg;
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* To another program's socket. What may make such sockets may connect them: the file's mode and
 * owner decide then, and who listens asks who it is. */
static long do_unix_connect(const char *path)
{
    struct sockaddr_un a;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    memset(&a, 0, sizeof(a));
    a.sun_family = AF_UNIX;
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    return fd < 0 ? fd : connect(fd, (const struct sockaddr *)&a, sizeof(a));
}

static long do_exec(const char *path)
{
    (void)execl(path, path, (char *)NULL);
    return -1;
}

static long do_fork(const char *arg)
{
    pid_t pid = fork();

    (void)arg;
    if (pid == 0)
        _exit(0);
    return pid;
}

static long do_clone3(const char *arg)
{
    (void)arg;
    return syscall(SYS_clone3, NULL, 0);
}

static pid_t process(const char *arg)
{
    return (pid_t)strtol(arg, NULL, 10);
}

static long do_ptrace(const char *pid)
{
    return ptrace(PTRACE_ATTACH, process(pid), NULL, NULL);
}

static long do_read_memory(const char *pid)
{
    char octet;
    struct iovec here = {&octet, 1}, there = {&octet, 1};

    return process_vm_readv(process(pid), &here, 1, &there, 1, 0);
}

static long do_write_memory(const char *pid)
{
    char octet = 0;
    struct iovec here = {&octet, 1}, there = {&octet, 1};

    return process_vm_writev(process(pid), &here, 1, &there, 1, 0);
}

static long do_kill(const char *pid)
{
    return kill(process(pid), 0);
}

static long do_pidfd(const char *pid)
{
    return syscall(SYS_pidfd_open, process(pid), 0);
}

static long do_take_descriptor(const char *pid)
{
    (void)pid;
    return syscall(SYS_pidfd_getfd, 0, 0, 0);
}

static long do_mount(const char *path)
{
    return syscall(SYS_mount, "none", path, "tmpfs", 0, NULL);
}

static long do_chroot(const char *path)
{
    return syscall(SYS_chroot, path);
}

static long do_unshare(const char *arg)
{
    (void)arg;
    return unshare(CLONE_NEWUSER);
}

static long do_setns(const char *arg)
{
    (void)arg;
    return syscall(SYS_setns, 0, 0);
}

static long do_io_uring(const char *arg)
{
    (void)arg;
    return syscall(SYS_io_uring_setup, 1, NULL);
}

static long do_bpf(const char *arg)
{
    (void)arg;
    return syscall(SYS_bpf, 0, NULL, 0);
}

static long do_keyctl(const char *arg)
{
    (void)arg;
    return syscall(SYS_keyctl, 0, 0);
}

static long do_userfaultfd(const char *arg)
{
    (void)arg;
    return syscall(SYS_userfaultfd, 0);
}

static long do_perf(const char *arg)
{
    (void)arg;
    return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0);
}

static long do_module(const char *arg)
{
    (void)arg;
    return syscall(SYS_finit_module, -1, "", 0);
}

static long do_handle(const char *arg)
{
    (void)arg;
    return syscall(SYS_open_by_handle_at, 0, NULL, 0);
}

static long do_setuid(const char *arg)
{
    (void)arg;
    return syscall(SYS_setresuid, 0, 0, 0);
}

static long do_dumpable(const char *arg)
{
    (void)arg;
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long do_code(const char *arg)
{
    void *p =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)arg;
    return p == MAP_FAILED ? -1 : 0;
}

/* Typing into the terminal of whoever started us. */
static long do_terminal(const char *arg)
{
    (void)arg;
    return ioctl(STDERR_FILENO, TIOCSTI, "x");
}

static long do_clock(const char *arg)
{
    (void)arg;
    return syscall(SYS_clock_settime, 0, NULL);
}

static const struct {
    const char *name;
    deed act;
} deeds[] = {
    {"read", do_read},
    {"write", do_write},
    {"create", do_create},
    {"list", do_list},
    {"symlink", do_symlink},
    {"chmod", do_chmod},
    {"tcp-connect", do_tcp_connect},
    {"tcp-listen", do_tcp_listen},
    {"udp-send", do_udp_send},
    {"tcp6", do_tcp6},
    {"raw", do_raw},
    {"packet", do_packet},
    {"netlink", do_netlink},
    {"vsock", do_vsock},
    {"unix-stream", do_unix_stream},
    {"unix-connect", do_unix_connect},
    {"exec", do_exec},
    {"fork", do_fork},
    {"clone3", do_clone3},
    {"ptrace", do_ptrace},
    {"read-memory", do_read_memory},
    {"write-memory", do_write_memory},
    {"kill", do_kill},
    {"pidfd", do_pidfd},
    {"take-descriptor", do_take_descriptor},
    {"mount", do_mount},
    {"chroot", do_chroot},
    {"unshare", do_unshare},
    {"setns", do_setns},
    {"io-uring", do_io_uring},
    {"bpf", do_bpf},
    {"keyctl", do_keyctl},
    {"userfaultfd", do_userfaultfd},
    {"perf", do_perf},
    {"module", do_module},
    {"handle", do_handle},
    {"setuid", do_setuid},
    {"dumpable", do_dumpable},
    {"code", do_code},
    {"terminal", do_terminal},
    {"clock", do_clock},
};

static deed deed_named(const char *name)
{
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        if (strcmp(deeds[i].name, name) == 0)
            return deeds[i].act;
    log_error("sandbox.probe", "deed", name, NULL);
    abort();
}

/* In the child: its jail, the deed, its outcome as exit status; 0: done. */
static _Noreturn void commit(const struct sandbox *s,
                             int (*enter)(const struct sandbox *s, struct fault *f), deed act,
                             const char *arg)
{
    struct fault f;

    log_open(s->program, LOG_LEVEL_ERROR);
    if (enter(s, &f) != 0)
        _exit(255);
    errno = 0;
    if (act(arg) >= 0)
        _exit(0);
    _exit(errno > 0 && errno < 255 ? errno : 254);
}

static void outcome(int status, char out[32])
{
    if (WIFSIGNALED(status))
        (void)snprintf(out, 32, "%s", WTERMSIG(status) == SIGSYS ? "killed" : "died");
    else if (WEXITSTATUS(status) == 0)
        (void)snprintf(out, 32, "done");
    else
        (void)snprintf(out, 32, "%s",
                       WEXITSTATUS(status) >= 254 ? "unclear"
                                                  : strerrorname_np(WEXITSTATUS(status)));
}

static void probe(const struct sandbox *s, int (*enter)(const struct sandbox *s, struct fault *f),
                  char *line, int report)
{
    char *arg = line, *name = strsep(&arg, " "), text[LINE_MAX_OCTETS + 128], how[32];
    deed act = deed_named(name);
    int status, n;
    pid_t pid;

    if (arg == NULL)
        arg = line + strlen(line);
    pid = fork();
    if (pid == 0)
        commit(s, enter, act, arg);
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        log_error("sandbox.probe", "why", strerror(errno), NULL);
        abort();
    }
    outcome(status, how);
    n = snprintf(text, sizeof(text), "%s %s %s: %s\n", s->program, name, arg, how);
    if (write(report, text, (size_t)n) != n)
        abort();
}

void sandbox_probe(const struct sandbox *s, int (*enter)(const struct sandbox *s, struct fault *f))
{
    const char *path = getenv("CERCA_TEST_JAIL_PROBE");
    char line[LINE_MAX_OCTETS], name[LINE_MAX_OCTETS];
    int report;
    FILE *in;

    if (path == NULL || strlen(path) > sizeof(name) - 16)
        return;
    in = fopen(path, "re");
    if (in == NULL)
        return;
    (void)snprintf(name, sizeof(name), "%s.report", path);
    report = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (report < 0)
        abort();
    while (fgets(line, sizeof(line), in) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] != 0)
            probe(s, enter, line, report);
    }
    (void)!write(report, "", 0);
    (void)close(report);
    (void)fclose(in);
}

#endif
