#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/ssl.h>

#include "est/linking.h"
#include "lib/clock.h"
#include "client/http.h"
#include "client/http_inner.h"

#define TALK_MAX 65536

struct http_session {
    const struct http_server *server;
    CURL *curl;
    char why[CURL_ERROR_SIZE];
    http_ready ready; /* of the present request */
    void *arg;
    struct http_answer *answer;
};

void http_answer_init(struct http_answer *a, size_t body_max)
{
    memset(a, 0, sizeof(*a));
    buf_init(&a->body, body_max);
    buf_init(&a->talk, TALK_MAX);
}

void http_answer_free(struct http_answer *a)
{
    buf_free(&a->body);
    buf_free(&a->talk);
}

int http_session_open(const struct http_server *server, struct http_session **out, struct fault *f)
{
    struct http_session *s = xcalloc(1, sizeof(*s));

    *out = NULL;
    s->server = server;
    s->curl = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL;
    if (s->curl == NULL) {
        free(s);
        return fault_set(f, FAULT_INTERNAL, "http.failed", "libcurl cannot be set up");
    }
    *out = s;
    return 0;
}

void http_session_close(struct http_session *s)
{
    if (s == NULL)
        return;
    curl_easy_cleanup(s->curl);
    curl_global_cleanup();
    free(s);
}

/* ---- what is said ---- */

/* One line of a head. Of credentials only the scheme is kept. */
static void note_line(struct buf *talk, const char *mark, const char *p, size_t n)
{
    static const char secret[] = "Authorization: ";

    while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
        n--;
    buf_put_str(talk, mark);
    if (n > sizeof(secret) && strncasecmp(p, secret, sizeof(secret) - 1) == 0) {
        const char *space = memchr(p + sizeof(secret) - 1, ' ', n - (sizeof(secret) - 1));

        buf_put(talk, p, space == NULL ? sizeof(secret) - 1 : (size_t)(space + 1 - p));
        buf_put_str(talk, "(not shown)\n");
        return;
    }
    buf_put(talk, p, n);
    buf_put_u8(talk, '\n');
}

static int note(CURL *curl, curl_infotype type, char *p, size_t n, void *arg)
{
    struct http_session *s = arg;
    const char *mark = type == CURLINFO_HEADER_OUT  ? "> "
                       : type == CURLINFO_HEADER_IN ? "< "
                       : type == CURLINFO_TEXT      ? "* "
                                                    : NULL;

    (void)curl;
    if (type == CURLINFO_DATA_OUT)
        buf_printf(&s->answer->talk, "> (%zu octets)\n", n);
    while (mark != NULL && n > 0) {
        const char *end = memchr(p, '\n', n);
        size_t line = end == NULL ? n : (size_t)(end + 1 - p);

        note_line(&s->answer->talk, mark, p, line);
        p += line;
        n -= line;
    }
    return 0;
}

/* ---- the channel ---- */

static size_t binding_of(SSL *ssl, uint8_t out[HTTP_BINDING_MAX])
{
    size_t n;

    if (SSL_version(ssl) >= TLS1_3_VERSION)
        return SSL_export_keying_material(ssl, out, BINDING_EXPORTER_LEN, BINDING_EXPORTER_LABEL,
                                          strlen(BINDING_EXPORTER_LABEL), NULL, 0, 0) == 1
                   ? BINDING_EXPORTER_LEN
                   : 0;
    /* RFC 5929 3.1: the first Finished, which is the server's when a session is resumed. RFC 7627
     * 6.2: only with extended master secret does it name one channel. */
    if (SSL_get_extms_support(ssl) != 1)
        return 0;
    n = SSL_session_reused(ssl) ? SSL_get_peer_finished(ssl, out, HTTP_BINDING_MAX)
                                : SSL_get_finished(ssl, out, HTTP_BINDING_MAX);
    return n > HTTP_BINDING_MAX ? 0 : n;
}

static int connected(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct http_session *s = arg;
    uint8_t binding[HTTP_BINDING_MAX];
    struct curl_tlssessioninfo *tls = NULL;
    size_t n = 0;

    (void)to;
    (void)from;
    (void)to_port;
    (void)from_port;
    if (s->ready == NULL)
        return CURL_PREREQFUNC_OK;
    if (curl_easy_getinfo(s->curl, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls != NULL &&
        tls->backend == CURLSSLBACKEND_OPENSSL && tls->internals != NULL)
        n = binding_of(tls->internals, binding);
    return s->ready(s->arg, slice_of(binding, n)) == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* ---- one request ---- */

static void set_server(CURL *c, const struct http_server *s)
{
    long verify = s->unverified ? 0L : 1L;

    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, verify);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L * verify);
    curl_easy_setopt(c, CURLOPT_SSLVERSION,
                     (long)(s->away != NULL ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(c, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    if (s->anchors != NULL) {
        curl_easy_setopt(c, CURLOPT_CAINFO, s->anchors);
        curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
    }
    if (s->certificate != NULL && s->away == NULL) {
        curl_easy_setopt(c, CURLOPT_SSLCERT, s->certificate);
        curl_easy_setopt(c, CURLOPT_SSLKEY, s->key);
    }
    if (s->unverified)
        return; /* RFC 7030 4.1.1: nobody known is told nothing */
    if (s->bearer != NULL) {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, s->bearer);
    } else if (s->user != NULL) {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
        curl_easy_setopt(c, CURLOPT_USERNAME, s->user);
        curl_easy_setopt(c, CURLOPT_PASSWORD, s->secret);
    }
}

/* Certificates are judged by the time that everything else goes by. What libcurl cannot read from a
 * file is given to OpenSSL here. */
static CURLcode set_context(CURL *curl, void *ctx, void *arg)
{
    const struct http_server *s = arg;

    (void)curl;
    X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(ctx), (time_t)clock_now());
    if (s->away == NULL || s->unverified || s->certificate == NULL)
        return CURLE_OK;
    return SSL_CTX_use_certificate_chain_file(ctx, s->certificate) == 1 &&
                   SSL_CTX_use_PrivateKey(ctx, s->away) == 1
               ? CURLE_OK
               : CURLE_SSL_CERTPROBLEM;
}

static void set_up(struct http_session *s, const struct http_request *r, struct curl_slist *list)
{
    CURL *c = s->curl;

    curl_easy_reset(c); /* connections stay */
    http_set_request(c, r, list, &s->answer->body, s->why);
    set_server(c, s->server);
    curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, set_context);
    curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, (void *)(uintptr_t)s->server);
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(c, CURLOPT_DEBUGFUNCTION, note);
    curl_easy_setopt(c, CURLOPT_DEBUGDATA, s);
    curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, connected);
    curl_easy_setopt(c, CURLOPT_PREREQDATA, s);
}

static void take_answer(CURL *c, struct http_answer *a)
{
    char *type = NULL, *to = NULL;
    curl_off_t after = 0;

    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a->status);
    curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &to);
    curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &after);
    a->retry_after = after > 0 ? after : 0;
    if (type != NULL && strlen(type) < sizeof(a->type))
        memcpy(a->type, type, strlen(type) + 1);
    if (to != NULL && strlen(to) < sizeof(a->redirect))
        memcpy(a->redirect, to, strlen(to) + 1);
}

int http_session_ask(struct http_session *s, const struct http_request *r, http_ready ready,
                     void *arg, struct http_answer *a, struct fault *f)
{
    struct curl_slist *list;
    CURLcode code;
    int rc = http_check_url(r->url, f);

    if (rc != 0)
        return rc;
    buf_reset(&a->body);
    buf_reset(&a->talk);
    a->status = 0;
    a->retry_after = 0;
    a->type[0] = a->redirect[0] = '\0';
    s->ready = ready;
    s->arg = arg;
    s->answer = a;
    s->why[0] = '\0';
    list = http_headers(r);
    set_up(s, r, list);
    code = curl_easy_perform(s->curl);
    curl_slist_free_all(list);
    if (code == CURLE_OK)
        take_answer(s->curl, a);
    else if (code == CURLE_ABORTED_BY_CALLBACK)
        rc = fault_set(f, FAULT_CONFLICT, "http.stopped", "the request was not sent");
    else
        rc = http_failed(r, &a->body, code, s->why, f);
    return rc;
}
