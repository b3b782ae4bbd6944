/* From an http_answer to a response of the library: conditions, ranges, fields, body. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/counters.h"
#include "lib/clock.h"
#include "lib/http.h"
#include "lib/httpd_inner.h"

const char *http_request_field(const struct http_request *r, const char *name)
{
    const struct http_wait *q = r->connection;

    return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

void httpd_address(struct MHD_Connection *c, char out[HTTP_ADDRESS_SIZE])
{
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *a = i != NULL ? i->client_addr : NULL;
    const void *address = NULL;

    out[0] = '\0';
    if (a != NULL && a->sa_family == AF_INET)
        address = &((const struct sockaddr_in *)(const void *)a)->sin_addr;
    else if (a != NULL && a->sa_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
    if (address != NULL)
        (void)inet_ntop(a->sa_family, address, out, HTTP_ADDRESS_SIZE);
}

void http_request_address(const struct http_request *r, char out[HTTP_ADDRESS_SIZE])
{
    const struct http_wait *q = r->connection;

    memcpy(out, q->conn->address, HTTP_ADDRESS_SIZE);
}

void http_answer_text(struct http_answer *a, unsigned status, const char *text)
{
    a->status = status;
    a->type = "text/plain; charset=utf-8";
    a->max_age = -1;
    a->body = slice_str(text);
}

void http_answer_field(struct http_answer *a, const char *name, const char *value)
{
    if (a->n_fields == HTTPD_FIELDS_MAX)
        return;
    a->field[a->n_fields].name = name;
    (void)snprintf(a->field[a->n_fields++].value, HTTPD_FIELD_SIZE, "%s", value);
}

static void free_content(void *arg)
{
    struct buf *b = arg;

    buf_free(b);
    free(b);
}

void http_answer_keep(struct http_answer *a, struct buf *content)
{
    struct buf *b = xmemdup(content, sizeof *content);

    memset(content, 0, sizeof *content);
    a->body = buf_slice(b);
    a->release = free_content;
    a->release_arg = b;
}

static uint64_t body_size(const struct http_answer *a)
{
    return a->is_file ? a->size : a->body.n;
}

static void drop_body(struct http_answer *a)
{
    if (a->is_file)
        (void)close(a->fd);
    if (a->release != NULL)
        a->release(a->release_arg);
    a->is_file = false;
    a->release = NULL;
}

static struct MHD_Response *memory_response(struct http_answer *a, uint64_t first, uint64_t length)
{
    struct slice s = slice_of(a->body.p + first, (size_t)length);

    if (a->release == NULL)
        /* The library does not write there. */
        return MHD_create_response_from_buffer(s.n, (void *)(uintptr_t)s.p, MHD_RESPMEM_MUST_COPY);
    return MHD_create_response_from_buffer_with_free_callback_cls(s.n, (void *)(uintptr_t)s.p,
                                                                  a->release, a->release_arg);
}

/* Takes what the answer holds, or gives it back. */
static struct MHD_Response *respond(struct http_answer *a, uint64_t first, uint64_t length)
{
    struct MHD_Response *r;

    if (length == 0) {
        drop_body(a);
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    r = a->is_file ? MHD_create_response_from_fd_at_offset64(length, a->fd, first)
                   : memory_response(a, first, length);
    if (r == NULL)
        drop_body(a);
    return r;
}

static void add(struct MHD_Response *r, const char *name, const char *value)
{
    (void)MHD_add_response_header(r, name, value);
}

/* A value being written; not by printf, of which an answer would need several. */
struct text {
    char s[128];
    size_t n;
};

static void put(struct text *t, const char *s)
{
    size_t n = strnlen(s, sizeof t->s - 1 - t->n);

    memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = '\0';
}

static void put_number(struct text *t, uint64_t v)
{
    char digits[21];
    size_t at = sizeof digits - 1;

    digits[at] = '\0';
    do
        digits[--at] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    put(t, digits + at);
}

static void add_cache_control(struct MHD_Response *r, const struct http_answer *a)
{
    struct text t = {.n = 0};

    if (a->max_age > 0) {
        put(&t, "public, max-age=");
        put_number(&t, (uint64_t)a->max_age);
        if (a->cache != NULL)
            put(&t, ", ");
    }
    if (a->cache != NULL || a->max_age == 0)
        put(&t, a->cache != NULL ? a->cache : "no-cache");
    add(r, MHD_HTTP_HEADER_CACHE_CONTROL, t.s);
}

static void add_caching(struct MHD_Response *r, const struct http_answer *a, int64_t now)
{
    char text[HTTP_DATE_SIZE];

    if (a->etag[0] != '\0')
        add(r, MHD_HTTP_HEADER_ETAG, a->etag);
    if (a->last_modified != 0) {
        http_date_put(a->last_modified, text);
        add(r, MHD_HTTP_HEADER_LAST_MODIFIED, text);
    }
    if (a->max_age < 0)
        return;
    http_date_put(now + a->max_age, text);
    add(r, MHD_HTTP_HEADER_EXPIRES, text);
    add_cache_control(r, a);
}

static void add_range(struct MHD_Response *r, unsigned status, uint64_t first, uint64_t length,
                      uint64_t size)
{
    struct text t = {.n = 0};

    put(&t, "bytes ");
    if (status == MHD_HTTP_PARTIAL_CONTENT) {
        put_number(&t, first);
        put(&t, "-");
        put_number(&t, first + length - 1);
    } else {
        put(&t, "*");
    }
    put(&t, "/");
    put_number(&t, size);
    add(r, MHD_HTTP_HEADER_CONTENT_RANGE, t.s);
}

static const char *field(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* The status that conditions and ranges make of a 200. */
static unsigned judge(struct MHD_Connection *c, const struct http_answer *a, int64_t now,
                      uint64_t *first, uint64_t *length)
{
    const struct http_validators v = {a->etag, a->last_modified, *length};
    const struct http_conditions k = {
        .if_none_match = field(c, MHD_HTTP_HEADER_IF_NONE_MATCH),
        .if_modified_since = field(c, MHD_HTTP_HEADER_IF_MODIFIED_SINCE),
        .range = a->is_file ? field(c, MHD_HTTP_HEADER_RANGE) : NULL,
        .if_range = field(c, MHD_HTTP_HEADER_IF_RANGE),
    };

    switch (http_judge(&v, &k, now, first, length)) {
    case HTTP_NOT_MODIFIED:
        *length = 0;
        return MHD_HTTP_NOT_MODIFIED;
    case HTTP_PART:
        return MHD_HTTP_PARTIAL_CONTENT;
    case HTTP_NO_RANGE:
        *length = 0;
        return MHD_HTTP_RANGE_NOT_SATISFIABLE;
    default:
        return MHD_HTTP_OK;
    }
}

/* The Date is ours, so that it agrees with what Expires and max-age were counted from. */
static void add_fields(struct MHD_Response *r, const struct http_answer *a, unsigned status,
                       int64_t now)
{
    char date[HTTP_DATE_SIZE];

    http_date_put(now, date);
    add(r, MHD_HTTP_HEADER_DATE, date);
    if (a->type != NULL && status != MHD_HTTP_NOT_MODIFIED)
        add(r, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
    if (a->allow != NULL)
        add(r, MHD_HTTP_HEADER_ALLOW, a->allow);
    for (size_t i = 0; i < a->n_fields; i++)
        add(r, a->field[i].name, a->field[i].value);
}

enum MHD_Result httpd_answer_queue(struct MHD_Connection *c, struct http_answer *a,
                                   uint64_t *octets)
{
    int64_t now = clock_now();
    uint64_t size = body_size(a), first = 0;
    bool conditional = a->status == MHD_HTTP_OK && (a->etag[0] != '\0' || a->last_modified != 0);
    bool ranges = conditional && a->is_file;
    unsigned status = a->status == 0 ? MHD_HTTP_NOT_FOUND : a->status;
    struct MHD_Response *r;
    enum MHD_Result rc;

    *octets = size;
    if (conditional)
        status = judge(c, a, now, &first, octets);
    r = respond(a, first, *octets);
    if (r == NULL)
        return MHD_NO;
    add_fields(r, a, status, now);
    add_caching(r, a, now);
    if (ranges)
        add(r, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
    if (status == MHD_HTTP_PARTIAL_CONTENT || status == MHD_HTTP_RANGE_NOT_SATISFIABLE)
        add_range(r, status, first, *octets, size);
    counter_http(status);
    rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}
