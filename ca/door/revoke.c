#include "ca/door/revoke.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/door/identity.h"
#include "ca/door/job.h"
#include "ca/store/tokens.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/step.h"

/* One message's revocations: they share commits, and the last one that is done answers. */
struct revocation {
    struct work work; /* first: the workers hand back this */
    struct door *door;
    struct requester who;
    struct revoke_request request;
    size_t waiting;
    revoke_reply reply;
    void *arg;
    struct revoke_outcome *outcome; /* for each serial */
    struct store_op *op;
    struct token_ids tokens; /* that go with blocked identities */
    struct token_end *ends;  /* one for each */
    struct fault fault;
};

/* A token that is revoked. */
struct token_end {
    struct store_op op;
    struct store_token token;
};

static void count(const struct revocation *r)
{
    struct door_stats *s = &r->door->stats;

    for (size_t i = 0; i < r->request.n; i++)
        if (r->outcome[i].code != FAULT_NONE)
            s->not_revoked++;
        else if (!r->request.block)
            door_stats_revoked(s, r->request.release ? REASON_REMOVE_FROM_CRL : r->request.reason);
}

static void answer(void *arg)
{
    struct revocation *r = arg;

    STEP("revoke.answer");
    count(r);
    r->reply(r->arg, r->outcome, r->request.n);
    __atomic_sub_fetch(&r->door->pending_ops, 1, __ATOMIC_RELEASE);
    token_ids_free(&r->tokens);
    free(r->ends);
    free(r->outcome);
    free(r->op);
    free(r);
}

static void note_fault(struct revoke_outcome *o, const struct fault *f)
{
    o->code = (uint8_t)f->code;
    snprintf(o->rule, sizeof(o->rule), "%s", f->rule);
    snprintf(o->text, sizeof(o->text), "%s", f->text);
}

static void one_less(struct revocation *r)
{
    if (__atomic_sub_fetch(&r->waiting, 1, __ATOMIC_ACQ_REL) == 0)
        loop_post(r->door->parts.loop, answer, r);
}

/* On the writer thread. */
static void one_done(struct store_op *op)
{
    struct revocation *r = op->arg;

    if (op->result != 0) {
        log_fault(LOG_LEVEL_INFO, "revoke.refused", &op->fault, "requester", r->who.name, NULL);
        note_fault(&r->outcome[op - r->op], &op->fault);
    }
    one_less(r);
}

static enum audit_action action_of(const struct revoke_request *q)
{
    if (q->release)
        return AUDIT_RELEASE;
    if (q->block)
        return AUDIT_IDENTITY_BLOCK;
    return q->reason == REASON_CERTIFICATE_HOLD ? AUDIT_HOLD : AUDIT_REVOKE;
}

static void describe(const struct revocation *r, struct audit_event *e)
{
    const struct revoke_request *q = &r->request;
    char when[40] = "";

    if (q->release || q->block)
        return;
    if (q->invalidity != 0)
        clock_format(q->invalidity, when);
    snprintf(e->detail, sizeof(e->detail), "reason=%u%s%s%s%s", q->reason,
             when[0] ? " invalidity_date=" : "", when,
             q->reason == REASON_KEY_COMPROMISE || q->reason == REASON_CA_COMPROMISE
                 ? " key=blocked"
                 : "",
             q->block_identity ? " identity=blocked" : "");
}

static void submit(struct revocation *r, size_t i, const struct cert_ref *ref)
{
    struct store_op *op = &r->op[i];
    struct job about = {.door = r->door, .who = r->who, .ref = *ref};

    op->kind = r->request.release ? STORE_RELEASE : r->request.block ? STORE_BLOCK : STORE_REVOKE;
    op->ref = *ref;
    op->reason = r->request.reason;
    op->invalidity = r->request.invalidity;
    op->block_identity = r->request.block_identity;
    op->time = clock_now();
    job_audit(&about, action_of(&r->request), &op->audit);
    describe(r, &op->audit);
    op->done = one_done;
    op->arg = r;
    store_submit(r->door->parts.store, op);
}

/* What names no certificate of ours is refused without the store's decision, but recorded. */
static void start_one(struct revocation *r, size_t i)
{
    struct cert_ref ref[2];
    struct fault f;
    size_t n;

    fault_clear(&f);
    if (store_find_serial(r->door->parts.store, r->request.serial[i], ref, 2, &n, &f) == 0) {
        if (n == 1) {
            submit(r, i, &ref[0]);
            return;
        }
        (void)fault_set(&f, FAULT_CONFLICT, "serial.ambiguous",
                        "Two issuers have a certificate with this serial");
    }
    note_fault(&r->outcome[i], &f);
    door_record_refusal(r->door, &r->who, &f);
    one_less(r);
}

/* ---- tokens of blocked identities ---- */

/* On the writer thread. One that ended meanwhile is as good as revoked. */
static void token_ended(struct store_op *op)
{
    one_less(op->arg);
}

static void end_token(struct revocation *r, struct token_end *e, uint64_t id)
{
    struct job about = {.door = r->door, .who = r->who};

    e->token.verb = TOKEN_REVOKE;
    e->token.row.info.id = id;
    snprintf(e->token.row.info.revoked_by, sizeof(e->token.row.info.revoked_by), "%s", r->who.name);
    e->op.kind = STORE_TOKEN;
    e->op.time = clock_now();
    e->op.token = &e->token;
    e->op.done = token_ended;
    e->op.arg = r;
    job_audit(&about, AUDIT_TOKEN_REVOKE, &e->op.audit);
    e->op.audit.has_serial = false;
    snprintf(e->op.audit.detail, sizeof(e->op.audit.detail), "its identity is blocked");
    store_submit(r->door->parts.store, &e->op);
}

/* On the loop. Tokens first: whoever is told of the revocation knows that they are gone. */
static void start_all(void *arg)
{
    struct revocation *r = arg;

    r->waiting = r->request.n + r->tokens.n + 1;
    r->ends = xcalloc(r->tokens.n + 1, sizeof(*r->ends));
    for (size_t i = 0; i < r->tokens.n; i++)
        end_token(r, &r->ends[i], r->tokens.id[i]);
    for (size_t i = 0; i < r->request.n; i++) {
        if (r->fault.code == FAULT_NONE) {
            start_one(r, i);
            continue;
        }
        note_fault(&r->outcome[i], &r->fault);
        one_less(r);
    }
    one_less(r);
}

/* On a worker: there may be many tokens. */
static void find_tokens(struct work *w, unsigned worker)
{
    struct revocation *r = (struct revocation *)w;

    (void)worker;
    if (identity_tokens(r->door->parts.store, (const uint8_t(*)[SERIAL_LEN])r->request.serial,
                        r->request.n, &r->tokens, &r->fault) == 0)
        fault_clear(&r->fault);
    else
        token_ids_free(&r->tokens);
    loop_post(r->door->parts.loop, start_all, r);
}

void door_revoke(struct door *d, const struct requester *who, const struct revoke_request *q,
                 revoke_reply reply, void *arg)
{
    struct revocation *r = xcalloc(1, sizeof(*r));

    STEP("revoke.start");
    r->door = d;
    r->who = *who;
    r->request = *q;
    r->reply = reply;
    r->arg = arg;
    r->outcome = xcalloc(q->n, sizeof(*r->outcome));
    r->op = xcalloc(q->n, sizeof(*r->op));
    __atomic_add_fetch(&d->pending_ops, 1, __ATOMIC_ACQUIRE);
    if (!q->release && (q->block || q->block_identity)) {
        r->work.run = find_tokens;
        workers_push(d->parts.workers, WORK_FINISH, &r->work);
    } else {
        start_all(r);
    }
}
