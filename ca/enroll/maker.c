#include "ca/enroll/maker.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/der.h"
#include "lib/log.h"
#include "lib/ownkey.h"

#define LIFE (7 * 86400)
#define RETRY_MS 2000
#define LOOK_MS 60000
#define CHAIN_LONGEST 8

/* What envelopes are signed with. */
struct signer {
    struct buf key, certificate, chain; /* PKCS#8; DER, concatenated */
    int64_t renew_at;
};

struct maker {
    const struct enroll_parts *parts;
    struct loop_timer *timer;
    struct buf next; /* key whose certificate is asked for */
    bool asking, warned, draining;
    pthread_rwlock_t lock; /* over what follows */
    struct signer signer;  /* no certificate: none yet */
    atomic_uint rsa;       /* RSA keys that are made just now */
};

/* ---- our own certificate ---- */

static void signer_free(struct signer *s)
{
    buf_free(&s->key);
    buf_free(&s->certificate);
    buf_free(&s->chain);
}

static void take(struct maker *m, const struct issued *issued, const struct cert *c)
{
    pthread_rwlock_wrlock(&m->lock);
    signer_free(&m->signer);
    buf_init(&m->signer.certificate, CERT_MAX);
    buf_init(&m->signer.chain, FRAME_BODY_MAX);
    buf_put_slice(&m->signer.certificate, issued->certificate);
    buf_put_slice(&m->signer.chain, issued->chain);
    m->signer.key = m->next;
    m->signer.renew_at = c->not_before + (c->not_after - c->not_before) / 2;
    pthread_rwlock_unlock(&m->lock);
    buf_init(&m->next, OWNKEY_DER_MAX);
    m->warned = false;
    log_info("enroll.maker.certified", NULL);
}

static void on_issued(void *arg, const struct issued *issued, const struct fault *fault)
{
    struct maker *m = arg;
    struct cert c;
    struct fault f;

    fault_clear(&f);
    m->asking = false;
    if (issued != NULL && cert_parse(issued->certificate, &c, &f) == 0) {
        take(m, issued, &c);
        loop_timer_set(m->timer, LOOK_MS);
        return;
    }
    if (!m->warned)
        log_fault(LOG_LEVEL_WARN, "enroll.maker.uncertified", fault != NULL ? fault : &f, NULL);
    m->warned = true;
    loop_timer_set(m->timer, RETRY_MS);
}

static int write_request(struct maker *m, struct buf *out, struct fault *f)
{
    struct issue_request r = {.validity = LIFE, .subject = "CN=EST key maker"};
    const struct conf_profile *p = conf_profile(m->parts->conf, KEY_MAKER_PROFILE);
    EVP_PKEY *key = NULL;
    struct buf csr;
    int rc;

    buf_init(&csr, CSR_MAX);
    buf_reset(&m->next);
    rc = ownkey_new(KEY_P256, &key, &csr, f);
    if (rc == 0 && ownkey_put(key, &m->next) != 0)
        rc = fault_set(f, FAULT_INTERNAL, "key.make", "OpenSSL cannot write a key");
    if (rc == 0) {
        (void)snprintf(r.profile, sizeof(r.profile), "%s", p->name);
        if (p->validity_max < r.validity)
            r.validity = p->validity_max;
        r.csr = buf_slice(&csr);
        issue_request_put(out, &r);
    }
    EVP_PKEY_free(key);
    buf_free(&csr);
    return rc;
}

static void ask(struct maker *m)
{
    struct requester who = {.name = "cerca-ca",
                            .role = ROLE_ADMIN,
                            .uid = geteuid(),
                            .origin = "key maker",
                            .own = true};
    struct fault f;
    struct buf body;

    fault_clear(&f);
    buf_init(&body, FRAME_BODY_MAX);
    m->asking = true;
    if (write_request(m, &body, &f) == 0)
        door_issue(m->parts->door, &who, buf_slice(&body), on_issued, m);
    else
        on_issued(m, NULL, &f);
    buf_free(&body);
}

static void on_timer(void *arg)
{
    struct maker *m = arg;

    if (m->draining || m->asking)
        return;
    if (m->signer.certificate.n == 0 || clock_now() >= m->signer.renew_at)
        ask(m);
    else
        loop_timer_set(m->timer, LOOK_MS);
}

/* ---- keys for others ---- */

static int put_public(EVP_PKEY *key, struct buf *out)
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(key, &der);

    if (n > 0)
        buf_put(out, der, (size_t)n);
    OPENSSL_free(der);
    return n > 0 && !buf_failed(out) ? 0 : -1;
}

static int make(enum key_type type, unsigned bits, struct buf *key, struct buf *spki,
                struct fault *f)
{
    EVP_PKEY *made = ownkey_make(type, bits);
    int rc = made == NULL || ownkey_put(made, key) != 0 || put_public(made, spki) != 0 ? -1 : 0;

    EVP_PKEY_free(made);
    ERR_clear_error();
    return rc == 0 ? 0 : fault_set(f, FAULT_INTERNAL, "key.make", "OpenSSL makes no key");
}

int maker_make(struct maker *m, const char *type, struct buf *key, struct buf *spki,
               struct fault *f)
{
    unsigned half = m->parts->conf->workers / 2, bits;
    enum key_type kind;
    int rc;

    if (key_type_parse(type, &kind, &bits) != 0)
        return fault_set(f, FAULT_INTERNAL, "key.make", "\"%s\" is no type of key", type);
    if (kind != KEY_RSA)
        return make(kind, bits, key, spki, f);
    if (atomic_fetch_add(&m->rsa, 1) < (half > 0 ? half : 1))
        rc = make(kind, bits, key, spki, f);
    else
        rc = fault_unavailable(f, 2, "est.keygen.busy",
                               "too many RSA keys are asked for at once; retry after 2 s");
    atomic_fetch_sub(&m->rsa, 1);
    return rc;
}

static size_t split(struct slice chain, struct slice out[CHAIN_LONGEST])
{
    size_t n = 0;

    while (n < CHAIN_LONGEST && der_get_whole(&chain, DER_SEQUENCE, &out[n]) == 0)
        n++;
    return n;
}

int maker_seal(struct maker *m, struct slice key, struct slice recipient,
               const struct keygen_wish *wish, struct buf *out, struct fault *f)
{
    struct keygen_seal s = {
        .key = key, .recipient = recipient, .cipher = wish->cipher, .oaep = wish->oaep};
    struct slice chain[CHAIN_LONGEST];
    int rc;

    pthread_rwlock_rdlock(&m->lock);
    s.signer = buf_slice(&m->signer.certificate);
    s.signer_key = buf_slice(&m->signer.key);
    s.n_chain = split(buf_slice(&m->signer.chain), chain);
    s.chain = chain;
    if (s.signer.n > 0)
        rc = keygen_seal(&s, out, f);
    else
        rc = fault_unavailable(f, 5, "est.keygen.signer",
                               "who signs the envelopes of keys has no certificate yet");
    pthread_rwlock_unlock(&m->lock);
    return rc;
}

/* ---- the maker itself ---- */

struct maker *maker_new(const struct enroll_parts *parts)
{
    const struct conf *c = parts->conf;
    struct maker *m;
    bool any = false;

    for (size_t i = 0; i < c->n_est; i++)
        any = any || c->est[i].n_server_keys > 0;
    if (!any)
        return NULL;
    m = xcalloc(1, sizeof(*m));
    m->parts = parts;
    buf_init(&m->next, OWNKEY_DER_MAX);
    pthread_rwlock_init(&m->lock, NULL);
    m->timer = loop_timer(parts->loop, on_timer, m);
    loop_timer_set(m->timer, 0);
    return m;
}

void maker_drain(struct maker *m)
{
    if (m != NULL)
        m->draining = true;
}

void maker_free(struct maker *m)
{
    if (m == NULL)
        return;
    loop_timer_free(m->timer);
    signer_free(&m->signer);
    buf_free(&m->next);
    pthread_rwlock_destroy(&m->lock);
    free(m);
}
