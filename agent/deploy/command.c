#include "agent/deploy/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/deploy/asunit.h"
#include "lib/clock.h"
#include "lib/log.h"

#define LIMIT_DEFAULT 60
#define PIPE_PIECES 16 /* reads that empty a pipe */
#define LAST_WORDS 160 /* characters of what it printed that a fault shows */

/* ---- the child ---- */

enum stage { STAGE_BIND = 1, STAGE_EXEC, STAGE_MANAGER };
struct trouble { /* from the child, when it cannot run the command */
    int stage, error;
};

static int see_another(const char *from, const char *to)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -1;
    return from == NULL ? 0 : mount(from, to, NULL, MS_BIND, NULL);
}

static _Noreturn void give_up(int tell, enum stage stage)
{
    struct trouble t = {(int)stage, errno};

    _exit(write(tell, &t, sizeof(t)) == (ssize_t)sizeof(t) ? 126 : 127);
}

/* One of these runs; `unit` when it is not NULL. */
static _Noreturn void run(const struct command *c, char **env, char **unit)
{
    environ = env; /* whose PATH is looked in */
    if (unit != NULL) {
        errno = asunit_missing(c->argv[0]);
        if (errno != 0)
            give_up(3, STAGE_EXEC);
        execvp(unit[0], unit);
        give_up(3, STAGE_MANAGER);
    }
    if (c->bind_from != NULL && see_another(c->bind_from, c->bind_to) < 0)
        give_up(3, STAGE_BIND);
    execvp(c->argv[0], (char *const *)(uintptr_t)c->argv);
    give_up(3, STAGE_EXEC);
}

/* What we ignore or block is not the command's business. */
static void plain_signals(void)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &plain, NULL);
}

static _Noreturn void become(const struct command *c, char **env, char **unit, int output, int tell)
{
    int null = open("/dev/null", O_RDONLY);

    plain_signals();
    setpgid(0, 0);
    if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 ||
        dup2(tell, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) < 0)
        give_up(tell, STAGE_EXEC);
    close_range(4, ~0U, 0);
    umask(022);
    run(c, env, unit);
}

/* ---- the environment ---- */

static char *pair(const char *name, const char *value)
{
    struct buf b;
    char *out;

    buf_init(&b, 8192);
    buf_printf(&b, "%s=%s", name, value);
    out = xstrdup(buf_cstr(&b));
    buf_free(&b);
    return out;
}

static char **make_env(const struct command *c)
{
    char **env = xcalloc(c->n_env + 4, sizeof(*env));
    size_t n = 0;

    env[n++] = pair("PATH", COMMAND_PATH);
    env[n++] = pair("LANG", "C.UTF-8");
    env[n++] = pair("HOME", "/");
    for (size_t i = 0; i < c->n_env; i++)
        env[n++] = pair(c->env[i].name, c->env[i].value);
    return env;
}

static void free_env(char **env)
{
    for (char **e = env; *e != NULL; e++)
        free(*e);
    free(env);
}

/* ---- the parent ---- */

struct running {
    pid_t pid;
    int output, tell;
    int status;
    bool late;
    struct buf kept;
};

/* A pipe full at most: who never stops printing is not listened to beyond its time. */
static void take_output(struct running *r)
{
    uint8_t piece[4096];
    ssize_t n;

    for (int i = 0; i < PIPE_PIECES && (n = read(r->output, piece, sizeof(piece))) > 0; i++) {
        size_t room = r->kept.max - r->kept.n;

        buf_put(&r->kept, piece, (size_t)n < room ? (size_t)n : room);
    }
}

/* Until it has ended, not until nobody has its output any more: a daemon that it left behind may
 * keep that for ever. */
static void wait_for(struct running *r, int64_t limit)
{
    uint64_t end = clock_mono_us() + (uint64_t)limit * 1000000;
    int pause = 1;

    while (waitpid(r->pid, &r->status, WNOHANG) == 0) {
        struct pollfd p = {.fd = r->output, .events = POLLIN};

        if (clock_mono_us() >= end) {
            r->late = true;
            kill(-r->pid, SIGKILL);
            kill(r->pid, SIGKILL);
            waitpid(r->pid, &r->status, 0);
            break;
        }
        if (poll(&p, 1, pause) > 0 && (p.revents & POLLIN) == 0)
            usleep((useconds_t)pause * 1000); /* it closed its output and goes on */
        take_output(r);
        pause = pause < 50 ? pause * 2 : 50;
    }
    take_output(r);
}

static int start(const struct command *c, struct running *r, struct fault *f)
{
    int out[2] = {-1, -1}, tell[2] = {-1, -1};
    char **env, **unit;

    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(tell, O_CLOEXEC) < 0) {
        if (out[0] >= 0) {
            close(out[0]);
            close(out[1]);
        }
        return fault_set(f, FAULT_INTERNAL, "command.start", "no pipe: %s", strerror(errno));
    }
    env = make_env(c);
    unit = asunit_wanted() ? asunit_argv(c) : NULL;
    r->pid = fork();
    if (r->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        become(c, env, unit, out[1], tell[1]);
    }
    if (r->pid > 0)
        setpgid(r->pid, r->pid); /* whoever of both comes first */
    free_env(env);
    asunit_free(unit);
    close(out[1]);
    close(tell[1]);
    r->output = out[0];
    r->tell = tell[0];
    fcntl(r->output, F_SETFL, O_NONBLOCK);
    return r->pid > 0 ? 0
                      : fault_set(f, FAULT_UNAVAILABLE, "command.start", "cannot fork: %s",
                                  strerror(errno));
}

/* The end of what it printed, in one line: the reason often stands in the last but one. */
static void last_words(const struct buf *output, char out[LAST_WORDS + 1])
{
    size_t end = output->n, at, n = 0;

    while (end > 0 && output->p[end - 1] <= ' ')
        end--;
    at = end > LAST_WORDS ? end - LAST_WORDS : 0;
    for (; at < end; at++) {
        uint8_t c = output->p[at];

        out[n++] = c == '\n' ? ';' : c < ' ' || c > '~' ? '?' : (char)c;
    }
    out[n] = '\0';
}

static int judge(const struct command *c, const struct running *r, struct fault *f)
{
    struct trouble t = {0, 0};
    char words[LAST_WORDS + 1];
    ssize_t n = read(r->tell, &t, sizeof(t));

    if (n == (ssize_t)sizeof(t))
        return fault_set(f, t.stage == STAGE_BIND ? FAULT_UNAVAILABLE : FAULT_CONFIG,
                         t.stage == STAGE_BIND ? "command.bind" : "command.start", "%.80s: %s",
                         t.stage == STAGE_MANAGER ? "systemd-run" : c->argv[0], strerror(t.error));
    last_words(&r->kept, words);
    if (r->late)
        return fault_set(f, FAULT_UNAVAILABLE, "command.limit",
                         "%.60s did not end in time and was killed%s%s", c->argv[0],
                         words[0] == '\0' ? "" : ": ", words);
    if (WIFSIGNALED(r->status))
        return fault_set(f, FAULT_CONFLICT, "command.failed", "%.60s was ended by signal %d%s%s",
                         c->argv[0], WTERMSIG(r->status), words[0] == '\0' ? "" : ": ", words);
    if (WEXITSTATUS(r->status) != 0)
        return fault_set(f, FAULT_CONFLICT, "command.failed", "%.60s ended with status %d%s%s",
                         c->argv[0], WEXITSTATUS(r->status), words[0] == '\0' ? "" : ": ", words);
    return 0;
}

int64_t command_limit(const struct command *c)
{
    return c->limit > 0 ? c->limit : LIMIT_DEFAULT;
}

int command_run(const struct command *c, struct buf *output, struct fault *f)
{
    struct running r = {.output = -1, .tell = -1};
    int rc = start(c, &r, f);

    buf_init(&r.kept, COMMAND_OUTPUT_MAX);
    if (rc == 0) {
        wait_for(&r, command_limit(c));
        rc = judge(c, &r, f);
        if (rc < 0)
            log_fault(LOG_LEVEL_WARN, "command.failed", f, "command", c->argv[0], "output",
                      buf_cstr(&r.kept), NULL);
        else
            log_debug("command.done", "command", c->argv[0], "output", buf_cstr(&r.kept), NULL);
    }
    if (output != NULL)
        buf_put_slice(output, buf_slice(&r.kept));
    if (r.output >= 0)
        close(r.output);
    if (r.tell >= 0)
        close(r.tell);
    buf_free(&r.kept);
    return rc;
}

bool command_can_bind(void)
{
    int status = 1;
    pid_t pid;

    if (asunit_wanted())
        return true;
    pid = fork();

    if (pid == 0)
        _exit(see_another(NULL, NULL) < 0);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}
