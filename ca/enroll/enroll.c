#include "ca/enroll/enroll_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/source.h"

/* Of one front end; those of the door, and no more. */
#define ASKS_MAX ((size_t)DOOR_IN_FLIGHT_MAX)
#define QUEUE_MAX ((size_t)64 << 20)
/* Of one agent: a message each ... */
#define REPORTS 120
#define REPORTS_PER 3600

/* ---- clients and what they ask ---- */

static struct enroll_ask *ask_new(struct enroll_client *c, const struct frame *frame)
{
    struct enroll_ask *q = xcalloc(1, sizeof(*q));

    q->client = c;
    q->id = frame->id;
    buf_init(&q->in, FRAME_BODY_MAX);
    buf_put_slice(&q->in, frame->body);
    buf_init(&q->out, FRAME_BODY_MAX);
    fault_clear(&q->fault);
    caller_hold(&c->caller);
    q->next = c->owner->asks;
    if (q->next != NULL)
        q->next->prev = q;
    c->owner->asks = q;
    return q;
}

/* Wipes: a secret may be in there. */
static void ask_free(struct enroll_ask *q)
{
    struct enroll_client *c = q->client;

    *(q->prev != NULL ? &q->prev->next : &c->owner->asks) = q->next;
    if (q->next != NULL)
        q->next->prev = q->prev;
    buf_free(&q->in);
    buf_free(&q->out);
    evidence_free(&q->evidence);
    report_free(q->report);
    free(q);
    caller_let_go(&c->caller);
}

/* ---- who tries secrets ---- */

/* Before anything costly; evidence.c looks again at passwords. */
static int check_slow(const struct enroll_ask *q, struct fault *f)
{
    return q->request.has_secret ? evidence_wait(&q->client->owner->parts, &q->request, f) : 0;
}

/* A token is too long to be guessed whoever says it. */
static void note_failure(const struct enroll_ask *q, const struct fault *f)
{
    if (strcmp(f->rule, "token.unknown") == 0)
        slow_failed(q->client->owner->parts.slow, source_key(q->request.address));
}

/* ---- answers ---- */

static void tell_who(uid_t uid, const char *address, struct requester *out)
{
    *out = (struct requester){
        .name = "est", .role = ROLE_NONE, .uid = uid, .source = source_key(address)};
    (void)snprintf(out->origin, sizeof(out->origin), "est %s", address);
}

/* Refusals of who has proven nothing, counted by address. What is only "not now" is none, unless it
 * is so because of who asks. */
static void record(const struct enroll_client *c, const char *address, const struct fault *f,
                   uint32_t n)
{
    struct requester who;

    if (f->code == FAULT_FULL ||
        (f->code == FAULT_UNAVAILABLE && strcmp(f->rule, EVIDENCE_SLOW) != 0 &&
         strncmp(f->rule, "limit.", 6) != 0))
        return;
    tell_who(c->uid, address, &who);
    door_refuse_stranger(c->owner->parts.door, &who, f, n);
}

static void answer_issued(const struct enroll_ask *q, const struct issued *issued)
{
    struct enroll_keyed keyed = {q->evidence.sealed, buf_slice(&q->evidence.made),
                                 issued->certificate};
    struct fault f;
    struct buf b;

    fault_clear(&f);
    buf_init(&b, FRAME_BODY_MAX);
    if (q->request.make_key)
        enroll_keyed_put(&b, &keyed);
    else
        issued_put(&b, issued);
    if (buf_failed(&b)) {
        (void)fault_set(&f, FAULT_TOO_LARGE, "answer.size", "the certificates are too large");
        caller_send_fault(&q->client->caller, q->id, &f);
    } else {
        caller_send(&q->client->caller, q->request.make_key ? MSG_ENROLL_KEYED : MSG_ISSUED, q->id,
                    buf_slice(&b), -1);
    }
    buf_free(&b);
}

static void on_issued(void *arg, const struct issued *issued, const struct fault *fault)
{
    struct enroll_ask *q = arg;
    struct enroll_client *c = q->client;

    if (fault != NULL) {
        note_failure(q, fault);
        if (strcmp(fault->rule, EVIDENCE_SLOW) == 0) /* which the door does not record */
            record(c, q->request.address, fault, 1);
        caller_send_fault(&c->caller, q->id, fault);
    } else if (c->caller.conn != NULL) {
        answer_issued(q, issued);
    }
    ask_free(q);
}

static void refuse(struct enroll_ask *q, const struct fault *f)
{
    record(q->client, q->request.address, f, 1);
    log_fault(LOG_LEVEL_INFO, "enroll.refused", f, "address", q->request.address, NULL);
    caller_send_fault(&q->client->caller, q->id, f);
    ask_free(q);
}

/* ---- enrolling ---- */

static void ask_door(struct enroll_ask *q, const struct issue_request *r)
{
    struct enroll_client *c = q->client;
    struct door *door = c->owner->parts.door;
    struct requester who;
    struct buf body;

    tell_who(c->uid, q->request.address, &who);
    buf_init(&body, FRAME_BODY_MAX);
    issue_request_put(&body, r);
    door_issue_proven(door, &who, &q->evidence.door, buf_slice(&body), on_issued, q);
    buf_free(&body);
}

static int prepare(struct enroll_ask *q, struct issue_request *out, struct fault *f)
{
    const struct conf_est *l;

    if (enroll_request_get(buf_slice(&q->in), &q->request) != 0)
        return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
    l = conf_est(q->client->owner->parts.conf, q->request.label);
    if (l == NULL) {
        (void)fault_refuse(f, "est.label", "label", slice_str(q->request.label),
                           "a label of the configuration");
        f->code = FAULT_NOT_FOUND;
        return -FAULT_NOT_FOUND;
    }
    if (check_slow(q, f) != 0 ||
        evidence_init(&q->evidence, &q->client->owner->parts, l, &q->request, f) != 0)
        return -(int)f->code;
    if (q->request.make_key && evidence_make_key(&q->evidence, q->client->owner->maker, f) != 0)
        return -(int)f->code;
    if (evidence_has_token(&q->evidence))
        out->token = q->request.secret;
    (void)snprintf(out->profile, sizeof(out->profile), "%s", l->profile);
    out->csr = q->request.csr;
    return 0;
}

static void handle_enroll(struct enroll_ask *q)
{
    struct issue_request r = {.validity = 0};
    struct fault f;

    fault_clear(&f);
    if (prepare(q, &r, &f) != 0)
        refuse(q, &f);
    else
        ask_door(q, &r);
}

/* ---- for the front end itself ---- */

static void handle_server(struct enroll_ask *q)
{
    struct enroll_client *c = q->client;
    struct requester who = {.name = "cerca-enroll", .role = ROLE_ADMIN, .uid = c->uid, .own = true};
    struct fault f;
    struct buf body;

    fault_clear(&f);
    (void)snprintf(who.origin, sizeof(who.origin), "enroll pid=%d", (int)c->pid);
    buf_init(&body, FRAME_BODY_MAX);
    if (server_request(c->owner, buf_slice(&q->in), &body, &f) != 0)
        refuse(q, &f);
    else
        door_issue(c->owner->parts.door, &who, buf_slice(&body), on_issued, q);
    buf_free(&body);
}

/* What the front end refused itself; who says so is believed, as with addresses. */
static void handle_turned_away(struct enroll_ask *q)
{
    struct enroll_refusal r;

    if (enroll_refusal_get(buf_slice(&q->in), &r) != 0) {
        struct fault f;

        (void)fault_set(&f, FAULT_MALFORMED, "request.body", "the request is malformed");
        refuse(q, &f);
        return;
    }
    record(q->client, r.address, &r.why, r.n);
    caller_send(&q->client->caller, MSG_ENROLL_NOTED, q->id, SLICE_NONE, -1);
    ask_free(q);
}

static void after_read(void *arg)
{
    struct enroll_ask *q = arg;

    if (q->fault.code != FAULT_NONE) {
        refuse(q, &q->fault);
        return;
    }
    caller_send(&q->client->caller, q->answer, q->id, buf_slice(&q->out), -1);
    ask_free(q);
}

static void run_cas(struct work *w, unsigned worker)
{
    struct enroll_ask *q = (struct enroll_ask *)w;
    struct enroll *e = q->client->owner;
    char label[ENROLL_LABEL_SIZE];

    (void)worker;
    authorities_read(e->parts.authorities);
    if (enroll_label_get(buf_slice(&q->in), label) != 0)
        (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
    else if (cas_put(e, label, &q->out, &q->fault) == 0 && buf_failed(&q->out))
        (void)fault_set(&q->fault, FAULT_TOO_LARGE, "answer.size",
                        "the CAs' certificates are too large");
    authorities_done(e->parts.authorities);
    loop_post(e->parts.loop, after_read, q);
}

static void run_hint(struct work *w, unsigned worker)
{
    struct enroll_ask *q = (struct enroll_ask *)w;
    struct enroll *e = q->client->owner;
    struct enroll_hint_request r;

    (void)worker;
    if (enroll_hint_request_get(buf_slice(&q->in), &r) != 0) {
        (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
    } else {
        memcpy(q->request.address, r.address, sizeof(q->request.address));
        (void)!hint_put(e, &r, &q->out, &q->fault);
    }
    loop_post(e->parts.loop, after_read, q);
}

/* ---- reports of agents ---- */

static void after_report(void *arg)
{
    struct enroll_ask *q = arg;
    const struct fault *f = report_fault(q->report);

    report_tell(q->report);

    if (f != NULL) { /* which the store has recorded */
        caller_send_fault(&q->client->caller, q->id, f);
        ask_free(q);
    } else {
        after_read(q);
    }
}

static void report_done(struct store_op *op)
{
    struct enroll_ask *q = op->arg;

    loop_post(q->client->owner->parts.loop, after_report, q);
}

static void run_report(struct work *w, unsigned worker)
{
    struct enroll_ask *q = (struct enroll_ask *)w;
    struct enroll *e = q->client->owner;

    (void)worker;
    if (report_take(e, buf_slice(&q->in), &q->request, &q->report, &q->fault) == 0)
        report_submit(e, q->report, report_done, q);
    else
        loop_post(e->parts.loop, after_read, q);
}

/* On a thread of those that read. */
static void read_it(struct enroll_ask *q, void (*run)(struct work *w, unsigned worker),
                    uint16_t answer)
{
    q->answer = answer;
    q->work.run = run;
    workers_push(q->client->owner->parts.readers, WORK_START, &q->work);
}

/* ---- the socket ---- */

static void turn_away(struct enroll_client *c, uint64_t id, const char *rule, const char *text)
{
    struct fault f;

    fault_clear(&f);
    (void)fault_unavailable(&f, 1, rule, "%s", text);
    caller_send_fault(&c->caller, id, &f);
}

static void on_message(struct conn *conn, void *owner, const struct frame *frame)
{
    struct enroll_client *c = owner;
    struct enroll_ask *q;

    (void)conn;
    if (c->owner->draining) {
        turn_away(c, frame->id, "door.closed", "cerca-ca ends just now");
        return;
    }
    if (c->caller.asks >= ASKS_MAX) {
        turn_away(c, frame->id, "busy", "too many requests at once");
        return;
    }
    q = ask_new(c, frame);
    if (frame->type == MSG_ENROLL)
        handle_enroll(q);
    else if (frame->type == MSG_ENROLL_SERVER)
        handle_server(q);
    else if (frame->type == MSG_ENROLL_TURNED_AWAY)
        handle_turned_away(q);
    else if (frame->type == MSG_ENROLL_HINT)
        read_it(q, run_hint, MSG_ENROLL_HINTED);
    else if (frame->type == MSG_ENROLL_REPORT)
        read_it(q, run_report, MSG_ENROLL_REPORTED);
    else
        read_it(q, run_cas, MSG_ENROLL_CAS_ARE);
}

static void on_counters(struct conn *conn, void *owner, const struct frame *frame)
{
    struct enroll *e = ((struct enroll_client *)owner)->owner;

    e->has_counters = counters_get(frame->body, &e->counters) == 0;
    if (!e->has_counters)
        log_warn("enroll.counters.malformed", NULL);
    conn_send(conn, MSG_ENROLL_NOTED, frame->id, SLICE_NONE, -1);
}

const struct counters *enroll_counters(const struct enroll *e)
{
    return e->has_counters ? &e->counters : NULL;
}

static const struct permit permits[] = {{MSG_ENROLL, FRAME_BODY_MAX, on_message},
                                        {MSG_ENROLL_SERVER, CSR_MAX, on_message},
                                        {MSG_ENROLL_CAS, 128, on_message},
                                        {MSG_ENROLL_HINT, FRAME_BODY_MAX, on_message},
                                        {MSG_ENROLL_REPORT, FRAME_BODY_MAX, on_message},
                                        {MSG_ENROLL_TURNED_AWAY, FRAME_BODY_MAX, on_message},
                                        {MSG_COUNTERS, sizeof(struct counters) + 64, on_counters}};
static const struct conn_callbacks callbacks = {.permits = permits,
                                                .n_permits = sizeof(permits) / sizeof(permits[0]),
                                                .closed = caller_closed,
                                                .queue_max = QUEUE_MAX};

/* The socket's owner is cerca-enroll's user; nobody else but root could connect. */
static void on_accepted(void *arg, int fd, const struct conn_peer *peer)
{
    struct enroll *e = arg;
    struct enroll_client *c = caller_new(&e->clients, sizeof(*c));

    c->owner = e;
    c->uid = peer->uid;
    c->pid = peer->pid;
    caller_connect(&c->caller, e->parts.loop, fd, &callbacks);
}

struct enroll *enroll_new(const struct enroll_parts *parts, int listen_fd)
{
    struct enroll *e = xcalloc(1, sizeof(*e));

    e->parts = *parts;
    e->parts.slow = slow_new();
    e->maker = maker_new(&e->parts);
    e->reports = rate_new(REPORTS, REPORTS_PER);
    e->listener = listener_new(parts->loop, listen_fd, on_accepted, e);
    listener_for(e->listener, "cerca-enroll");
    return e;
}

void enroll_drain(struct enroll *e)
{
    if (e == NULL)
        return;
    e->draining = true;
    maker_drain(e->maker);
}

void enroll_free(struct enroll *e)
{
    if (e == NULL)
        return;
    listener_free(e->listener);
    for (struct enroll_ask *q = e->asks, *then; q != NULL; q = then) {
        then = q->next;
        ask_free(q);
    }
    callers_free(&e->clients);
    slow_free(e->parts.slow);
    maker_free(e->maker);
    rate_free(e->reports);
    free(e);
}
