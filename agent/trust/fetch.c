#include <string.h>

#include "client/jail.h"
#include "agent/trust/inner.h"
#include "client/http.h"
#include "lib/file.h"

#define FILE_URL "file://"
#define MARGIN 5 /* seconds that the child has beyond its exchange */

struct asking {
    const struct trust_source *source;
    const char *path; /* of a file; NULL: http */
    int timeout_ms;
    size_t max;
};

/* ---- in the jail ---- */

static int ask_http(const struct asking *a, struct buf *out, struct fault *f)
{
    const char *trust = a->source->trust;
    const struct http_server server = {.anchors = trust[0] == '\0' ? NULL : trust};
    const struct http_request request = {
        .url = a->source->url, .accept = "*/*", .timeout_ms = a->timeout_ms};
    struct http_session *session;
    struct http_answer answer;
    int rc = http_session_open(&server, &session, f);

    if (rc < 0)
        return rc;
    http_answer_init(&answer, a->max);
    rc = http_session_ask(session, &request, NULL, NULL, &answer, f);
    if (rc == 0 && answer.status != 200)
        rc = fault_set(f, FAULT_UNAVAILABLE, "trust.fetch", "%.150s answers with HTTP status %ld",
                       a->source->url, answer.status);
    if (rc == 0)
        buf_put_slice(out, buf_slice(&answer.body));
    http_answer_free(&answer);
    http_session_close(session);
    return rc;
}

static int ask(void *arg, struct buf *out, struct fault *f)
{
    const struct asking *a = arg;
    int rc = a->path != NULL ? file_read(a->path, a->max, out, f) : ask_http(a, out, f);

    return rc < 0 ? fault_rename(f, "trust.fetch") : 0;
}

/* ---- outside of it ---- */

int trust_fetch(const struct trust_source *s, int64_t timeout, uint64_t max, struct buf *out,
                struct fault *f)
{
    struct asking a = {.source = s, .timeout_ms = (int)timeout * 1000, .max = (size_t)max};
    struct jail jail = {.name = "cerca-agent-fetch", .limit = timeout + MARGIN};

    if (strncmp(s->url, FILE_URL, strlen(FILE_URL)) == 0)
        a.path = s->url + strlen(FILE_URL);
    jail.files[0] = a.path;
    jail.files[1] = s->trust;
    buf_init(out, a.max);
    return jail_run(&jail, ask, &a, out, f);
}
