/* One HTTP request, by libcurl. */
#ifndef TOOLS_HTTP_H
#define TOOLS_HTTP_H

#include "lib/buf.h"
#include "lib/fault.h"

struct http_request {
    const char *url;          /* http or https; redirections to others are refused */
    struct slice post;        /* empty: GET */
    const char *content_type; /* of what is posted */
    const char *accept;
    int timeout_ms;
};

/* The body of an answer with status 200 goes into `body`, within its bound. Rules: "http.url",
 * "http.failed" (no answer, too large), "http.status". */
int http_call(const struct http_request *r, struct buf *body, struct fault *f) WARN_UNUSED;

#endif
