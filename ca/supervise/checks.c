#include "ca/supervise/checks.h"

#include <signal.h>
#include <stdlib.h>

#include "lib/log.h"

void checks_start(struct checks *s, struct command *k, const struct generation *g)
{
    *s = (struct checks){.pid = xcalloc(g->programs.n, sizeof *s->pid), .n = g->programs.n};
    for (size_t i = 0; i < s->n; i++) {
        struct fault f;
        pid_t pid = command_start(k, g, &g->programs.at[i], -1, true, &f);
        if (pid < 0) {
            log_fault(LOG_LEVEL_ERROR, "conf.check.failed", &f, NULL);
            s->failed = true;
            continue;
        }
        s->pid[i] = pid;
        s->left++;
    }
}

bool checks_reaped(struct checks *s, pid_t pid, int wait_status)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->pid[i] != pid)
            continue;
        s->pid[i] = 0;
        s->left--;
        s->failed = s->failed || wait_status != 0;
        return true;
    }
    return false;
}

void checks_kill(struct checks *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->pid[i] > 0)
            (void)kill(s->pid[i], SIGKILL);
}

void checks_free(struct checks *s)
{
    free(s->pid);
    *s = (struct checks){0};
}
