#include "ca/signer/serve.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "token/ckr.h"
#include "ca/signer/work.h"
#include "lib/conn.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "lib/proto.h"

#define THREADS_MAX 64
/* What the core's door takes (DOOR_IN_FLIGHT_MAX), and beside it CRLs, checkpoints and requests. */
#define UNDER_WAY_MAX 4352
/* cerca-ca has one, and for a moment the one before: whoever holds them bounds what we queue. */
#define PEERS_MAX 16
#define QUEUE_MAX ((size_t)16 << 20) /* answers to one that does not read */
#define LAST_WORDS_MS 100            /* for answers to leave before the process ends */
#define DRAIN_MS 5000

struct server;

struct peer {
    struct server *server;
    struct conn *conn;
    struct peer *next;
};

struct server {
    const struct serve *s;
    struct listener *listener;
    struct peer *peers;
    unsigned n_peers;
    struct job_queue *queue;
    struct job *newest; /* all jobs under way */
    size_t under_way;
    bool stopping;
    bool lost; /* the token failed */
    struct loop_timer *end;
    struct fault why;
    atomic_bool failing; /* somebody is setting `why` */
    unsigned n_threads;
    pthread_t thread[THREADS_MAX];
    struct work work[THREADS_MAX];
};

/* The watchdog has no other way to find who waits. */
static _Atomic(struct server *) serving;

/* --- jobs under way -------------------------------------------------------- */

static void job_enter(struct server *v, struct job *j, struct peer *p)
{
    j->peer = p;
    j->older = v->newest;
    if (v->newest != NULL)
        v->newest->newer = j;
    v->newest = j;
    v->under_way++;
}

static void job_leave(struct server *v, struct job *j)
{
    if (j->older != NULL)
        j->older->newer = j->newer;
    if (j->newer != NULL)
        j->newer->older = j->older;
    else
        v->newest = j->older;
    v->under_way--;
}

static uint16_t answer_type(uint16_t type)
{
    switch (type) {
    case MSG_HELLO:
        return MSG_HELLO_REPLY;
    case MSG_PING:
        return MSG_PONG;
    case MSG_CA_CSR:
        return MSG_CA_CSR_REPLY;
    case MSG_SIGN_CRL:
        return MSG_CRL_SIGNED;
    case MSG_CHECKPOINT:
        return MSG_CHECKPOINTED;
    default:
        return MSG_SIGNED;
    }
}

static void answer(struct server *v, struct job *j)
{
    if (j->peer == NULL || v->lost)
        return;
    if (j->rc == 0) {
        conn_send(j->peer->conn, answer_type(j->type), j->id, buf_slice(&j->answer), -1);
        return;
    }
    log_fault(j->rc == -FAULT_UNAVAILABLE ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "signer.refused",
              &j->fault, "issuer", j->by == NULL ? "" : j->by->conf->name, NULL);
    conn_send_fault(j->peer->conn, j->id, &j->fault);
}

static void stop_when_idle(struct server *v)
{
    if (v->stopping && v->under_way == 0)
        loop_timer_set(v->end, 0);
}

static void jobs_done(void *arg)
{
    struct server *v = atomic_load(&serving);

    for (struct job *j = arg, *next; j != NULL; j = next) {
        next = j->next;
        answer(v, j);
        job_leave(v, j);
        job_free(j);
    }
    stop_when_idle(v);
}

/* --- from the signing threads and the watchdog ------------------------------ */

static void post_done(void *arg, struct job *list)
{
    struct server *v = arg;

    loop_post(v->s->loop, jobs_done, list);
}

/* Everybody who waits is told; then the process ends with what cercad understands. */
static void token_lost(void *arg)
{
    struct server *v = arg;

    v->lost = true;
    for (struct job *j = v->newest; j != NULL; j = j->older)
        if (j->peer != NULL)
            conn_send_fault(j->peer->conn, j->id, &v->why);
    loop_timer_set(v->end, LAST_WORDS_MS);
}

static void fail(struct server *v, const struct fault *f)
{
    if (atomic_exchange(&v->failing, true))
        return;
    v->why = *f;
    loop_post(v->s->loop, token_lost, v);
}

static void token_failed(void *arg, const struct fault *f)
{
    struct server *v = arg;

    log_fault(LOG_LEVEL_ERROR, "signer.token.failed", f, "token", v->s->token->conf->name, NULL);
    fail(v, f);
}

void serve_hung(const char *call)
{
    struct server *v = atomic_load(&serving);
    struct fault f;

    (void)fault_unavailable(&f, TOKEN_RETRY_AFTER, "signer.hang",
                            "HSM unavailable, retry after %d s (%s did not return in time)",
                            TOKEN_RETRY_AFTER, call);
    if (v != NULL)
        fail(v, &f);
}

static void end_now(void *arg)
{
    struct server *v = arg;

    /* A thread may still be inside the module: no exit handlers, no C_Finalize. */
    if (v->lost)
        _exit(EXITCODE_TOKEN);
    if (v->under_way > 0)
        log_warn("signer.stopped-early", "under_way", log_num((int64_t)v->under_way), NULL);
    loop_stop(v->s->loop);
}

/* --- frames ---------------------------------------------------------------- */

static bool turned_away(struct server *v, struct conn *c, uint64_t id)
{
    struct fault f = v->why;

    if (!v->lost && v->under_way < UNDER_WAY_MAX && !v->stopping)
        return false;
    if (!v->lost)
        (void)fault_unavailable(&f, 1, "signer.busy", v->stopping ? "stopping" : "too many drafts");
    conn_send_fault(c, id, &f);
    return true;
}

static void enqueue(struct conn *c, void *owner, const struct frame *frame)
{
    struct peer *p = owner;
    struct server *v = p->server;
    struct job *j;

    if (turned_away(v, c, frame->id)) {
        if (frame->fd >= 0)
            (void)close(frame->fd);
        return;
    }
    j = job_new(frame);
    job_enter(v, j, p);
    job_queue_put(v->queue, j);
}

static const struct permit permits[] = {
    {MSG_HELLO, 8, enqueue},    {MSG_SIGN, TBS_MAX + 256, enqueue},
    {MSG_CA_CSR, 128, enqueue}, {MSG_SIGN_CRL, 256 | PERMIT_FD, enqueue},
    {MSG_PING, 0, enqueue},     {MSG_CHECKPOINT, 512, enqueue},
};

static void peer_closed(struct conn *c, void *owner)
{
    struct peer *p = owner;
    struct server *v = p->server;
    struct peer **at = &v->peers;

    (void)c;
    for (struct job *j = v->newest; j != NULL; j = j->older)
        if (j->peer == p)
            j->peer = NULL;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    v->n_peers--;
    free(p);
}

static const struct conn_callbacks callbacks = {
    .permits = permits,
    .n_permits = sizeof(permits) / sizeof(permits[0]),
    .closed = peer_closed,
    .queue_max = QUEUE_MAX,
};

static void accepted(void *arg, int fd, const struct conn_peer *peer)
{
    struct server *v = arg;
    const struct conf *conf = v->s->conf;
    struct peer *p;

    if (peer->uid != 0 && peer->uid != geteuid() &&
        !(conf->has_ca_user && peer->uid == conf->ca_user)) {
        log_warn("signer.peer.refused", "uid", log_num(peer->uid), "pid", log_num(peer->pid), NULL);
        (void)close(fd);
        return;
    }
    if (v->n_peers == PEERS_MAX) {
        log_warn("signer.peer.refused", "why", "too many connections", "pid", log_num(peer->pid),
                 NULL);
        (void)close(fd);
        return;
    }
    p = xcalloc(1, sizeof(*p));
    v->n_peers++;
    p->server = v;
    p->next = v->peers;
    v->peers = p;
    p->conn = conn_new(v->s->loop, fd, &callbacks, p);
}

/* --- start and end ---------------------------------------------------------- */

static void on_signal(void *arg, int signo)
{
    struct server *v = arg;

    log_info("signer.stopping", "signal", log_num(signo), NULL);
    if (v->stopping)
        return;
    v->stopping = true;
    listener_free(v->listener);
    v->listener = NULL;
    loop_timer_set(v->end, DRAIN_MS);
    stop_when_idle(v);
}

/* Sessions first: what fails here fails before anybody is told that we serve. A token that gives
 * fewer than there are threads gets fewer threads: it may be shared, or small. */
static int prepare_threads(struct server *v, struct fault *f)
{
    unsigned n = v->s->token->conf->threads;
    int rc = 0;

    v->n_threads = n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
    v->queue = job_queue_new(v->n_threads);
    for (unsigned i = 0; i < v->n_threads && rc == 0; i++) {
        struct work *w = &v->work[i];

        *w = (struct work){.token = v->s->token,
                           .guard = v->s->guard,
                           .record = v->s->record,
                           .checkpointer = v->s->checkpointer,
                           .queue = v->queue,
                           .done = post_done,
                           .failed = token_failed,
                           .arg = v};
        rc = token_session(v->s->token, false, &w->session, f);
        if (rc != 0 && i > 0) {
            log_fault(LOG_LEVEL_WARN, "signer.sessions", f, "token", v->s->token->conf->name,
                      "threads", log_num(i), NULL);
            v->n_threads = i;
            return 0;
        }
    }
    return rc;
}

static void start_threads(struct server *v)
{
    for (unsigned i = 0; i < v->n_threads; i++) {
        int rc = pthread_create(&v->thread[i], NULL, work_thread, &v->work[i]);

        if (rc != 0) {
            log_error("signer.thread-failed", "thread", "sign", "reason", strerror(rc), NULL);
            exit(EXITCODE_FAILED);
        }
    }
}

static void server_free(struct server *v)
{
    listener_free(v->listener);
    while (v->peers != NULL) {
        struct peer *p = v->peers;

        v->peers = p->next;
        conn_close(p->conn);
        free(p);
    }
    loop_timer_free(v->end);
    job_queue_free(v->queue);
    free(v);
}

int serve_run(const struct serve *s, struct fault *f)
{
    struct server *v = xcalloc(1, sizeof(*v));
    int rc;

    v->s = s;
    v->end = loop_timer(s->loop, end_now, v);
    loop_signal(s->loop, SIGTERM, on_signal, v);
    loop_signal(s->loop, SIGINT, on_signal, v);
    loop_signal(s->loop, SIGHUP, on_signal, v);
    rc = prepare_threads(v, f);
    if (rc == 0) {
        atomic_store(&serving, v);
        start_threads(v);
        v->listener = listener_new(s->loop, s->listen_fd, accepted, v);
        loop_run(s->loop);
        job_queue_close(v->queue);
        for (unsigned i = 0; i < v->n_threads; i++)
            (void)pthread_join(v->thread[i], NULL);
        atomic_store(&serving, NULL);
    }
    server_free(v);
    return rc;
}
