#include "agent/remote.h"

#include <string.h>

#include "client/jail.h"
#include "agent/keychild.h"
#include "agent/remotechild.h"
#include "lib/cert.h"
#include "lib/wire.h"

#define EXCHANGES 6 /* answers that one exchange may take, each with its own timeout */

void remote_answer_free(struct remote_answer *a)
{
    buf_free(&a->request);
    buf_free(&a->leaf);
    buf_free(&a->chain);
}

/* ---- what it says ---- */

static int check_certificate(struct slice der, struct fault *f)
{
    struct cert c;

    return cert_parse(der, &c, f);
}

static int take(struct wire_in *w, struct remote_answer *out, struct fault *f)
{
    uint32_t n;

    out->linking = wire_get_flag(w);
    buf_put_slice(&out->request, wire_get_bytes(w, CERT_MAX));
    buf_put_slice(&out->leaf, wire_get_bytes(w, CERT_MAX));
    n = wire_get_count(w, REMOTE_CHAIN_MAX, 4);
    for (uint32_t i = 0; i < n && !wire_failed(w); i++) {
        struct slice der = wire_get_bytes(w, CERT_MAX);

        if (!wire_failed(w) && check_certificate(der, f) != 0)
            return -(int)f->code;
        buf_put_slice(&out->chain, der);
    }
    out->start = wire_get_i64(w);
    out->end = wire_get_i64(w);
    wire_get_text(w, out->text, sizeof(out->text));
    if (!wire_in_done(w) || buf_failed(&out->chain))
        return fault_set(f, FAULT_INTERNAL, "agent.remote", "the exchange says nothing whole");
    return out->leaf.n > 0 ? check_certificate(buf_slice(&out->leaf), f) : 0;
}

static const char *first_of(const char *a, const char *b)
{
    return a[0] != '\0' ? a : b;
}

/* Before the jail, which starts nothing. Whoever is taken over in there can have those two keys
 * sign what their holder lets them sign, and no more. */
static int open_keys(struct remote_ask *a, struct fault *f)
{
    const char *const only[KEYCHILD_ONLY] = {a->own_uri, a->key_uri};

    a->keys = NULL;
    return a->own_uri == NULL && a->key_uri == NULL ? 0 : keychild_open(a->cert, only, &a->keys, f);
}

int remote_do(const struct remote_ask *a, struct remote_answer *out, struct fault *f)
{
    const struct agent_cert *c = a->cert;
    const struct jail jail = {.name = "cerca-agent",
                              .limit = a->timeout * EXCHANGES,
                              .files = {c->trust, c->cert, c->cert_key,
                                        first_of(c->token_file, c->password_file), a->own,
                                        a->own_key, a->key, a->request}};
    struct remote_ask copy = *a;
    struct wire_in w;
    struct buf said;
    int rc;

    memset(out, 0, sizeof(*out));
    buf_init(&out->request, CERT_MAX);
    buf_init(&out->leaf, CERT_MAX);
    buf_init(&out->chain, (size_t)REMOTE_CHAIN_MAX * CERT_MAX);
    buf_init(&said, REMOTE_MAX);
    rc = open_keys(&copy, f);
    if (rc == 0)
        rc = jail_run(&jail, remote_child, &copy, &said, f);
    keychild_close(copy.keys);
    wire_in_init(&w, buf_slice(&said));
    out->retry_after = wire_get_i64(&w);
    if (wire_failed(&w) || out->retry_after < 0)
        out->retry_after = 0;
    if (rc == 0)
        rc = take(&w, out, f);
    buf_free(&said);
    return rc;
}
