#include "tests/fuzz/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/http.h"
#include "client/jail.h"

static struct slice answers, said;
static bool taken_over;

void transport_feed(struct slice s)
{
    answers = s;
}

void transport_lie(struct slice s)
{
    said = s;
    taken_over = true;
}

void http_answer_init(struct http_answer *a, size_t body_max)
{
    memset(a, 0, sizeof(*a));
    buf_init(&a->body, body_max);
    buf_init(&a->talk, 65536);
}

void http_answer_free(struct http_answer *a)
{
    buf_free(&a->body);
    buf_free(&a->talk);
}

int http_session_open(const struct http_server *s, struct http_session **out, struct fault *f)
{
    (void)s;
    (void)f;
    *out = NULL;
    return 0;
}

void http_session_close(struct http_session *s)
{
    (void)s;
}

int http_session_ask(struct http_session *s, const struct http_request *r, http_ready ready,
                     void *arg, struct http_answer *a, struct fault *f)
{
    static const long statuses[] = {200, 200, 200, 201, 202, 204, 401, 403, 404, 409, 429, 503};
    static const char *const types[] = {"application/pkcs7-mime; smime-type=certs-only",
                                        "application/csrattrs",
                                        "multipart/mixed; boundary=x",
                                        "application/json",
                                        "text/plain",
                                        ""};
    static const char *const redirects[] = {"https://est.example/x", "https://other.example/",
                                            "https://est.example:444/"};
    uint8_t redirect;

    (void)s;
    if (answers.n == 0)
        return fault_set(f, FAULT_UNAVAILABLE, "http.failed", "%.150s: no answer", r->url);
    if (ready != NULL && ready(arg, slice_str("the binding!")) != 0)
        return fault_set(f, FAULT_CONFLICT, "http.stopped", "stopped");
    buf_reset(&a->body);
    buf_reset(&a->talk);
    a->status = statuses[fuzz_octet(&answers) % (sizeof(statuses) / sizeof(statuses[0]))];
    (void)snprintf(a->type, sizeof(a->type), "%s",
                   types[fuzz_octet(&answers) % (sizeof(types) / sizeof(types[0]))]);
    a->retry_after = fuzz_octet(&answers);
    redirect = fuzz_octet(&answers);
    (void)snprintf(a->redirect, sizeof(a->redirect), "%s",
                   redirect < 128 ? "" : redirects[redirect % 3]);
    buf_put_slice(&a->body, fuzz_piece(&answers));
    return buf_failed(&a->body)
               ? fault_set(f, FAULT_TOO_LARGE, "http.failed", "the answer is too large")
               : 0;
}

int http_call(const struct http_request *r, struct buf *body, struct fault *f)
{
    struct http_answer a;
    int rc;

    http_answer_init(&a, body->max);
    rc = http_session_ask(NULL, r, NULL, NULL, &a, f);
    if (rc == 0 && a.status != 200)
        rc = fault_set(f, FAULT_UNAVAILABLE, "http.status", "HTTP status %ld", a.status);
    if (rc == 0)
        buf_put_slice(body, buf_slice(&a.body));
    http_answer_free(&a);
    return rc;
}

int jail_run(const struct jail *j, int (*work)(void *arg, struct buf *out, struct fault *f),
             void *arg, struct buf *out, struct fault *f)
{
    if (!taken_over)
        return work(arg, out, f);
    buf_put_slice(out, said);
    return buf_failed(out)
               ? fault_set(f, FAULT_TOO_LARGE, "jail.failed", "%.60s found too much", j->name)
               : 0;
}
