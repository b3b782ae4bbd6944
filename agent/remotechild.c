#include "agent/remotechild.h"

#include <signal.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/keychild.h"
#include "client/awaykey.h"
#include "client/estenroll.h"
#include "client/esthint.h"
#include "lib/cert.h"
#include "lib/pem.h"
#include "lib/wire.h"

struct came {
    bool linking;
    struct slice request, pem;
    struct est_hint hint;
    int64_t retry_after;
};

static const char *given(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

/* ---- keys in the token ---- */

struct remote_key {
    struct keychild *keys;
    const char *uri;
    struct awaykey away;
    EVP_PKEY *key; /* NULL: there is none */
};

static int sign(void *arg, enum sig_alg alg, struct slice content, struct buf *signature,
                struct fault *f)
{
    struct remote_key *k = arg;

    return keychild_sign(k->keys, k->uri, alg, content, signature, f);
}

static int open_key(struct remote_key *k, struct keychild *keys, const char *uri, struct fault *f)
{
    struct buf spki;
    int rc;

    memset(k, 0, sizeof(*k));
    if (uri == NULL)
        return 0;
    k->keys = keys;
    k->uri = uri;
    buf_init(&spki, 4096);
    rc = keychild_show(keys, uri, &spki, f);
    if (rc == 0)
        rc = awaykey_open(&k->away, buf_slice(&spki), sign, k, &k->key, f);
    buf_free(&spki);
    return rc;
}

/* OpenSSL and libcurl know only that something failed. */
static int close_key(struct remote_key *k, int rc, struct fault *f)
{
    if (rc != 0 && k->away.why.code != FAULT_NONE) {
        *f = k->away.why;
        rc = -(int)f->code;
    }
    EVP_PKEY_free(k->key);
    awaykey_close(&k->away);
    return rc;
}

/* ---- asking ---- */

/* As the certificate in force, or in the way that the first one is got. */
static void set_args(const struct remote_ask *a, EVP_PKEY *own_key, struct est_args *e)
{
    const struct agent_cert *c = a->cert;
    bool own = a->renew || a->what == REMOTE_HINT || a->what == REMOTE_REPORT;

    e->url = c->url;
    e->label = given(c->label);
    e->trust = given(c->trust);
    e->cert = own ? a->own : given(c->cert);
    e->key = own ? a->own_key : given(c->cert_key);
    e->away = own ? own_key : NULL;
    e->user = own ? NULL : given(c->user);
    e->password_file = own ? NULL : given(c->password_file);
    e->token_file = own ? NULL : given(c->token_file);
}

static void set_names(const struct remote_ask *a, struct est_enroll_args *e)
{
    const struct agent_cert *c = a->cert;

    if (!a->renew || a->new_names)
        for (size_t i = 0; i < c->n_names && i < SAN_MAX; i++)
            e->sans.item[e->sans.n++] = c->names[i];
    if (!a->renew || a->new_subject)
        e->subject = given(c->subject);
}

static int enroll(const struct remote_ask *a, struct enrollment *e, struct came *came,
                  struct fault *f)
{
    struct cert leaf;
    int rc = 0;

    if (a->request == NULL)
        rc = enrollment_ask_wanted(e, f);
    if (rc == 0)
        rc = enrollment_prepare(e, f);
    came->linking = e->wanted.linking;
    came->request = buf_slice(&e->csr);
    if (rc != 0 || a->what == REMOTE_REQUEST)
        return rc;
    rc = enrollment_send(e, f);
    if (rc == 0)
        rc = enrollment_take(e, &leaf, f);
    came->pem = buf_slice(&e->pem);
    return rc;
}

static int report(const struct remote_ask *a, struct est *e, struct came *came, struct fault *f)
{
    struct http_request r = {.post = a->body,
                             .content_type = "application/json",
                             .accept = "application/json",
                             .timeout_ms = (int)a->timeout * 1000};
    struct buf url;
    int rc;

    buf_init(&url, 4096);
    est_origin(e, &url);
    buf_put_str(&url, "/.well-known/cerca/report");
    r.url = buf_cstr(&url);
    rc = http_session_ask(e->session, &r, NULL, NULL, &e->answer, f);
    if (rc == 0 && e->answer.status != 200 && e->answer.status != 204)
        rc = fault_set(
            f,
            e->answer.status >= 500 || e->answer.status == 429 ? FAULT_UNAVAILABLE : FAULT_DENIED,
            "agent.report", "the server answers to the report with status %ld", e->answer.status);
    came->retry_after = e->answer.retry_after;
    buf_free(&url);
    return rc;
}

static int ask(const struct remote_ask *a, struct enrollment *e, struct came *came, struct fault *f)
{
    const struct est_caller caller = {.timeout = a->timeout};
    int rc = est_open(&e->est, &caller, &e->args->est, false, f);

    if (rc != 0)
        return rc;
    if (a->what == REMOTE_HINT)
        rc = est_hint_ask(&e->est, NULL, &came->hint, f);
    else if (a->what == REMOTE_REPORT)
        rc = report(a, &e->est, came, f);
    else
        rc = enroll(a, e, came, f);
    if (came->retry_after == 0)
        came->retry_after = e->est.answer.retry_after;
    return rc;
}

/* ---- telling ---- */

/* Leaf and chain out of the PEM that the client made of the answer. */
static void put_certificates(struct slice pem, struct buf *out)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf der[REMOTE_CHAIN_MAX + 1];
    struct fault f;
    uint32_t n = 0;

    for (size_t i = 0; i <= REMOTE_CHAIN_MAX; i++)
        buf_init(&der[i], CERT_MAX);
    while (n <= REMOTE_CHAIN_MAX && pem.n > 0 && pem_next(&pem, labels, NULL, &der[n], &f) == 0)
        n++;
    wire_put_bytes(out, n > 0 ? buf_slice(&der[0]) : SLICE_NONE);
    wire_put_u32(out, n > 0 ? n - 1 : 0);
    for (uint32_t i = 1; i < n; i++)
        wire_put_bytes(out, buf_slice(&der[i]));
    for (size_t i = 0; i <= REMOTE_CHAIN_MAX; i++)
        buf_free(&der[i]);
}

int remote_child(void *arg, struct buf *out, struct fault *f)
{
    const struct remote_ask *a = arg;
    struct est_enroll_args args = {.use_key = a->request == NULL ? a->key : NULL,
                                   .csr = a->request};
    struct remote_key own, next = {0};
    struct came came = {0};
    struct enrollment e;
    int rc = open_key(&own, a->keys, a->own_uri, f);

    (void)signal(SIGPIPE, SIG_IGN);
    if (rc == 0)
        rc = open_key(&next, a->keys, a->request == NULL ? a->key_uri : NULL, f);
    args.use_away = next.key;
    set_args(a, own.key, &args.est);
    set_names(a, &args);
    enrollment_init(&e, &args, a->renew ? EST_SIMPLEREENROLL : EST_SIMPLEENROLL);
    if (rc == 0)
        rc = ask(a, &e, &came, f);
    wire_put_i64(out, came.retry_after);
    wire_put_u8(out, came.linking);
    wire_put_bytes(out, came.request);
    put_certificates(came.pem, out);
    wire_put_i64(out, came.hint.start);
    wire_put_i64(out, came.hint.end);
    wire_put_text(out, came.hint.explanation);
    enrollment_free(&e);
    rc = close_key(&own, rc, f);
    return close_key(&next, rc, f);
}
