#include "ocsp/http.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/http.h"
#include "lib/pem.h"

/* One a thread, used again and again; the server copies what is in it. */
static _Thread_local struct ocsp_answer answer;

/* RFC 6960 A.1: the base64 of the request, URL-encoded. What clients really send: a slash too many
 * in front (a request never begins with one), "+" that some library took for a blank, no padding.
 */
static void decode(const char *rest, struct buf *out)
{
    uint8_t text[HTTP_PATH_MAX + 3];
    size_t n = 0;

    for (rest += strspn(rest, "/"); *rest != '\0' && n < HTTP_PATH_MAX; rest++)
        text[n++] = *rest == ' ' ? '+' : (uint8_t)*rest;
    while (n % 4 != 0)
        text[n++] = '=';
    /* What cannot be read is empty, and that is malformedRequest. */
    if (*rest != '\0' || base64_get(slice_of(text, n), out) != 0)
        buf_reset(out);
}

/* RFC 5019 6.2, for GETs alone: nothing caches the answer to a POST. Where 6.2 lets Expires be
 * nextUpdate, ours goes with max-age: a cache that knows Expires only (RFC 9111 5.3) would keep for
 * days what may be revoked. */
static void put_caching(struct http_answer *out)
{
    if (answer.max_age == 0) {
        out->max_age = 0;
        out->cache = "no-store";
        return;
    }
    out->etag[0] = '"';
    hex_encode(slice_of(answer.etag, OCSP_ETAG_LEN), out->etag + 1);
    out->etag[1 + 2 * OCSP_ETAG_LEN] = '"';
    out->last_modified = answer.last_modified;
    out->max_age = answer.max_age;
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
    buf_init(&request, OCSP_REQUEST_MAX);
    decode(rest, &request);
    put_answer(o, buf_slice(&request), true, out);
    buf_free(&request);
}
