#include "ca/export/exporter.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/export/build.h"
#include "ca/ledger/seal.h"
#include "lib/clock.h"
#include "lib/jobtimes.h"
#include "lib/log.h"

#define TURN_S 2
#define TRIES 3 /* while a snapshot is replaced */
#define RETRY_S 10
#define LATE_S 60

struct waiter {
    exporter_reply reply;
    void *arg;
    struct waiter *next;
};

/* Who waited, on the way back to the loop. */
struct outcome {
    struct waiter *waiters;
    struct view_exported made;
    struct fault fault;
};

struct exporter {
    struct exporter_parts parts;
    struct sealer *sealer;
    pthread_t thread;
    bool runs;
    uint64_t number; /* the thread's: of the last one */

    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    struct waiter *waiters;
    struct view_exported made; /* time 0: none yet */
    struct fault why;          /* of the last attempt */
    uint64_t next_us;          /* no attempt before, unless asked; monotonic */
};

/* ---- one export ---- */

static int build(struct exporter *e, struct export_job *j, struct fault *f)
{
    int rc = 0;

    for (int i = 0; i < TRIES; i++) {
        j->files = j->octets = j->new_octets = 0;
        fault_clear(f);
        rc = export_build(j, f);
        if (rc != -FAULT_UNAVAILABLE && rc != -FAULT_NOT_FOUND)
            break;
    }
    e->number = j->head.number;
    return rc;
}

static int make(struct exporter *e, struct view_exported *out, struct fault *f)
{
    const struct conf *c = e->parts.conf;
    struct export_job j = {
        .view_dir = c->view_dir, .out_dir = c->view_export_dir, .audit = c->view_export_audit};
    uint64_t last = export_newest(c->view_export_dir);
    struct checkpointed sealed;
    int rc;

    if (viewexport_origin(c->audit_origin, j.head.origin) != 0)
        return fault_set(f, FAULT_CONFIG, "audit.origin", "audit.origin is too long for exports");
    if (last < e->number)
        last = e->number;
    j.head.time = clock_now();
    j.head.number = last < (uint64_t)j.head.time ? (uint64_t)j.head.time : last + 1;
    rc = build(e, &j, f);
    if (rc == 0)
        rc = sealer_sign(e->sealer, j.head.origin, j.head.number, j.manifest, &sealed, f);
    if (rc == 0)
        rc = export_seal(&j, sealed.note, f);
    if (rc != 0)
        export_drop(&j);
    export_free(&j);
    *out = (struct view_exported){.number = j.head.number,
                                  .time = j.head.time,
                                  .files = j.files,
                                  .octets = j.octets,
                                  .new_octets = j.new_octets};
    return rc;
}

/* ---- the thread ---- */

static void tell_on_loop(void *arg)
{
    struct outcome *o = arg;
    bool failed = o->fault.code != FAULT_NONE;

    for (struct waiter *w = o->waiters, *next; w != NULL; w = next) {
        next = w->next;
        w->reply(w->arg, failed ? NULL : &o->made, failed ? &o->fault : NULL);
        free(w);
    }
    free(o);
}

static bool take_waiters(struct exporter *e, struct waiter **out)
{
    bool due;

    pthread_mutex_lock(&e->lock);
    *out = e->waiters;
    e->waiters = NULL;
    due = *out != NULL || clock_mono_us() >= e->next_us;
    pthread_mutex_unlock(&e->lock);
    return due;
}

static void note_outcome(struct exporter *e, const struct view_exported *made,
                         const struct fault *f)
{
    int64_t wait = f->code == FAULT_NONE ? e->parts.conf->view_export_every : RETRY_S;

    if (f->code != FAULT_NONE && strcmp(f->rule, e->why.rule) != 0)
        log_fault(LOG_LEVEL_ERROR, "view.export.failed", f, NULL);
    if (f->code == FAULT_NONE)
        log_info("view.exported", "number", log_num((int64_t)made->number), "files",
                 log_num((int64_t)made->files), "new", log_num((int64_t)made->new_octets), NULL);
    job_noted(JOB_EXPORT, f->code == FAULT_NONE);
    pthread_mutex_lock(&e->lock);
    e->why = *f;
    if (f->code == FAULT_NONE)
        e->made = *made;
    e->next_us = clock_mono_us() + (uint64_t)wait * 1000000;
    pthread_mutex_unlock(&e->lock);
}

static void turn(struct exporter *e)
{
    struct view_exported made = {0};
    struct waiter *waiters;
    struct outcome *o;
    struct fault f;

    if (!take_waiters(e, &waiters))
        return;
    fault_clear(&f);
    if (make(e, &made, &f) == 0)
        fault_clear(&f);
    note_outcome(e, &made, &f);
    if (waiters == NULL)
        return;
    o = xcalloc(1, sizeof(*o));
    *o = (struct outcome){.waiters = waiters, .made = made, .fault = f};
    loop_post(e->parts.loop, tell_on_loop, o);
}

static void *exporter_main(void *arg)
{
    struct exporter *e = arg;

    pthread_mutex_lock(&e->lock);
    while (!e->stop) {
        struct timespec until = {.tv_sec = (time_t)(clock_mono_us() / 1000000) + TURN_S};

        pthread_mutex_unlock(&e->lock);
        turn(e);
        pthread_mutex_lock(&e->lock);
        while (!e->stop && e->waiters == NULL &&
               pthread_cond_timedwait(&e->wake, &e->lock, &until) != ETIMEDOUT)
            ;
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

int exporter_open(const struct exporter_parts *parts, struct exporter **out, struct fault *f)
{
    struct exporter *e = xcalloc(1, sizeof(*e));
    pthread_condattr_t attr;

    *out = NULL;
    e->parts = *parts;
    e->sealer = sealer_new(parts->conf, parts->loop, parts->link);
    pthread_mutex_init(&e->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&e->thread, NULL, exporter_main, e) != 0) {
        exporter_free(e);
        return fault_set(f, FAULT_INTERNAL, "view.thread", "no thread for exports of the view");
    }
    e->runs = true;
    *out = e;
    return 0;
}

void exporter_stop(struct exporter *e)
{
    if (e == NULL || !e->runs)
        return;
    pthread_mutex_lock(&e->lock);
    e->stop = true;
    pthread_cond_broadcast(&e->wake);
    pthread_mutex_unlock(&e->lock);
    sealer_stop(e->sealer);
    pthread_join(e->thread, NULL);
    e->runs = false;
}

void exporter_free(struct exporter *e)
{
    if (e == NULL)
        return;
    for (struct waiter *w = e->waiters, *next; w != NULL; w = next) {
        next = w->next;
        free(w);
    }
    sealer_free(e->sealer);
    pthread_cond_destroy(&e->wake);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

/* ---- for others ---- */

void exporter_run(struct exporter *e, exporter_reply reply, void *arg)
{
    struct waiter *w;
    struct fault f;

    if (e == NULL) {
        (void)fault_set(&f, FAULT_CONFIG, "view.export_dir",
                        "the configuration has no view.export_dir to put exports into");
        reply(arg, NULL, &f);
        return;
    }
    w = xcalloc(1, sizeof(*w));
    w->reply = reply;
    w->arg = arg;
    pthread_mutex_lock(&e->lock);
    w->next = e->waiters;
    e->waiters = w;
    pthread_cond_broadcast(&e->wake);
    pthread_mutex_unlock(&e->lock);
}

void exporter_status(struct exporter *e, struct status_item *out)
{
    char span[CLOCK_TEXT_SIZE];
    int64_t age;
    bool late;

    memset(out, 0, sizeof(*out));
    (void)snprintf(out->name, sizeof(out->name), "view-export");
    pthread_mutex_lock(&e->lock);
    age = clock_now() - e->made.time;
    late = e->made.time != 0 && age > e->parts.conf->view_export_every + LATE_S;
    out->ok = e->why.code == FAULT_NONE && !late;
    (void)snprintf(out->state, sizeof(out->state), "%s",
                   e->made.time == 0 ? "none yet"
                   : late            ? "late"
                   : out->ok         ? "ready"
                                     : "failing");
    clock_format_span(age > 0 ? age : 1, span);
    if (e->why.code != FAULT_NONE)
        (void)snprintf(out->text, sizeof(out->text), "%s", e->why.text);
    else if (e->made.time != 0)
        (void)snprintf(out->text, sizeof(out->text), "number %" PRIu64 ", %s old", e->made.number,
                       span);
    pthread_mutex_unlock(&e->lock);
}
