/*
 * Serving: one thread with the loop, which reads requests and writes answers and
 * never calls the module; `threads` threads that do. A token that fails
 * ends the process: those who wait are told to come back, cercad starts the next one.
 */
#ifndef CA_SIGNER_SERVE_H
#define CA_SIGNER_SERVE_H

#include "ca/signer/checkpointer.h"
#include "ca/signer/guard.h"
#include "ca/signer/record.h"
#include "token/token.h"
#include "lib/loop.h"

struct serve {
    struct loop *loop; /* TERM, INT and HUP blocked, not handled yet */
    int listen_fd;     /* taken over */
    const struct conf *conf;
    struct token *token; /* logged in */
    struct guard *guard;
    struct record *record;
    struct checkpointer *checkpointer; /* NULL: another token's signer signs those */
};

/* Returns 0 after TERM, INT or HUP, once everything under way was answered; otherwise
 * the process has ended. */
int serve_run(const struct serve *s, struct fault *f) WARN_UNUSED;
/* For the watchdog: tells those who wait. */
void serve_hung(const char *call);

#endif
