#include "client/child.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/text.h"

#define STOP_US 5000000
#define POLL_US 20000
#define ARGS_MAX 80
#define TAIL_MAX 4096

/* The folder that this program lies in. */
static int own_folder(char out[PATH_MAX], struct fault *f)
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    char *slash;

    if (n <= 0)
        return fault_set(f, FAULT_INTERNAL, "program", "cannot read /proc/self/exe: %s",
                         strerror(errno));
    out[n] = 0;
    slash = strrchr(out, '/');
    if (slash != NULL)
        *slash = 0;
    return 0;
}

static int find_program(const char *name, char out[PATH_MAX], struct fault *f)
{
    static const char *const beside[] = {"", "/../sbin", "/../libexec/cerca"};
    char folder[PATH_MAX];
    int rc;

    if (name[0] == '/') {
        (void)snprintf(out, PATH_MAX, "%s", name);
        return 0;
    }
    rc = own_folder(folder, f);
    for (size_t i = 0; rc == 0 && i < sizeof(beside) / sizeof(beside[0]); i++) {
        int n = snprintf(out, PATH_MAX, "%s%s/%s", folder, beside[i], name);

        if (n > 0 && n < PATH_MAX && access(out, X_OK) == 0)
            return 0;
    }
    if (rc != 0)
        return rc;
    return fault_set(f, FAULT_NOT_FOUND, "program",
                     "%s is neither in %s nor in ../sbin or ../libexec/cerca beside it", name,
                     folder);
}

/* In the child. The parent may be gone before prctl: then nobody will stop us. Signals that the
 * parent's loop takes are blocked there: here they are to end it before it has a loop of its own.
 */
static void become(const char *path, const char *name, const char *const argv[], int output,
                   pid_t parent)
{
    char *args[ARGS_MAX + 2] = {(char *)(uintptr_t)name};
    sigset_t none;

    for (size_t i = 0; i < ARGS_MAX && argv[i] != NULL; i++)
        args[i + 1] = (char *)(uintptr_t)argv[i];
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
        _exit(127);
    (void)execv(path, args);
    (void)dprintf(STDERR_FILENO, "cannot run %s: %s\n", path, strerror(errno));
    _exit(127);
}

int child_start(struct child *c, const char *name, const char *const argv[], struct fault *f)
{
    char path[PATH_MAX];
    pid_t self = getpid();
    int rc;

    *c = (struct child){.name = name, .output = -1, .status = -1};
    rc = find_program(name, path, f);
    if (rc != 0)
        return rc;
    c->output = memfd_create(name, MFD_CLOEXEC);
    c->pid = c->output < 0 ? -1 : fork();
    if (c->pid == 0)
        become(path, name, argv, c->output, self);
    if (c->pid > 0)
        return 0;
    rc = fault_set(f, FAULT_INTERNAL, "program", "cannot start %s: %s", name, strerror(errno));
    c->pid = 0;
    child_free(c);
    return rc;
}

void child_output(const struct child *c, struct buf *out)
{
    char tail[TAIL_MAX];
    off_t size = c->output < 0 ? 0 : lseek(c->output, 0, SEEK_END);
    off_t from = size > TAIL_MAX ? size - TAIL_MAX : 0;
    ssize_t n = size > 0 ? pread(c->output, tail, sizeof(tail), from) : 0;

    if (n > 0)
        buf_put(out, tail, (size_t)n);
}

void child_last_words(const struct child *c, struct buf *out)
{
    struct buf said;
    size_t from = 0;

    buf_init(&said, TAIL_MAX);
    child_output(c, &said);
    while (said.n > 0 && said.p[said.n - 1] == '\n')
        said.n--;
    for (size_t i = 0; i < said.n; i++)
        if (said.p[i] == '\n')
            from = i + 1;
    if (said.n > 0)
        text_safe(slice_of(said.p + from, said.n - from), false, out);
    buf_free(&said);
}

static int ended(struct child *c, int status, struct fault *f)
{
    c->pid = 0;
    c->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (c->status == 0)
        return 0;
    if (WIFSIGNALED(status))
        return fault_set(f, FAULT_INTERNAL, "program", "%s was ended by signal %d", c->name,
                         WTERMSIG(status));
    return fault_set(f, FAULT_INTERNAL, "program", "%s ended with status %d", c->name, c->status);
}

int child_wait(struct child *c, struct fault *f)
{
    int status = 0;

    while (waitpid(c->pid, &status, 0) < 0) {
        if (errno == EINTR)
            continue;
        return fault_set(f, FAULT_INTERNAL, "program", "cannot wait for %s: %s", c->name,
                         strerror(errno));
    }
    return ended(c, status, f);
}

bool child_running(struct child *c)
{
    siginfo_t info = {0};

    return c->pid > 0 && waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

void child_stop(struct child *c)
{
    uint64_t start = clock_mono_us();
    struct fault ignored;

    if (c->pid <= 0)
        return;
    (void)kill(c->pid, SIGTERM);
    while (child_running(c) && clock_mono_us() - start < STOP_US)
        (void)usleep(POLL_US);
    if (child_running(c))
        (void)kill(c->pid, SIGKILL);
    if (child_wait(c, &ignored) != 0)
        c->pid = 0;
}

void child_free(struct child *c)
{
    child_stop(c);
    if (c->output >= 0)
        (void)close(c->output);
    c->output = -1;
}
