/* Exceptions from findings: made, taken back, listed. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/alerts.h"
#include "lib/clock.h"
#include "lib/proto_alert.h"
#include "watch/rules/finding.h"

static int malformed(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
}

/* ---- list ---- */

struct page {
    struct buf rows;
    uint32_t n;
    bool more;
};

static int add(void *arg, const struct exception *e)
{
    struct page *p = arg;
    struct exception_info i = {.created = e->created, .until = e->until};

    p->more = p->n == EXCEPTION_PAGE_MAX;
    if (p->more)
        return 1;
    memcpy(i.rule, e->rule, sizeof(i.rule));
    memcpy(i.subject, e->subject, sizeof(i.subject));
    memcpy(i.by, e->by, sizeof(i.by));
    memcpy(i.approver, e->approver, sizeof(i.approver));
    memcpy(i.reason, e->reason, sizeof(i.reason));
    exception_info_put(&p->rows, &i);
    p->n++;
    return 0;
}

static void read_exceptions(struct ask *q)
{
    struct exception_query query;
    struct exception after = {.rule = ""};
    struct page p = {.n = 0};

    if (exception_query_get(buf_slice(&q->in), &query) != 0) {
        (void)malformed(&q->fault);
        return;
    }
    memcpy(after.rule, query.rule, sizeof(after.rule));
    memcpy(after.subject, query.subject, sizeof(after.subject));
    buf_init(&p.rows, FRAME_BODY_MAX);
    if (store_exceptions(q->client->admin->parts.store, query.rule[0] != '\0' ? &after : NULL, add,
                         &p, &q->fault) == 0) {
        wire_put_u8(&q->out, p.more);
        wire_put_u32(&q->out, p.n);
        buf_put_slice(&q->out, buf_slice(&p.rows));
    }
    buf_free(&p.rows);
}

void list_exceptions(struct ask *q)
{
    ask_read(q, MSG_EXCEPTION_LISTED, read_exceptions);
}

/* ---- make, take back ---- */

struct excepting {
    struct ask *ask;
    struct store_op op;
    struct store_except except;
};

static int check(struct exception_info *i, int64_t now, struct fault *f)
{
    uint8_t identity[16];

    if (finding_parse(i->rule) == FINDINGS)
        return fault_refuse(f, "exception.rule", "rule", slice_str(i->rule),
                            "a rule of cerca findings count");
    if (strcmp(i->subject, "*") != 0 && (strlen(i->subject) != 2 * sizeof(identity) ||
                                         hex_decode(i->subject, identity, sizeof(identity)) != 0))
        return fault_refuse(f, "exception.subject", "subject", slice_str(i->subject),
                            "an identity, 32 hexadecimal digits, or * for all");
    if (strcmp(i->subject, "*") != 0) /* one way to write it */
        hex_encode(slice_of(identity, sizeof(identity)), i->subject);
    if (i->until != 0 && i->until <= now)
        return fault_refuse(f, "exception.until", "until", slice_str(""), "a time to come");
    if (i->until != 0 && i->reason[0] == '\0')
        return fault_refuse(f, "exception.reason", "reason", slice_str(""), "why it is accepted");
    return 0;
}

static int read_request(struct slice body, struct exception_info *out, struct fault *f)
{
    struct wire_in w;

    wire_in_init(&w, body);
    exception_info_get(&w, out);
    if (!wire_in_done(&w))
        return malformed(f);
    return check(out, clock_now(), f);
}

static void answered(void *arg)
{
    struct excepting *x = arg;

    if (x->op.result != 0) {
        ask_fail(x->ask, &x->op.fault);
    } else {
        lifecycle_excepted(x->ask->client->admin->parts.lifecycle, x->except.row.subject);
        ask_answer(x->ask, MSG_FINDING_EXCEPTED, SLICE_NONE);
    }
    free(x);
}

static void except_done(struct store_op *op)
{
    struct excepting *x = op->arg;

    loop_post(x->ask->client->admin->parts.loop, answered, x);
}

static void record(struct excepting *x, const struct exception_info *i)
{
    const struct requester *who = &x->ask->client->who;
    struct audit_event *e = &x->op.audit;
    char until[CLOCK_TEXT_SIZE];

    clock_format(i->until, until);
    e->action = AUDIT_EXCEPTION;
    e->time = x->op.time;
    memcpy(e->generation, x->ask->client->admin->parts.conf->generation, sizeof(e->generation));
    (void)snprintf(e->actor, sizeof(e->actor), "%s", who->name);
    (void)snprintf(e->origin, sizeof(e->origin), "%s", who->origin);
    (void)snprintf(e->detail, sizeof(e->detail), "%.63s of %.64s %s%s: %.80s", i->rule, i->subject,
                   i->until == 0 ? "taken back" : "until ", i->until == 0 ? "" : until, i->reason);
}

void except_finding(struct ask *q)
{
    struct excepting *x = xcalloc(1, sizeof(*x));
    struct exception *row = &x->except.row;
    struct exception_info i;

    if (read_request(buf_slice(&q->in), &i, &q->fault) != 0) {
        ask_fail(q, &q->fault);
        free(x);
        return;
    }
    x->ask = q;
    x->op = (struct store_op){.kind = STORE_EXCEPT,
                              .time = clock_now(),
                              .except = &x->except,
                              .done = except_done,
                              .arg = x};
    memcpy(row->rule, i.rule, sizeof(row->rule));
    memcpy(row->subject, i.subject, sizeof(row->subject));
    memcpy(row->reason, i.reason, sizeof(row->reason));
    row->created = x->op.time;
    row->until = i.until;
    (void)snprintf(row->by, sizeof(row->by), "%s",
                   q->run != NULL ? approval_row(q->run)->asked.name : q->client->who.name);
    (void)snprintf(row->approver, sizeof(row->approver), "%s", q->client->who.name);
    record(x, &i);
    store_submit(q->client->admin->parts.store, &x->op);
}

/* What is taken back needs nobody. */
static bool takes_back(struct slice content)
{
    struct exception_info i;
    struct fault f;

    return read_request(content, &i, &f) == 0 && i.until == 0;
}

static int describe(void *arg, struct slice content, char out[APPROVAL_TEXT_MAX], struct fault *f)
{
    char until[CLOCK_TEXT_SIZE];
    struct exception_info i;

    (void)arg;
    if (read_request(content, &i, f) != 0)
        return -(int)f->code;
    clock_format(i.until, until);
    (void)snprintf(out, APPROVAL_TEXT_MAX, "accept %.40s of %.40s until %s: %.100s", i.rule,
                   i.subject, until, i.reason);
    return 0;
}

const struct approval_kind kind_exception = {
    .name = "exception",
    .two = TWO_EXCEPTION,
    .repeatable = true,
    .harmless = takes_back,
    .describe = describe,
    .run = run_message,
};
