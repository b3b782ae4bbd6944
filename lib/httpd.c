#include "lib/httpd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/http.h"
#include "lib/httpd_inner.h"
#include "lib/log.h"

#define SPARE_DESCRIPTORS 64u
/* So much later the library itself would cut off who sends nothing; the sweeper tells of it. */
#define OURS_FIRST_S 2

#define NEVER_MS ((uint64_t)1 << 50)

void httpd_prepare(void)
{
    struct rlimit l;

    tzset();
    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &l);
    }
}

static unsigned connections_possible(unsigned wanted)
{
    struct rlimit l;

    rlim_t possible;

    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return wanted;
    /* Some answers hold a file beside their connection. */
    possible = l.rlim_cur - l.rlim_cur / 16;
    possible = possible > 2 * SPARE_DESCRIPTORS ? possible - SPARE_DESCRIPTORS : SPARE_DESCRIPTORS;
    return possible < wanted ? (unsigned)possible : wanted;
}

/* The library must not decode: what it makes of %00 ends the string. */
static size_t leave_encoded(void *arg, struct MHD_Connection *c, char *s)
{
    (void)arg, (void)c;
    return strlen(s);
}

static void answer(struct httpd *h, const char *url, const char *method, struct http_wait *q,
                   struct http_answer *a)
{
    struct http_request r = {.connection = q, .target = url, .body = buf_slice(&q->body)};
    char path[HTTP_PATH_MAX];

    r.path = path;
    r.method = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ? MHD_HTTP_METHOD_GET : method;
    if (q->too_large) {
        httpd_conn_turned_away(q->conn, HTTPD_TOO_LARGE);
        http_answer_text(a, MHD_HTTP_CONTENT_TOO_LARGE, "The body is too large.\n");
    } else if (http_path(url, path) != 0) {
        httpd_conn_turned_away(q->conn, HTTPD_MALFORMED);
        http_answer_text(a, MHD_HTTP_BAD_REQUEST, "This is no path.\n");
    } else {
        h->handle(h->arg, &r, a);
    }
    if (a->status == 0)
        http_answer_text(a, MHD_HTTP_NOT_FOUND, "There is nothing here.\n");
}

/* ---- who waits ---- */

struct http_wait *http_wait(const struct http_request *r)
{
    struct http_wait *q = r->connection;

    q->waits = true;
    httpd_conn_phase(q->conn, HTTPD_RESTS, NEVER_MS);
    MHD_suspend_connection(q->connection);
    return q;
}

/* The library calls on_request again, on its own thread. */
void http_wait_end(struct http_wait *w, struct http_answer *a)
{
    w->answer = *a;
    w->answered = true;
    MHD_resume_connection(w->connection);
}

/* ---- requests ---- */

static struct http_wait *begin(struct httpd *h, struct MHD_Connection *c)
{
    struct http_wait *q = xcalloc(1, sizeof *q);

    q->connection = c;
    q->conn = httpd_conn_of(c);
    buf_init(&q->body, h->body_max);
    httpd_conn_phase(q->conn, HTTPD_SENDS, h->timeout_ms);
    atomic_store_explicit(&q->conn->asked, true, memory_order_relaxed);
    return q;
}

static const char *field_of(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* A body that says at once that it is far too large is not waited for. One that is only too large
 * is read and dropped, so that its sender hears why; but who asks first (RFC 9110 10.1.1) hears it
 * at once. */
static bool says_too_large(const struct httpd *h, struct MHD_Connection *c)
{
    const char *length = field_of(c, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t most = h->body_max;

    if (field_of(c, MHD_HTTP_HEADER_EXPECT) == NULL)
        most *= 16;
    return length != NULL && strtoull(length, NULL, 10) > most;
}

static enum MHD_Result send_answer(struct httpd *h, struct http_wait *q, struct http_answer *a)
{
    uint64_t octets;
    enum MHD_Result rc = httpd_answer_queue(q->connection, a, &octets);

    httpd_conn_phase(q->conn, HTTPD_TAKES, h->timeout_ms + octets * 1000 / HTTPD_RATE);
    return rc;
}

/* RFC 9110 5.6.2. */
#define TOKEN "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* What says where the body ends. */
struct framing {
    unsigned lengths, codings;
    bool unknown; /* a coding that nobody here knows */
    bool odd;     /* a name that is none: "Content-Length : 3" is a length to some */
};

static enum MHD_Result note_framing(void *arg, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct framing *f = arg;

    (void)kind;
    f->odd = f->odd || name[0] == '\0' || name[strspn(name, TOKEN)] != '\0';
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0)
        f->lengths++;
    else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        f->codings++;
        f->unknown = f->unknown || value == NULL || strcasecmp(value, "chunked") != 0;
    }
    return MHD_YES;
}

/* RFC 9112 5.1, 6.1, 6.3: whoever stands in front of us may take another end for the body than we
 * do, and what follows for somebody else's request. 0, or the status. */
static unsigned framing_fault(struct MHD_Connection *c, const char *version)
{
    struct framing f = {0};

    (void)MHD_get_connection_values(c, MHD_HEADER_KIND, note_framing, &f);
    if (f.unknown)
        return MHD_HTTP_NOT_IMPLEMENTED;
    if (f.odd || (f.codings > 0 && strcmp(version, MHD_HTTP_VERSION_1_1) != 0))
        return MHD_HTTP_BAD_REQUEST;
    return f.lengths + f.codings > 1 ? MHD_HTTP_BAD_REQUEST : 0;
}

static enum MHD_Result refuse_framing(struct MHD_Connection *c, unsigned status)
{
    struct http_answer a = {0};
    uint64_t octets;

    httpd_conn_turned_away(httpd_conn_of(c), HTTPD_MALFORMED);
    http_answer_text(&a, status, "Where does the body end?\n");
    http_answer_field(&a, MHD_HTTP_HEADER_CONNECTION, "close");
    return httpd_answer_queue(c, &a, &octets);
}

/* An MHD_AccessHandlerCallback: once for the head, then for each part of the body, then for the
 * end. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *n, void **context)
{
    struct httpd *h = arg;
    struct http_wait *q = *context;
    struct http_answer a = {0};

    if (q == NULL) {
        unsigned fault = framing_fault(c, version);

        q = *context = begin(h, c);
        if (fault != 0)
            return refuse_framing(c, fault);
        q->too_large = says_too_large(h, c);
        if (!q->too_large)
            return MHD_YES;
    } else if (*n > 0) {
        buf_put(&q->body, data, *n);
        q->too_large = q->too_large || buf_failed(&q->body);
        *n = 0;
        return MHD_YES;
    }
    if (q->answered) {
        a = q->answer;
    } else {
        answer(h, url, method, q, &a);
        if (q->waits)
            return MHD_YES;
    }
    return send_answer(h, q, &a);
}

static void on_completed(void *arg, struct MHD_Connection *c, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct httpd *h = arg;
    struct http_wait *q = *context;

    (void)c, (void)code;
    if (q == NULL)
        return;
    *context = NULL;
    httpd_conn_phase(q->conn, HTTPD_WAITS, h->timeout_ms);
    buf_free(&q->body);
    free(q);
}

static _Noreturn void on_panic(void *arg, const char *file, unsigned line, const char *why)
{
    (void)arg;
    log_error("http.panic", "file", file, "line", log_num(line), "reason",
              why != NULL ? why : "unknown", NULL);
    _exit(EXIT_FAILURE);
}

static const struct MHD_OptionItem no_options[] = {{MHD_OPTION_END, 0, NULL}};

/* The library divides it among its threads and cuts off who is beyond. We leave those waiting who
 * are beyond ours, so it is never reached. */
static unsigned library_limit(const struct httpd *h, const struct httpd_options *o)
{
    return (h->limit + 1) * (o->threads > 1 ? o->threads : 1);
}

int httpd_start(const struct httpd_options *o, struct httpd **out, struct fault *f)
{
    struct httpd *h = xcalloc(1, sizeof *h);
    unsigned flags = MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET;

    *out = h;
    *h = (struct httpd){.handle = o->handle,
                        .turned_away = o->turned_away,
                        .arg = o->arg,
                        .tls = o->tls,
                        .listen_fd = o->listen_fd,
                        .stop_fd = -1,
                        .body_max = o->body_max != 0 ? o->body_max : HTTPD_BODY_MAX,
                        .timeout_ms = (uint64_t)o->timeout_s * 1000,
                        .limit = connections_possible(o->connections)};
    pthread_mutex_init(&h->lock, NULL);
    MHD_set_panic_func(on_panic, NULL);
    /* With epoll the library spins for as long as a handshake waits for its client (0.9.75). */
    flags |= o->tls != NULL ? MHD_USE_TLS | MHD_USE_POLL_INTERNAL_THREAD
                            : (unsigned)MHD_USE_EPOLL_INTERNAL_THREAD;
    if (o->waits)
        flags |= MHD_ALLOW_SUSPEND_RESUME;
    if (fcntl(o->listen_fd, F_SETFL, O_NONBLOCK) == 0)
        h->daemon = MHD_start_daemon(
            flags, 0, NULL, NULL, on_request, h, MHD_OPTION_ARRAY,
            o->tls != NULL ? o->tls->options : no_options, MHD_OPTION_THREAD_POOL_SIZE,
            o->threads > 1 ? o->threads : 0u, MHD_OPTION_CONNECTION_LIMIT, library_limit(h, o),
            MHD_OPTION_CONNECTION_TIMEOUT, o->timeout_s + OURS_FIRST_S,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTPD_HEAD_MAX,
            MHD_OPTION_THREAD_STACK_SIZE, HTTPD_STACK_SIZE, MHD_OPTION_STRICT_FOR_CLIENT, 1,
            MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL, MHD_OPTION_NOTIFY_COMPLETED,
            on_completed, h, MHD_OPTION_NOTIFY_CONNECTION, httpd_conn_notify, h, MHD_OPTION_END);
    if (h->daemon != NULL && httpd_accept_start(h) == 0)
        return 0;
    httpd_free(h);
    *out = NULL;
    return fault_set(f, FAULT_INTERNAL, "http.start", "the HTTP server does not start: %m");
}

void httpd_quiesce(struct httpd *h)
{
    httpd_accept_stop(h);
}

void httpd_free(struct httpd *h)
{
    if (h == NULL)
        return;
    httpd_accept_stop(h);
    if (h->daemon != NULL)
        MHD_stop_daemon(h->daemon);
    (void)close(h->listen_fd);
    if (h->stop_fd >= 0)
        (void)close(h->stop_fd);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
