/*
 * One step at a time for each request:
 *
 *   loop    approval_approve      submit APPROVE
 *   writer  step_done             post to the loop
 *   loop    after_approve         read the content, run it
 *   loop    approval_ran          submit END
 *   writer  step_done             post to the loop
 *   loop    after_end             answer
 */
#include "ca/approval/approval.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/step.h"

struct approval {
    struct approval_parts parts;
    struct approval_run *runs; /* all that are under way, asking and denying included */
    size_t busy;
};

struct approval_run {
    struct approval *approval;
    const struct approval_kind *kind;
    struct requester who;
    approval_reply reply; /* NULL: nobody waits */
    void *arg;
    struct buf content;
    struct store_request step;
    struct store_op op;
    struct fault fault;                   /* of the operation */
    void (*then)(struct approval_run *r); /* after the step is durable, on the loop */
    struct approval_run *next, *prev;
};

static struct approval_run *run_new(struct approval *a, const struct requester *who,
                                    approval_reply reply, void *arg)
{
    struct approval_run *r = xcalloc(1, sizeof(*r));

    r->approval = a;
    r->who = *who;
    r->reply = reply;
    r->arg = arg;
    buf_init(&r->content, REQUEST_CONTENT_MAX);
    fault_clear(&r->fault);
    r->next = a->runs;
    if (r->next != NULL)
        r->next->prev = r;
    a->runs = r;
    a->busy++;
    return r;
}

static void run_free(struct approval_run *r)
{
    *(r->prev != NULL ? &r->prev->next : &r->approval->runs) = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    r->approval->busy--;
    buf_free(&r->content);
    free(r);
}

static void answer(struct approval_run *r, const struct fault *f)
{
    if (r->reply != NULL)
        r->reply(r->arg, f == NULL ? &r->step.row : NULL, f);
    run_free(r);
}

/* ---- steps in the store ---- */

static void on_loop(void *arg)
{
    struct approval_run *r = arg;

    r->then(r);
}

static void step_done(struct store_op *op)
{
    struct approval_run *r = op->arg;

    loop_post(r->approval->parts.loop, on_loop, r);
}

static void submit(struct approval_run *r, enum request_verb verb, enum audit_action action,
                   const char *detail, void (*then)(struct approval_run *r))
{
    struct store_op *op = &r->op;
    struct audit_event *e = &op->audit;

    memset(op, 0, sizeof(*op));
    op->kind = STORE_REQUEST;
    op->time = clock_now();
    op->request = &r->step;
    op->done = step_done;
    op->arg = r;
    r->step.verb = verb;
    snprintf(r->step.who.name, sizeof(r->step.who.name), "%s", r->who.name);
    r->step.who.uid = r->who.uid;
    e->action = action;
    e->time = op->time;
    memcpy(e->generation, r->approval->parts.conf->generation, sizeof(e->generation));
    snprintf(e->actor, sizeof(e->actor), "%s", r->who.name);
    snprintf(e->origin, sizeof(e->origin), "%s", r->who.origin);
    snprintf(e->detail, sizeof(e->detail), "%s", detail);
    r->then = then;
    store_submit(r->approval->parts.store, op);
}

/* A step of the store that was refused, or that nothing comes after. */
static void after_step(struct approval_run *r)
{
    struct fault f = r->op.fault;

    answer(r, r->op.result != 0 ? &f : NULL);
}

/* ---- asking ---- */

static void after_ask(struct approval_run *r)
{
    struct fault f = r->op.fault;
    uint64_t id = r->step.row.id;

    if (r->op.result == 0) {
        (void)fault_set(&f, FAULT_PENDING, "request.pending",
                        "request %" PRIu64 " waits for a second operator: cerca request approve "
                        "%" PRIu64,
                        id, id);
        snprintf(f.field, sizeof(f.field), "request");
        snprintf(f.value, sizeof(f.value), "%" PRIu64, id);
    }
    answer(r, &f);
}

bool approval_needed(const struct approval *a, const struct approval_kind *kind,
                     struct slice content)
{
    return (a->parts.conf->two_operators & (uint32_t)kind->two) != 0 &&
           (kind->harmless == NULL || !kind->harmless(content));
}

void approval_ask(struct approval *a, const struct approval_kind *kind, const struct requester *who,
                  struct slice content, approval_reply reply, void *arg)
{
    struct approval_run *r = run_new(a, who, reply, arg);
    struct request_row *row = &r->step.row;
    char detail[sizeof(r->op.audit.detail)];

    if (content.n > REQUEST_CONTENT_MAX)
        (void)fault_set(&r->fault, FAULT_TOO_LARGE, "request.size",
                        "the request has more than %d octets", REQUEST_CONTENT_MAX);
    else
        (void)!kind->describe(a->parts.arg, content, row->text, &r->fault);
    if (r->fault.code != FAULT_NONE) {
        struct fault f = r->fault;

        answer(r, &f);
        return;
    }
    buf_put_slice(&r->content, content);
    r->step.content = buf_slice(&r->content);
    snprintf(row->kind, sizeof(row->kind), "%s", kind->name);
    snprintf(row->asked.name, sizeof(row->asked.name), "%s", who->name);
    row->asked.uid = who->uid;
    snprintf(row->origin, sizeof(row->origin), "%s", who->origin);
    memcpy(row->generation, a->parts.conf->generation, sizeof(row->generation));
    row->expires = clock_now() + a->parts.conf->request_life;
    snprintf(detail, sizeof(detail), "%s: %.200s", kind->name, row->text);
    submit(r, REQUEST_ADD, AUDIT_REQUEST, detail, after_ask);
}

/* ---- carrying out ---- */

static const struct approval_kind *find_kind(const struct approval *a, const char *name)
{
    for (const struct approval_kind *const *k = a->parts.kinds; *k != NULL; k++)
        if (strcmp((*k)->name, name) == 0)
            return *k;
    return NULL;
}

static void after_end(struct approval_run *r)
{
    struct fault f = r->fault.code != FAULT_NONE ? r->fault : r->op.fault;

    if (r->op.result != 0)
        log_fault(LOG_LEVEL_ERROR, "request.end.failed", &r->op.fault, NULL);
    answer(r, f.code != FAULT_NONE ? &f : NULL);
}

void approval_ran(struct approval_run *r, const struct fault *f)
{
    struct request_row *row = &r->step.row;
    char detail[sizeof(r->op.audit.detail)];

    STEP("approval.ran");
    if (f != NULL)
        r->fault = *f;
    row->state = REQUEST_DONE;
    if (f != NULL)
        row->state = fault_retryable(f) ? REQUEST_WAITING : REQUEST_FAILED;
    snprintf(row->result, sizeof(row->result), "%s", f != NULL ? f->text : "");
    snprintf(detail, sizeof(detail), "%s%s%.180s",
             row->state == REQUEST_WAITING  ? "waits again"
             : row->state == REQUEST_FAILED ? "failed"
                                            : "done",
             f != NULL ? ": " : "", row->result);
    log_info("request.ran", "kind", row->kind, "outcome", detail, NULL);
    submit(r, REQUEST_END, AUDIT_REQUEST, detail, after_end);
}

static void run_fails(struct approval_run *r, const char *rule, const char *text)
{
    struct fault f;

    fault_clear(&f);
    (void)fault_set(&f, FAULT_CONFLICT, rule, "%s", text);
    approval_ran(r, &f);
}

static void carry_out(struct approval_run *r)
{
    struct approval *a = r->approval;
    uint64_t id = r->step.row.id;
    struct fault f;

    fault_clear(&f);
    if (store_request_get(a->parts.store, id, &r->step.row, &r->content, &f) != 0) {
        approval_ran(r, &f);
        return;
    }
    r->kind = find_kind(a, r->step.row.kind);
    if (r->kind == NULL) {
        run_fails(r, "request.kind", "this version does not know this kind of request");
        return;
    }
    log_info("request.runs", "kind", r->kind->name, "by", r->who.name, NULL);
    r->kind->run(a->parts.arg, r->kind, &r->who, buf_slice(&r->content), r);
}

static void after_approve(struct approval_run *r)
{
    if (r->op.result != 0) {
        after_step(r);
        return;
    }
    STEP("approval.approved");
    carry_out(r);
}

void approval_approve(struct approval *a, uint64_t id, const struct requester *who,
                      approval_reply reply, void *arg)
{
    struct approval_run *r = run_new(a, who, reply, arg);

    r->step.row.id = id;
    submit(r, REQUEST_APPROVE, AUDIT_APPROVE, "approved", after_approve);
}

void approval_deny(struct approval *a, uint64_t id, const struct requester *who, const char *reason,
                   approval_reply reply, void *arg)
{
    struct approval_run *r = run_new(a, who, reply, arg);

    r->step.row.id = id;
    snprintf(r->step.row.result, sizeof(r->step.row.result), "%s", reason);
    submit(r, REQUEST_DENY, AUDIT_DENY, reason, after_step);
}

/* ---- after a crash ---- */

struct unfinished {
    size_t n;
    struct request_row row[REQUESTS_WAITING_MAX];
};

static int note_unfinished(void *arg, const struct request_row *row)
{
    struct unfinished *u = arg;

    if (row->state == REQUEST_APPROVED)
        u->row[u->n++] = *row;
    return u->n == REQUESTS_WAITING_MAX;
}

static void resume_one(struct approval *a, const struct request_row *row)
{
    const struct approval_kind *kind = find_kind(a, row->kind);
    struct requester who = {.role = ROLE_ADMIN, .uid = row->decided.uid, .origin = "resumed"};
    struct approval_run *r;

    snprintf(who.name, sizeof(who.name), "%s", row->decided.name);
    r = run_new(a, &who, NULL, NULL);
    r->step.row = *row;
    log_warn("request.unfinished", "kind", row->kind, "text", row->text, NULL);
    if (kind != NULL && !kind->repeatable)
        run_fails(r, "request.interrupted",
                  "interrupted while it was carried out: look whether it is done, else ask again");
    else
        carry_out(r);
}

void approval_resume(struct approval *a)
{
    struct unfinished *u = xcalloc(1, sizeof(*u));
    struct fault f;

    fault_clear(&f);
    if (store_requests(a->parts.store, 0, note_unfinished, u, &f) != 0)
        log_fault(LOG_LEVEL_ERROR, "request.resume.failed", &f, NULL);
    for (size_t i = 0; i < u->n; i++)
        resume_one(a, &u->row[i]);
    free(u);
}

/* ---- all of it ---- */

struct approval *approval_new(const struct approval_parts *parts)
{
    struct approval *a = xcalloc(1, sizeof(*a));

    a->parts = *parts;
    return a;
}

size_t approval_busy(const struct approval *a)
{
    return a->busy;
}

void approval_free(struct approval *a)
{
    struct approval_run *next;

    if (a == NULL)
        return;
    for (struct approval_run *r = a->runs; r != NULL; r = next) {
        next = r->next;
        run_free(r);
    }
    free(a);
}

const struct request_row *approval_row(const struct approval_run *run)
{
    return &run->step.row;
}
