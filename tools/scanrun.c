#include "tools/scanrun.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn.h"
#include "lib/proto.h"
#include "client/child.h"

#define JOB_ID 1

struct running {
    struct scan_run *run;
    struct loop *loop;
    struct conn *conn;
    struct child child;
    bool done;
    struct fault fault; /* code 0: none */
};

static void stop(struct running *r)
{
    loop_stop(r->loop);
}

static void send_targets(struct running *r)
{
    const struct scan_targets *t = r->run->targets;
    struct buf b;
    size_t from = 0;

    buf_init(&b, FRAME_BODY_MAX);
    for (size_t i = 0; i < t->n;) {
        size_t first = i;

        /* As many as a frame holds behind their count. */
        while (i < t->n && t->end[i] - from <= FRAME_BODY_MAX - 4)
            i++;
        buf_reset(&b);
        wire_put_u32(&b, (uint32_t)(i - first));
        buf_put(&b, t->ranges.p + from, t->end[i - 1] - from);
        conn_send(r->conn, MSG_SCAN_TARGETS, JOB_ID, buf_slice(&b), -1);
        from = t->end[i - 1];
    }
    buf_free(&b);
}

static void handle_ready(struct conn *c, void *owner, const struct frame *frame)
{
    struct running *r = owner;
    struct buf b;
    (void)frame;

    buf_init(&b, FRAME_BODY_MAX);
    scan_job_put(&b, r->run->job);
    conn_send(c, MSG_SCAN_JOB, JOB_ID, buf_slice(&b), -1);
    buf_free(&b);
    send_targets(r);
    conn_send(c, MSG_SCAN_GO, JOB_ID, SLICE_NONE, -1);
}

static void broken(struct running *r)
{
    (void)fault_set(&r->fault, FAULT_MALFORMED, "scan.message", "cerca-scan sent a broken message");
    stop(r);
}

static void handle_result(struct conn *c, void *owner, const struct frame *frame)
{
    static struct scan_result result; /* large */
    struct running *r = owner;
    (void)c;

    if (r->fault.code != FAULT_NONE)
        return;
    if (scan_result_get(frame->body, &result) != 0)
        broken(r);
    else if (r->run->result(r->run->arg, &result, frame->body, &r->fault) != 0)
        stop(r);
}

static void handle_progress(struct conn *c, void *owner, const struct frame *frame)
{
    struct running *r = owner;
    (void)c;

    if (r->fault.code != FAULT_NONE)
        return;
    if (scan_progress_get(frame->body, &r->run->last) != 0) {
        broken(r);
        return;
    }
    if (r->run->progress != NULL && r->run->progress(r->run->arg, &r->run->last, &r->fault) != 0)
        stop(r);
    if (frame->type == MSG_SCAN_DONE) {
        r->done = true;
        stop(r);
    }
}

static void handle_fault(struct conn *c, void *owner, const struct frame *frame)
{
    struct running *r = owner;
    (void)c;

    if (fault_get(frame->body, &r->fault) != 0)
        broken(r);
    stop(r);
}

static void on_closed(struct conn *c, void *owner)
{
    struct running *r = owner;
    (void)c;

    r->conn = NULL;
    stop(r);
}

static void on_signal(void *arg, int signo)
{
    struct running *r = arg;
    (void)signo;

    if (r->run->interrupted || r->conn == NULL) {
        stop(r);
        return;
    }
    r->run->interrupted = true;
    conn_send(r->conn, MSG_SCAN_STOP, JOB_ID, SLICE_NONE, -1);
}

static void on_turn(void *arg)
{
    struct running *r = arg;

    if (r->fault.code == FAULT_NONE && r->run->rest(r->run->arg, &r->fault) != 0)
        stop(r);
}

static int start(struct running *r, struct fault *f)
{
    int pair[2], rc;
    char number[16];
    const char *const argv[] = {"--fd", number, NULL};

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return fault_set(f, FAULT_INTERNAL, "scan.socket", "socketpair: %s", strerror(errno));
    (void)snprintf(number, sizeof(number), "%d", pair[1]);
    rc = fcntl(pair[1], F_SETFD, 0) == 0
             ? child_start(&r->child, "cerca-scan", argv, f)
             : fault_set(f, FAULT_INTERNAL, "scan.socket", "fcntl: %s", strerror(errno));
    (void)close(pair[1]);
    if (rc != 0) {
        (void)close(pair[0]);
        return rc;
    }
    static const struct permit permits[] = {
        {MSG_FAULT, FRAME_BODY_MAX, handle_fault},
        {MSG_SCAN_READY, 0, handle_ready},
        {MSG_SCAN_RESULT, FRAME_BODY_MAX, handle_result},
        {MSG_SCAN_PROGRESS, 256, handle_progress},
        {MSG_SCAN_DONE, 256, handle_progress},
    };
    static const struct conn_callbacks callbacks = {.permits = permits,
                                                    .n_permits =
                                                        sizeof(permits) / sizeof(permits[0]),
                                                    .closed = on_closed,
                                                    .queue_max = (size_t)512 << 20};
    r->conn = conn_new(r->loop, pair[0], &callbacks, r);
    return 0;
}

/* The worker is gone, and not because we wanted it: what it said last, else how it ended. */
static int explain(struct running *r, struct fault *f)
{
    struct fault end = {0};
    struct buf said;

    if (child_wait(&r->child, &end) == 0)
        (void)fault_set(&end, FAULT_INTERNAL, "scan.worker", "cerca-scan ended before its time");
    buf_init(&said, 16384);
    child_last_words(&r->child, &said);
    (void)fault_set(f, FAULT_INTERNAL, "scan.worker", "%.100s: %.200s", end.text,
                    said.n > 0 ? buf_cstr(&said) : "it said nothing");
    buf_free(&said);
    return -(int)f->code;
}

int scan_run(struct scan_run *run, struct fault *f)
{
    struct running r = {.run = run, .child = {.output = -1}};
    int rc;

    r.loop = loop_new();
    loop_signal(r.loop, SIGINT, on_signal, &r);
    loop_signal(r.loop, SIGTERM, on_signal, &r);
    loop_each_turn(r.loop, on_turn, &r);
    rc = start(&r, f);
    if (rc == 0) {
        loop_run(r.loop);
        on_turn(&r);
        if (r.fault.code != FAULT_NONE) {
            *f = r.fault;
            rc = -(int)f->code;
        } else if (!r.done && !run->interrupted) {
            rc = explain(&r, f);
        }
    }
    conn_close(r.conn);
    child_free(&r.child);
    loop_free(r.loop);
    return rc;
}
