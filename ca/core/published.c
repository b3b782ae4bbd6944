#include "ca/core/published.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

#define BATCH 256

struct published {
    struct store *store;
    uint8_t generation[8];
    struct store_op op[BATCH];
    size_t n;
    pthread_mutex_t lock;
    pthread_cond_t all_done;
    size_t waiting;
    struct fault fault; /* the first */
};

struct published *published_new(struct store *s, const struct conf *conf)
{
    struct published *p = xcalloc(1, sizeof(*p));

    p->store = s;
    memcpy(p->generation, conf->generation, sizeof(p->generation));
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->all_done, NULL);
    return p;
}

static void on_done(struct store_op *op)
{
    struct published *p = op->arg;

    pthread_mutex_lock(&p->lock);
    if (op->result != 0 && p->fault.code == FAULT_NONE)
        p->fault = op->fault;
    if (--p->waiting == 0)
        pthread_cond_signal(&p->all_done);
    pthread_mutex_unlock(&p->lock);
}

static int run_batch(struct published *p, struct fault *f)
{
    p->waiting = p->n;
    for (size_t i = 0; i < p->n; i++)
        store_submit(p->store, &p->op[i]);
    pthread_mutex_lock(&p->lock);
    while (p->waiting > 0)
        pthread_cond_wait(&p->all_done, &p->lock);
    pthread_mutex_unlock(&p->lock);
    p->n = 0;
    if (p->fault.code == FAULT_NONE)
        return 0;
    *f = p->fault;
    return -(int)f->code;
}

static void fill_audit(const struct published *p, const struct store_op *op, const char *why,
                       struct audit_event *e)
{
    static const char *const word[] = {
        [CERT_GOOD] = "good", [CERT_HELD] = "on hold", [CERT_REVOKED] = "revoked"};

    e->action = AUDIT_RESTORE;
    e->time = clock_now();
    memcpy(e->generation, p->generation, sizeof(e->generation));
    snprintf(e->actor, sizeof(e->actor), "cerca-ca");
    snprintf(e->origin, sizeof(e->origin), "%s", why);
    e->has_serial = true;
    memcpy(e->serial, op->ref.serial, SERIAL_LEN);
    e->issuer = op->ref.issuer;
    snprintf(e->detail, sizeof(e->detail), "%s, reason %u", word[op->published.state],
             (unsigned)op->reason);
}

int published_add(struct published *p, const struct cert_ref *ref, enum cert_state state,
                  uint8_t reason, int64_t time, const char *why, struct fault *f)
{
    struct store_op *op = &p->op[p->n++];

    *op = (struct store_op){.kind = STORE_PUBLISHED,
                            .ref = *ref,
                            .reason = reason,
                            .time = time,
                            .published = {state},
                            .done = on_done,
                            .arg = p};
    fill_audit(p, op, why, &op->audit);
    return p->n < BATCH ? 0 : run_batch(p, f);
}

int published_end(struct published *p, struct fault *f)
{
    int rc = run_batch(p, f);

    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->all_done);
    free(p);
    return rc;
}
