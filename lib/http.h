/*
 * What HTTP says in text (RFC 9110): dates, paths, validators, ranges. No input or output; the
 * server is lib/httpd.h.
 */
#ifndef LIB_HTTP_H
#define LIB_HTTP_H

#include "lib/buf.h"

#define HTTP_DATE_SIZE 30
/* "Sun, 06 Nov 1994 08:49:37 GMT" (5.6.7); for years up to 9999. */
void http_date_put(int64_t t, char out[HTTP_DATE_SIZE]);
/* That form and both obsolete ones, as 5.6.7 demands. `now` tells the century of a year of two
 * digits. 0, or -1. */
int http_date_get(const char *text, int64_t now, int64_t *out) WARN_UNUSED;

#define HTTP_PATH_MAX 8192
/* The path of a request's target as it came (RFC 9112 3.2: origin or absolute form, without its
 * query), its %XX decoded once. 0, or -1: no path, too long, a broken %XX or an octet that stands
 * in no path of ours (controls, NUL). `out` is a C string. */
int http_path(const char *target, char out[HTTP_PATH_MAX]) WARN_UNUSED;

/* What the server knows of what it would send. */
struct http_validators {
    const char *etag;      /* with its quotes; "": none */
    int64_t last_modified; /* 0: unknown */
    uint64_t size;
};

/* What the client sent; NULL: nothing. */
struct http_conditions {
    const char *if_none_match, *if_modified_since, *range, *if_range;
};

enum http_verdict {
    HTTP_WHOLE,
    HTTP_NOT_MODIFIED,
    HTTP_PART,     /* first and length are set */
    HTTP_NO_RANGE, /* 416: nothing of it is there */
};

/* The precedence of RFC 9110 13.2.2 for GET and HEAD. One range of octets; for several the whole
 * is sent, which 14.2 allows. */
enum http_verdict http_judge(const struct http_validators *v, const struct http_conditions *c,
                             int64_t now, uint64_t *first, uint64_t *length);

#endif
