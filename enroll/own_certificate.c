#include "enroll/own_certificate.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/der.h"
#include "lib/keep.h"
#include "lib/log.h"
#include "lib/ownkey.h"
#include "lib/proto.h"

#define LOOK_MS 5000        /* at least so often: the clock may be set */
#define ASK_AGAIN_S 5       /* after what may be over soon */
#define REFUSED_AGAIN_S 600 /* after what only a new configuration changes */
#define CHAIN_MAX 65536

struct own_certificate {
    const struct conf *conf;
    struct ca_link *link;
    struct httpd_tls *tls;
    struct loop_timer *turn;
    int keep_fd;
    EVP_PKEY *key;          /* of the request that is not answered yet; NULL: none */
    bool ready;             /* one is shown */
    int64_t due;            /* when it is asked for anew; 0: now */
    uint64_t not_before_us; /* not asked before */
};

/* ---- showing one ---- */

static bool has_names(const struct own_certificate *o, const struct cert *c)
{
    uint8_t arena[HTTPS_ARENA];
    struct san_list names;
    struct fault f;

    fault_clear(&f);
    if (conf_https_names(o->conf, &names, arena, &f) != 0 || names.n != c->sans.n)
        return false;
    for (size_t i = 0; i < names.n; i++)
        if (!san_list_has(&c->sans, &names.item[i]))
            return false;
    return true;
}

/* `chain` begins with the certificate. */
static int show(struct own_certificate *o, struct slice key, struct slice chain, struct fault *f)
{
    struct slice in = chain, leaf;
    struct cert c;

    if (der_get_whole(&in, DER_SEQUENCE, &leaf) != 0)
        return fault_set(f, FAULT_MALFORMED, "tls.certificate", "there is no certificate");
    if (cert_parse(leaf, &c, f) != 0 || httpd_tls_show(o->tls, key, chain, f) != 0)
        return -(int)f->code;
    o->ready = true;
    o->due = has_names(o, &c) ? c.not_before + (c.not_after - c.not_before) / 2 : 0;
    return 0;
}

/* One that is over is as if it were not there. */
static void take_kept(void *arg, const struct kept *k)
{
    struct own_certificate *o = arg;
    struct fault f;

    fault_clear(&f);
    if (show(o, k->key, k->certificate, &f) == 0)
        log_info("https.certificate.kept", NULL);
    else
        log_fault(LOG_LEVEL_WARN, "https.certificate.kept.refused", &f, NULL);
}

/* ---- asking for one ---- */

static void ask_later(struct own_certificate *o, uint64_t seconds)
{
    EVP_PKEY_free(o->key);
    o->key = NULL;
    o->not_before_us = clock_mono_us() + seconds * 1000000;
    loop_timer_set(o->turn, seconds * 1000 < LOOK_MS ? seconds * 1000 : LOOK_MS);
}

static int take_issued(struct own_certificate *o, struct slice body, struct fault *f)
{
    struct kept k = {.owner = {0}};
    struct buf key, chain;
    struct issued i;
    int rc;

    if (issued_get(body, &i) != 0)
        return fault_set(f, FAULT_MALFORMED, "tls.certificate", "cerca-ca answers nonsense");
    buf_init(&key, OWNKEY_DER_MAX);
    buf_init(&chain, CHAIN_MAX);
    buf_put_slice(&chain, i.certificate);
    buf_put_slice(&chain, i.chain);
    rc = ownkey_put(o->key, &key) == 0
             ? show(o, buf_slice(&key), buf_slice(&chain), f)
             : fault_set(f, FAULT_INTERNAL, "tls.certificate", "OpenSSL cannot write the key");
    k.key = buf_slice(&key);
    k.certificate = buf_slice(&chain);
    if (rc == 0)
        keep_write(o->keep_fd, &k, 1);
    buf_free(&key);
    buf_free(&chain);
    return rc;
}

static void on_reply(void *arg, uint16_t type, struct slice body, const struct fault *fault)
{
    struct own_certificate *o = arg;
    struct fault f;

    fault_clear(&f);
    if (fault != NULL)
        f = *fault;
    else if (type == MSG_ISSUED)
        (void)take_issued(o, body, &f);
    if (f.code == FAULT_NONE) {
        log_info("https.certificate.ready", NULL);
        ask_later(o, 0);
        return;
    }
    log_fault(LOG_LEVEL_WARN, "https.certificate.failed", &f, NULL);
    ask_later(o, fault_retryable(&f) ? ASK_AGAIN_S : REFUSED_AGAIN_S);
}

static void ask(struct own_certificate *o)
{
    struct buf csr;
    struct fault f;

    fault_clear(&f);
    buf_init(&csr, CSR_MAX);
    if (ownkey_new(KEY_P256, &o->key, &csr, &f) == 0) {
        ca_link_ask(o->link, MSG_ENROLL_SERVER, &csr, on_reply, o);
    } else {
        log_fault(LOG_LEVEL_ERROR, "https.certificate.key", &f, NULL);
        ask_later(o, ASK_AGAIN_S);
    }
    buf_free(&csr);
}

static void on_turn(void *arg)
{
    struct own_certificate *o = arg;

    if (o->key != NULL) /* asked; the answer sets the timer */
        return;
    if (clock_now() >= o->due && clock_mono_us() >= o->not_before_us)
        ask(o);
    else
        loop_timer_set(o->turn, LOOK_MS);
}

struct own_certificate *own_certificate_new(struct loop *l, const struct conf *c, struct ca_link *k,
                                            struct httpd_tls *t, int keep_fd)
{
    struct own_certificate *o = xcalloc(1, sizeof *o);

    *o = (struct own_certificate){.conf = c, .link = k, .tls = t, .keep_fd = keep_fd};
    o->turn = loop_timer(l, on_turn, o);
    keep_read(keep_fd, take_kept, o);
    on_turn(o);
    return o;
}

bool own_certificate_ready(const struct own_certificate *o)
{
    return o->ready;
}

void own_certificate_free(struct own_certificate *o)
{
    if (o == NULL)
        return;
    EVP_PKEY_free(o->key);
    loop_timer_free(o->turn);
    free(o);
}
