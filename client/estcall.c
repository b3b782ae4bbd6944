#include "client/estcall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "est/body.h"
#include "est/keygen.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/proto.h"
#include "client/password.h"
#include "lib/text.h"

#define URL_MAX 1024
#define TEXT_SHOWN 2000 /* octets of an answer's text */
#define REDIRECTIONS 3
#define WAIT_DEFAULT 5 /* seconds, where the server does not say */
#define WAIT_LONGEST 3600

/* ---- opening ---- */

static int read_token(const char *path, struct buf *out, struct fault *f)
{
    int rc = file_read(path, 4096, out, f);
    size_t n;

    if (rc != 0)
        return rc;
    n = strcspn(buf_cstr(out), " \t\r\n");
    out->n = n;
    return n > 0 && n <= TOKEN_TEXT_MAX
               ? 0
               : fault_set(f, FAULT_MALFORMED, "token.file", "there is no token in %s", path);
}

static int set_secrets(struct est *e, struct fault *f)
{
    const struct est_args *a = e->args;
    int rc = 0;

    if (a->user != NULL)
        rc = password_ask(a->password_file, a->user, &e->secret, f);
    else if (a->token_file != NULL)
        rc = read_token(a->token_file, &e->secret, f);
    if (rc != 0)
        return rc;
    e->server.user = a->user;
    e->server.secret = a->user != NULL ? buf_cstr(&e->secret) : NULL;
    e->server.bearer = a->token_file != NULL ? buf_cstr(&e->secret) : NULL;
    return 0;
}

int est_open(struct est *e, const struct est_caller *caller, const struct est_args *a,
             bool unverified, struct fault *f)
{
    int rc = 0;

    memset(e, 0, sizeof(*e));
    e->caller = *caller;
    e->args = a;
    e->wait_until_us = clock_mono_us() + (uint64_t)a->wait * 1000000;
    http_answer_init(&e->answer, KEYGEN_BODY_MAX);
    buf_init(&e->secret, PASSWORD_MAX);
    e->server.anchors = a->trust;
    e->server.unverified = unverified;
    if (!unverified) {
        e->server.certificate = a->cert;
        e->server.key = a->key;
        e->server.away = a->away;
        rc = set_secrets(e, f);
    }
    return rc == 0 ? http_session_open(&e->server, &e->session, f) : rc;
}

void est_close(struct est *e)
{
    http_session_close(e->session);
    http_answer_free(&e->answer);
    buf_free(&e->secret);
}

/* ---- showing ---- */

static bool is_text(const struct http_answer *a)
{
    if (a->type[0] != '\0')
        return strncasecmp(a->type, "text/", 5) == 0;
    return a->body.n > 0 && memchr(a->body.p, 0, a->body.n) == NULL;
}

static struct slice cut(struct slice s, size_t max)
{
    return slice_of(s.p, s.n < max ? s.n : max);
}

/* What libcurl tells of the connection is left out where an answer says more. */
static void put_talk(const struct est *e, struct buf *out)
{
    struct slice talk = buf_slice(&e->answer.talk);
    bool all = e->args->verbose || e->answer.status == 0;

    while (talk.n > 0) {
        const uint8_t *end = memchr(talk.p, '\n', talk.n);
        size_t n = end == NULL ? talk.n : (size_t)(end + 1 - talk.p);

        if (all || talk.p[0] != '*')
            text_safe(slice_of(talk.p, n), true, out);
        talk = slice_of(talk.p + n, talk.n - n);
    }
}

void est_talk(const struct est *e, struct buf *out)
{
    put_talk(e, out);
    if (is_text(&e->answer))
        text_safe(cut(buf_slice(&e->answer.body), TEXT_SHOWN), true, out);
    else if (e->answer.body.n > 0)
        buf_printf(out, "< (%zu octets)", e->answer.body.n);
}

static void tell_talk(const struct est *e)
{
    if (e->caller.talk != NULL)
        e->caller.talk(e->caller.arg, e);
}

/* The first line of what the server says in words, for the fault. */
static void first_line(const struct http_answer *a, struct buf *out)
{
    size_t n = 0;

    if (!is_text(a))
        return;
    while (n < a->body.n && n < 150 && a->body.p[n] != '\n' && a->body.p[n] != '\r')
        n++;
    if (n == 0)
        return;
    buf_put_str(out, ": ");
    text_safe(slice_of(a->body.p, n), false, out);
}

/* ---- asking ---- */

static bool ends_with(struct slice s, const char *with)
{
    size_t n = strlen(with);

    return s.n >= n && memcmp(s.p + s.n - n, with, n) == 0;
}

/* The server as people write it, with or without the path of EST. */
static void make_url(const struct est *e, const char *operation, struct buf *out)
{
    static const char root[] = "/.well-known/est";
    struct slice base = slice_str(e->args->url);

    while (ends_with(base, "/"))
        base.n--;
    if (ends_with(base, root))
        base.n -= sizeof(root) - 1;
    buf_put_slice(out, base);
    buf_put_str(out, EST_ROOT);
    if (e->args->label != NULL)
        buf_printf(out, "%s/", e->args->label);
    buf_put_str(out, operation);
}

void est_origin(const struct est *e, struct buf *out)
{
    const char *host = e->args->url + strlen("https://");

    buf_put(out, e->args->url, strlen("https://") + strcspn(host, "/?#"));
}

/* Scheme, host and port are the same: what stands in front of the path. */
static bool same_origin(const char *a, const char *b)
{
    const char *path = strchr(a + strlen("https://"), '/');
    size_t n = path == NULL ? strlen(a) : (size_t)(path - a);

    return strncasecmp(a, b, n) == 0 && (b[n] == '/' || b[n] == '\0');
}

static int send_once(struct est *e, const struct est_call *c, const char *url, struct fault *f)
{
    const struct est_operation *o = est_operation(c->op);
    struct http_request r = {
        .url = url,
        .post = c->body,
        .content_type = o->request,
        .accept = o->answer,
        .timeout_ms = (int)(e->caller.timeout > 3600 ? 3600 : e->caller.timeout) * 1000,
    };
    int rc = http_session_ask(e->session, &r, c->ready, c->arg, &e->answer, f);

    if (e->args->verbose)
        tell_talk(e);
    return rc;
}

/* One answer that is no redirection. */
static int ask(struct est *e, const struct est_call *c, struct buf *url, struct fault *f)
{
    int rc = 0;

    for (int i = 0; i <= REDIRECTIONS; i++) {
        rc = send_once(e, c, buf_cstr(url), f);
        if (rc != 0 || e->answer.redirect[0] == '\0')
            return rc;
        if (!same_origin(buf_cstr(url), e->answer.redirect))
            return fault_set(f, FAULT_DENIED, "est.redirect",
                             "the server sends us to another one, %.150s; give that as --url if it "
                             "is right",
                             e->answer.redirect);
        buf_reset(url);
        buf_put_str(url, e->answer.redirect);
    }
    return fault_set(f, FAULT_UNAVAILABLE, "est.redirect", "the server sends us in circles");
}

/* RFC 7030 4.2.3 */
static int judge_status(const struct est *e, const struct est_call *c, struct fault *f)
{
    const struct http_answer *a = &e->answer;
    const char *name = est_operation(c->op)->name;
    enum fault_code code = a->status == 401 || a->status == 403   ? FAULT_DENIED
                           : a->status == 404                     ? FAULT_NOT_FOUND
                           : a->status == 202                     ? FAULT_PENDING
                           : a->status >= 500 || a->status == 429 ? FAULT_UNAVAILABLE
                                                                  : FAULT_POLICY;
    struct buf why;

    buf_init(&why, 1024);
    first_line(a, &why);
    if (a->status == 202)
        fault_set(f, code, "est.pending", "the server wants us to ask again in %lld s%s",
                  (long long)(a->retry_after > 0 ? a->retry_after : WAIT_DEFAULT), buf_cstr(&why));
    else
        fault_set(f, code, "est.status", "the server answers to %s with status %ld%s", name,
                  a->status, buf_cstr(&why));
    buf_free(&why);
    if (code == FAULT_UNAVAILABLE && a->retry_after > 0 && a->retry_after < UINT32_MAX)
        f->retry_after = (uint32_t)a->retry_after;
    return -(int)code;
}

static bool is_nothing(const struct est_call *c, long status)
{
    if (status == 204 || status == 404)
        return c->none_is_fine || c->optional;
    return c->optional && status >= 400 && status != 429 && status != 503;
}

static int judge(struct est *e, const struct est_call *c, struct fault *f)
{
    const struct est_operation *o = est_operation(c->op);
    struct http_answer *a = &e->answer;

    if (a->status == 200 && est_type_is(a->type, o->answer))
        return 0;
    if (is_nothing(c, a->status)) {
        buf_reset(&a->body);
        return 0;
    }
    if (a->status != 200)
        return judge_status(e, c, f);
    return fault_set(f, FAULT_MALFORMED, "est.type",
                     "the server answers to %s with something else than %s: %.100s", o->name,
                     o->answer, a->type[0] != '\0' ? a->type : "no Content-Type");
}

static void say_again(const struct est *e, const struct fault *f, int64_t after)
{
    char text[sizeof(f->text) + 64];

    (void)snprintf(text, sizeof(text), "%s; asking again in %lld s", f->text, (long long)after);
    if (e->caller.say != NULL)
        e->caller.say(e->caller.arg, text);
}

/* Is there time to ask again? Then it passes here. */
static bool wait_for_more(const struct est *e, const struct fault *f)
{
    const struct http_answer *a = &e->answer;
    uint64_t now = clock_mono_us();
    int64_t after = a->retry_after > 0 ? a->retry_after : WAIT_DEFAULT;

    if (a->status != 202 && a->status != 429 && a->status != 503)
        return false;
    if (after > WAIT_LONGEST)
        after = WAIT_LONGEST;
    if (now + (uint64_t)after * 1000000 > e->wait_until_us)
        return false;
    say_again(e, f, after);
    (void)sleep((unsigned)after);
    return true;
}

int est_call(struct est *e, const struct est_call *c, struct fault *f)
{
    struct buf url;
    int rc;

    buf_init(&url, 4 * URL_MAX);
    do {
        buf_reset(&url);
        make_url(e, est_operation(c->op)->name, &url);
        rc = ask(e, c, &url, f);
        if (rc == 0)
            rc = judge(e, c, f);
    } while (rc != 0 && wait_for_more(e, f));
    buf_free(&url);
    if (rc != 0 && rc != -FAULT_PENDING && f->code != FAULT_CONFLICT && !e->args->verbose)
        tell_talk(e);
    return rc;
}
