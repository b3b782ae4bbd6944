/*
 * How a job moves through the steps, and which thread it is on:
 *
 *   door_issue      loop      take a job, hand it to a worker
 *   run_start       worker    authorise, policy, draft; submit the intent
 *   intent_done     writer    post to the loop
 *   after_intent    loop      a known request key? otherwise send the draft to the signer
 *   signed_back     loop      hand to a worker
 *   run_verify      worker    verify; submit the finish
 *   finish_done     writer    post to the loop
 *   after_finish    loop      release
 *
 * A fault anywhere ends in `refuse` (recorded, then answered) or `fail` (answered).
 */
#include "ca/door/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/door/approval.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/step.h"

/* ---- answers ---- */

static void answer_fault(struct job *j, const struct fault *f)
{
    log_fault(LOG_LEVEL_INFO, "issue.refused", f, "requester", j->who.name, NULL);
    door_stats_fault(&j->door->stats, f);
    j->reply(j->arg, NULL, f);
    job_done(j);
}

/* No refusal: an operator has to say yes. */
static void answer_waits(struct job *j, const struct fault *f)
{
    log_info("issue.waits", "request", f->value, "requester", j->who.name, NULL);
    j->reply(j->arg, NULL, f);
    job_done(j);
}

static void answer_issued(struct job *j, struct slice certificate, bool again)
{
    struct issued out = {certificate, buf_slice(&j->issuer->chain), again};
    char serial[2 * SERIAL_LEN + 1];

    j->door->stats.again += again;
    hex_encode(slice_of(j->ref.serial, SERIAL_LEN), serial);
    log_debug("issued", "serial", serial, "requester", j->who.name, NULL);
    j->reply(j->arg, &out, NULL);
    job_done(j);
}

static void post_refused(void *arg)
{
    struct job *j = arg;

    answer_fault(j, &j->fault);
}

static void refusal_recorded(struct store_op *op)
{
    struct job *j = op->arg;

    loop_post(j->door->parts.loop, post_refused, j);
}

static void post_stranger(void *arg)
{
    struct job *j = arg;

    strangers_refused(j->door->strangers, &j->who, &j->fault, 1);
    door_stats_fault(&j->door->stats, &j->fault);
    j->reply(j->arg, NULL, &j->fault);
    job_done(j);
}

/* From a worker: the refusal is durable before it is answered, unless nobody known was refused. */
static void refuse(struct job *j)
{
    bool worth = job_is_decided(&j->fault);
    bool stranger =
        j->kind == JOB_REQUEST && j->who.role == ROLE_NONE && j->token == NULL && j->bearer == NULL;

    job_renewal_refused(j, &j->fault);
    if (!worth || stranger) {
        loop_post(j->door->parts.loop, worth ? post_stranger : post_refused, j);
        return;
    }
    step_fill_refusal(j);
    j->op.done = refusal_recorded;
    store_submit(j->door->parts.store, &j->op);
}

/* ---- release ---- */

static void finish_waiters(struct job *j, const struct fault *f)
{
    struct job *w;

    while ((w = j->waiters) != NULL) {
        j->waiters = w->next;
        w->issuer = j->issuer;
        w->ref = j->ref;
        if (f != NULL)
            answer_fault(w, f);
        else
            answer_issued(w, buf_slice(&j->certificate), true);
    }
}

static void end_in_flight(struct job *j, const struct fault *f)
{
    flight_remove(j);
    finish_waiters(j, f);
    if (f != NULL)
        answer_fault(j, f);
    else
        answer_issued(j, buf_slice(&j->certificate), j->again);
}

static void after_release(struct job *j)
{
    STEP("door.release");
    end_in_flight(j, NULL);
}

static void intent_closed(struct fault *f)
{
    (void)fault_set(f, FAULT_CONFLICT, "intent.closed",
                    "the request was abandoned or revoked before it was signed; ask again");
}

/* The intent's own status was checked again by the finish: it may have been
 * abandoned or revoked meanwhile, and then the signature is dropped. */
static void after_finish(void *arg)
{
    struct job *j = arg;
    struct fault f;

    if (j->op.result != 0) {
        f = j->op.fault;
        end_in_flight(j, &f);
    } else if (j->op.outcome == STORE_NOT_OPEN) {
        fault_clear(&f);
        intent_closed(&f);
        end_in_flight(j, &f);
    } else {
        job_passed(j, STRETCH_FINISH);
        if (!j->again)
            job_counted(j);
        after_release(j);
    }
}

static void finish_done(struct store_op *op)
{
    struct job *j = op->arg;

    loop_post(j->door->parts.loop, after_finish, j);
}

/* ---- no certificate ---- */

static void abandoned(void *arg)
{
    struct job *j = arg;
    struct fault f = j->fault;

    end_in_flight(j, &f);
}

static void abandon_done(struct store_op *op)
{
    struct job *j = op->arg;

    loop_post(j->door->parts.loop, abandoned, j);
}

/* The signer said no to this draft and would say no again, or what came back is not what
 * was asked for: nothing is left open. */
static void abandon(struct job *j)
{
    job_renewal_refused(j, &j->fault);
    memset(&j->op, 0, sizeof(j->op));
    j->op.kind = STORE_ABANDON;
    j->op.ref = j->ref;
    j->op.time = clock_now();
    job_audit(j, AUDIT_ABANDON, &j->op.audit);
    audit_set_fault(&j->op.audit, &j->fault);
    j->op.done = abandon_done;
    j->op.arg = j;
    store_submit(j->door->parts.store, &j->op);
}

/* ---- verify ---- */

static void run_verify(struct work *w, unsigned worker)
{
    struct job *j = (struct job *)w;
    int rc;

    authorities_read(j->door->parts.authorities);
    rc = step_verify(j, worker, &j->fault);
    authorities_done(j->door->parts.authorities);
    if (rc != 0) {
        log_fault(LOG_LEVEL_ERROR, "sign.rejected", &j->fault, NULL);
        abandon(j);
        return;
    }
    step_fill_finish(j);
    j->op.done = finish_done;
    store_submit(j->door->parts.store, &j->op);
}

/* ---- sign ---- */

static void signed_back(void *arg, struct slice certificate, const struct fault *f)
{
    struct job *j = arg;

    STEP("door.signed");
    job_passed(j, STRETCH_SIGN);
    if (f != NULL) {
        j->fault = *f;
        if (fault_retryable(f))
            end_in_flight(j, f);
        else
            abandon(j);
        return;
    }
    buf_reset(&j->certificate);
    buf_put_slice(&j->certificate, certificate);
    j->work.run = run_verify;
    workers_push(j->door->parts.workers, WORK_FINISH, &j->work);
}

static void sign(struct job *j)
{
    flight_add(j);
    STEP("door.sign");
    signer_link_sign(j->issuer->link, j->issuer->conf->name, buf_slice(&j->tbs), signed_back, j);
}

/* ---- intent ---- */

/* A finish whose publishing failed is answered with "retry": the retry must not
 * get the certificate before the view knows it either. */
static bool published(const struct door *d, const struct cert_row *row)
{
    struct view_stats v;

    view_stats(d->parts.view, &v);
    return !v.behind && v.change >= row->change;
}

static void answer_known(struct job *j, struct cert_row *row)
{
    struct fault f;

    fault_clear(&f);
    if (!published(j->door, row)) {
        (void)fault_unavailable(&f, 2, "view.publish",
                                "the certificate is recorded but not published yet");
        answer_fault(j, &f);
        return;
    }
    if (row->state == CERT_GOOD && cert_row_der(row, &j->certificate) == 0) {
        answer_issued(j, buf_slice(&j->certificate), true);
        return;
    }
    if (row->state == CERT_ABANDONED) { /* between the look at the request key and this one */
        intent_closed(&f);
        answer_fault(j, &f);
        return;
    }
    if (row->state == CERT_GOOD) {
        (void)fault_set(&f, FAULT_CONFLICT, "request.lost",
                        "the certificate of this request key was lost in a restore; ask anew");
        answer_fault(j, &f);
        return;
    }
    (void)fault_set(&f, FAULT_CONFLICT, "request.revoked",
                    "the certificate of this request key has been revoked or held since");
    answer_fault(j, &f);
}

/* Under the issuer that the intent names: the profile may have another one by now. */
static void sign_again(struct job *j, const struct cert_row *row)
{
    struct fault f;

    j->issuer = authority_numbered(j->door->parts.authorities, row->ref.issuer);
    if (j->issuer == NULL) {
        fault_clear(&f);
        (void)fault_set(&f, FAULT_CONFLICT, "request.issuer",
                        "the issuer of this request key's intent is no longer configured");
        answer_fault(j, &f);
        return;
    }
    buf_reset(&j->tbs);
    buf_put_slice(&j->tbs, row->tbs);
    j->again = true;
    sign(j);
}

/* The same request again. Under way: wait with it. Finished: the same certificate. Left
 * open by a crash: the stored TBS is signed. */
static void take_up(struct job *j)
{
    struct door *d = j->door;
    struct job *first;
    struct cert_row row;
    struct fault f;

    j->ref = j->op.ref;
    first = flight_find(d, &j->ref);
    if (first != NULL) {
        j->next = first->waiters;
        first->waiters = j;
        return;
    }
    cert_row_init(&row);
    fault_clear(&f);
    if (store_get(d->parts.store, &j->ref, &row, &f) != 0) {
        answer_fault(j, &f);
    } else if (row.state != CERT_OPEN) {
        buf_reset(&j->certificate);
        answer_known(j, &row);
    } else if (store_issuing(d->parts.store, &f) != 0) {
        answer_fault(j, &f);
    } else {
        sign_again(j, &row);
    }
    cert_row_free(&row);
}

static void answer_dry(struct job *j)
{
    struct issued out = {SLICE_NONE, SLICE_NONE, false};
    struct fault f;

    j->door->stats.dry++;
    if (j->op.outcome == STORE_WAITS) {
        approval_would_wait(j, &f);
        answer_waits(j, &f);
        return;
    }
    j->reply(j->arg, &out, NULL);
    job_done(j);
}

static void after_intent(void *arg)
{
    struct job *j = arg;
    struct fault f;

    job_passed(j, STRETCH_INTENT);
    if (j->op.result != 0) {
        f = j->op.fault;
        job_renewal_refused(j, &f);
        answer_fault(j, &f);
    } else if (j->request.dry_run) {
        answer_dry(j);
    } else if (j->op.outcome == STORE_WAITS) {
        j->door->stats.waits++;
        approval_waits(j, &f);
        answer_waits(j, &f);
    } else if (j->op.outcome == STORE_KNOWN) {
        take_up(j);
    } else {
        sign(j);
    }
}

static void intent_done(struct store_op *op)
{
    struct job *j = op->arg;

    loop_post(j->door->parts.loop, after_intent, j);
}

/* ---- start ---- */

static int prepare(struct job *j)
{
    struct fault *f = &j->fault;

    if (j->kind == JOB_REQUEST && step_authorise(j, f) != 0)
        return -1;
    if (step_decide(j, f) != 0 || step_draft(j, f) != 0 || approval_prepare(j, f) != 0)
        return -1;
    return 0;
}

static void run_start(struct work *w, unsigned worker)
{
    struct job *j = (struct job *)w;
    int rc;

    (void)worker;
    STEP("door.start");
    authorities_read(j->door->parts.authorities);
    rc = prepare(j);
    authorities_done(j->door->parts.authorities);
    if (rc != 0) {
        refuse(j);
        return;
    }
    step_fill_intent(j); /* of a dry run too: the store says what other certificates allow */
    job_passed(j, STRETCH_DECIDE);
    j->op.done = intent_done;
    store_submit(j->door->parts.store, &j->op);
}

static bool turn_away(struct door *d, door_reply reply, void *arg)
{
    struct fault f;

    if (!d->closed && d->in_flight < DOOR_IN_FLIGHT_MAX)
        return false;
    (void)fault_unavailable(&f, 1, d->closed ? "stopping" : "busy", "%s, retry after 1 s.",
                            d->closed ? "cerca-ca is stopping" : "Too many requests at once");
    door_stats_fault(&d->stats, &f);
    reply(arg, NULL, &f);
    return true;
}

static void start(struct job *j)
{
    memset(&j->decision, 0, offsetof(struct decision, bytes));
    j->work.run = run_start;
    workers_push(j->door->parts.workers, WORK_START, &j->work);
}

static void issue(struct door *d, const struct requester *who, struct authority *delegate_of,
                  struct door_evidence *evidence, struct slice body, door_reply reply, void *arg)
{
    struct job *j;

    if (turn_away(d, reply, arg))
        return;
    j = job_new(d, who, reply, arg);
    j->kind = JOB_REQUEST;
    j->delegate_of = delegate_of;
    j->evidence = evidence;
    buf_put_slice(&j->body, body);
    start(j);
}

void door_issue(struct door *d, const struct requester *who, struct slice body, door_reply reply,
                void *arg)
{
    issue(d, who, NULL, NULL, body, reply, arg);
}

void door_issue_proven(struct door *d, const struct requester *who, struct door_evidence *e,
                       struct slice body, door_reply reply, void *arg)
{
    issue(d, who, NULL, e, body, reply, arg);
}

void door_issue_delegate(struct door *d, const struct requester *who, struct authority *issuer,
                         struct slice body, door_reply reply, void *arg)
{
    issue(d, who, issuer, NULL, body, reply, arg);
}

void door_refuse(struct door *d, const struct requester *who, const struct fault *f,
                 door_reply reply, void *arg)
{
    struct job *j = job_new(d, who, reply, arg);

    j->kind = JOB_REQUEST;
    memset(&j->request, 0, sizeof(j->request));
    memset(&j->decision, 0, offsetof(struct decision, bytes));
    j->fault = *f;
    refuse(j);
}

static void issue_ca(struct door *d, const struct requester *who, struct authority *subject,
                     struct authority *cross_by, struct slice spki, door_reply reply, void *arg)
{
    struct job *j;

    if (turn_away(d, reply, arg))
        return;
    j = job_new(d, who, reply, arg);
    j->kind = JOB_AUTHORITY;
    j->subject = subject;
    j->cross_by = cross_by;
    buf_put_slice(&j->body, spki);
    j->subject_spki = buf_slice(&j->body);
    memset(&j->request, 0, sizeof(j->request));
    start(j);
}

void door_issue_ca(struct door *d, const struct requester *who, struct authority *subject,
                   struct slice spki, door_reply reply, void *arg)
{
    issue_ca(d, who, subject, NULL, spki, reply, arg);
}

void door_cross_sign(struct door *d, const struct requester *who, struct authority *subject,
                     struct authority *by, door_reply reply, void *arg)
{
    issue_ca(d, who, subject, by, subject->parsed.key.der, reply, arg);
}

/* ---- the door itself ---- */

struct door *door_new(const struct door_parts *parts)
{
    struct door *d = xcalloc(1, sizeof(*d));
    struct store_stats stats;
    struct fault f;

    d->parts = *parts;
    door_stats_init(&d->stats, parts->conf);
    fault_clear(&f);
    if (store_stats(parts->store, &stats, &f) != 0) {
        log_fault(LOG_LEVEL_ERROR, "door.start.failed", &f, NULL);
        exit(1);
    }
    serial_init(&d->serial, stats.last_tick);
    d->sweep = loop_timer(parts->loop, door_sweep, d);
    loop_timer_set(d->sweep, SWEEP_MS);
    d->strangers = strangers_new(parts->loop, STRANGERS_MS, door_record_stranger, d);
    return d;
}

void door_free(struct door *d)
{
    struct fault f;
    struct job *next;

    if (d == NULL)
        return;
    loop_timer_free(d->sweep);
    strangers_free(d->strangers);
    fault_clear(&f);
    (void)fault_unavailable(&f, 1, "stopping", "cerca-ca is stopping, retry after 1 s");
    for (struct job *j = d->all; j != NULL; j = next) {
        if (j->under_way) {
            j->reply(j->arg, NULL, &f);
            decision_free(&j->decision);
        }
        next = j->all_next;
        job_discard(j);
    }
    door_stats_free(&d->stats);
    free(d);
}

const struct door_stats *door_stats(const struct door *d)
{
    return &d->stats;
}

size_t door_in_flight(const struct door *d)
{
    return d->in_flight + __atomic_load_n(&d->pending_ops, __ATOMIC_ACQUIRE);
}

void door_close(struct door *d)
{
    d->closed = true;
    strangers_flush(d->strangers);
}

int door_check(struct door *d, struct fault *f)
{
    struct authorities *all = d->parts.authorities;
    bool able = false;

    if (store_issuing(d->parts.store, f) != 0 || store_clock(d->parts.store, f) != 0)
        return -(int)f->code;
    for (size_t i = 0; i < all->n; i++) {
        const struct authority *a = &all->item[i];

        if (a->link == NULL || a->certificate.n == 0)
            continue;
        if (signer_link_check(a->link, f) != 0)
            return -(int)f->code;
        able = able || (a->conf->signs_leaves && a->conf->state == ISSUER_ACTIVE);
    }
    if (!able)
        return fault_set(f, FAULT_CONFIG, "issuer.certificate",
                         "no active issuer has a certificate yet");
    return 0;
}
