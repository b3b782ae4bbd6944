/*
 * The HTTP server of network-facing programs: libmicrohttpd and a pool of threads, to which one of
 * ours deals out connections from a listening socket that somebody else made, and deadlines of our
 * own, since its inactivity timeout does not stop clients that drip (each octet begins it anew).
 *
 * A connection has to bring a whole request head within the timeout, counted from its start or from
 * the answer before, then the body within the timeout; and has to take its answer within the
 * timeout, longer for a large one: at HTTPD_RATE octets a second at least, and never resting for a
 * whole timeout. Past its time it is shut down. When nearly all connections that we may have are
 * there, those that send nothing or a body get HTTPD_CROWDED_MS only, so that they make room; but
 * nobody makes room whose octets we have not read yet.
 *
 * With TLS (lib/httpd_tls.h) all of it is HTTPS, the handshake part of the first head's time.
 */
#ifndef LIB_HTTPD_H
#define LIB_HTTPD_H

#include "lib/fault.h"

#define HTTPD_RATE 16384 /* octets a second */
#define HTTPD_CROWDED_MS 2000
#define HTTPD_HEAD_MAX 16384 /* octets of a request's head, about */
#define HTTPD_BODY_MAX 65536 /* octets of a body, where body_max says nothing else */
#define HTTPD_FIELDS_MAX 4   /* further fields of an answer's head */
#define HTTPD_FIELD_SIZE 96

struct http_request {
    const char *method; /* "GET"; for HEAD too: the server leaves the body out */
    const char *path;   /* decoded once, begins with a slash */
    const char *target; /* as it came, without its query */
    struct slice body;  /* empty unless it is a POST */
    void *connection;
};
/* The value of a field of the request's head; NULL: not there. Good during the call. */
const char *http_request_field(const struct http_request *r, const char *name);
#define HTTP_ADDRESS_SIZE 48
/* The client's IP address as text; "" when it cannot be told. */
void http_request_address(const struct http_request *r, char out[HTTP_ADDRESS_SIZE]);

/* Zeroed, it is an empty body of status 0, which stands for 404. */
struct http_answer {
    unsigned status;
    const char *type; /* Content-Type, constant; NULL: none */
    /* Of a 200, for caches. With an etag or last_modified the server answers conditions and ranges
     * itself. */
    char etag[72];         /* with its quotes */
    int64_t last_modified; /* 0: none */
    int64_t max_age;       /* seconds; -1: none is said; 0: no-cache. Expires is the same moment */
    const char *cache;     /* more for Cache-Control, constant: "immutable"; NULL: nothing */
    const char *allow;     /* of a 405 */
    struct {
        const char *name; /* constant */
        char value[HTTPD_FIELD_SIZE];
    } field[HTTPD_FIELDS_MAX];
    size_t n_fields;
    /* The body: a file, whose descriptor the server closes ... */
    bool is_file;
    int fd;
    uint64_t size;
    /* ... or memory: copied, unless there is `release`, which is called when it was sent. */
    struct slice body;
    void (*release)(void *arg);
    void *release_arg;
};
/* The body is this buffer, whose contents it takes over. */
void http_answer_keep(struct http_answer *a, struct buf *content);
/* A further field of the head. */
void http_answer_field(struct http_answer *a, const char *name, const char *value);
/* A status and a line of text for people. */
void http_answer_text(struct http_answer *a, unsigned status, const char *text);

/* Fills `out`, which is zeroed. Called from many threads at once. */
typedef void (*http_handler)(void *arg, const struct http_request *r, struct http_answer *out);

/* Called by a handler that has no answer yet: the request waits, without a thread, and what the
 * handler fills into its answer is not looked at. Nothing of the request but its body's octets is
 * looked at any more, and a client that goes away is not noticed, so whoever waits has a deadline.
 */
struct http_wait;
struct http_wait *http_wait(const struct http_request *r);
/* The answer, once, from any thread, before httpd_free; *a is taken over. */
void http_wait_end(struct http_wait *w, struct http_answer *a);

/* Why the server itself turned a client away. */
enum httpd_why { HTTPD_TOO_LARGE, HTTPD_MALFORMED, HTTPD_SLOW };
/* Of who has that address. Slow is who was cut off with a request begun, or with none ever. Any
 * thread; it must not call the server. */
typedef void (*httpd_turned_away)(void *arg, const char *address, enum httpd_why why);

struct httpd_tls;

struct httpd_options {
    int listen_fd;         /* taken over */
    struct httpd_tls *tls; /* outlives the server; NULL: plain HTTP */
    bool waits;            /* the handler may call http_wait */
    unsigned threads;
    unsigned connections; /* at most; fewer where descriptors do not suffice (RLIMIT_NOFILE) */
    unsigned timeout_s;
    size_t body_max; /* octets; 0: HTTPD_BODY_MAX */
    http_handler handle;
    httpd_turned_away turned_away; /* NULL: nobody is told */
    void *arg;                     /* of both */
};

struct httpd;

/* Before the jail: raises the limit of descriptors as far as it goes, and loads the time zone that
 * the library asks for with its first answer. */
void httpd_prepare(void);
/* Starts the threads: signals should be blocked. Rule "http.start". */
int httpd_start(const struct httpd_options *o, struct httpd **out, struct fault *f) WARN_UNUSED;
/* Ends connections whose time is over; call twice a second while there are any. */
void httpd_sweep(struct httpd *h);
/* Calls `fn`, from any thread, when there is a connection after there was none. */
void httpd_on_first(struct httpd *h, void (*fn)(void *arg), void *arg);
/* Takes no new connections; the others go on. */
void httpd_quiesce(struct httpd *h);
/* Requests that are not answered in full yet. */
unsigned httpd_busy(struct httpd *h);
unsigned httpd_connections(struct httpd *h);
/* Cuts off who is still there; nobody waits any more. NULL is fine. */
void httpd_free(struct httpd *h);

/* A listening TCP socket at a numeric address, CLOEXEC and non-blocking, or a negative fault code;
 * rule "http.listen". */
int listen_tcp(const char *address, uint16_t port, struct fault *f) WARN_UNUSED;

#endif
