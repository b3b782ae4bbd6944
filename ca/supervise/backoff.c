#include "ca/supervise/backoff.h"

#include <stdio.h>
#include <sys/wait.h>

#include "lib/exitcode.h"

uint32_t backoff_next(struct backoff *b, uint64_t lived_ms)
{
    if (b->last_ms == 0 || lived_ms >= BACKOFF_RESET_MS)
        b->last_ms = BACKOFF_FIRST_MS;
    else
        b->last_ms = b->last_ms > BACKOFF_MAX_MS / 2 ? BACKOFF_MAX_MS : b->last_ms * 2;
    return b->last_ms;
}

static const char *meaning(int exit_status)
{
    switch (exit_status) {
    case EXITCODE_WRONG_PIN:
        return "wrong PIN";
    case EXITCODE_CONFIG:
        return "configuration unusable";
    case EXITCODE_STORE:
        return "store must recover";
    case EXITCODE_TOKEN:
        return "token or module failed";
    default:
        return NULL;
    }
}

void ending_read(int wait_status, struct ending *out)
{
    *out = (struct ending){.final = false};
    if (WIFSIGNALED(wait_status)) {
        snprintf(out->reason, sizeof out->reason, "killed by signal %d", WTERMSIG(wait_status));
        return;
    }
    int status = WEXITSTATUS(wait_status);
    const char *known = meaning(status);
    out->final = status == EXITCODE_WRONG_PIN || status == EXITCODE_CONFIG;
    if (known)
        snprintf(out->reason, sizeof out->reason, "%s", known);
    else
        snprintf(out->reason, sizeof out->reason, "exit status %d", status);
}
