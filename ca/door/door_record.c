/* What the door records with nobody waiting for it: intents given up, signatures that come too
 * late, refusals that were decided before it. */
#include "ca/door/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/attempts.h"
#include "lib/clock.h"
#include "lib/log.h"

#define SWEEP_MORE_MS 100 /* when a batch was full */
#define SWEEP_BATCH 64

static void recorded(struct store_op *op)
{
    struct door *d = op->arg;

    if (op->result != 0)
        log_fault(LOG_LEVEL_WARN, "door.record.failed", &op->fault, NULL);
    __atomic_sub_fetch(&d->pending_ops, 1, __ATOMIC_RELEASE);
    free(op);
}

/* An event that nobody waits for. */
static void record(struct door *d, struct store_op *op)
{
    op->time = clock_now();
    op->done = recorded;
    op->arg = d;
    __atomic_add_fetch(&d->pending_ops, 1, __ATOMIC_ACQUIRE);
    store_submit(d->parts.store, op);
}

/* ---- open intents that nobody came back for ---- */

static void abandon_orphan(struct door *d, const struct cert_ref *ref)
{
    struct store_op *op;
    struct job about = {.door = d, .ref = *ref, .who = {.name = "cerca-ca"}};

    if (flight_find(d, ref) != NULL)
        return;
    op = xcalloc(1, sizeof(*op));
    op->kind = STORE_ABANDON;
    op->ref = *ref;
    job_audit(&about, AUDIT_ABANDON, &op->audit);
    record(d, op);
}

void door_sweep(void *arg)
{
    struct door *d = arg;
    struct cert_ref refs[SWEEP_BATCH];
    struct fault f;
    size_t n;

    loop_timer_set(d->sweep, SWEEP_MS);
    fault_clear(&f);
    if (store_open_intents(d->parts.store, clock_now() - d->parts.conf->intent_grace, refs,
                           SWEEP_BATCH, &n, &f) != 0) {
        log_fault(LOG_LEVEL_WARN, "intent.sweep.failed", &f, NULL);
        return;
    }
    for (size_t i = 0; i < n; i++)
        abandon_orphan(d, &refs[i]);
    if (n == SWEEP_BATCH)
        loop_timer_set(d->sweep, SWEEP_MORE_MS);
}

/* ---- signatures too late ---- */

/* Which issuer a certificate names; 0: none of ours. */
static uint16_t issuer_of(const struct door *d, const struct cert *c)
{
    const struct authorities *all = d->parts.authorities;

    for (size_t i = 0; i < all->n; i++)
        if (slice_eq(c->issuer, buf_slice(&all->item[i].name)))
            return all->item[i].number;
    return 0;
}

void door_late(void *arg, struct slice certificate)
{
    struct door *d = arg;
    struct job about = {.door = d, .who = {.name = "cerca-signer"}};
    struct store_op *op;
    struct fault f;
    struct cert c;

    fault_clear(&f);
    if (cert_parse(certificate, &c, &f) != 0 || c.serial.n != SERIAL_LEN) {
        log_warn("signature.late.malformed", NULL);
        return;
    }
    memcpy(about.ref.serial, c.serial.p, SERIAL_LEN);
    about.ref.issuer = issuer_of(d, &c);
    op = xcalloc(1, sizeof(*op));
    op->kind = STORE_AUDIT;
    job_audit(&about, AUDIT_DROP, &op->audit);
    snprintf(op->audit.detail, sizeof(op->audit.detail),
             "the signature came after its request had been given up");
    record(d, op);
}

/* ---- refusals ---- */

bool job_is_decided(const struct fault *f)
{
    return f->code != FAULT_UNAVAILABLE && f->code != FAULT_FULL;
}

struct noted {
    struct store_op op; /* first: freed as one */
    struct attempt attempt;
};

void door_note_attempt(struct door *d, const struct attempt *a)
{
    struct noted *n = xcalloc(1, sizeof(*n));

    n->attempt = *a;
    n->op.kind = STORE_ATTEMPT;
    n->op.attempt = &n->attempt;
    record(d, &n->op);
}

void door_record_refusal(struct door *d, const struct requester *who, const struct fault *f)
{
    struct job about = {.door = d, .who = *who};
    struct store_op *op = xcalloc(1, sizeof(*op));

    op->kind = STORE_AUDIT;
    job_audit(&about, AUDIT_REFUSE, &op->audit);
    audit_set_fault(&op->audit, f);
    record(d, op);
}

void door_record_stranger(void *arg, const struct requester *who, const struct fault *f,
                          uint64_t more, int64_t since)
{
    struct door *d = arg;
    struct job about = {.door = d, .who = *who};
    struct store_op *op = xcalloc(1, sizeof(*op));
    char at[CLOCK_TEXT_SIZE], count[24];

    clock_format(since, at);
    (void)snprintf(count, sizeof(count), "%" PRIu64, more);
    log_fault(LOG_LEVEL_WARN, "stranger.refused", f, "who", who->name, "more", count, NULL);
    op->kind = STORE_AUDIT;
    job_audit(&about, AUDIT_REFUSE, &op->audit);
    if (more > 0)
        (void)snprintf(op->audit.detail, sizeof(op->audit.detail),
                       "%" PRIu64 " more refused since %s, the newest as above", more, at);
    audit_set_fault(&op->audit, f);
    record(d, op);
}

void door_refuse_stranger(struct door *d, const struct requester *who, const struct fault *f,
                          uint32_t n)
{
    strangers_refused(d->strangers, who, f, n);
}
