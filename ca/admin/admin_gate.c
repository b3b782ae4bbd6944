/* `cerca open` and `cerca close`: whether this CA issues, durably. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"

struct gate {
    struct store_op op;
    struct ask *ask;
    struct gate_request request;
};

static void gate_answered(void *arg)
{
    struct gate *g = arg;

    if (g->op.result != 0) {
        ask_fail(g->ask, &g->op.fault);
    } else {
        log_warn(g->op.close ? "gate.closed" : "gate.opened", "by", g->ask->client->who.name,
                 "reason", g->request.reason, NULL);
        ask_answer(g->ask, MSG_GATE_DONE, SLICE_NONE);
    }
    free(g);
}

static void gate_done(struct store_op *op)
{
    struct gate *g = op->arg;

    loop_post(g->ask->client->admin->parts.loop, gate_answered, g);
}

static void gate_audit(const struct gate *g, const struct conf *conf, struct audit_event *e)
{
    const struct requester *who = &g->ask->client->who;

    e->action = g->op.close ? AUDIT_CLOSE : AUDIT_OPEN;
    e->time = g->op.time;
    memcpy(e->generation, conf->generation, sizeof(e->generation));
    snprintf(e->actor, sizeof(e->actor), "%s", who->name);
    snprintf(e->origin, sizeof(e->origin), "%s", who->origin);
    snprintf(e->detail, sizeof(e->detail), "%s", g->request.reason);
}

/* A restore needs no running CA, so its second operator is who opens what was restored. With
 * TWO_OPEN there are two already, of whom one did not restore. */
static int check_second(const struct ask *q, struct fault *f)
{
    const struct admin_parts *parts = &q->client->admin->parts;
    struct store_gate g;

    if ((parts->conf->two_operators & TWO_RESTORE) == 0 ||
        (parts->conf->two_operators & TWO_OPEN) != 0)
        return 0;
    if (store_gate(parts->store, &g, f) != 0)
        return -(int)f->code;
    if (!g.restored || !g.has_restored_by || g.restored_by != (uint32_t)q->client->who.uid)
        return 0;
    return fault_set(f, FAULT_DENIED, "restore.second",
                     "this CA was restored by the same user; another administrator has to open it");
}

/* The whole operation, from its content alone. */
static void gate_submit(struct ask *q, bool close, struct slice content)
{
    const struct admin_parts *parts = &q->client->admin->parts;
    struct gate *g;

    g = xcalloc(1, sizeof(*g));
    if (gate_request_get(content, &g->request) != 0) {
        (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
        ask_fail(q, &q->fault);
        free(g);
        return;
    }
    g->ask = q;
    g->op = (struct store_op){.kind = STORE_GATE,
                              .close = close,
                              .why = g->request.reason,
                              .time = clock_now(),
                              .done = gate_done,
                              .arg = g};
    gate_audit(g, parts->conf, &g->op.audit);
    store_submit(parts->store, &g->op);
}

void open_gate(struct ask *q)
{
    if (check_second(q, &q->fault) != 0) {
        door_record_refusal(q->client->admin->parts.door, &q->client->who, &q->fault);
        ask_fail(q, &q->fault);
        return;
    }
    gate_submit(q, false, buf_slice(&q->in));
}

void close_gate(struct ask *q)
{
    gate_submit(q, true, buf_slice(&q->in));
}

static int describe_open(void *arg, struct slice content, char out[APPROVAL_TEXT_MAX],
                         struct fault *f)
{
    struct admin *a = arg;
    struct gate_request r;
    struct store_gate g;

    if (gate_request_get(content, &r) != 0)
        return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
    if (store_gate(a->parts.store, &g, f) != 0)
        return -(int)f->code;
    if (!g.closed)
        return fault_set(f, FAULT_CONFLICT, "gate.same", "Issuing is open already");
    snprintf(out, APPROVAL_TEXT_MAX, "let a CA issue again that is closed (%.110s): %.90s",
             g.reason, r.reason);
    return 0;
}

const struct approval_kind kind_open = {
    .name = "open",
    .two = TWO_OPEN,
    .repeatable = true,
    .describe = describe_open,
    .run = run_message,
};

/* One line of `cerca status` until an administrator has opened the CA again. */
void gate_item(const struct store_gate *g, struct status_item *out)
{
    const struct store_restore *r = &g->restore[g->n_restores > 0 ? g->n_restores - 1 : 0];
    char copied[CLOCK_TEXT_SIZE], lost[64];

    memset(out, 0, sizeof(*out));
    snprintf(out->name, sizeof(out->name), "gate");
    snprintf(out->state, sizeof(out->state), "%s", g->restored ? "restored, closed" : "closed");
    if (!g->restored) {
        clock_format(g->since, copied);
        snprintf(out->text, sizeof(out->text), "since %s: %.150s; cerca open", copied, g->reason);
        return;
    }
    clock_format(r->copied, copied);
    snprintf(lost, sizeof(lost), "audit records lost: %s",
             r->checkpoint == 0 ? "not known (no checkpoint)" : "none");
    if (r->checkpoint > r->audit_size)
        snprintf(lost, sizeof(lost), "audit records lost: %llu",
                 (unsigned long long)(r->checkpoint - r->audit_size));
    snprintf(out->text, sizeof(out->text),
             "backup of %s; certificates known by serial only: %u, signatures lost: %u, "
             "revocations merged: %u, holds merged: %u, holds kept: %u, %s",
             copied, r->lost, r->signatures, r->revoked, r->held, r->kept_held, lost);
}
