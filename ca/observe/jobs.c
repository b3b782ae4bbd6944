#include "ca/observe/jobs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/key.h"
#include "lib/log.h"
#include "lib/proto_scan.h"
#include "lib/scantargets.h"

#define LOOK_MS 5000   /* at least so often while a scan is to come: the clock may be set */
#define WAITING_MAX 32 /* results on their way into the store; more of them wait outside */
#define TARGETS_OCTETS 40000
#define SAVE_S 10

struct job {
    const struct conf_scan *conf;
    struct scan_job_row row;
    bool unreadable; /* its targets, which is said once */
};

struct worker {
    struct jobs *owner;
    struct conn *conn;
    bool ready;
};

struct jobs {
    struct jobs_parts parts;
    struct recorder *recorder;
    struct listener *listener;
    struct loop_timer *timer;
    struct worker *worker; /* NULL: none is there */
    struct job *job;
    size_t n;
    struct job *running; /* NULL: none */
    uint64_t run;        /* the frame id of the scan */
    bool stopping, ended, paused_reading, draining;
    size_t waiting;   /* results on their way */
    uint64_t reached; /* by the newest progress ... */
    bool has_reached; /* ... which is not kept yet */
    int64_t saved;
};

/* ---- what is kept ---- */

struct saving {
    struct store_op op;
    struct scan_job_row row;
    struct jobs *jobs;
    struct job *job;
    jobs_changed done; /* NULL: nobody waits */
    void *arg;
};

static void describe(const struct jobs *j, const struct job *x, struct job_info *out)
{
    const struct scan_job_row *r = &x->row;

    memset(out, 0, sizeof(*out));
    (void)snprintf(out->name, sizeof(out->name), "%s", x->conf->name);
    (void)snprintf(out->state, sizeof(out->state), "%s",
                   x == j->running            ? (j->stopping ? "stopping" : "running")
                   : r->paused                ? "paused"
                   : r->finished < r->started ? "interrupted"
                                              : "waiting");
    out->every = x->conf->every;
    out->started = r->started;
    out->finished = r->finished;
    out->position = r->position;
    out->total = r->total;
    out->results = r->results;
    out->next = r->paused ? 0 : r->asked || r->started == 0 ? clock_now() : r->started + out->every;
}

static void saved(void *arg)
{
    struct saving *s = arg;
    struct job_info info;

    if (s->op.result != 0)
        log_fault(LOG_LEVEL_ERROR, "scan.unsaved", &s->op.fault, "job", s->row.name, NULL);
    if (s->done != NULL) {
        describe(s->jobs, s->job, &info);
        s->done(s->arg, &info, &s->op.fault);
    }
    free(s);
}

static void on_saved(struct store_op *op)
{
    struct saving *s = op->arg;

    loop_post(s->jobs->parts.loop, saved, s);
}

static struct saving *saving_new(struct jobs *j, struct job *x)
{
    struct saving *s = xcalloc(1, sizeof(*s));

    s->jobs = j;
    s->job = x;
    s->row = x->row;
    s->op.kind = STORE_SCAN_JOB;
    s->op.scan_job = &s->row;
    s->op.time = clock_now();
    s->op.done = on_saved;
    s->op.arg = s;
    fault_clear(&s->op.fault);
    return s;
}

static void save(struct jobs *j, struct job *x)
{
    j->saved = clock_now();
    store_submit(j->parts.store, &saving_new(j, x)->op);
}

/* ---- a scan ---- */

static void plan(struct jobs *j);

static void end_run(struct jobs *j)
{
    struct job *x = j->running;

    if (x != NULL && j->ended && !j->stopping) {
        x->row.position = 0;
        x->row.finished = clock_now();
        log_info("scan.ended", "job", x->conf->name, "results", log_num((int64_t)x->row.results),
                 NULL);
    }
    j->running = NULL;
    j->stopping = j->ended = j->has_reached = false;
    if (x != NULL)
        save(j, x);
    plan(j);
}

/* Once nothing is on its way, all that was told before the newest progress is kept. */
static void settle(struct jobs *j)
{
    if (j->waiting > 0 || j->running == NULL)
        return;
    if (j->has_reached) {
        j->running->row.position = j->reached;
        j->has_reached = false;
        if (clock_now() - j->saved >= SAVE_S)
            save(j, j->running);
    }
    if (j->ended)
        end_run(j);
}

static void on_recorded(void *arg, const struct scan_recorded *what, const struct fault *f)
{
    struct jobs *j = arg;

    j->waiting--;
    if (f->code != FAULT_NONE)
        log_fault(LOG_LEVEL_ERROR, "scan.unrecorded", f, NULL);
    if (j->running != NULL)
        j->running->row.results += what->taken;
    if (j->paused_reading && j->worker != NULL && j->waiting < WAITING_MAX / 2) {
        j->paused_reading = false;
        conn_pause(j->worker->conn, false);
    }
    settle(j);
}

static void record(struct jobs *j, struct slice result)
{
    struct scan_record r = {.n = 1};
    char actor[64];
    struct buf b;

    (void)snprintf(r.job, sizeof(r.job), "%.63s", j->running->conf->name);
    (void)snprintf(actor, sizeof(actor), "scan:%.50s", r.job);
    r.result[0] = result;
    buf_init(&b, FRAME_BODY_MAX + 256);
    scan_record_put(&b, &r);
    j->waiting++;
    recorder_submit(j->recorder, buf_slice(&b), actor, "scan", on_recorded, j);
    buf_free(&b);
    if (j->waiting >= WAITING_MAX && !j->paused_reading) {
        j->paused_reading = true;
        conn_pause(j->worker->conn, true);
    }
}

static void send_targets(struct jobs *j, const struct scan_targets *t)
{
    size_t from = 0;

    while (from < t->n) {
        size_t begin = from == 0 ? 0 : t->end[from - 1], to = from;
        struct buf b;

        while (to < t->n && (to == from || t->end[to] - begin < TARGETS_OCTETS))
            to++;
        buf_init(&b, FRAME_BODY_MAX);
        wire_put_u32(&b, (uint32_t)(to - from));
        buf_put(&b, t->ranges.p + begin, t->end[to - 1] - begin);
        conn_send(j->worker->conn, MSG_SCAN_TARGETS, j->run, buf_slice(&b), -1);
        buf_free(&b);
        from = to;
    }
}

/* One that did not end goes on in its order, where it was. */
static void take_order(struct scan_job_row *r, int64_t now)
{
    r->asked = false;
    if (r->finished < r->started)
        return;
    random_bytes(&r->seed, sizeof(r->seed));
    r->position = r->results = 0;
    r->started = now;
}

static void begin_run(struct jobs *j, struct job *x, int64_t now)
{
    const struct conf_scan *c = x->conf;
    struct scan_targets t;
    struct scan_job job;
    struct fault f;
    struct buf b;

    fault_clear(&f);
    if (conf_scan_targets(c, &t, &f) != 0) {
        log_fault(LOG_LEVEL_ERROR, "scan.targets", &f, "job", c->name, NULL);
        x->unreadable = true;
        return;
    }
    take_order(&x->row, now);
    job = (struct scan_job){.seed = x->row.seed,
                            .position = x->row.position,
                            .timeout_ms = (uint32_t)c->timeout * 1000,
                            .connections = SCAN_CONNECTIONS,
                            .rate = c->rate,
                            .per_network = c->per_network,
                            .prefix4 = SCAN_PREFIX4,
                            .prefix6 = SCAN_PREFIX6,
                            .handshake_only = c->handshake_only};
    j->run++;
    j->running = x;
    j->worker->ready = false;
    buf_init(&b, 256);
    scan_job_put(&b, &job);
    conn_send(j->worker->conn, MSG_SCAN_JOB, j->run, buf_slice(&b), -1);
    send_targets(j, &t);
    conn_send(j->worker->conn, MSG_SCAN_GO, j->run, SLICE_NONE, -1);
    buf_free(&b);
    scan_targets_free(&t);
    log_info("scan.begun", "job", c->name, "from", log_num((int64_t)x->row.position), NULL);
    save(j, x);
}

static bool may_run(const struct job *x)
{
    return !x->row.paused && !x->unreadable;
}

static bool is_due(const struct job *x, int64_t now)
{
    const struct scan_job_row *r = &x->row;

    return may_run(x) && (r->asked || r->started == 0 || r->finished < r->started ||
                          now - r->started >= x->conf->every || now < r->started);
}

static bool can_begin(const struct jobs *j)
{
    return j->running == NULL && j->worker != NULL && j->worker->ready && !j->draining;
}

/* Whenever somebody could begin one, or what is due has changed. */
static void plan(struct jobs *j)
{
    int64_t now = clock_now();
    bool some = false, due = false;

    for (size_t i = 0; i < j->n; i++) {
        some = some || may_run(&j->job[i]);
        due = due || is_due(&j->job[i], now);
    }
    if (some && can_begin(j))
        loop_timer_set(j->timer, due ? 0 : LOOK_MS);
    else
        loop_timer_clear(j->timer);
}

static void look(void *arg)
{
    struct jobs *j = arg;
    int64_t now = clock_now();

    for (size_t i = 0; i < j->n && can_begin(j); i++)
        if (is_due(&j->job[i], now))
            begin_run(j, &j->job[i], now);
    plan(j);
}

static void stop_run(struct jobs *j)
{
    if (j->running == NULL || j->stopping || j->worker == NULL)
        return;
    j->stopping = true;
    conn_send(j->worker->conn, MSG_SCAN_STOP, j->run, SLICE_NONE, -1);
}

/* ---- the socket ---- */

static void on_ready(struct conn *conn, void *owner, const struct frame *frame)
{
    struct worker *w = owner;

    (void)conn, (void)frame;
    w->ready = true;
    plan(w->owner);
}

static void on_result(struct conn *conn, void *owner, const struct frame *frame)
{
    struct jobs *j = ((struct worker *)owner)->owner;

    (void)conn;
    if (j->running != NULL && frame->id == j->run)
        record(j, frame->body);
}

static void take_progress(struct jobs *j, struct slice body)
{
    struct scan_progress p;

    if (scan_progress_get(body, &p) != 0)
        return;
    j->running->row.total = p.total;
    j->reached = p.finished;
    j->has_reached = true;
}

static void on_progress(struct conn *conn, void *owner, const struct frame *frame)
{
    struct worker *w = owner;
    struct jobs *j = w->owner;

    (void)conn;
    if (j->running == NULL || frame->id != j->run)
        return;
    take_progress(j, frame->body);
    if (frame->type == MSG_SCAN_DONE) {
        w->ready = true;
        j->ended = true;
    }
    settle(j);
}

static void on_fault(struct conn *conn, void *owner, const struct frame *frame)
{
    struct worker *w = owner;
    struct jobs *j = w->owner;
    struct fault f;

    (void)conn;
    if (j->running == NULL || frame->id != j->run)
        return;
    if (fault_get(frame->body, &f) == 0)
        log_fault(LOG_LEVEL_ERROR, "scan.refused", &f, "job", j->running->conf->name, NULL);
    w->ready = true;
    j->ended = true; /* not before it is due again */
    settle(j);
}

static void on_closed(struct conn *conn, void *owner)
{
    struct worker *w = owner;
    struct jobs *j = w->owner;

    (void)conn;
    if (j->worker == w) {
        j->worker = NULL;
        j->paused_reading = false;
        j->stopping = true; /* it goes on where it was */
        end_run(j);
    }
    free(w);
}

static const struct permit permits[] = {{MSG_SCAN_READY, 0, on_ready},
                                        {MSG_SCAN_RESULT, FRAME_BODY_MAX, on_result},
                                        {MSG_SCAN_PROGRESS, 256, on_progress},
                                        {MSG_SCAN_DONE, 256, on_progress},
                                        {MSG_FAULT, FRAME_BODY_MAX, on_fault}};
static const struct conn_callbacks callbacks = {
    .permits = permits, .n_permits = sizeof(permits) / sizeof(permits[0]), .closed = on_closed};

/* The socket's owner is cerca-scan's user; the newest of its programs counts. */
static void on_accepted(void *arg, int fd, const struct conn_peer *peer)
{
    struct jobs *j = arg;
    struct worker *w = xcalloc(1, sizeof(*w)), *old = j->worker;

    (void)peer;
    if (old != NULL) {
        struct conn *conn = old->conn;

        on_closed(conn, old);
        conn_close(conn);
    }
    w->owner = j;
    j->worker = w;
    w->conn = conn_new(j->parts.loop, fd, &callbacks, w);
}

/* ---- from outside ---- */

static int load(struct jobs *j, struct fault *f)
{
    struct scan_job_row *rows = xcalloc(SCAN_JOBS_MAX, sizeof(*rows));
    size_t n;
    int rc = store_scan_jobs(j->parts.store, rows, &n, f);

    j->n = j->parts.conf->n_scans;
    j->job = xcalloc(j->n + 1, sizeof(*j->job));
    for (size_t i = 0; i < j->n; i++) {
        struct job *x = &j->job[i];

        x->conf = &j->parts.conf->scans[i];
        (void)snprintf(x->row.name, sizeof(x->row.name), "%s", x->conf->name);
        for (size_t k = 0; rc == 0 && k < n; k++)
            if (strcmp(rows[k].name, x->conf->name) == 0)
                x->row = rows[k];
    }
    free(rows);
    return rc;
}

int jobs_new(const struct jobs_parts *parts, int listen_fd, struct jobs **out, struct fault *f)
{
    struct jobs *j = xcalloc(1, sizeof(*j));

    j->parts = *parts;
    j->recorder = recorder_new(&(const struct recorder_parts){
        parts->loop, parts->store, parts->authorities, parts->workers, parts->conf->generation});
    j->timer = loop_timer(parts->loop, look, j);
    j->listener = listener_new(parts->loop, listen_fd, on_accepted, j);
    listener_for(j->listener, "cerca-scan");
    *out = j;
    return load(j, f);
}

void jobs_drain(struct jobs *j)
{
    if (j == NULL)
        return;
    j->draining = true;
    plan(j);
    stop_run(j);
}

void jobs_free(struct jobs *j)
{
    if (j == NULL)
        return;
    listener_free(j->listener);
    if (j->worker != NULL)
        conn_close(j->worker->conn);
    free(j->worker);
    loop_timer_free(j->timer);
    recorder_free(j->recorder);
    free(j->job);
    free(j);
}

bool jobs_tell(const struct jobs *j, size_t i, struct job_info *out)
{
    if (j == NULL || i >= j->n)
        return false;
    describe(j, &j->job[i], out);
    return true;
}

static struct job *find(struct jobs *j, const char *name)
{
    for (size_t i = 0; j != NULL && i < j->n; i++)
        if (strcmp(j->job[i].conf->name, name) == 0)
            return &j->job[i];
    return NULL;
}

static void apply(struct jobs *j, struct job *x, enum job_verb verb)
{
    x->row.paused = verb == JOB_PAUSE;
    x->row.asked = verb == JOB_RUN && x != j->running;
    if (verb == JOB_PAUSE && x == j->running)
        stop_run(j);
    plan(j);
}

void jobs_change(struct jobs *j, const struct job_change *c, const char *actor, const char *origin,
                 jobs_changed done, void *arg)
{
    static const char *const words[] = {
        [JOB_PAUSE] = "paused", [JOB_RESUME] = "resumed", [JOB_RUN] = "begun now"};
    struct job *x = find(j, c->name);
    struct audit_event *e;
    struct saving *s;

    if (x == NULL) {
        struct fault f;

        fault_clear(&f);
        (void)fault_set(&f, FAULT_NOT_FOUND, "scan.unknown", "The configuration has no such scan");
        done(arg, NULL, &f);
        return;
    }
    apply(j, x, c->verb);
    s = saving_new(j, x);
    s->done = done;
    s->arg = arg;
    e = &s->op.audit;
    e->action = AUDIT_SCAN;
    e->time = s->op.time;
    memcpy(e->generation, j->parts.conf->generation, sizeof(e->generation));
    (void)snprintf(e->actor, sizeof(e->actor), "%s", actor);
    (void)snprintf(e->origin, sizeof(e->origin), "%s", origin);
    (void)snprintf(e->detail, sizeof(e->detail), "%.63s %s", c->name, words[c->verb]);
    store_submit(j->parts.store, &s->op);
}
