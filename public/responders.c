#include "public/responders.h"

#include <limits.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/counters.h"
#include "lib/keep.h"
#include "lib/log.h"
#include "lib/ownkey.h"
#include "lib/proto.h"
#include "public/nodekey.h"

#define TURN_MS 1000
#define SCAN_EVERY_US 10000000
#define ASK_AGAIN_S 15      /* after what may be over soon */
#define REFUSED_AGAIN_S 600 /* after what only a new configuration changes */

/* One issuer's: what is under way. */
struct asking {
    uint8_t owner[32];
    EVP_PKEY *key;                         /* of the request that is not answered yet; NULL: none */
    uint64_t id;                           /* of its frame */
    struct buf kept_key, kept_certificate; /* of the delegate in force */
    uint64_t not_before_us;                /* not asked again before */
    char said[64];                         /* why it failed last, which is said once */
};

struct responders {
    struct loop *loop;
    const struct conf *conf;
    struct ocsp_responder *responder;
    struct conn *conn; /* NULL: not connected */
    struct loop_timer *turn;
    struct asking *asking;
    size_t n;
    uint64_t next_id, scanned_us;
    struct counters counted; /* likewise told */
    struct buf told;         /* of our state, on this connection; empty: nothing */
    int keep_fd;
    struct nodekey *own; /* NULL: keys are made here */
    bool scan_failed;    /* and that was said */
};

static struct asking *asking_of(struct responders *s, const uint8_t owner[32])
{
    for (size_t i = 0; i < s->n; i++)
        if (memcmp(s->asking[i].owner, owner, 32) == 0)
            return &s->asking[i];
    s->asking = xreallocarray(s->asking, s->n + 1, sizeof *s->asking);
    s->asking[s->n] = (struct asking){0};
    memcpy(s->asking[s->n].owner, owner, 32);
    buf_init(&s->asking[s->n].kept_key, OWNKEY_DER_MAX);
    buf_init(&s->asking[s->n].kept_certificate, CERT_MAX);
    return &s->asking[s->n++];
}

static struct asking *asking_by_id(struct responders *s, uint64_t id)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->asking[i].key != NULL && s->asking[i].id == id)
            return &s->asking[i];
    return NULL;
}

static void ask_later(struct asking *a, uint64_t seconds)
{
    EVP_PKEY_free(a->key);
    a->key = NULL;
    a->not_before_us = clock_mono_us() + seconds * 1000000;
}

/* ---- what outlives us ---- */

/* In force from now on, and kept. Takes over the key on success. */
static int put_to_work(struct responders *s, struct asking *a, EVP_PKEY *key,
                       struct slice certificate, struct fault *f)
{
    int rc = ocsp_responder_delegate(s->responder, a->owner, key, certificate, f);

    if (rc != 0)
        return rc;
    buf_reset(&a->kept_key);
    buf_reset(&a->kept_certificate);
    if (ownkey_put(key, &a->kept_key) == 0)
        buf_put_slice(&a->kept_certificate, certificate);
    return 0;
}

static void keep_all(struct responders *s)
{
    struct kept *k = xcalloc(s->n + 1, sizeof *k);
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        const struct asking *a = &s->asking[i];

        if (a->kept_key.n == 0)
            continue;
        memcpy(k[n].owner, a->owner, sizeof k[n].owner);
        k[n].key = buf_slice(&a->kept_key);
        k[n++].certificate = buf_slice(&a->kept_certificate);
    }
    keep_write(s->keep_fd, k, n);
    free(k);
}

/* One that is over, or of an issuer that is gone, is asked for anew. */
static void take_kept(void *arg, const struct kept *k)
{
    struct responders *s = arg;
    const unsigned char *p = k->key.p;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)k->key.n);
    struct fault f;

    if (key == NULL)
        return;
    if (put_to_work(s, asking_of(s, k->owner), key, k->certificate, &f) == 0)
        log_info("ocsp.delegate.kept", "issuer_key", log_hex(slice_of(k->owner, 8)), NULL);
    else
        EVP_PKEY_free(key);
}

/* ---- answers of cerca-ca ---- */

static void on_delegated(struct conn *conn, void *owner, const struct frame *frame)
{
    struct responders *s = owner;
    struct asking *a = asking_by_id(s, frame->id);
    struct fault f;

    (void)conn;
    if (a == NULL)
        return;
    if (put_to_work(s, a, a->key, frame->body, &f) != 0) {
        log_fault(LOG_LEVEL_ERROR, "ocsp.delegate.refused", &f, NULL);
        ask_later(a, ASK_AGAIN_S);
        return;
    }
    a->key = NULL;
    a->said[0] = '\0';
    keep_all(s);
    log_info("ocsp.delegate.ready", "issuer_key", log_hex(slice_of(a->owner, 8)), NULL);
}

static void on_fault(struct conn *conn, void *owner, const struct frame *frame)
{
    struct responders *s = owner;
    struct asking *a = asking_by_id(s, frame->id);
    struct fault f;

    (void)conn;
    if (a == NULL || fault_get(frame->body, &f) != 0)
        return;
    /* An offline root's, for one, is refused for ever. */
    log_fault(strcmp(a->said, f.rule) == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
              "ocsp.delegate.failed", &f, "issuer_key", log_hex(slice_of(a->owner, 8)), NULL);
    (void)snprintf(a->said, sizeof a->said, "%s", f.rule);
    if (!fault_retryable(&f))
        ask_later(a, REFUSED_AGAIN_S);
    else
        ask_later(a,
                  f.retry_after > 0 && f.retry_after < ASK_AGAIN_S ? f.retry_after : ASK_AGAIN_S);
}

static void on_closed(struct conn *conn, void *owner)
{
    struct responders *s = owner;

    (void)conn;
    s->conn = NULL;
    buf_reset(&s->told);
    s->counted = (struct counters){0};
    for (size_t i = 0; i < s->n; i++)
        if (s->asking[i].key != NULL)
            ask_later(&s->asking[i], 1);
}

static const struct permit permits[] = {{MSG_DELEGATED, FRAME_BODY_MAX, on_delegated},
                                        {MSG_FAULT, FRAME_BODY_MAX, on_fault}};
static const struct conn_callbacks callbacks = {
    .permits = permits, .n_permits = 2, .closed = on_closed};

static bool connected(struct responders *s)
{
    struct buf path;
    struct fault f;
    int fd;

    if (s->conn != NULL)
        return true;
    buf_init(&path, PATH_MAX);
    conf_delegate_socket(s->conf, &path);
    fd = connect_unix(buf_cstr(&path), &f);
    buf_free(&path);
    if (fd >= 0)
        s->conn = conn_new(s->loop, fd, &callbacks, s);
    return fd >= 0;
}

/* ---- asking ---- */

/* Whoever can verify what the issuer signed shall be able to verify the answers (RFC
 * 6960 4.4.7.2.1), and RSA is all that every client of OCSP must know (4.3). */
static enum key_type key_beside(enum key_type issuer)
{
    return issuer == KEY_RSA ? KEY_RSA : KEY_P256;
}

static void ask(struct responders *s, struct asking *a, enum key_type type)
{
    struct delegate_request r;
    struct buf csr, body;
    struct fault f;

    buf_init(&csr, CSR_MAX);
    buf_init(&body, FRAME_BODY_MAX);
    a->id = ++s->next_id;
    if (ownkey_new(type, &a->key, &csr, &f) == 0) {
        memcpy(r.owner, a->owner, sizeof r.owner);
        r.csr = buf_slice(&csr);
        delegate_request_put(&body, &r);
        conn_send(s->conn, MSG_DELEGATE, a->id, buf_slice(&body), -1);
    } else {
        log_fault(LOG_LEVEL_ERROR, "ocsp.delegate.key", &f, NULL);
        ask_later(a, ASK_AGAIN_S);
    }
    buf_free(&csr);
    buf_free(&body);
}

/* Whenever that is not what cerca-ca was told last. */
static void tell_state(struct responders *s, const struct ocsp_issuer_state *i, size_t n)
{
    struct delegate_state *state = xcalloc(n + 1, sizeof *state);
    struct buf body;

    for (size_t k = 0; k < n; k++) {
        memcpy(state[k].owner, i[k].owner, sizeof state[k].owner);
        state[k].not_before = i[k].delegate_not_before;
        state[k].not_after = i[k].delegate_not_after;
        state[k].next = i[k].delegate_next;
        state[k].blind = i[k].view_failed;
    }
    buf_init(&body, FRAME_BODY_MAX);
    delegate_states_put(&body, state, (uint32_t)n);
    if (!slice_eq(buf_slice(&body), buf_slice(&s->told)) && connected(s)) {
        conn_send(s->conn, MSG_DELEGATE_STATE, 0, buf_slice(&body), -1);
        buf_reset(&s->told);
        buf_put_slice(&s->told, buf_slice(&body));
    }
    buf_free(&body);
    free(state);
}

/* Likewise. */
static void tell_counters(struct responders *s)
{
    struct counters now;
    struct buf body;

    counters_now(&now);
    if (s->conn == NULL || memcmp(&now, &s->counted, sizeof now) == 0)
        return;
    buf_init(&body, FRAME_BODY_MAX);
    counters_put(&body, &now);
    conn_send(s->conn, MSG_COUNTERS, 0, buf_slice(&body), -1);
    buf_free(&body);
    s->counted = now;
}

static void look_for_issuers(struct responders *s)
{
    struct fault f;
    bool failed;

    if (s->scanned_us != 0 && clock_mono_us() - s->scanned_us < SCAN_EVERY_US)
        return;
    s->scanned_us = clock_mono_us();
    failed = ocsp_responder_scan(s->responder, s->conf->view_dir, &f) != 0;
    if (failed && !s->scan_failed)
        log_fault(LOG_LEVEL_ERROR, "ocsp.view.failed", &f, NULL);
    s->scan_failed = failed;
}

static void on_turn(void *arg)
{
    struct responders *s = arg;
    struct ocsp_issuer_state *i = xcalloc(OCSP_ISSUERS_MAX, sizeof *i);
    size_t n;

    look_for_issuers(s);
    n = ocsp_responder_issuers(s->responder, i, OCSP_ISSUERS_MAX);
    n = n < OCSP_ISSUERS_MAX ? n : OCSP_ISSUERS_MAX;
    if (s->own != NULL)
        nodekey_look(s->own, i, n);
    for (size_t k = 0; s->own == NULL && k < n; k++) {
        struct asking *a = asking_of(s, i[k].owner);

        if (a->key == NULL && clock_now() >= i[k].delegate_next &&
            clock_mono_us() >= a->not_before_us && connected(s))
            ask(s, a, key_beside(i[k].key_type));
    }
    tell_state(s, i, n);
    tell_counters(s);
    free(i);
    loop_timer_set(s->turn, TURN_MS);
}

struct responders *responders_new(struct loop *l, const struct conf *c, struct ocsp_responder *r,
                                  EVP_PKEY *own_key, int keep_fd)
{
    struct responders *s = xcalloc(1, sizeof *s);

    *s = (struct responders){.loop = l, .conf = c, .responder = r, .keep_fd = keep_fd};
    buf_init(&s->told, FRAME_BODY_MAX);
    s->turn = loop_timer(l, on_turn, s);
    look_for_issuers(s);
    if (own_key != NULL)
        s->own = nodekey_new(own_key, c->view_dir, r);
    else
        keep_read(keep_fd, take_kept, s);
    on_turn(s);
    return s;
}

void responders_free(struct responders *s)
{
    if (s == NULL)
        return;
    conn_close(s->conn);
    for (size_t i = 0; i < s->n; i++) {
        EVP_PKEY_free(s->asking[i].key);
        buf_free(&s->asking[i].kept_key);
        buf_free(&s->asking[i].kept_certificate);
    }
    free(s->asking);
    buf_free(&s->told);
    nodekey_free(s->own);
    loop_timer_free(s->turn);
    free(s);
}
