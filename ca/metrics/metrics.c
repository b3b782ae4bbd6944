#include "ca/metrics/metrics.h"

#include <stdlib.h>

#include "ca/metrics/parts.h"
#include "lib/conn.h"
#include "lib/proto_metrics.h"

/* The parts that a worker reads; one at a time. */
enum read_part { READ_CERTIFICATES, READ_TOLD, READ_PARTS };
struct reading {
    struct work work; /* first: the workers hand back this */
    struct metrics *owner;
    uint64_t connection, id;
    enum read_part part;
    struct alert_sums alerts;
    struct buf text;
    bool busy;
};

/* One cerca-admin: whoever connects last is it. */
struct metrics {
    struct metrics_parts parts;
    struct listener *listener;
    struct conn *conn; /* NULL: nobody is there */
    uint64_t connection;
    struct reading reading;
};

static void send_part(struct metrics *m, uint64_t id, bool more, const struct buf *text)
{
    struct buf body;
    struct fault f;

    fault_clear(&f);
    if (buf_failed(text)) {
        (void)fault_set(&f, FAULT_TOO_LARGE, "metrics.size", "a part of the metrics is too large");
        conn_send_fault(m->conn, id, &f);
        return;
    }
    buf_init(&body, FRAME_BODY_MAX);
    metrics_part_put(&body, &(struct metrics_part){more, buf_slice(text)});
    conn_send(m->conn, MSG_METRICS_ARE, id, buf_slice(&body), -1);
    buf_free(&body);
}

static void after_reading(void *arg)
{
    struct reading *r = arg;
    struct metrics *m = r->owner;

    r->busy = false;
    if (m->conn != NULL && m->connection == r->connection)
        send_part(m, r->id, r->part + 1 < READ_PARTS, &r->text);
}

static void run_reading(struct work *w, unsigned worker)
{
    struct reading *r = (struct reading *)w;

    (void)worker;
    buf_reset(&r->text);
    if (r->part == READ_CERTIFICATES)
        metrics_certificates(&r->owner->parts, &r->text);
    else
        metrics_told(&r->owner->parts, &r->alerts, &r->text);
    loop_post(r->owner->parts.loop, after_reading, r);
}

static int start_reading(struct metrics *m, uint64_t id, enum read_part part, struct fault *f)
{
    if (m->reading.busy)
        return fault_unavailable(f, 1, "metrics.busy", "the metrics are being read already");
    m->reading.busy = true;
    m->reading.connection = m->connection;
    m->reading.id = id;
    m->reading.part = part;
    m->reading.work.run = run_reading;
    workers_push(m->parts.readers, WORK_START, &m->reading.work);
    return 0;
}

static void tell_part(struct metrics *m, metrics_part_fn part, uint64_t id)
{
    struct buf text;

    buf_init(&text, METRICS_PART_MAX);
    part(&m->parts, &text);
    send_part(m, id, true, &text);
    buf_free(&text);
}

static int answer(struct metrics *m, const struct frame *frame, struct fault *f)
{
    uint32_t part, n = 0;

    while (metrics_part_table[n] != NULL)
        n++;
    if (metrics_ask_get(frame->body, &part) != 0 || part >= n + READ_PARTS)
        return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
    if (part >= n)
        return start_reading(m, frame->id, (enum read_part)(part - n), f);
    tell_part(m, metrics_part_table[part], frame->id);
    return 0;
}

static void on_ask(struct conn *conn, void *owner, const struct frame *frame)
{
    struct fault f;

    fault_clear(&f);
    if (answer(owner, frame, &f) != 0)
        conn_send_fault(conn, frame->id, &f);
}

/* ---- the socket ---- */

static void on_closed(struct conn *conn, void *owner)
{
    struct metrics *m = owner;

    if (m->conn == conn)
        m->conn = NULL;
}

static const struct permit permits[] = {{MSG_METRICS, 16, on_ask}};
static const struct conn_callbacks callbacks = {
    .permits = permits, .n_permits = 1, .closed = on_closed};

/* The socket's owner is cerca-admin's user; nobody else but root could connect. */
static void on_accepted(void *arg, int fd, const struct conn_peer *peer)
{
    struct metrics *m = arg;

    (void)peer;
    conn_close(m->conn);
    m->connection++;
    m->conn = conn_new(m->parts.loop, fd, &callbacks, m);
}

struct metrics *metrics_new(const struct metrics_parts *parts, int listen_fd)
{
    struct metrics *m = xcalloc(1, sizeof *m);

    m->parts = *parts;
    m->reading.owner = m;
    buf_init(&m->reading.text, METRICS_PART_MAX);
    m->listener = listener_new(parts->loop, listen_fd, on_accepted, m);
    listener_for(m->listener, "cerca-admin");
    return m;
}

void metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    listener_free(m->listener);
    conn_close(m->conn);
    buf_free(&m->reading.text);
    free(m);
}
