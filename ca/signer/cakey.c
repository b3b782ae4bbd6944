#include "ca/signer/cakey.h"

#include <pthread.h>
#include <string.h>

#include "ca/signer/issuerkey.h"
#include "token/signop.h"
#include "lib/log.h"
#include "lib/signrecord.h"

/* Two that make the same key would make two. */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

void cakey_lock(void)
{
    (void)pthread_mutex_lock(&making);
}

void cakey_unlock(void)
{
    (void)pthread_mutex_unlock(&making);
}

static int find_issuer(struct guard *g, const struct conf_token *t, const char *name,
                       struct guard_issuer **out, struct fault *f)
{
    *out = NULL;
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->issuer[i].conf->name, name) == 0 &&
            strcmp(g->issuer[i].conf->token, t->name) == 0) {
            *out = &g->issuer[i];
            return 0;
        }
    return fault_set(f, FAULT_NOT_FOUND, "signer.issuer", "no issuer %s has its key in this token",
                     name);
}

static int find_or_make(struct token *t, const struct conf_issuer *i, bool make, struct keyobj *k,
                        struct fault *f)
{
    int rc = issuerkey_find(t, i, k, f);

    if (rc != -FAULT_NOT_FOUND || !make)
        return rc;
    rc = issuerkey_generate(t, i, f);
    if (rc != 0)
        return rc;
    log_info("signer.key.made", "issuer", i->name, "key", i->key, NULL);
    return issuerkey_find(t, i, k, f);
}

/* A session of its own: the others only read. */
static int take_key(struct token *token, struct guard_issuer *g, bool make, struct fault *f)
{
    struct token t = *token;
    struct keyobj k;
    int rc = token_session(token, true, &t.session, f);

    if (rc != 0)
        return rc;
    rc = find_or_make(&t, g->conf, make, &k, f);
    if (rc == 0) {
        rc = guard_set_key(g, buf_slice(&k.spki), k.handle, f);
        keyobj_free(&k);
    }
    (void)t.call->C_CloseSession(t.session);
    return rc;
}

static int ready(struct token *t, struct guard_issuer *g, bool make, struct fault *f)
{
    int rc = 0;

    if (g->ours)
        return 0;
    cakey_lock();
    if (!g->ours)
        rc = take_key(t, g, make, f);
    cakey_unlock();
    return rc;
}

static int sign_info(struct work *w, const struct guard_issuer *g, struct slice info,
                     struct buf *out, struct fault *f)
{
    static const uint8_t none[SERIAL_LEN] = {0};
    struct record_entry e = {.key = g->spki_hash, .serial = slice_of(none, sizeof(none))};
    struct buf signature;
    uint8_t hash[64];
    int rc;

    sha256(info, e.tbs_hash);
    sig_alg_hash(g->conf->alg, info, hash);
    rc = record_append(w->record, &e, 1, f);
    if (rc != 0)
        return rc;
    buf_init(&signature, SIGNATURE_MAX);
    rc = signop(w->token->call, w->session, g->handle, &g->key, g->conf->alg, hash, &signature, f);
    /* The frame of a request is that of a certificate (RFC 2986 4.2). */
    if (rc == 0)
        cert_assemble(out, info, g->conf->alg, buf_slice(&signature));
    buf_free(&signature);
    return rc;
}

static int write_request(struct work *w, const struct guard_issuer *g, struct buf *out,
                         struct fault *f)
{
    struct tbs_spec spec = {.subject = buf_slice(&g->subject),
                            .spki = buf_slice(&g->spki),
                            .key_usage = KU_KEY_CERT_SIGN | KU_CRL_SIGN,
                            .ca = true,
                            .path_len = g->conf->path_len,
                            .constraints = buf_slice(&g->constraints)};
    struct buf info;
    int rc;

    buf_init(&info, TBS_MAX);
    csr_info_put(&info, &spec);
    rc = buf_failed(&info)
             ? fault_set(f, FAULT_TOO_LARGE, "signer.size", "the request is too large")
             : sign_info(w, g, buf_slice(&info), out, f);
    buf_free(&info);
    return rc;
}

int cakey_read(const struct work *w, struct job *j, struct fault *f)
{
    if (csr_request_get(slice_of(j->body, j->n), &j->csr) != 0)
        return fault_set(f, FAULT_MALFORMED, "signer.request", "not a request to show a key");
    return guard_generation(w->guard, j->csr.generation, f);
}

int cakey_csr(struct work *w, struct job *j)
{
    struct fault *f = &j->fault;
    struct guard_issuer *g;
    int rc = find_issuer(w->guard, w->token->conf, j->csr.issuer, &g, f);

    if (rc != 0 || g == NULL)
        return rc;
    rc = ready(w->token, g, j->csr.make_key, f);
    if (rc != 0)
        return rc;
    j->by = g;
    rc = write_request(w, g, &j->answer, f);
    if (rc == 0 && buf_failed(&j->answer))
        rc = fault_set(f, FAULT_TOO_LARGE, "signer.size", "the request is too large");
    return rc;
}
