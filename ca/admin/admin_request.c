/* Requests that wait for an operator: asking a second one instead of doing, `cerca request`, and
 * doing what was approved, which is the message's own handler with the recorded body. Requests for
 * certificates are decided in admin_approval.c. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/approvals.h"
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

/* What was found among the one kind of requests and the other, each in order of their numbers. */
#define PAGE_OCTETS (FRAME_BODY_MAX - sizeof(struct request_info) - 64)
struct found {
    size_t n;
    struct item {
        uint64_t id;
        size_t at, octets;
    } item[REQUEST_PAGE_MAX];
    struct buf rows;
    bool full; /* there may be more */
};

struct page {
    struct request_query query;
    struct found two, issue;
};

static bool wanted(const struct request_query *q, const struct request_info *i)
{
    const struct request_certificate *c = &i->certificate;

    return (q->all || strcmp(i->state, "waiting") == 0 ||
            (strcmp(i->state, "approved") == 0 && c->profile[0] == '\0')) &&
           (q->kind[0] == '\0' || strcmp(q->kind, i->kind) == 0) &&
           (q->profile[0] == '\0' || strcmp(q->profile, c->profile) == 0) &&
           (q->asked_by[0] == '\0' || strcmp(q->asked_by, i->asked_by) == 0) &&
           (q->name[0] == '\0' || strstr(c->names, q->name) != NULL ||
            strstr(i->text, q->name) != NULL);
}

/* 1: there is enough of them. */
static int add(const struct page *p, struct found *to, const struct request_info *info)
{
    size_t before = to->rows.n;

    if (!wanted(&p->query, info))
        return 0;
    request_info_put(&to->rows, info);
    to->item[to->n++] = (struct item){info->id, before, to->rows.n - before};
    to->full = to->n == REQUEST_PAGE_MAX || to->rows.n > PAGE_OCTETS;
    return to->full;
}

static int add_request(void *arg, const struct request_row *r)
{
    struct page *p = arg;
    struct request_info info;

    describe_request(r, &info);
    return add(p, &p->two, &info);
}

static int add_approval(void *arg, const struct approval_row *r)
{
    struct page *p = arg;
    struct request_info info;

    describe_approval(r, &info);
    return add(p, &p->issue, &info);
}

/* Both, by number, as far as there is room: what was not read of either has greater ones. */
static void merge(const struct page *p, struct buf *out)
{
    const struct found *f[2] = {&p->two, &p->issue};
    size_t at[2] = {0, 0};
    uint32_t n = 0;
    struct buf rows;

    buf_init(&rows, FRAME_BODY_MAX);
    while (n < REQUEST_PAGE_MAX && (at[0] < f[0]->n || at[1] < f[1]->n)) {
        size_t k =
            at[0] == f[0]->n || (at[1] < f[1]->n && f[1]->item[at[1]].id < f[0]->item[at[0]].id);
        const struct item *i = &f[k]->item[at[k]];

        if (n > 0 && rows.n + i->octets > PAGE_OCTETS)
            break;
        buf_put(&rows, f[k]->rows.p + i->at, i->octets);
        at[k]++;
        n++;
        if (at[k] == f[k]->n && f[k]->full)
            break;
    }
    wire_put_u8(out, at[0] < f[0]->n || at[1] < f[1]->n || f[0]->full || f[1]->full);
    wire_put_u32(out, n);
    buf_put_slice(out, buf_slice(&rows));
    buf_free(&rows);
}

static void read_requests(struct ask *q)
{
    struct store *s = q->client->admin->parts.store;
    struct page p = {.two.n = 0};

    if (request_query_get(buf_slice(&q->in), &p.query) != 0) {
        (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
        return;
    }
    buf_init(&p.two.rows, 2 * FRAME_BODY_MAX);
    buf_init(&p.issue.rows, 2 * FRAME_BODY_MAX);
    if (store_requests(s, p.query.after, add_request, &p, &q->fault) == 0 &&
        store_approvals(s, p.query.after, add_approval, &p, &q->fault) == 0)
        merge(&p, &q->out);
    buf_free(&p.two.rows);
    buf_free(&p.issue.rows);
}

void list_requests(struct ask *q)
{
    ask_read(q, MSG_REQUEST_LISTED, read_requests);
}

static void read_request(struct ask *q)
{
    struct store *s = q->client->admin->parts.store;
    struct request_choice c;
    struct approval_row approval;
    struct request_info info;
    struct request_row row;

    if (request_choice_get(buf_slice(&q->in), &c) != 0) {
        (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
    } else if (store_approval_get(s, c.id, &approval, &q->fault) == 0) {
        describe_approval(&approval, &info);
        request_info_put(&q->out, &info);
    } else if (q->fault.code == FAULT_NOT_FOUND) {
        fault_clear(&q->fault);
        if (store_request_get(s, c.id, &row, NULL, &q->fault) == 0)
            put_row(&q->out, &row);
    }
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

/* Trust is an administrator's. */
static int check_admin(const struct ask *q, struct fault *f)
{
    const struct requester *who = &q->client->who;

    if (who->role >= ROLE_ADMIN)
        return 0;
    (void)fault_refuse(f, "requester.role", "requester", slice_str(who->name),
                       conf_role_name(ROLE_ADMIN));
    f->code = FAULT_DENIED;
    door_record_refusal(q->client->admin->parts.door, who, f);
    return -FAULT_DENIED;
}

/* What is over is told by the approval. */
static int check_asker(const struct ask *q, uint64_t id, struct fault *f)
{
    struct admin *a = q->client->admin;
    struct request_row row;

    if (check_admin(q, f) != 0)
        return -(int)f->code;
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

    if (!choice(q, &c) || decide_approval(q, &c, REQUEST_APPROVE))
        return;
    if (check_asker(q, c.id, &q->fault) != 0)
        ask_fail(q, &q->fault);
    else
        approval_approve(q->client->admin->approval, c.id, &q->client->who, decided, q);
}

void deny_request(struct ask *q)
{
    struct request_choice c;

    if (!choice(q, &c) || decide_approval(q, &c, REQUEST_DENY))
        return;
    if (check_admin(q, &q->fault) != 0)
        ask_fail(q, &q->fault);
    else
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
