#include "ca/observe/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/inventory/stranger.h"
#include "ca/lifecycle/places.h"
#include "ca/observe/look.h"
#include "lib/anycert.h"
#include "lib/clock.h"
#include "lib/proto_scan.h"

#define AHEAD 300 /* seconds: a look cannot have been later than now */

struct recorder {
    struct recorder_parts parts;
};

struct run {
    struct work work; /* first: the workers hand back this */
    struct recorder *recorder;
    struct buf body;
    struct scan_record record;
    char actor[64], origin[64];
    recorder_done done;
    void *arg;
    struct fault fault;
    struct store_op op;
    struct store_observe observe;
    struct observation row[SCAN_RECORD_MAX];
    struct foreign leaf[SCAN_RECORD_MAX];
    char where[SCAN_RECORD_MAX][STORE_ORIGIN_MAX];
};

static void finish(void *arg)
{
    struct run *r = arg;
    struct scan_recorded what = {.taken = (uint32_t)r->observe.n,
                                 .fresh = (uint32_t)r->observe.fresh};

    if (r->fault.code == FAULT_NONE && r->op.result != 0)
        r->fault = r->op.fault;
    for (size_t i = 0; r->fault.code == FAULT_NONE && i < r->observe.n; i++)
        if (r->leaf[i].der.n > 0 && r->leaf[i].outcome == FOREIGN_ADDED) {
            what.strangers += r->leaf[i].stranger != 0;
            stranger_tell(&r->leaf[i]);
        }
    r->done(r->arg, &what, &r->fault);
    buf_free(&r->body);
    free(r);
}

static void on_stored(struct store_op *op)
{
    struct run *r = op->arg;

    loop_post(r->recorder->parts.loop, finish, r);
}

/* ---- on a worker ---- */

static int take_leaf(struct run *r, size_t i, struct slice der, struct fault *f)
{
    const struct recorder_parts *p = &r->recorder->parts;
    char where[STORE_ORIGIN_MAX];
    struct anycert c;
    uint16_t issuer = 0;
    int rc = 0;

    if (der.n == 0)
        return 0;
    if (anycert_parse(der, &c, f) == 0)
        rc = stranger_find(p->authorities, p->store, &c, &issuer, f);
    observation_text(&r->row[i], where, sizeof(where));
    memcpy(r->where[i], where, sizeof(where));
    r->leaf[i] = (struct foreign){.der = der, .origin = r->where[i], .stranger = issuer};
    return rc;
}

static int take_result(struct run *r, size_t i, int64_t now, struct fault *f)
{
    struct scan_result result;
    struct slice leaf;
    char by[64];
    int rc;

    if (scan_result_get(r->record.result[i], &result) != 0)
        return fault_set(f, FAULT_MALFORMED, "request.body", "a result of a scan is malformed");
    if (r->record.job[0] != '\0' && result.outcome == SCAN_LOGGED)
        return fault_set(f, FAULT_MALFORMED, "request.body", "a scan does not read logs");
    authorities_read(r->recorder->parts.authorities);
    look_take(r->recorder->parts.authorities, &result, &r->row[i], &leaf);
    rc = take_leaf(r, i, leaf, f);
    authorities_done(r->recorder->parts.authorities);
    if (r->row[i].last <= 0 || r->row[i].last > now + AHEAD)
        r->row[i].last = now;
    if (r->record.job[0] != '\0')
        (void)snprintf(by, sizeof(by), "scan:%.58s", r->record.job);
    else
        memcpy(by, r->actor, sizeof(by));
    memcpy(r->row[i].by, by, sizeof(by));
    return rc;
}

static void submit(struct run *r, int64_t now)
{
    struct audit_event *e = &r->op.audit;

    r->observe.by = r->actor;
    r->observe.row = r->row;
    r->observe.leaf = r->leaf;
    r->op.kind = STORE_OBSERVE;
    r->op.observe = &r->observe;
    r->op.time = e->time = now;
    r->op.done = on_stored;
    r->op.arg = r;
    e->action = AUDIT_FOREIGN;
    memcpy(e->generation, r->recorder->parts.generation, sizeof(e->generation));
    memcpy(e->actor, r->actor, sizeof(e->actor));
    memcpy(e->origin, r->origin, sizeof(e->origin));
    (void)snprintf(e->detail, sizeof(e->detail), "seen by a scan%s%s",
                   r->record.job[0] != '\0' ? ", job " : "", r->record.job);
    store_submit(r->recorder->parts.store, &r->op);
}

static void look(struct work *w, unsigned worker)
{
    struct run *r = (struct run *)w;
    int64_t now = clock_now();
    int rc = 0;

    (void)worker;
    if (scan_record_get(buf_slice(&r->body), &r->record) != 0)
        rc = fault_set(&r->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
    for (size_t i = 0; rc == 0 && i < r->record.n; i++)
        rc = take_result(r, i, now, &r->fault);
    r->observe.n = rc == 0 ? r->record.n : 0;
    if (rc == 0)
        submit(r, now);
    else
        loop_post(r->recorder->parts.loop, finish, r);
}

/* ---- from outside ---- */

void recorder_submit(struct recorder *recorder, struct slice body, const char *actor,
                     const char *origin, recorder_done done, void *arg)
{
    struct run *r = xcalloc(1, sizeof(*r));

    r->recorder = recorder;
    buf_init(&r->body, FRAME_BODY_MAX);
    buf_put_slice(&r->body, body);
    (void)snprintf(r->actor, sizeof(r->actor), "%s", actor);
    (void)snprintf(r->origin, sizeof(r->origin), "%s", origin);
    r->done = done;
    r->arg = arg;
    fault_clear(&r->fault);
    r->work.run = look;
    workers_push(recorder->parts.workers, WORK_START, &r->work);
}

struct recorder *recorder_new(const struct recorder_parts *p)
{
    struct recorder *r = xcalloc(1, sizeof(*r));

    r->parts = *p;
    return r;
}

void recorder_free(struct recorder *r)
{
    free(r);
}
