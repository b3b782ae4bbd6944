#include "ca/door/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/door/job.h"
#include "lib/proto_policy.h"

struct telling {
    struct buf steps;
    size_t n, refusals;
};

/* As much of a text as goes into a message, not in the middle of a UTF-8 sequence. */
static struct slice cut(const char *text)
{
    size_t n = strlen(text), max = 2048;

    if (n > max)
        for (n = max; n > 0 && ((uint8_t)text[n] & 0xc0) == 0x80;)
            n--;
    return slice_of(text, n);
}

static void tell(void *arg, const struct policy_step *s)
{
    struct telling *t = arg;
    struct explain_step e = {.value = cut(s->value), .allowed = cut(s->allowed)};

    t->refusals += s->refusal != NULL;
    if (t->n++ >= EXPLAIN_STEPS_MAX)
        return;
    (void)snprintf(e.step, sizeof(e.step), "%s", s->step);
    e.refused = s->refusal != NULL;
    if (s->refusal != NULL) {
        memcpy(e.rule, s->refusal->rule, sizeof(e.rule));
        memcpy(e.text, s->refusal->text, sizeof(e.text));
    }
    explain_step_put(&t->steps, &e);
}

static void tell_refusal(struct telling *t, const char *step, const struct fault *f)
{
    struct policy_step s = {.step = step, .value = f->value, .allowed = f->allowed, .refusal = f};

    tell(t, &s);
}

/* A role that is too low does not keep the rest from being told. */
static bool authorise(struct job *j, struct telling *t, struct fault *f)
{
    if (step_authorise(j, f) == 0)
        return true;
    tell_refusal(t, "authorise", f);
    if (j->profile == NULL || j->issuer != NULL)
        return false;
    fault_clear(f);
    if (step_issuer(j, f) == 0)
        return true;
    tell_refusal(t, "authorise", f);
    return false;
}

static void run(struct job *j, struct telling *t, struct fault *f)
{
    size_t before;

    if (!authorise(j, t, f))
        return;
    before = t->refusals;
    fault_clear(f);
    if (step_decide(j, f) != 0) {
        if (t->refusals == before)
            tell_refusal(t, "csr", f);
        return;
    }
    fault_clear(f);
    if (t->refusals == 0 && step_draft(j, f) != 0)
        tell_refusal(t, "draft", f);
}

static void put(const struct job *j, const struct telling *t, struct buf *out)
{
    struct explained e = {.allowed = t->refusals == 0, .steps = buf_slice(&t->steps)};

    memcpy(e.profile, j->request.profile, sizeof(e.profile));
    if (j->profile != NULL)
        (void)snprintf(e.issuer, sizeof(e.issuer), "%s", j->profile->issuer);
    if (e.allowed)
        e.tbs = buf_slice(&j->tbs);
    explained_put(out, &e);
}

int door_explain(struct door *d, const struct requester *who, struct slice body, struct buf *out,
                 struct fault *f)
{
    struct telling t = {.n = 0};
    const struct policy_report report = {tell, &t};
    struct job *j;

    if (issue_request_has_token(body))
        return fault_set(f, FAULT_MALFORMED, "explain.token",
                         "a request with a token is not explained; its owner may try a dry run");
    j = xcalloc(1, sizeof(*j));
    buf_init(&j->body, FRAME_BODY_MAX);
    buf_init(&j->tbs, TBS_MAX);
    buf_init(&t.steps, FRAME_BODY_MAX);
    buf_put_slice(&j->body, body);
    j->door = d;
    j->who = *who;
    j->kind = JOB_REQUEST;
    j->report = &report;
    run(j, &t, f);
    put(j, &t, out);
    fault_clear(f);
    decision_free(&j->decision);
    buf_free(&j->body);
    buf_free(&j->tbs);
    buf_free(&t.steps);
    free(j);
    return 0;
}
