/* Requests for certificates that wait for an operator's yes (ca/store/approvals.h): how they are
 * told, and their decision. Nothing is issued here: who asks comes again. */
#include "ca/admin/admin_inner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/policy/policy.h"
#include "ca/store/approvals.h"
#include "lib/clock.h"
#include "lib/step.h"

/* ---- telling ---- */

static void put_names(const struct approval_row *r, char out[REQUEST_NAMES_TEXT])
{
    struct san_list names = {.n = 0};
    struct fault ignored;
    struct buf text;

    fault_clear(&ignored);
    buf_init(&text, REQUEST_NAMES_TEXT - 1);
    if (r->n_names > 0 && san_list_get(slice_of(r->names, r->n_names), &names, &ignored) == 0)
        request_names_print(&names, &text);
    (void)snprintf(out, REQUEST_NAMES_TEXT, "%s", buf_cstr(&text));
    buf_free(&text);
}

static void describe_certificate(const struct approval_row *r, struct request_certificate *out)
{
    memcpy(out->profile, r->profile, sizeof(out->profile));
    memcpy(out->owner, r->owner, sizeof(out->owner));
    memcpy(out->subject, r->subject, sizeof(out->subject));
    put_names(r, out->names);
    memcpy(out->key, r->key_type, sizeof(out->key));
    memcpy(out->spki_hash, r->spki_hash, sizeof(out->spki_hash));
    memcpy(out->behind, r->behind.name, sizeof(out->behind));
    out->needed = r->needed;
    for (size_t i = 0; i < r->n_by && (r->state != REQUEST_DENIED || i + 1 < r->n_by); i++)
        memcpy(out->approved_by[out->n++], r->by[i].who.name, sizeof(r->by[i].who.name));
    out->has_serial = r->has_ref;
    memcpy(out->serial, r->ref.serial, sizeof(out->serial));
}

void describe_approval(const struct approval_row *r, struct request_info *out)
{
    const struct request_certificate *c = &out->certificate;

    memset(out, 0, sizeof(*out));
    out->id = r->id;
    (void)snprintf(out->kind, sizeof(out->kind), "%s", APPROVAL_KIND);
    (void)snprintf(out->state, sizeof(out->state), "%s", approval_state_word(r, clock_now()));
    memcpy(out->asked_by, r->asked.name, sizeof(out->asked_by));
    out->asked_uid = r->asked.uid;
    memcpy(out->origin, r->origin, sizeof(out->origin));
    out->created = r->created;
    out->expires = r->expires;
    memcpy(out->generation, r->generation, sizeof(out->generation));
    memcpy(out->sha256, r->key, sizeof(out->sha256));
    describe_certificate(r, &out->certificate);
    (void)snprintf(out->text, sizeof(out->text), "%s for %.180s", c->profile,
                   c->names[0] != '\0' ? c->names : c->subject);
    if (r->n_by > 0) {
        const struct approval_by *by = &r->by[r->n_by - 1];

        memcpy(out->decided_by, by->who.name, sizeof(out->decided_by));
        out->decided_uid = by->who.uid;
        out->decided_at = by->at;
    }
    memcpy(out->result, r->reason, sizeof(out->result));
}

/* ---- deciding ---- */

struct verdict {
    struct ask *ask;
    struct store_op op;
    struct store_approval step;
    char reason[REQUEST_REASON_MAX];
};

static void decided(void *arg)
{
    struct verdict *v = arg;
    struct request_info info;

    STEP("approval.decided");
    if (v->op.result != 0) {
        ask_fail(v->ask, &v->op.fault);
    } else {
        describe_approval(&v->step.row, &info);
        request_info_put(&v->ask->out, &info);
        ask_answer(v->ask, MSG_REQUEST_DECIDED, buf_slice(&v->ask->out));
    }
    free(v);
}

static void step_done(struct store_op *op)
{
    struct verdict *v = op->arg;

    loop_post(v->ask->client->admin->parts.loop, decided, v);
}

/* Today's configuration says who may. */
static int check_approver(const struct ask *q, const struct approval_row *r, struct fault *f)
{
    const struct admin *a = q->client->admin;
    const struct requester *who = &q->client->who;
    const struct conf_profile *p = conf_profile(a->parts.conf, r->profile);
    struct san_list names = {.n = 0};
    int rc = 0;

    if (p == NULL)
        rc = fault_refuse(f, "profile.unknown", "profile", slice_str(r->profile),
                          "a profile of the configuration");
    if (rc == 0 && r->n_names > 0)
        rc = san_list_get(slice_of(r->names, r->n_names), &names, f);
    if (rc == 0)
        rc = policy_approver(a->parts.conf, p, who->name, who->role, &names, f);
    if (rc != 0)
        door_record_refusal(a->parts.door, who, f);
    return rc;
}

static void submit(struct ask *q, const struct request_choice *c, enum request_verb verb)
{
    const struct conf *conf = q->client->admin->parts.conf;
    const struct requester *who = &q->client->who;
    struct verdict *v = xcalloc(1, sizeof(*v));
    struct audit_event *e = &v->op.audit;

    v->ask = q;
    memcpy(v->reason, c->reason, sizeof(v->reason));
    v->step = (struct store_approval){
        .verb = verb, .id = c->id, .reason = v->reason, .life = conf->request_life};
    (void)snprintf(v->step.who.name, sizeof(v->step.who.name), "%s", who->name);
    v->step.who.uid = who->uid;
    v->op.kind = STORE_APPROVAL;
    v->op.time = clock_now();
    v->op.approval = &v->step;
    v->op.done = step_done;
    v->op.arg = v;
    e->action = verb == REQUEST_APPROVE ? AUDIT_APPROVE : AUDIT_DENY;
    e->time = v->op.time;
    memcpy(e->generation, conf->generation, sizeof(e->generation));
    (void)snprintf(e->actor, sizeof(e->actor), "%s", who->name);
    (void)snprintf(e->origin, sizeof(e->origin), "%s", who->origin);
    (void)snprintf(e->detail, sizeof(e->detail), "%s",
                   verb == REQUEST_APPROVE ? "approved" : c->reason);
    store_submit(q->client->admin->parts.store, &v->op);
}

bool decide_approval(struct ask *q, const struct request_choice *c, enum request_verb verb)
{
    struct approval_row row;

    if (store_approval_get(q->client->admin->parts.store, c->id, &row, &q->fault) != 0) {
        if (q->fault.code == FAULT_NOT_FOUND) {
            fault_clear(&q->fault);
            return false;
        }
        ask_fail(q, &q->fault);
        return true;
    }
    if (check_approver(q, &row, &q->fault) != 0)
        ask_fail(q, &q->fault);
    else
        submit(q, c, verb);
    return true;
}
