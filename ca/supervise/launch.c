#include "ca/supervise/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/log.h"

#define NOT_EXECUTED 127

/* First all out of the way, above every number that is wanted, then each to its place. */
static int place_descriptors(const struct launch *l)
{
    int above = STDERR_FILENO + 1, moved[LAUNCH_FDS_MAX];
    for (size_t i = 0; i < l->n_fds; i++)
        if (l->fd[i].to >= above)
            above = l->fd[i].to + 1;
    for (size_t i = 0; i < l->n_fds; i++) {
        moved[i] = fcntl(l->fd[i].from, F_DUPFD_CLOEXEC, above);
        if (moved[i] < 0)
            return -1;
    }
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0)
        return -1;
    for (size_t i = 0; i < l->n_fds; i++)
        if (dup2(moved[i], l->fd[i].to) < 0)
            return -1;
    return 0;
}

static int become(const struct launch *l)
{
    if (!l->has_user)
        return 0;
    return setgroups(0, NULL) != 0 || setgid(l->group) != 0 || setuid(l->user) != 0 ? -1 : 0;
}

static const char *prepare_and_execute(const struct launch *l, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) != 0 || setsid() < 0)
        return "setsid";
    if (place_descriptors(l) != 0)
        return "descriptors";
    if (become(l) != 0)
        return "user";
    /* Behind the change of user, which clears it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        return "parent";
    /* execve wants pointers to what it could change, and does not. */
    execve(l->path, (char *const *)(uintptr_t)l->argv, l->environment);
    return "execve";
}

pid_t launch(const struct launch *l, struct fault *f)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return fault_set(f, FAULT_INTERNAL, "fork", "%s", strerror(errno));
    if (pid > 0)
        return pid;
    const char *failed = prepare_and_execute(l, parent);
    log_error("program.not_executed", "path", l->path, "step", failed, "reason", strerror(errno),
              NULL);
    _exit(NOT_EXECUTED);
}
