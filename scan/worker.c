#include "scan/worker.h"

#include <stdlib.h>
#include <string.h>

#include "lib/conn.h"
#include "lib/log.h"
#include "lib/proto.h"
#include "scan/engine.h"

#define PROGRESS_MS 200
/* Octets of results that wait for the peer: targets begin no more, and begin again. What is at
 * work may still add a result for each connection. */
#define WAITING_MANY ((size_t)4 << 20)
#define WAITING_FEW ((size_t)1 << 20)
#define WAITING_MAX ((size_t)1 << 30)

struct worker {
    struct loop *loop;
    struct conn *conn; /* NULL: gone */
    loop_call gone;
    void *arg;
    struct engine *engine; /* NULL: no job */
    bool going;
    uint64_t id; /* of the job */
    struct loop_timer *tick;
    struct loop_task end; /* of a job, when nobody is inside the engine */
    struct buf out;
};

static void drop_job(struct worker *w)
{
    loop_timer_clear(w->tick);
    loop_defer_cancel(&w->end);
    engine_free(w->engine);
    w->engine = NULL;
    w->going = false;
}

static void refuse(struct worker *w, const struct fault *f)
{
    conn_send_fault(w->conn, w->id, f);
    drop_job(w);
}

static void refuse_body(struct worker *w)
{
    struct fault f;

    fault_clear(&f);
    (void)fault_set(&f, FAULT_MALFORMED, "scan.message", "a message of a scan that is none");
    refuse(w, &f);
}

static void send_out(struct worker *w, uint16_t type)
{
    if (w->conn != NULL && !buf_failed(&w->out))
        conn_send(w->conn, type, w->id, buf_slice(&w->out), -1);
    buf_reset(&w->out);
}

static void send_progress(struct worker *w, uint16_t type)
{
    struct scan_progress p;

    engine_progress(w->engine, &p);
    scan_progress_put(&w->out, &p);
    send_out(w, type);
}

static void on_result(void *arg, const struct scan_result *r)
{
    struct worker *w = arg;

    scan_result_put(&w->out, r);
    send_out(w, MSG_SCAN_RESULT);
    if (w->conn != NULL && conn_queued(w->conn) > WAITING_MANY)
        engine_pause(w->engine, true);
}

static void on_end(void *arg)
{
    struct worker *w = arg;

    send_progress(w, MSG_SCAN_DONE);
    drop_job(w);
}

static void on_done(void *arg)
{
    struct worker *w = arg;

    loop_defer(w->loop, &w->end);
}

static void on_tick(void *arg)
{
    struct worker *w = arg;

    if (w->conn == NULL || w->engine == NULL)
        return;
    if (conn_queued(w->conn) < WAITING_FEW)
        engine_pause(w->engine, false);
    send_progress(w, MSG_SCAN_PROGRESS);
    loop_timer_set(w->tick, PROGRESS_MS);
}

/* --- messages ------------------------------------------------------------------------- */

static void handle_job(struct conn *c, void *owner, const struct frame *frame)
{
    static const struct engine_events events = {.result = on_result, .done = on_done};
    struct worker *w = owner;
    struct scan_job job;
    struct fault f;
    (void)c;

    drop_job(w);
    w->id = frame->id;
    fault_clear(&f);
    if (scan_job_get(frame->body, &job) != 0)
        refuse_body(w);
    else if (engine_new(w->loop, &job, &events, w, &w->engine, &f) != 0)
        refuse(w, &f);
}

/* What belongs to a job that was refused already says nothing new. */
static void handle_targets(struct conn *c, void *owner, const struct frame *frame)
{
    struct worker *w = owner;
    struct scan_range range;
    struct wire_in in;
    struct fault f;
    uint32_t n;
    (void)c;

    if (w->engine == NULL || w->going || frame->id != w->id)
        return;
    fault_clear(&f);
    wire_in_init(&in, frame->body);
    n = wire_get_count(&in, SCAN_RANGES_MAX, 40);
    for (uint32_t i = 0; i < n && w->engine != NULL; i++) {
        scan_range_get(&in, &range);
        if (wire_failed(&in))
            break;
        if (engine_add(w->engine, &range, &f) != 0) {
            refuse(w, &f);
            return;
        }
    }
    if (!wire_in_done(&in))
        refuse_body(w);
}

static void handle_go(struct conn *c, void *owner, const struct frame *frame)
{
    struct worker *w = owner;
    (void)c;

    if (w->engine == NULL || w->going || frame->id != w->id)
        return;
    w->going = true;
    engine_start(w->engine);
    send_progress(w, MSG_SCAN_PROGRESS);
    loop_timer_set(w->tick, PROGRESS_MS);
}

static void handle_stop(struct conn *c, void *owner, const struct frame *frame)
{
    struct worker *w = owner;
    (void)c;

    if (w->engine != NULL && w->going && frame->id == w->id)
        engine_stop(w->engine);
}

static void on_closed(struct conn *c, void *owner)
{
    struct worker *w = owner;
    (void)c;

    w->conn = NULL;
    w->gone(w->arg);
}

struct worker *worker_new(struct loop *l, int fd, loop_call gone, void *arg)
{
    static const struct permit permits[] = {
        {MSG_SCAN_JOB, 256, handle_job},
        {MSG_SCAN_TARGETS, FRAME_BODY_MAX, handle_targets},
        {MSG_SCAN_GO, 0, handle_go},
        {MSG_SCAN_STOP, 0, handle_stop},
    };
    static const struct conn_callbacks callbacks = {.permits = permits,
                                                    .n_permits =
                                                        sizeof(permits) / sizeof(permits[0]),
                                                    .closed = on_closed,
                                                    .queue_max = WAITING_MAX};
    struct worker *w = xcalloc(1, sizeof(*w));

    w->loop = l;
    w->gone = gone;
    w->arg = arg;
    w->end.fn = on_end;
    w->end.arg = w;
    w->tick = loop_timer(l, on_tick, w);
    buf_init(&w->out, FRAME_BODY_MAX);
    w->conn = conn_new(l, fd, &callbacks, w);
    conn_send(w->conn, MSG_SCAN_READY, 0, SLICE_NONE, -1);
    return w;
}

void worker_free(struct worker *w)
{
    if (w == NULL)
        return;
    drop_job(w);
    loop_timer_free(w->tick);
    conn_close(w->conn);
    buf_free(&w->out);
    free(w);
}
