#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/door/explain.h"
#include "lib/proto_inventory.h"
#include "lib/proto_preview.h"
#include "lib/proto_request.h"

/* Connections at a time: of all strangers together, of one operator. */
#define STRANGER_CONNECTIONS 16
#define OPERATOR_CONNECTIONS 128
/* Requests of all kinds, those of the door and as many again; of one connection, so that none
 * keeps the others out. */
#define ASKS_MAX ((size_t)2 * DOOR_IN_FLIGHT_MAX)
#define CLIENT_ASKS_MAX ((size_t)DOOR_IN_FLIGHT_MAX / 4)

/* ---- clients and their requests ---- */

struct ask *ask_new(struct admin_client *c, const struct frame *frame)
{
    struct ask *q = xcalloc(1, sizeof(*q));

    q->client = c;
    q->id = frame->id;
    q->fd = frame->fd;
    buf_init(&q->in, FRAME_BODY_MAX);
    buf_init(&q->out, FRAME_BODY_MAX);
    buf_put_slice(&q->in, frame->body);
    fault_clear(&q->fault);
    caller_hold(&c->caller);
    c->admin->busy++;
    q->next = c->admin->asks;
    if (q->next != NULL)
        q->next->prev = q;
    c->admin->asks = q;
    return q;
}

static void ask_free(struct ask *q)
{
    struct admin *a = q->client->admin;

    a->busy--;
    *(q->prev != NULL ? &q->prev->next : &a->asks) = q->next;
    if (q->next != NULL)
        q->next->prev = q->prev;
    caller_let_go(&q->client->caller);
    if (q->fd >= 0)
        (void)close(q->fd);
    buf_free(&q->in);
    buf_free(&q->out);
    free(q);
}

void ask_answer_fd(struct ask *q, uint16_t type, struct slice body, int fd)
{
    if (q->run != NULL)
        approval_ran(q->run, NULL);
    caller_send(&q->client->caller, type, q->id, body, fd);
    ask_free(q);
}

void ask_answer(struct ask *q, uint16_t type, struct slice body)
{
    ask_answer_fd(q, type, body, -1);
}

void ask_fail(struct ask *q, const struct fault *f)
{
    struct buf b;

    if (q->run != NULL) {
        approval_ran(q->run, f);
        ask_free(q);
        return;
    }
    buf_init(&b, FRAME_BODY_MAX);
    fault_put(&b, f);
    ask_answer(q, MSG_FAULT, buf_slice(&b));
    buf_free(&b);
}

struct note {
    struct ask *ask;
    uint16_t type;
    struct buf body;
};

static void send_note(void *arg)
{
    struct note *n = arg;

    caller_send(&n->ask->client->caller, n->type, n->ask->id, buf_slice(&n->body), -1);
    buf_free(&n->body);
    free(n);
}

void ask_note(struct ask *q, uint16_t type, struct buf *body)
{
    struct note *n = xcalloc(1, sizeof(*n));

    *n = (struct note){q, type, *body};
    loop_post(q->client->admin->parts.loop, send_note, n);
}

static void after_read(void *arg)
{
    struct ask *q = arg;

    if (q->fault.code != FAULT_NONE)
        ask_fail(q, &q->fault);
    else
        ask_answer(q, q->answer, buf_slice(&q->out));
}

static void run_read(struct work *w, unsigned worker)
{
    struct ask *q = (struct ask *)w;

    (void)worker;
    authorities_read(q->client->admin->parts.authorities);
    q->read(q);
    authorities_done(q->client->admin->parts.authorities);
    if (q->fault.code == FAULT_NONE && buf_failed(&q->out))
        (void)fault_set(&q->fault, FAULT_TOO_LARGE, "answer.size", "the answer is too large");
    loop_post(q->client->admin->parts.loop, after_read, q);
}

void ask_read(struct ask *q, uint16_t answer, void (*read)(struct ask *q))
{
    q->answer = answer;
    q->read = read;
    q->work.run = run_read;
    workers_push(q->client->admin->parts.readers, WORK_START, &q->work);
}

/* ---- messages ---- */

static void issue_reply(void *arg, const struct issued *issued, const struct fault *fault)
{
    struct ask *q = arg;

    if (fault != NULL) {
        ask_fail(q, fault);
        return;
    }
    issued_put(&q->out, issued);
    ask_answer(q, MSG_ISSUED, buf_slice(&q->out));
}

static void handle_issue(struct ask *q)
{
    if (token_issue(q))
        return;
    door_issue(q->client->admin->parts.door, &q->client->who, buf_slice(&q->in), issue_reply, q);
}

static void handle_list(struct ask *q)
{
    ask_read(q, MSG_LIST_PAGE, read_list);
}

static void handle_list_lines(struct ask *q)
{
    ask_read(q, MSG_LIST_PAGE, read_list_lines);
}

static void read_explain(struct ask *q)
{
    if (door_explain(q->client->admin->parts.door, &q->client->who, buf_slice(&q->in), &q->out,
                     &q->fault) == 0)
        return;
    buf_reset(&q->out);
}

static void handle_explain(struct ask *q)
{
    ask_read(q, MSG_EXPLAINED, read_explain);
}

static void handle_show(struct ask *q)
{
    ask_read(q, MSG_SHOWN, read_show);
}

static void handle_audit_read(struct ask *q)
{
    ask_read(q, MSG_AUDIT_PAGE, read_audit);
}

static void handle_audit_checkpoints(struct ask *q)
{
    ask_read(q, MSG_AUDIT_CHECKPOINTED, read_checkpoints);
}

static void handle_audit_tile(struct ask *q)
{
    ask_read(q, MSG_AUDIT_TILE_IS, read_tile);
}

/* What each message needs; the door asks for more where a profile does. */
static const struct admin_message admin_messages[] = {
    {MSG_ISSUE, ROLE_OPERATOR, handle_issue, NULL},
    {MSG_LIST, ROLE_AUDITOR, handle_list, NULL},
    {MSG_LIST_LINES, ROLE_AUDITOR, handle_list_lines, NULL},
    {MSG_SHOW, ROLE_AUDITOR, handle_show, NULL},
    {MSG_ANNOTATE, ROLE_OPERATOR, annotate, NULL},
    {MSG_FILTER_SAVE, ROLE_OPERATOR, save_filter, NULL},
    {MSG_FILTER_LIST, ROLE_AUDITOR, list_filters, NULL},
    {MSG_EXPLAIN, ROLE_AUDITOR, handle_explain, NULL},
    {MSG_CA_LIST, ROLE_AUDITOR, tell_authorities, NULL},
    {MSG_CA_KEY, ROLE_ADMIN, show_key, NULL},
    {MSG_CA_CREATE, ROLE_ADMIN, create_authority, NULL},
    {MSG_CA_INSTALL, ROLE_ADMIN, install_authority, &kind_ca_install},
    {MSG_CA_CROSS, ROLE_ADMIN, cross_sign, &kind_ca_cross_sign},
    {MSG_STATUS, ROLE_AUDITOR, tell_status, NULL},
    {MSG_CHECK, ROLE_AUDITOR, start_check, NULL},
    {MSG_TOKEN_CREATE, ROLE_OPERATOR, create_token, NULL},
    {MSG_TOKEN_LIST, ROLE_AUDITOR, list_tokens, NULL},
    {MSG_TOKEN_REVOKE, ROLE_OPERATOR, revoke_token, NULL},
    {MSG_POLICY_PREVIEW, ROLE_AUDITOR, start_preview, NULL},
    {MSG_REQUEST_LIST, ROLE_AUDITOR, list_requests, NULL},
    {MSG_REQUEST_SHOW, ROLE_AUDITOR, show_request, NULL},
    {MSG_REQUEST_APPROVE, ROLE_OPERATOR, approve_request, NULL},
    {MSG_REQUEST_DENY, ROLE_OPERATOR, deny_request, NULL},
    {MSG_REVOKE, ROLE_OPERATOR, start_revoke, NULL},
    {MSG_IMPORT, ROLE_OPERATOR, start_import, NULL},
    {MSG_BLOCK_LIST, ROLE_AUDITOR, list_blocks, NULL},
    {MSG_UNBLOCK, ROLE_ADMIN, unblock, NULL},
    {MSG_BACKUP, ROLE_OPERATOR, start_backup, NULL},
    {MSG_OPEN, ROLE_ADMIN, open_gate, &kind_open},
    {MSG_CLOSE, ROLE_OPERATOR, close_gate, NULL},
    {MSG_CRL_LIST, ROLE_AUDITOR, list_crls, NULL},
    {MSG_CRL_SHOW, ROLE_AUDITOR, show_crl, NULL},
    {MSG_CRL_PUBLISH, ROLE_OPERATOR, publish_crl, NULL},
    {MSG_CRL_INSTALL, ROLE_ADMIN, install_crl, NULL},
    {MSG_VIEW_EXPORT, ROLE_OPERATOR, export_view, NULL},
    {MSG_NOTIFY_TEST, ROLE_OPERATOR, test_channel, NULL},
    {MSG_NOTIFY_LIST, ROLE_AUDITOR, list_notices, NULL},
    {MSG_NOTIFY_SHOW, ROLE_AUDITOR, show_notice, NULL},
    {MSG_NOTIFY_DECIDE, ROLE_OPERATOR, decide_notices, NULL},
    {MSG_AUDIT_READ, ROLE_AUDITOR, handle_audit_read, NULL},
    {MSG_AUDIT_CHECKPOINTS, ROLE_AUDITOR, handle_audit_checkpoints, NULL},
    {MSG_AUDIT_SIGN, ROLE_AUDITOR, audit_sign, NULL},
    {MSG_AUDIT_TILE, ROLE_AUDITOR, handle_audit_tile, NULL},
    {MSG_ALERT_LIST, ROLE_AUDITOR, list_alerts, NULL},
    {MSG_ALERT_SHOW, ROLE_AUDITOR, show_alert, NULL},
    {MSG_ALERT_ACK, ROLE_OPERATOR, acknowledge_alert, NULL},
    {MSG_FINDING_LIST, ROLE_AUDITOR, list_findings, NULL},
    {MSG_FINDING_COUNT, ROLE_AUDITOR, count_findings, NULL},
    {MSG_FINDING_EXCEPT, ROLE_OPERATOR, except_finding, &kind_exception},
    {MSG_EXCEPTION_LIST, ROLE_AUDITOR, list_exceptions, NULL},
    {MSG_CAMPAIGN_CHANGE, ROLE_OPERATOR, change_campaign, NULL},
    {MSG_CAMPAIGN_LIST, ROLE_AUDITOR, list_campaigns, NULL},
    {MSG_AGENT_LIST, ROLE_AUDITOR, list_agents, NULL},
    {MSG_AGENT_SHOW, ROLE_AUDITOR, show_agent, NULL},
    {MSG_PLACE_LIST, ROLE_AUDITOR, list_places, NULL},
    {MSG_SCAN_RECORD, ROLE_OPERATOR, record_scan, NULL},
    {MSG_OBSERVATION_LIST, ROLE_AUDITOR, list_observations, NULL},
    {MSG_JOB_LIST, ROLE_AUDITOR, list_scans, NULL},
    {MSG_JOB_CHANGE, ROLE_OPERATOR, change_scan, NULL},
    {MSG_CAMPAIGN_COUNT, ROLE_AUDITOR, count_campaign, NULL},
    {MSG_LINE_EXPLAIN, ROLE_AUDITOR, explain_lines, NULL},
};
#define N_MESSAGES (sizeof(admin_messages) / sizeof(admin_messages[0]))

const struct admin_message *admin_message_of(const struct approval_kind *kind)
{
    const struct admin_message *m = admin_messages;

    while (m->kind != kind)
        m++; /* admin_new took the kinds from this table */
    return m;
}

static void refuse_role(struct ask *q, enum conf_role role)
{
    struct admin_client *c = q->client;
    struct fault f;

    fault_clear(&f);
    (void)fault_refuse(&f, "requester.role", "requester", slice_str(c->who.name),
                       conf_role_name(role));
    f.code = FAULT_DENIED;
    door_refuse(c->admin->parts.door, &c->who, &f, issue_reply, q);
}

static void refuse_stranger(struct ask *q)
{
    struct admin_client *c = q->client;
    struct fault f;

    fault_clear(&f);
    (void)fault_refuse(&f, "requester.unknown", "requester", slice_str(c->who.name),
                       "an operator of the configuration");
    f.code = FAULT_DENIED;
    door_refuse_stranger(c->admin->parts.door, &c->who, &f, 1);
    ask_fail(q, &f);
}

/* Nothing is queued for it: whoever asks without reading costs no memory. */
static void turn_away(struct admin_client *c, uint64_t id)
{
    struct fault f;

    fault_clear(&f);
    (void)fault_unavailable(&f, 1, "busy", "Too many requests at once, retry after 1 s.");
    caller_send_fault(&c->caller, id, &f);
}

static void on_message(struct conn *conn, void *owner, const struct frame *frame)
{
    struct admin_client *c = owner;
    const struct admin_message *m = admin_messages;
    struct ask *q;

    (void)conn;
    if (c->admin->busy >= ASKS_MAX || c->caller.asks >= CLIENT_ASKS_MAX) {
        turn_away(c, frame->id);
        if (frame->fd >= 0)
            (void)close(frame->fd);
        return;
    }
    q = ask_new(c, frame);
    while (m->type != frame->type)
        m++; /* the permit table below has the same types */
    if (c->who.role < m->role && m->type == MSG_ISSUE && issue_request_has_token(frame->body))
        handle_issue(q);
    else if (c->who.role == ROLE_NONE)
        refuse_stranger(q);
    else if (c->who.role < m->role)
        refuse_role(q, m->role);
    else if (m->kind != NULL && approval_needed(c->admin->approval, m->kind, frame->body))
        ask_second(q, m->kind);
    else
        m->handle(q);
}

static const struct permit admin_permits[] = {
    {MSG_ISSUE, FRAME_BODY_MAX, on_message},
    {MSG_LIST, LIST_REQUEST_MAX, on_message},
    {MSG_LIST_LINES, LIST_REQUEST_MAX, on_message},
    {MSG_ANNOTATE, FRAME_BODY_MAX, on_message},
    {MSG_FILTER_SAVE, LIST_REQUEST_MAX + 512, on_message},
    {MSG_FILTER_LIST, 128, on_message},
    {MSG_SHOW, 512, on_message},
    {MSG_EXPLAIN, FRAME_BODY_MAX, on_message},
    {MSG_CA_LIST, 0, on_message},
    {MSG_CA_KEY, 128, on_message},
    {MSG_CA_CREATE, 128, on_message},
    {MSG_CA_INSTALL, FRAME_BODY_MAX, on_message},
    {MSG_CA_CROSS, 256, on_message},
    {MSG_STATUS, 0, on_message},
    {MSG_CHECK, 0, on_message},
    {MSG_TOKEN_CREATE, 16384, on_message},
    {MSG_TOKEN_LIST, 16, on_message},
    {MSG_TOKEN_REVOKE, 16, on_message},
    {MSG_POLICY_PREVIEW, PERMIT_FD, on_message},
    {MSG_REQUEST_LIST, REQUEST_QUERY_MAX, on_message},
    {MSG_REQUEST_SHOW, 16, on_message},
    {MSG_REQUEST_APPROVE, 16, on_message},
    {MSG_REQUEST_DENY, 16 + REQUEST_REASON_MAX, on_message},
    {MSG_REVOKE, 8192, on_message},
    {MSG_IMPORT, FRAME_BODY_MAX, on_message},
    {MSG_BLOCK_LIST, 64, on_message},
    {MSG_UNBLOCK, BLOCK_IDENTITY, on_message},
    {MSG_BACKUP, PERMIT_FD, on_message},
    {MSG_OPEN, 1024, on_message},
    {MSG_CLOSE, 1024, on_message},
    {MSG_CRL_LIST, 0, on_message},
    {MSG_CRL_SHOW, 128, on_message},
    {MSG_CRL_PUBLISH, 128, on_message},
    {MSG_CRL_INSTALL, PERMIT_FD, on_message},
    {MSG_VIEW_EXPORT, 0, on_message},
    {MSG_NOTIFY_TEST, 64, on_message},
    {MSG_NOTIFY_LIST, 64, on_message},
    {MSG_NOTIFY_SHOW, 16, on_message},
    {MSG_NOTIFY_DECIDE, 64, on_message},
    {MSG_AUDIT_READ, 512, on_message},
    {MSG_AUDIT_CHECKPOINTS, 16, on_message},
    {MSG_AUDIT_SIGN, 0, on_message},
    {MSG_AUDIT_TILE, 11, on_message},
    {MSG_ALERT_LIST, 512, on_message},
    {MSG_ALERT_SHOW, 16, on_message},
    {MSG_ALERT_ACK, 512, on_message},
    {MSG_FINDING_LIST, 512, on_message},
    {MSG_FINDING_COUNT, 0, on_message},
    {MSG_FINDING_EXCEPT, 1024, on_message},
    {MSG_EXCEPTION_LIST, 256, on_message},
    {MSG_CAMPAIGN_CHANGE, 1024, on_message},
    {MSG_CAMPAIGN_LIST, 0, on_message},
    {MSG_AGENT_LIST, 512, on_message},
    {MSG_AGENT_SHOW, 256, on_message},
    {MSG_PLACE_LIST, ANNOTATION_IDENTITY, on_message},
    {MSG_SCAN_RECORD, FRAME_BODY_MAX, on_message},
    {MSG_OBSERVATION_LIST, 512, on_message},
    {MSG_JOB_LIST, 0, on_message},
    {MSG_JOB_CHANGE, 128, on_message},
    {MSG_CAMPAIGN_COUNT, 1024, on_message},
    {MSG_LINE_EXPLAIN, 512, on_message},
};

static const struct conn_callbacks admin_callbacks = {
    .permits = admin_permits,
    .n_permits = sizeof(admin_permits) / sizeof(admin_permits[0]),
    .closed = caller_closed,
    .queue_max = (size_t)16 << 20,
};

/* Strangers are told why and sent away: whoever does not read even that is cut off early. */
static const struct conn_callbacks stranger_callbacks = {
    .permits = admin_permits,
    .n_permits = sizeof(admin_permits) / sizeof(admin_permits[0]),
    .closed = caller_closed,
    .queue_max = 65536,
};

/* ---- who is there ---- */

void admin_operator(const struct conf_operator *o, struct requester *out)
{
    snprintf(out->name, sizeof(out->name), "operator:%.48s", o->name);
    out->role = o->role;
}

static void identify(const struct admin *a, const struct conn_peer *peer, struct requester *who)
{
    const struct conf_operator *o = conf_operator(a->parts.conf, peer->uid);

    memset(who, 0, sizeof(*who));
    if (o != NULL)
        admin_operator(o, who);
    else
        snprintf(who->name, sizeof(who->name), "uid:%u", (unsigned)peer->uid);
    who->uid = peer->uid;
    snprintf(who->origin, sizeof(who->origin), "admin pid=%d", (int)peer->pid);
}

/* Nobody takes all descriptors, which others, the store and the signers' links need too. */
static bool one_too_many(const struct admin *a, uid_t uid, enum conf_role role)
{
    size_t max = role == ROLE_NONE ? STRANGER_CONNECTIONS : OPERATOR_CONNECTIONS, n = 0;

    for (const struct caller *k = a->clients.first; k != NULL; k = k->next) {
        const struct admin_client *c = (const struct admin_client *)k;

        n += k->conn != NULL &&
             (c->who.uid == uid || (role == ROLE_NONE && c->who.role == ROLE_NONE));
    }
    return n >= max;
}

struct admin_client *admin_client_new(struct admin *a, const struct requester *who)
{
    struct admin_client *c = caller_new(&a->clients, sizeof(*c));

    c->who = *who;
    c->admin = a;
    return c;
}

static void on_accepted(void *arg, int fd, const struct conn_peer *peer)
{
    struct admin *a = arg;
    struct requester who;
    struct admin_client *c;

    identify(a, peer, &who);
    if (one_too_many(a, peer->uid, who.role)) {
        (void)close(fd);
        return;
    }
    c = admin_client_new(a, &who);
    caller_connect(&c->caller, a->parts.loop, fd,
                   who.role == ROLE_NONE ? &stranger_callbacks : &admin_callbacks);
}

/* ---- the socket ---- */

static struct approval *approvals(struct admin *a)
{
    struct approval_parts parts = {a->parts.conf, a->parts.loop, a->parts.store, a->kinds, a};
    size_t n = 0;

    for (size_t i = 0; i < N_MESSAGES; i++)
        if (admin_messages[i].kind != NULL)
            a->kinds[n++] = admin_messages[i].kind;
    return approval_new(&parts);
}

struct admin *admin_new(const struct admin_parts *parts, int listen_fd)
{
    struct admin *a = xcalloc(1, sizeof(*a));

    a->parts = *parts;
    issuer_names_load(a);
    a->approval = approvals(a);
    a->importer = importer_new(&(const struct importer_parts){
        parts->loop, parts->store, parts->authorities, parts->readers, parts->conf});
    a->recorder = recorder_new(&(const struct recorder_parts){
        parts->loop, parts->store, parts->authorities, parts->readers, parts->conf->generation});
    a->slow = slow_new();
    approval_resume(a->approval);
    a->listener = listener_new(parts->loop, listen_fd, on_accepted, a);
    listener_for(a->listener, "");
    return a;
}

void admin_drain(struct admin *a)
{
    __atomic_store_n(&a->draining, true, __ATOMIC_RELAXED);
    listener_free(a->listener);
    a->listener = NULL;
    door_close(a->parts.door);
}

void admin_end_check(struct admin *a)
{
    if (a == NULL)
        return;
    __atomic_store_n(&a->draining, true, __ATOMIC_RELAXED);
    long_end(&a->check);
    long_end(&a->preview);
    end_backup(a);
}

size_t admin_busy(const struct admin *a)
{
    return a->busy + approval_busy(a->approval);
}

void admin_free(struct admin *a)
{
    if (a == NULL)
        return;
    listener_free(a->listener);
    for (struct ask *q = a->asks, *then; q != NULL; q = then) {
        then = q->next;
        ask_free(q);
    }
    callers_free(&a->clients);
    approval_free(a->approval);
    importer_free(a->importer);
    recorder_free(a->recorder);
    slow_free(a->slow);
    free(a->names.name);
    free(a);
}
