/* Requests that wait for a second operator: asking instead of doing, `cerca request`, and doing
 * what was approved, which is the message's own handler with the recorded body. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/proto_request.h"

static void describe_request(const struct request_row *r, struct request_info *out)
{
    memset(out, 0, sizeof(*out));
    out->id = r->id;
    memcpy(out->kind, r->kind, sizeof(out->kind));
    snprintf(out->state, sizeof(out->state), "%s", request_state_word(r, clock_now()));
    memcpy(out->asked_by, r->asked.name, sizeof(out->asked_by));
    out->asked_uid = r->asked.uid;
    memcpy(out->origin, r->origin, sizeof(out->origin));
    out->created = r->created;
    out->expires = r->expires;
    memcpy(out->generation, r->generation, sizeof(out->generation));
    memcpy(out->sha256, r->sha256, sizeof(out->sha256));
    memcpy(out->text, r->text, sizeof(out->text));
    memcpy(out->decided_by, r->decided.name, sizeof(out->decided_by));
    out->decided_uid = r->decided.uid;
    out->decided_at = r->decided_at;
    memcpy(out->result, r->result, sizeof(out->result));
}

static void put_row(struct buf *out, const struct request_row *r)
{
    struct request_info info;

    describe_request(r, &info);
    request_info_put(out, &info);
}

/* ---- reading, on workers ---- */

struct page {
    struct request_query query;
    struct buf rows;
    uint32_t n;
    bool more;
};

static int add_request(void *arg, const struct request_row *r)
{
    struct page *p = arg;
    bool over = r->state >= REQUEST_DONE || request_expired(r, clock_now());

    if (over && !p->query.all)
        return 0;
    p->more = p->n == REQUEST_PAGE_MAX;
    if (p->more)
        return 1;
    put_row(&p->rows, r);
    p->n++;
    return 0;
}

static void read_requests(struct ask *q)
{
    struct page p = {.n = 0};

    if (request_query_get(buf_slice(&q->in), &p.query) != 0) {
        (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
        return;
    }
    buf_init(&p.rows, FRAME_BODY_MAX);
    if (store_requests(q->client->admin->parts.store, p.query.after, add_request, &p, &q->fault) ==
        0) {
        wire_put_u8(&q->out, p.more);
        wire_put_u32(&q->out, p.n);
        buf_put_slice(&q->out, buf_slice(&p.rows));
    }
    buf_free(&p.rows);
}

void list_requests(struct ask *q)
{
    ask_read(q, MSG_REQUEST_LISTED, read_requests);
}

static void read_request(struct ask *q)
{
    struct request_choice c;
    struct request_row row;

    if (request_choice_get(buf_slice(&q->in), &c) != 0)
        (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
    else if (store_request_get(q->client->admin->parts.store, c.id, &row, NULL, &q->fault) == 0)
        put_row(&q->out, &row);
}

void show_request(struct ask *q)
{
    ask_read(q, MSG_REQUEST_SHOWN, read_request);
}

/* ---- asking and deciding ---- */

static void decided(void *arg, const struct request_row *row, const struct fault *f)
{
    struct ask *q = arg;

    if (f != NULL) {
        ask_fail(q, f);
        return;
    }
    put_row(&q->out, row);
    ask_answer(q, MSG_REQUEST_DECIDED, buf_slice(&q->out));
}

void ask_second(struct ask *q, const struct approval_kind *kind)
{
    approval_ask(q->client->admin->approval, kind, &q->client->who, buf_slice(&q->in), decided, q);
}

static bool choice(struct ask *q, struct request_choice *c)
{
    if (request_choice_get(buf_slice(&q->in), c) == 0)
        return true;
    (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
    ask_fail(q, &q->fault);
    return false;
}

/* Whoever asked could ask today: two people stand behind it, not one and a name. */
static bool asker_may(const struct admin *a, const struct request_row *r)
{
    const struct conf_operator *o = conf_operator(a->parts.conf, r->asked.uid);
    struct requester now;

    for (const struct approval_kind *const *k = a->kinds; *k != NULL; k++) {
        if (strcmp((*k)->name, r->kind) != 0)
            continue;
        if (o == NULL || o->role < admin_message_of(*k)->role)
            return false;
        admin_operator(o, &now);
        return strcmp(now.name, r->asked.name) == 0;
    }
    return true; /* the approval says that the kind is not known */
}

/* What is over is told by the approval. */
static int check_asker(const struct ask *q, uint64_t id, struct fault *f)
{
    struct admin *a = q->client->admin;
    struct request_row row;

    if (store_request_get(a->parts.store, id, &row, NULL, f) != 0)
        return -(int)f->code;
    if (row.state != REQUEST_WAITING || request_expired(&row, clock_now()) || asker_may(a, &row))
        return 0;
    (void)fault_refuse(
        f, "request.asker", "asked by", slice_str(row.asked.name),
        "an operator who may still ask for it: deny the request and ask for it anew");
    f->code = FAULT_DENIED;
    door_record_refusal(a->parts.door, &q->client->who, f);
    return -FAULT_DENIED;
}

void approve_request(struct ask *q)
{
    struct request_choice c;

    if (!choice(q, &c))
        return;
    if (check_asker(q, c.id, &q->fault) != 0)
        ask_fail(q, &q->fault);
    else
        approval_approve(q->client->admin->approval, c.id, &q->client->who, decided, q);
}

void deny_request(struct ask *q)
{
    struct request_choice c;

    if (choice(q, &c))
        approval_deny(q->client->admin->approval, c.id, &q->client->who, c.reason, decided, q);
}

/* ---- carrying out ---- */

/* As if the approver had sent the message; there is no connection, the answer goes to `run`. */
void run_message(void *arg, const struct approval_kind *kind, const struct requester *by,
                 struct slice content, struct approval_run *run)
{
    struct admin *a = arg;
    const struct admin_message *m = admin_message_of(kind);
    struct admin_client *c = admin_client_new(a, by);
    struct frame frame = {.type = m->type, .body = content, .fd = -1};
    struct ask *q = ask_new(c, &frame);

    q->run = run;
    m->handle(q);
}
