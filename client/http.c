#include "client/http_inner.h"

#include <string.h>
#include <strings.h>

#define REDIRECTIONS 3L

static size_t take(char *p, size_t size, size_t n, void *arg)
{
    struct buf *body = arg;

    buf_put(body, p, size * n);
    return buf_failed(body) ? 0 : size * n;
}

/* An address out of a certificate is a stranger's. */
int http_check_url(const char *url, struct fault *f)
{
    bool http = strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;

    for (const char *p = url; http && *p != 0; p++)
        http = *p > ' ' && *p < 0x7f;
    return http ? 0
                : fault_set(f, FAULT_MALFORMED, "http.url",
                            "\"%.200s\" is no http or https address", url);
}

struct curl_slist *http_headers(const struct http_request *r)
{
    struct curl_slist *list = NULL;
    struct buf line;

    buf_init(&line, 256);
    buf_printf(&line, "Accept: %s", r->accept);
    list = curl_slist_append(list, buf_cstr(&line));
    if (r->post.n > 0) {
        buf_reset(&line);
        buf_printf(&line, "Content-Type: %s", r->content_type);
        list = curl_slist_append(list, buf_cstr(&line));
    }
    buf_free(&line);
    return list;
}

void http_set_request(CURL *c, const struct http_request *r, struct curl_slist *list,
                      struct buf *body, char why[CURL_ERROR_SIZE])
{
    curl_easy_setopt(c, CURLOPT_URL, r->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, REDIRECTIONS);
    curl_easy_setopt(c, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "cerca/" CERCA_VERSION);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
    if (r->post.n > 0) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->post.p);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)r->post.n);
    }
    if (r->compressed)
        curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip, identity");
    if (r->method != NULL)
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
}

int http_failed(const struct http_request *r, const struct buf *body, CURLcode code,
                const char *why, struct fault *f)
{
    if (buf_failed(body))
        return fault_set(f, FAULT_TOO_LARGE, "http.failed", "%.150s answers with over %zu octets",
                         r->url, body->max);
    return fault_set(f, FAULT_UNAVAILABLE, "http.failed", "%.120s: %.120s", r->url,
                     why[0] != 0 ? why : curl_easy_strerror(code));
}

static int perform(CURL *c, const struct http_request *r, const struct buf *body, const char *why,
                   struct fault *f)
{
    CURLcode code = curl_easy_perform(c);
    long status = 0;

    if (code != CURLE_OK)
        return http_failed(r, body, code, why, f);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    return status == 200 ? 0
                         : fault_set(f, FAULT_UNAVAILABLE, "http.status",
                                     "%.150s answers with HTTP status %ld", r->url, status);
}

int http_call(const struct http_request *r, struct buf *body, struct fault *f)
{
    char why[CURL_ERROR_SIZE] = "";
    struct curl_slist *list;
    CURL *c;
    int rc = http_check_url(r->url, f);

    if (rc < 0)
        return rc;
    c = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL;
    if (c == NULL)
        return fault_set(f, FAULT_INTERNAL, "http.failed", "libcurl cannot be set up");
    list = http_headers(r);
    http_set_request(c, r, list, body, why);
    rc = perform(c, r, body, why, f);
    curl_slist_free_all(list);
    curl_easy_cleanup(c);
    curl_global_cleanup();
    return rc;
}
