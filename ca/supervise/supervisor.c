#include "ca/supervise/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "ca/supervise/checks.h"
#include "ca/supervise/child.h"
#include "ca/supervise/hint.h"
#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/log.h"

enum phase {
    SERVING,
    CHECKING, /* the next configuration; all goes on as it was */
    DRAINING, /* the next configuration was accepted; the programs of the old one end */
    STOPPING,
};

struct supervisor {
    struct loop *loop;
    struct command *command;
    struct generation *now, *next;
    struct child **child; /* of now's programs, in their order: cerca-ca last */
    struct checks checks;
    struct conn *control; /* to cerca-ca */
    struct loop_timer *limit;
    enum phase phase;
    bool hang_up_again; /* HUP came while another was at work */
    bool hint;
};

/* The control socket. */

static void tell(struct supervisor *s, const struct child *c)
{
    struct child_status status;
    struct buf b;
    if (!s->control)
        return;
    buf_init(&b, 1024);
    child_status(c, &status);
    child_status_put(&b, &status);
    conn_send(s->control, MSG_CHILD_STATE, 0, buf_slice(&b), -1);
    buf_free(&b);
}

static void print_hint(struct supervisor *s)
{
    struct buf b;
    buf_init(&b, 16384);
    hint_text(s->now->conf, s->command->folder, s->command->conf_path, &b);
    printf("%s", buf_cstr(&b));
    (void)fflush(stdout);
    buf_free(&b);
}

static void on_ca_ready(struct conn *c, void *owner, const struct frame *f)
{
    struct supervisor *s = owner;
    (void)c, (void)f;
    log_info("cercad.ready", NULL);
    if (s->phase == SERVING)
        (void)sd_notify(0, "READY=1");
    if (s->hint)
        print_hint(s);
    s->hint = false;
}

static void on_control_closed(struct conn *c, void *owner)
{
    struct supervisor *s = owner;
    (void)c;
    s->control = NULL;
}

/* A new pair for each life of cerca-ca; it hears first how the others are. */
static int open_control(struct supervisor *s, int *theirs, struct fault *f)
{
    static const struct permit permits[] = {{MSG_READY, 0, on_ca_ready}};
    static const struct conn_callbacks cb = {
        .permits = permits, .n_permits = 1, .closed = on_control_closed};
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return fault_set(f, FAULT_INTERNAL, "control", "%s", strerror(errno));
    conn_close(s->control);
    s->control = conn_new(s->loop, pair[0], &cb, s);
    for (size_t i = 0; i + 1 < s->now->programs.n; i++)
        tell(s, s->child[i]);
    *theirs = pair[1];
    return 0;
}

/* The programs. */

static pid_t start_program(void *arg, const struct program *p, struct fault *f)
{
    struct supervisor *s = arg;
    int control = -1;
    bool is_ca = p == &s->now->programs.at[s->now->programs.n - 1];
    int r = program_listen(&s->now->programs.at[p - s->now->programs.at], f);
    if (r == 0 && is_ca)
        r = open_control(s, &control, f);
    if (r != 0)
        return r;
    pid_t pid = command_start(s->command, s->now, p, control, false, f);
    if (control >= 0)
        close(control);
    return pid;
}

static void on_changed(void *arg, struct child *c)
{
    tell(arg, c);
}

static void start_all(struct supervisor *s)
{
    static const struct child_callbacks cb = {.start = start_program, .changed = on_changed};
    size_t n = s->now->programs.n;
    s->child = xcalloc(n, sizeof(struct child *));
    for (size_t i = 0; i < n; i++)
        s->child[i] = child_new(s->loop, &s->now->programs.at[i], &cb, s);
    for (size_t i = 0; i < n; i++)
        child_start(s->child[i]);
}

static void free_children(struct supervisor *s)
{
    for (size_t i = 0; s->child && i < s->now->programs.n; i++)
        child_free(s->child[i]);
    free(s->child);
    s->child = NULL;
}

/* cerca-ca ends first: what it has in flight still needs the signers. True when all
 * have ended. */
static bool end_all(struct supervisor *s, int signo)
{
    size_t n = s->now->programs.n;
    child_end(s->child[n - 1], signo);
    if (child_alive(s->child[n - 1]) && signo != SIGKILL)
        return false;
    bool ended = true;
    for (size_t i = 0; i < n; i++) {
        child_end(s->child[i], signo);
        ended = ended && !child_alive(s->child[i]);
    }
    return ended;
}

/* Reloading and stopping. */

static void begin_reload(struct supervisor *s);

static void reload_over(struct supervisor *s)
{
    loop_timer_clear(s->limit);
    s->phase = SERVING;
    if (s->hang_up_again)
        begin_reload(s);
}

static void refuse_reload(struct supervisor *s, const struct fault *f)
{
    log_fault(LOG_LEVEL_ERROR, "conf.reload.refused", f, NULL);
    checks_free(&s->checks);
    generation_free(s->next, s->now);
    s->next = NULL;
    (void)sd_notify(0, "READY=1");
    reload_over(s);
}

static void take_next(struct supervisor *s)
{
    free_children(s);
    generation_free(s->now, s->next);
    s->now = s->next;
    s->next = NULL;
    enum log_level level;
    if (log_level_parse(s->now->conf->log_level, &level) == 0)
        log_open("cercad", level);
    log_info("conf.reload.done", "generation", log_hex(slice_of(s->now->conf->generation, 8)),
             NULL);
    start_all(s);
    reload_over(s);
}

/* After a change in DRAINING or STOPPING: what comes next. */
static void go_on_ending(struct supervisor *s)
{
    if (!end_all(s, SIGTERM))
        return;
    if (s->phase == STOPPING)
        loop_stop(s->loop);
    else
        take_next(s);
}

static void checks_done(struct supervisor *s)
{
    struct fault f;
    if (s->checks.failed) {
        fault_set(&f, FAULT_CONFIG, "conf.check", "a program refuses the new configuration");
        refuse_reload(s, &f);
        return;
    }
    checks_free(&s->checks);
    s->phase = DRAINING;
    loop_timer_set(s->limit, SUPERVISOR_DRAIN_MS);
    go_on_ending(s);
}

static int read_next(struct supervisor *s, struct fault *f)
{
    int r = generation_read(s->command->conf_path, &s->next, f);
    if (r != 0)
        return r;
    if (strcmp(s->next->conf->sock_dir, s->now->conf->sock_dir) != 0)
        return fault_set(f, FAULT_CONFIG, "conf.reload",
                         "the socket folder cannot change while "
                         "cercad runs: start it anew");
    return programs_listen(&s->next->programs, &s->now->programs, f);
}

static void begin_reload(struct supervisor *s)
{
    struct fault f;
    s->hang_up_again = false;
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_mono_us());
    log_info("conf.reload.begun", NULL);
    if (read_next(s, &f) != 0) {
        refuse_reload(s, &f);
        return;
    }
    s->phase = CHECKING;
    loop_timer_set(s->limit, SUPERVISOR_CHECK_MS);
    checks_start(&s->checks, s->command, s->next);
    if (s->checks.left == 0)
        checks_done(s);
}

static void on_limit(void *arg)
{
    struct supervisor *s = arg;
    log_warn("cercad.limit", "phase", s->phase == CHECKING ? "checking" : "ending", NULL);
    if (s->phase == CHECKING)
        checks_kill(&s->checks);
    else
        (void)end_all(s, SIGKILL);
}

/* Signals. */

static void on_hang_up(void *arg, int signo)
{
    struct supervisor *s = arg;
    (void)signo;
    if (s->phase == SERVING)
        begin_reload(s);
    else
        s->hang_up_again = true;
}

/* Asked a second time, nobody wants to wait. */
static void on_terminate(void *arg, int signo)
{
    struct supervisor *s = arg;
    bool again = s->phase == STOPPING;
    log_info("cercad.stopping", "signal", log_num(signo), NULL);
    (void)sd_notify(0, "STOPPING=1");
    checks_kill(&s->checks);
    s->phase = STOPPING;
    loop_timer_set(s->limit, again ? 0 : SUPERVISOR_DRAIN_MS);
    go_on_ending(s);
}

static void on_child_signal(void *arg, int signo)
{
    struct supervisor *s = arg;
    int status;
    pid_t pid;
    (void)signo;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        bool known = checks_reaped(&s->checks, pid, status);
        for (size_t i = 0; i < s->now->programs.n && !known; i++)
            known = child_reaped(s->child[i], pid, status);
    }
    if (s->phase == CHECKING && s->checks.left == 0)
        checks_done(s);
    else if (s->phase == DRAINING || s->phase == STOPPING)
        go_on_ending(s);
}

int supervisor_run(struct command *k, struct generation *first, bool hint, struct fault *f)
{
    struct supervisor s = {.command = k, .now = first, .hint = hint};
    int r = programs_listen(&first->programs, NULL, f);
    if (r != 0) {
        generation_free(first, NULL);
        return r;
    }
    s.loop = loop_new();
    s.limit = loop_timer(s.loop, on_limit, &s);
    loop_signal(s.loop, SIGCHLD, on_child_signal, &s);
    loop_signal(s.loop, SIGHUP, on_hang_up, &s);
    loop_signal(s.loop, SIGTERM, on_terminate, &s);
    loop_signal(s.loop, SIGINT, on_terminate, &s);
    start_all(&s);
    loop_run(s.loop);
    free_children(&s);
    conn_close(s.control);
    checks_free(&s.checks);
    generation_free(s.next, s.now);
    generation_free(s.now, NULL);
    loop_timer_free(s.limit);
    loop_free(s.loop);
    return 0;
}
