/*
 * Two operators for what destroys trust. An operation that may need them is one function over its
 * content bytes, a struct approval_kind. When the configuration names its kind in two_operators,
 * asking for it records the content and does nothing; another operator's approval is recorded,
 * and then it is carried out, once:
 *
 *   approval_ask      the content is described, recorded (audit "request"), and the asker is told
 *                     FAULT_PENDING, "request 7 waits for a second operator"
 *   approval_approve  the approval is durable (audit "approve") before `run` is called; its end
 *                     is durable before the approver is answered
 *   approval_resume   at the start: what was approved and did not end before a crash is carried
 *                     out again if doing so twice is as good as once (`repeatable`), else recorded
 *                     as failed, and said so
 *
 * A new kind is a word of the configuration (lib/conf.h) and a struct approval_kind that a line of
 * the table in ca/admin/admin.c names. Its content is whatever `run` needs and nothing else. (A
 * certificate that needs a yes is no such operation: who asks, asks again; ca/store/approvals.h.)
 *
 * An operation that could only not be done now (fault_retryable) waits for approval again.
 * What is decided, and by whom: ca/store/requests.h. Everything belongs to the loop.
 */
#ifndef CA_APPROVAL_APPROVAL_H
#define CA_APPROVAL_APPROVAL_H

#include "ca/door/door.h"
#include "ca/store/requests.h"

#define APPROVAL_TEXT_MAX 256

struct approval_run; /* one approved request that is being carried out */

struct approval_kind {
    const char *name; /* the configuration's word, "ca-install" */
    enum conf_two two;
    bool repeatable;
    /* Does this content change nothing (a dry run)? It is carried out at once. NULL: it never
     * does. */
    bool (*harmless)(struct slice content);
    /* One line for who approves: what will happen, to what, with which fingerprint. Refuses
     * content that could not be carried out anyway; nothing is recorded then. */
    int (*describe)(void *arg, struct slice content, char out[APPROVAL_TEXT_MAX], struct fault *f);
    /* Carries it out, with `by`, the approver, as the one who does it. Ends, now or later, in
     * approval_ran. `content` is good until then. */
    void (*run)(void *arg, const struct approval_kind *kind, const struct requester *by,
                struct slice content, struct approval_run *run);
};

struct approval;

struct approval_parts {
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
    const struct approval_kind *const *kinds; /* NULL-ended */
    void *arg;                                /* of every describe and run */
};

struct approval *approval_new(const struct approval_parts *parts);
/* The store's writer has ended. Runs that never ended are forgotten; the next start finds them. */
void approval_free(struct approval *a);
/* Requests whose step is not durable yet, and runs that have not ended. */
size_t approval_busy(const struct approval *a);

bool approval_needed(const struct approval *a, const struct approval_kind *kind,
                     struct slice content);

/* Exactly one of `row` (as it is now) and `f` is set; both good during the call. */
typedef void (*approval_reply)(void *arg, const struct request_row *row, const struct fault *f);
/* The answer is always a fault: FAULT_PENDING, rule "request.pending", once it is recorded. */
void approval_ask(struct approval *a, const struct approval_kind *kind, const struct requester *who,
                  struct slice content, approval_reply reply, void *arg);
/* Answers when it has been carried out; the operation's own fault when it failed. */
void approval_approve(struct approval *a, uint64_t id, const struct requester *who,
                      approval_reply reply, void *arg);
void approval_deny(struct approval *a, uint64_t id, const struct requester *who, const char *reason,
                   approval_reply reply, void *arg);
/* `f` is NULL when the operation was carried out. */
void approval_ran(struct approval_run *run, const struct fault *f);
void approval_resume(struct approval *a);
/* The approved request that is being carried out: who asked for it. */
const struct request_row *approval_row(const struct approval_run *run);

#endif
