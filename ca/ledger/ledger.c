#include "ca/ledger/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/ledger/ledger_inner.h"
#include "ca/view/issuer.h"
#include "lib/clock.h"
#include "lib/jobtimes.h"
#include "lib/log.h"

#define TURN_US 2000000
#define SLICE 512 /* leaves in one read: some milliseconds, with what they write */
#define RETRY_S 5
#define RETRY_HOPELESS_S 60 /* what waits for a person */
#define CLOCK_BACK_S 60
#define PRUNE_EVERY_US UINT64_C(600000000)

/* ---- following the store ---- */

struct follow {
    struct ledger *l;
    struct fault *f;
    uint64_t n;
    int rc;
};

static int follow_one(void *arg, uint64_t index, struct slice salt, struct slice record)
{
    struct follow *w = arg;
    const struct audit_leaf leaf = {index, salt, record};
    uint8_t hash[32];

    if (index != tiles_size(w->l->tiles)) {
        w->rc = fault_set(w->f, FAULT_INTERNAL, "audit.hole", "audit record %" PRIu64 " is missing",
                          tiles_size(w->l->tiles));
        return 1;
    }
    audit_leaf_hash(&leaf, hash);
    w->rc = tiles_add(w->l->tiles, hash, w->f);
    w->n++;
    return w->rc;
}

static bool stopping(struct ledger *l)
{
    bool stop;

    pthread_mutex_lock(&l->lock);
    stop = l->stop;
    pthread_mutex_unlock(&l->lock);
    return stop;
}

static int follow_store(struct ledger *l, struct fault *f)
{
    struct follow w = {.l = l, .f = f};

    do {
        w.n = 0;
        int rc = store_audit(l->parts.store, STORE_LOG_NOW, tiles_size(l->tiles), SLICE, follow_one,
                             &w, f);
        if (rc != 0)
            return rc;
        pace_rest(&l->pace);
    } while (w.rc == 0 && w.n == SLICE && !stopping(l));
    return w.rc;
}

static int make_folders(const struct ledger *l)
{
    char first[PATH_MAX];

    (void)snprintf(first, sizeof(first), "%s/audit", l->parts.conf->view_dir);
    if (view_folder(first) < 0 && errno != EEXIST)
        return -1;
    return view_folder(l->dir) < 0 && errno != EEXIST ? -1 : 0;
}

static int open_tiles(struct ledger *l, struct fault *f)
{
    uint8_t root[32];
    int rc;

    if (make_folders(l) != 0)
        return fault_set(f, FAULT_INTERNAL, "audit.tiles", "cannot make %s: %s", l->dir,
                         strerror(errno));
    rc = ledger_recall(l, root, f);
    return rc == 0 ? tiles_open(l->dir, l->size, root, &l->tiles, f) : rc;
}

/* ---- checkpoints ---- */

static bool due(struct ledger *l, struct waiter **waiters)
{
    int64_t age = clock_now() - l->time;
    bool now;

    pthread_mutex_lock(&l->lock);
    *waiters = l->waiters;
    l->waiters = NULL;
    /* Also when the clock was set back, and when the last attempt failed, whoever wanted it. */
    now = l->size == 0 || l->other_origin || age >= l->parts.conf->checkpoint_every ||
          age < -CLOCK_BACK_S || l->why.code != FAULT_NONE;
    now = *waiters != NULL || (now && clock_mono_us() >= l->retry_us);
    pthread_mutex_unlock(&l->lock);
    return now;
}

static void note_outcome(struct ledger *l, const struct fault *f)
{
    uint64_t wait = f->code == FAULT_CONFIG || f->code == FAULT_CONFLICT ? RETRY_HOPELESS_S
                    : f->retry_after > RETRY_S                           ? f->retry_after
                                                                         : RETRY_S;

    if (f->code != FAULT_NONE && strcmp(f->rule, l->why.rule) != 0)
        log_fault(LOG_LEVEL_ERROR, "checkpoint.failed", f, NULL);
    job_noted(JOB_CHECKPOINT, f->code == FAULT_NONE);
    pthread_mutex_lock(&l->lock);
    l->why = *f;
    l->retry_us = f->code == FAULT_NONE ? 0 : clock_mono_us() + wait * 1000000;
    pthread_mutex_unlock(&l->lock);
}

static void tell(struct outcome *o)
{
    for (struct waiter *w = o->waiters, *next; w != NULL; w = next) {
        next = w->next;
        w->reply(w->arg, o->fault.code == FAULT_NONE ? NULL : &o->fault);
        free(w);
    }
    free(o);
}

static void tell_on_loop(void *arg)
{
    tell(arg);
}

static void tell_waiters(struct ledger *l, struct waiter *waiters, const struct fault *f)
{
    struct outcome *o;

    if (waiters == NULL)
        return;
    o = xcalloc(1, sizeof(*o));
    o->waiters = waiters;
    o->fault = *f;
    loop_post(l->parts.loop, tell_on_loop, o);
}

/* ---- retention ---- */

static void prune(struct ledger *l)
{
    struct store_op op = {.kind = STORE_PRUNE};
    uint64_t until, done = 0;
    struct fault f;

    if (clock_mono_us() < l->next_prune_us || l->size == 0)
        return;
    l->next_prune_us = clock_mono_us() + PRUNE_EVERY_US;
    if (store_audit_since(l->parts.store, STORE_LOG_NOW, clock_now() - l->parts.conf->audit_keep,
                          &until, &f) != 0)
        return;
    do {
        memset(&op.audit, 0, sizeof(op.audit));
        op.time = clock_now();
        op.until = until;
        op.audit.action = AUDIT_PRUNE;
        op.audit.time = op.time;
        memcpy(op.audit.generation, l->parts.conf->generation, sizeof(op.audit.generation));
        (void)snprintf(op.audit.actor, sizeof(op.audit.actor), "cerca-ca");
        if (store_do(l->parts.store, &op) != 0 || op.until <= done)
            return;
        done = op.until;
    } while (done < until && !stopping(l));
}

/* ---- the thread ---- */

static void turn(struct ledger *l)
{
    struct waiter *waiters;
    struct fault f;
    bool sign;
    int rc = 0;

    fault_clear(&f);
    if (l->tiles == NULL)
        rc = open_tiles(l, &f);
    sign = due(l, &waiters); /* how old the newest one is, opening has told */
    if (rc == 0)
        rc = follow_store(l, &f);
    if (rc != 0) {
        /* What was written is checked again when they are opened. */
        tiles_close(l->tiles);
        l->tiles = NULL;
    } else if (sign && tiles_size(l->tiles) > 0) {
        rc = ledger_sign(l, &f);
    }
    if (sign || rc != 0)
        note_outcome(l, &f);
    tell_waiters(l, waiters, &f);
    if (rc == 0)
        prune(l);
}

static void *ledger_main(void *arg)
{
    struct ledger *l = arg;

    /* A start has to make the tiles since the last checkpoint again: issuing goes first. */
    pace_begin(&l->pace, l->parts.store, PACE_BACKGROUND);
    while (!stopping(l)) {
        struct timespec until = {0};
        uint64_t at = clock_mono_us() + TURN_US;

        turn(l);
        until.tv_sec = (time_t)(at / 1000000);
        until.tv_nsec = (long)(at % 1000000) * 1000;
        pthread_mutex_lock(&l->lock);
        while (!l->stop && l->waiters == NULL &&
               pthread_cond_timedwait(&l->wake, &l->lock, &until) != ETIMEDOUT)
            ;
        pthread_mutex_unlock(&l->lock);
    }
    return NULL;
}

static void put_number(struct buf *b, int64_t log)
{
    if (log > 0)
        buf_printf(b, "/%" PRId64, log);
}

/* A restore begins another log: its name says so, since nothing may sign the old one again. */
static void name_log(struct ledger *l, int64_t log)
{
    struct buf b;

    buf_init(&b, PATH_MAX);
    buf_printf(&b, "%s/audit", l->parts.conf->view_dir);
    put_number(&b, log);
    l->dir = xstrdup(buf_cstr(&b));
    buf_reset(&b);
    buf_put_str(&b, l->parts.conf->audit_origin);
    put_number(&b, log);
    l->origin = xstrdup(buf_cstr(&b));
    buf_free(&b);
}

int ledger_open(const struct ledger_parts *parts, struct ledger **out, struct fault *f)
{
    struct ledger *l;
    pthread_condattr_t attr;
    struct store_gate gate;

    *out = NULL;
    if (store_gate(parts->store, &gate, f) != 0)
        return -(int)f->code;
    l = xcalloc(1, sizeof(*l));
    l->parts = *parts;
    name_log(l, gate.audit_log);
    l->sealer = sealer_new(parts->conf, parts->loop, parts->link);
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&l->thread, NULL, ledger_main, l) != 0) {
        ledger_free(l);
        return fault_set(f, FAULT_INTERNAL, "audit.thread", "no thread for the audit log");
    }
    l->runs = true;
    *out = l;
    return 0;
}

void ledger_stop(struct ledger *l)
{
    if (l == NULL || !l->runs)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->wake);
    pthread_mutex_unlock(&l->lock);
    sealer_stop(l->sealer);
    pthread_join(l->thread, NULL);
    l->runs = false;
}

void ledger_free(struct ledger *l)
{
    if (l == NULL)
        return;
    for (struct waiter *w = l->waiters, *next; w != NULL; w = next) {
        next = w->next;
        free(w);
    }
    tiles_close(l->tiles);
    sealer_free(l->sealer);
    pthread_cond_destroy(&l->wake);
    pthread_mutex_destroy(&l->lock);
    free(l->dir);
    free(l->origin);
    free(l);
}

/* ---- for others ---- */

void ledger_checkpoint(struct ledger *l, ledger_reply reply, void *arg)
{
    struct waiter *w = xcalloc(1, sizeof(*w));

    w->reply = reply;
    w->arg = arg;
    pthread_mutex_lock(&l->lock);
    w->next = l->waiters;
    l->waiters = w;
    pthread_cond_broadcast(&l->wake);
    pthread_mutex_unlock(&l->lock);
}

const char *ledger_dir(const struct ledger *l)
{
    return l->dir;
}

/* A checkpoint that is late by half its interval, or by a minute, is worth somebody's look. */
static bool late(const struct ledger *l, int64_t age)
{
    int64_t every = l->parts.conf->checkpoint_every;

    return age > every + (every / 2 > 60 ? every / 2 : 60);
}

void ledger_status(struct ledger *l, struct status_item *out)
{
    int64_t age;
    char span[CLOCK_TEXT_SIZE];

    memset(out, 0, sizeof(*out));
    (void)snprintf(out->name, sizeof(out->name), "checkpoint");
    pthread_mutex_lock(&l->lock);
    age = clock_now() - l->time;
    out->ok = l->why.code == FAULT_NONE && l->export.code == FAULT_NONE &&
              (l->size == 0 || !late(l, age));
    (void)snprintf(out->state, sizeof(out->state), "%s",
                   l->size == 0   ? "none yet"
                   : late(l, age) ? "late"
                   : out->ok      ? "ready"
                                  : "failing");
    clock_format_span(age > 0 ? age : 1, span);
    if (l->why.code != FAULT_NONE)
        (void)snprintf(out->text, sizeof(out->text), "%s", l->why.text);
    else if (l->export.code != FAULT_NONE)
        (void)snprintf(out->text, sizeof(out->text), "%s", l->export.text);
    else if (l->size > 0)
        (void)snprintf(out->text, sizeof(out->text), "%s old, over %" PRIu64 " records", span,
                       l->size);
    pthread_mutex_unlock(&l->lock);
}
