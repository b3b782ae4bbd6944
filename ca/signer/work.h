/*
 * What a signing thread does with its share of the queue: read and check each
 * draft, record all that pass with one write, sign them one by one.
 */
#ifndef CA_SIGNER_WORK_H
#define CA_SIGNER_WORK_H

#include "ca/signer/checkpointer.h"
#include "ca/signer/guard.h"
#include "ca/signer/job.h"
#include "ca/signer/record.h"
#include "token/token.h"

struct work {
    struct token *token;
    CK_SESSION_HANDLE session; /* of this thread alone */
    struct guard *guard;
    struct record *record;
    struct checkpointer *checkpointer; /* NULL: another token's signer signs those */
    struct job_queue *queue;
    /* Takes a list of jobs that are done, from this thread. */
    void (*done)(void *arg, struct job *list);
    /* The token failed; no more is signed. */
    void (*failed)(void *arg, const struct fault *f);
    void *arg;
};

#define WORK_BATCH RECORD_BATCH

/* Does all of the list (at most WORK_BATCH); each job ends with an answer or a
 * fault and is given to `done`. 0, or the code of the module's failure. */
int work_run(struct work *w, struct job *list, struct fault *f) WARN_UNUSED;
/* Takes from the queue until it closes or the token fails. */
void *work_thread(void *work);

#endif
