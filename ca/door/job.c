/* Jobs: made, used again, and found while their intent is under way. */
#include "ca/door/job.h"

#include <stdlib.h>
#include <string.h>

#include "ca/door/approval.h"
#include "ca/door/bearer.h"
#include "ca/door/token.h"
#include "lib/clock.h"

#define SPARE_MAX 512
#define MADE_MAX 2048

struct job *job_new(struct door *d, const struct requester *who, door_reply reply, void *arg)
{
    struct job *j = d->spare;

    if (j != NULL) {
        d->spare = j->next;
        d->n_spare--;
        buf_reset(&j->body);
        buf_reset(&j->tbs);
        buf_reset(&j->certificate);
        buf_reset(&j->made);
    } else {
        j = xcalloc(1, sizeof(*j));
        buf_init(&j->body, FRAME_BODY_MAX);
        buf_init(&j->tbs, TBS_MAX);
        buf_init(&j->certificate, CERT_MAX);
        buf_init(&j->made, MADE_MAX);
        j->all_next = d->all;
        if (d->all != NULL)
            d->all->all_prev = j;
        d->all = j;
    }
    j->next = j->prev = j->waiters = NULL;
    j->issuer = NULL;
    j->cross_by = NULL;
    j->delegate_of = NULL;
    j->profile = NULL;
    j->report = NULL;
    j->evidence = NULL;
    j->again = false;
    j->decision.profile = NULL;
    memset(&j->ref, 0, sizeof(j->ref));
    memset(&j->replaces, 0, sizeof(j->replaces));
    memset(&j->meant, 0, sizeof(j->meant));
    fault_clear(&j->fault);
    j->door = d;
    j->who = *who;
    j->reply = reply;
    j->arg = arg;
    j->under_way = true;
    j->began_us = j->stretch_us = clock_mono_us();
    d->in_flight++;
    return j;
}

void job_passed(struct job *j, enum door_stretch stretch)
{
    uint64_t now = clock_mono_us(), spent = now - j->stretch_us;

    j->spent_us[stretch] = spent < UINT32_MAX ? (uint32_t)spent : UINT32_MAX;
    j->stretch_us = now;
}

void job_counted(struct job *j)
{
    struct door_stats *s = &j->door->stats;

    if (j->kind == JOB_AUTHORITY || j->profile == NULL)
        s->issued_cas++;
    else
        s->issued[j->profile - j->door->parts.conf->profiles]++;
    metric_observe(&s->took, j->stretch_us - j->began_us);
    for (size_t i = 0; i < STRETCHES; i++)
        metric_observe(&s->stretch[i], j->spent_us[i]);
}

void job_discard(struct job *j)
{
    *(j->all_prev != NULL ? &j->all_prev->all_next : &j->door->all) = j->all_next;
    if (j->all_next != NULL)
        j->all_next->all_prev = j->all_prev;
    token_drop(j);
    approval_drop(j);
    free(j->bearer);
    buf_free(&j->body);
    buf_free(&j->tbs);
    buf_free(&j->certificate);
    buf_free(&j->made);
    free(j);
}

void job_done(struct job *j)
{
    struct door *d = j->door;

    decision_free(&j->decision);
    token_drop(j);
    if (j->body.n > 0)
        explicit_bzero(j->body.p, j->body.n); /* a secret may be in there */
    approval_drop(j);
    free(j->bearer);
    j->bearer = NULL;
    j->under_way = false;
    d->in_flight--;
    if (d->n_spare >= SPARE_MAX) {
        job_discard(j);
        return;
    }
    j->next = d->spare;
    d->spare = j;
    d->n_spare++;
}

void flight_add(struct job *j)
{
    struct door *d = j->door;

    j->prev = NULL;
    j->next = d->flight;
    if (d->flight != NULL)
        d->flight->prev = j;
    d->flight = j;
}

void flight_remove(struct job *j)
{
    *(j->prev != NULL ? &j->prev->next : &j->door->flight) = j->next;
    if (j->next != NULL)
        j->next->prev = j->prev;
    j->next = j->prev = NULL;
}

struct job *flight_find(struct door *d, const struct cert_ref *ref)
{
    for (struct job *j = d->flight; j != NULL; j = j->next)
        if (memcmp(&j->ref, ref, sizeof(*ref)) == 0)
            return j;
    return NULL;
}
