#include "agent/deploy/kube.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/jail.h"
#include "client/http.h"
#include "lib/file.h"
#include "lib/key.h"
#include "lib/pem.h"

#define TYPE "kubernetes.io/tls"
#define ANSWER_MAX 2097152 /* octets; a Secret has at most 1 MiB, and managedFields */
#define TOKEN_MAX 16384
#define MARGIN 5 /* seconds that the child has beyond its exchanges */

struct talking {
    const struct agent_secret *secret;
    struct slice key, chain;
    bool only_look, wrote;
    const char *token;
    struct http_session *session;
    struct http_answer answer;
    char url[1024];
};

/* What is there. */
struct present {
    bool there, same;
    char version[64]; /* resourceVersion */
};

/* ---- what the server says ---- */

/* A Status object has a message for people. */
static int refused(const struct talking *t, struct fault *f)
{
    json_t *o = json_loadb((const char *)t->answer.body.p, t->answer.body.n, 0, NULL);
    const char *message = json_string_value(json_object_get(o, "message"));
    long status = t->answer.status;
    bool denied = status == 401 || status == 403;

    message = message == NULL ? "" : message;
    if (status == 429 || status >= 500)
        fault_unavailable(f, (uint32_t)(t->answer.retry_after > 0 ? t->answer.retry_after : 10),
                          "kube.refused", "HTTP status %ld: %.180s", status, message);
    else
        fault_set(f, denied ? FAULT_DENIED : FAULT_CONFLICT,
                  denied ? "kube.denied" : "kube.refused", "HTTP status %ld: %.180s", status,
                  message);
    json_decref(o);
    return -(int)f->code;
}

static int unreadable(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "kube.failed", "the server's answer is no Secret");
}

static bool has(const json_t *data, const char *name, struct slice wanted)
{
    const char *text = json_string_value(json_object_get(data, name));
    struct buf is;
    bool same;

    buf_init(&is, ANSWER_MAX);
    same = text != NULL && base64_get(slice_str(text), &is) == 0 &&
           slice_eq_secret(buf_slice(&is), wanted);
    buf_free(&is);
    return same;
}

static int read_secret(const struct talking *t, const json_t *o, struct present *out,
                       struct fault *f)
{
    const char *type = json_string_value(json_object_get(o, "type"));
    const char *version =
        json_string_value(json_object_get(json_object_get(o, "metadata"), "resourceVersion"));
    const json_t *data = json_object_get(o, "data");

    if (type == NULL || version == NULL || strlen(version) >= sizeof(out->version))
        return unreadable(f);
    if (strcmp(type, TYPE) != 0)
        return fault_set(f, FAULT_CONFLICT, "kube.type", "Secret %.60s is of type %.60s",
                         t->secret->name, type);
    memcpy(out->version, version, strlen(version) + 1);
    out->there = true;
    out->same = has(data, "tls.key", t->key) && has(data, "tls.crt", t->chain);
    return 0;
}

/* ---- what is asked ---- */

static int ask(struct talking *t, const char *method, const char *type, struct slice body,
               struct fault *f)
{
    struct http_request r = {.url = t->url,
                             .method = method,
                             .post = body,
                             .content_type = type,
                             .accept = "application/json",
                             .timeout_ms = (int)t->secret->time_limit * 1000};
    int rc = http_session_ask(t->session, &r, NULL, NULL, &t->answer, f);

    return rc < 0 ? fault_rename(f, "kube.failed") : 0;
}

static int make_url(struct talking *t, bool one, struct fault *f)
{
    const struct agent_secret *s = t->secret;
    size_t n = strlen(s->server);
    int len;

    while (n > 0 && s->server[n - 1] == '/')
        n--;
    len = snprintf(t->url, sizeof(t->url), "%.*s/api/v1/namespaces/%s/secrets%s%s", (int)n,
                   s->server, s->namespace, one ? "/" : "", one ? s->name : "");
    return len > 0 && (size_t)len < sizeof(t->url)
               ? 0
               : fault_set(f, FAULT_CONFIG, "kube.failed", "the server's address is too long");
}

static int get(struct talking *t, struct present *out, struct fault *f)
{
    json_t *o;
    int rc = make_url(t, true, f);

    memset(out, 0, sizeof(*out));
    if (rc == 0)
        rc = ask(t, NULL, NULL, SLICE_NONE, f);
    if (rc < 0 || t->answer.status == 404)
        return rc;
    if (t->answer.status != 200)
        return refused(t, f);
    o = json_loadb((const char *)t->answer.body.p, t->answer.body.n, JSON_REJECT_DUPLICATES, NULL);
    rc = o == NULL ? unreadable(f) : read_secret(t, o, out, f);
    json_decref(o);
    return rc;
}

static json_t *base64(struct slice s)
{
    struct buf b;
    json_t *text;

    buf_init(&b, ANSWER_MAX);
    base64_put(&b, s, 0);
    text = json_stringn((const char *)b.p, b.n);
    buf_free(&b);
    return text;
}

/* Changes what is there, or makes it. */
static json_t *body_of(const struct talking *t, const struct present *p)
{
    json_t *data = json_pack("{s:o, s:o}", "tls.crt", base64(t->chain), "tls.key", base64(t->key));

    if (p->there)
        return json_pack("{s:{s:s}, s:o}", "metadata", "resourceVersion", p->version, "data", data);
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:o}", "apiVersion", "v1", "kind",
                     "Secret", "type", TYPE, "metadata", "name", t->secret->name, "namespace",
                     t->secret->namespace, "labels", "app.kubernetes.io/managed-by", "cerca-agent",
                     "data", data);
}

static int put(struct talking *t, const struct present *p, struct fault *f)
{
    json_t *o = body_of(t, p);
    char *text = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
    int rc = text == NULL ? fault_set(f, FAULT_INTERNAL, "kube.failed", "no memory")
                          : make_url(t, p->there, f);

    if (rc == 0)
        rc =
            ask(t, p->there ? "PATCH" : NULL,
                p->there ? "application/merge-patch+json" : "application/json", slice_str(text), f);
    if (text != NULL)
        wipe(text, strlen(text));
    free(text);
    json_decref(o);
    return rc;
}

/* ---- in the jail ---- */

/* 409 and, of a patch, 404: somebody was there meanwhile. */
static int try_once(struct talking *t, bool *again, struct fault *f)
{
    struct present p;
    int rc = get(t, &p, f);

    *again = false;
    if (rc < 0 || p.same)
        return rc;
    if (t->only_look)
        return fault_set(f, FAULT_CONFLICT, "kube.other", "Secret %.60s has something else",
                         t->secret->name);
    rc = put(t, &p, f);
    if (rc < 0)
        return rc;
    t->wrote = true;
    *again = t->answer.status == 409 || (p.there && t->answer.status == 404);
    return t->answer.status == 200 || t->answer.status == 201 || *again ? 0 : refused(t, f);
}

/* What was written is read again. */
static int converse(struct talking *t, struct fault *f)
{
    bool again = true;
    int rc = 0;

    for (int i = 0; i < KUBE_TRIES && again && rc == 0; i++)
        rc = try_once(t, &again, f);
    if (rc == 0 && again)
        rc = fault_set(f, FAULT_UNAVAILABLE, "kube.conflict", "others go on changing Secret %.60s",
                       t->secret->name);
    if (rc == 0 && t->wrote) {
        t->only_look = true;
        rc = try_once(t, &again, f);
    }
    return rc;
}

static int work(void *arg, struct buf *out, struct fault *f)
{
    struct talking *t = arg;
    const struct http_server server = {.anchors = t->secret->ca_file, .bearer = t->token};
    int rc = http_session_open(&server, &t->session, f);

    (void)out;
    http_answer_init(&t->answer, ANSWER_MAX);
    if (rc == 0)
        rc = converse(t, f);
    http_answer_free(&t->answer);
    http_session_close(t->session);
    return rc;
}

/* ---- outside of it ---- */

/* Nothing of it may end the header that it goes into. */
static int read_token(const char *path, struct buf *out, struct fault *f)
{
    int rc = file_read(path, TOKEN_MAX, out, f);

    if (rc < 0)
        return fault_rename(f, "kube.token");
    while (out->n > 0 && out->p[out->n - 1] <= ' ')
        out->n--;
    for (size_t i = 0; i < out->n; i++)
        if (out->p[i] <= ' ' || out->p[i] > '~')
            rc = -1;
    return rc == 0 && out->n > 0
               ? 0
               : fault_set(f, FAULT_CONFIG, "kube.token", "%.150s is no token", path);
}

static int run(struct talking *t, struct fault *f)
{
    const struct jail jail = {.name = "cerca-agent-kube",
                              .files = {t->secret->ca_file},
                              .limit = t->secret->time_limit + MARGIN};
    struct buf token = {0}, nothing;
    int rc = read_token(t->secret->token_file, &token, f);

    buf_init(&nothing, 1);
    if (rc == 0) {
        t->token = buf_cstr(&token);
        rc = jail_run(&jail, work, t, &nothing, f);
    }
    buf_free(&nothing);
    buf_free(&token);
    return rc;
}

int kube_put(const struct agent_secret *s, struct slice key, struct slice chain, struct fault *f)
{
    struct talking t = {.secret = s, .key = key, .chain = chain};

    return run(&t, f);
}

int kube_verify(const struct agent_secret *s, struct slice key, struct slice chain, struct fault *f)
{
    struct talking t = {.secret = s, .key = key, .chain = chain, .only_look = true};

    return run(&t, f);
}
