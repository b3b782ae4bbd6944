/* What `cerca status` says of a token, and of a program that cercad runs. */
#include <stdio.h>
#include <string.h>

#include "ca/door/signer_link.h"

static const char *child_word(enum child_state state)
{
    switch (state) {
    case CHILD_RUNNING:
        return "running";
    case CHILD_WAITING:
        return "restarting";
    default:
        return "stopped";
    }
}

void program_status(const char *name, const struct child_status *c, bool ready,
                    struct status_item *out)
{
    memset(out, 0, sizeof(*out));
    snprintf(out->name, sizeof(out->name), "%.63s", name);
    if (c == NULL) {
        out->ok = ready;
        snprintf(out->state, sizeof(out->state), "%s", ready ? "running" : "not running");
        snprintf(out->text, sizeof(out->text), "started by hand, not by cercad");
        return;
    }
    out->ok = c->state == CHILD_RUNNING;
    snprintf(out->state, sizeof(out->state), "%s", child_word(c->state));
    snprintf(out->text, sizeof(out->text), "pid %u, restarted %u times%s%s", c->pid, c->restarts,
             c->reason[0] != '\0' ? ", last end: " : "", c->reason);
    out->retry_after = c->state == CHILD_WAITING ? 1 + c->retry_after_ms / 1000 : 0;
}

void token_status(const char *name, bool ready, const struct fault *why, bool lied,
                  struct status_item *out)
{
    const char *state = !ready ? "unavailable" : lied ? "wrong" : "ready", *text = "signing";

    if (!ready)
        text = why->code == FAULT_NONE ? "connecting to its signer" : why->text;
    else if (lied)
        text = "its last signature does not verify, so nothing was issued with it: have the token "
               "looked after; a certificate that is right ends this";
    memset(out, 0, sizeof(*out));
    snprintf(out->name, sizeof(out->name), "hsm.%.48s", name);
    out->ok = ready && !lied;
    snprintf(out->state, sizeof(out->state), "%s", state);
    snprintf(out->text, sizeof(out->text), "%s", text);
    out->retry_after = why->retry_after;
}
