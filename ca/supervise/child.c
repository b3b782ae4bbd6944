#include "ca/supervise/child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"

struct child {
    const struct program *program;
    const struct child_callbacks *cb;
    void *arg;
    pid_t pid; /* 0: no process */
    enum child_state state;
    bool ending;
    uint32_t restarts, wait_ms;
    uint64_t started_us;
    struct backoff backoff;
    struct loop_timer *again;
    char reason[128]; /* of the last end */
};

static void start_again(void *arg)
{
    struct child *c = arg;
    c->restarts++;
    child_start(c);
}

struct child *child_new(struct loop *l, const struct program *p, const struct child_callbacks *cb,
                        void *arg)
{
    struct child *c = xcalloc(1, sizeof *c);
    *c = (struct child){.program = p, .cb = cb, .arg = arg, .state = CHILD_WAITING};
    c->again = loop_timer(l, start_again, c);
    return c;
}

void child_free(struct child *c)
{
    if (!c)
        return;
    loop_timer_free(c->again);
    free(c);
}

static void set_state(struct child *c, enum child_state state)
{
    c->state = state;
    c->cb->changed(c->arg, c);
}

/* After a life that ended, or a start that failed. */
static void wait_or_stop(struct child *c, bool final)
{
    c->wait_ms = final ? 0 : backoff_next(&c->backoff, (clock_mono_us() - c->started_us) / 1000);
    if (!final)
        loop_timer_set(c->again, c->wait_ms);
    log_warn("program.ended", "program", c->program->name, "token", c->program->token, "reason",
             c->reason, "next", final ? "stopped until a reload" : "start", "wait_ms",
             log_num(c->wait_ms), NULL);
    set_state(c, final ? CHILD_STOPPED : CHILD_WAITING);
}

void child_start(struct child *c)
{
    struct fault f;
    c->started_us = clock_mono_us();
    pid_t pid = c->cb->start(c->arg, c->program, &f);
    if (pid < 0) {
        snprintf(c->reason, sizeof c->reason, "%.*s", (int)sizeof c->reason - 1, f.text);
        wait_or_stop(c, false);
        return;
    }
    c->pid = pid;
    log_info("program.started", "program", c->program->name, "token", c->program->token, "pid",
             log_num(pid), "restarts", log_num(c->restarts), NULL);
    set_state(c, CHILD_RUNNING);
}

void child_end(struct child *c, int signo)
{
    /* Asked once to end; what follows can only be the order. */
    bool asked = c->ending && signo != SIGKILL;
    c->ending = true;
    loop_timer_clear(c->again);
    if (c->pid > 0 && !asked)
        (void)kill(c->pid, signo);
    else if (c->pid == 0 && c->state != CHILD_STOPPED)
        set_state(c, CHILD_STOPPED);
}

static void ended_as_asked(struct child *c, int wait_status)
{
    struct ending e;
    ending_read(wait_status, &e);
    log_info("program.stopped", "program", c->program->name, "token", c->program->token, "how",
             wait_status == 0 ? "cleanly" : e.reason, NULL);
    set_state(c, CHILD_STOPPED);
}

bool child_reaped(struct child *c, pid_t pid, int wait_status)
{
    if (c->pid != pid)
        return false;
    c->pid = 0;
    if (c->ending) {
        ended_as_asked(c, wait_status);
        return true;
    }
    struct ending e;
    ending_read(wait_status, &e);
    memcpy(c->reason, e.reason, sizeof c->reason);
    wait_or_stop(c, e.final);
    return true;
}

bool child_alive(const struct child *c)
{
    return c->pid > 0;
}

void child_status(const struct child *c, struct child_status *out)
{
    *out = (struct child_status){.state = c->state,
                                 .pid = (uint32_t)c->pid,
                                 .restarts = c->restarts,
                                 .retry_after_ms = c->state == CHILD_WAITING ? c->wait_ms : 0};
    snprintf(out->program, sizeof out->program, "%s", c->program->name);
    snprintf(out->token, sizeof out->token, "%s", c->program->token);
    snprintf(out->reason, sizeof out->reason, "%s", c->reason);
}
