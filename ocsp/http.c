#include "ocsp/http.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/pem.h"

/* One a thread, used again and again; the server copies what is in it. */
static _Thread_local struct ocsp_answer answer;

/* RFC 6960 A.1: the base64 of the request, URL-encoded. What clients really send: a slash too many
 * in front (a request never begins with one), "+" that some library took for a blank, no padding.
 */
static void decode(const char *rest, struct buf *out)
{
    struct buf text;

    buf_init(&text, HTTPD_HEAD_MAX);
    for (rest += strspn(rest, "/"); *rest != '\0'; rest++)
        buf_put_u8(&text, *rest == ' ' ? '+' : (uint8_t)*rest);
    while (text.n % 4 != 0)
        buf_put_u8(&text, '=');
    /* What cannot be read is empty, and that is malformedRequest. */
    if (buf_failed(&text) || base64_get(buf_slice(&text), out) != 0)
        buf_reset(out);
    buf_free(&text);
}

/* RFC 5019 6.2, for GETs alone: nothing caches the answer to a POST. */
static void put_caching(struct http_answer *out)
{
    char hex[2 * OCSP_ETAG_LEN + 1];

    if (answer.max_age == 0) {
        out->max_age = 0;
        out->cache = "no-store";
        return;
    }
    hex_encode(slice_of(answer.etag, OCSP_ETAG_LEN), hex);
    (void)snprintf(out->etag, sizeof out->etag, "\"%s\"", hex);
    out->last_modified = answer.last_modified;
    out->max_age = answer.max_age;
    out->expires = answer.expires;
    out->cache = "no-transform, must-revalidate";
}

static void put_answer(struct ocsp_responder *o, struct slice request, bool cached,
                       struct http_answer *out)
{
    if (answer.body.max == 0)
        buf_init(&answer.body, OCSP_RESPONSE_MAX);
    ocsp_answer(o, request, clock_now(), &answer);
    out->status = 200;
    out->type = "application/ocsp-response";
    out->max_age = -1;
    out->body = buf_slice(&answer.body);
    if (cached)
        put_caching(out);
}

void ocsp_http(struct ocsp_responder *o, const struct http_request *r, const char *rest,
               struct http_answer *out)
{
    struct buf request;

    if (strcmp(r->method, "POST") == 0) {
        if (rest[strspn(rest, "/")] == '\0')
            put_answer(o, r->body, false, out);
        return;
    }
    if (strcmp(r->method, "GET") != 0) {
        http_answer_text(out, 405, "Only GET, HEAD and POST.\n");
        out->allow = "GET, HEAD, POST";
        return;
    }
    if (rest[strspn(rest, "/")] == '\0') {
        http_answer_text(out, 400, "An OCSP responder: POST a request, or GET its base64.\n");
        return;
    }
    buf_init(&request, HTTPD_HEAD_MAX);
    decode(rest, &request);
    put_answer(o, buf_slice(&request), true, out);
    buf_free(&request);
}
