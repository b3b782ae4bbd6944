/*
 * Fills the store of a stopped CA with certificates, through the store's own
 * operations: the same reserve and finish, so the same pages, as the door makes; only
 * the syncs between commits are left out, and the signatures are random octets
 * of the right length. They are recorded as an hour old, so that their request keys have lived
 * their life, as in any CA that did not issue all of it in the last ten minutes. The indexes and
 * the view follow at the next start.
 *
 *   bulk_load CONF COUNT
 *
 * Prints progress on standard error when it is a terminal.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/audit/audit.h"
#include "ca/store/store.h"
#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/der.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/pem.h"
#include "lib/tbs.h"

#define WINDOW 512
#define AGE 3600         /* seconds */
#define SIGNATURE_LEN 71 /* an ECDSA P-256 signature, most often */

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bulk_load: %s\n", what);
    exit(1);
}

struct bulk {
    struct store *store;
    uint64_t tick; /* of the newest serial */
    struct cert issuer;
    struct buf issuer_der;
    uint16_t number;
    const struct conf *conf;
    const struct conf_issuer *conf_issuer;
    size_t count, made;
    pthread_mutex_t lock;
    pthread_cond_t room;
    size_t under_way;
};

struct one {
    struct bulk *bulk;
    struct store_op op;
    struct buf tbs, der;
    uint8_t signature[SIGNATURE_LEN];
    char owner[32];
    bool finishing;
};

static void release(struct one *o)
{
    struct bulk *b = o->bulk;

    buf_free(&o->tbs);
    buf_free(&o->der);
    free(o);
    pthread_mutex_lock(&b->lock);
    b->under_way--;
    pthread_cond_signal(&b->room);
    pthread_mutex_unlock(&b->lock);
}

static void audit(struct one *o, enum audit_action action)
{
    struct audit_event *e = &o->op.audit;

    memset(e, 0, sizeof(*e));
    e->action = action;
    e->time = o->op.time;
    snprintf(e->actor, sizeof(e->actor), "operator:bench");
    snprintf(e->origin, sizeof(e->origin), "admin pid=12345");
    snprintf(e->profile, sizeof(e->profile), "tls-server");
    e->has_serial = true;
    memcpy(e->serial, o->op.ref.serial, SERIAL_LEN);
    e->issuer = o->op.ref.issuer;
}

static void on_done(struct store_op *op)
{
    struct one *o = op->arg;

    if (op->result != 0)
        die(op->fault.text);
    if (o->finishing) {
        release(o);
        return;
    }
    o->finishing = true;
    op->kind = STORE_FINISH;
    op->signature = slice_of(o->signature, sizeof(o->signature));
    buf_reset(&o->der);
    cert_assemble(&o->der, buf_slice(&o->tbs), o->bulk->conf_issuer->alg, op->signature);
    cert_fingerprint(buf_slice(&o->der), op->fingerprint);
    audit(o, AUDIT_FINISH);
    store_submit(o->bulk->store, op);
}

static void write_tbs(struct bulk *b, struct one *o, size_t n, int64_t now)
{
    struct tbs_spec spec = {.alg = b->conf_issuer->alg, .path_len = -1};
    struct san_list sans = {.n = 1};
    uint8_t subject[2] = {DER_SEQUENCE, 0}, spki[91];
    char name[64];

    memcpy(spki, b->issuer.key.der.p, sizeof(spki));
    random_bytes(spki + 27, 64); /* another point; the store never decodes it */
    snprintf(name, sizeof(name), "h%zu-bulk.bench.example", n);
    sans.item[0] = (struct san){SAN_DNS, slice_str(name)};
    memcpy(spec.serial, o->op.ref.serial, SERIAL_LEN);
    spec.issuer = b->issuer.subject;
    spec.subject = slice_of(subject, sizeof(subject));
    spec.not_before = now - 300;
    spec.not_after = now + 90 * (int64_t)86400;
    spec.spki = slice_of(spki, sizeof(spki));
    sha256(spec.spki, o->op.intent.spki_hash);
    memcpy(spec.subject_key_id, o->op.intent.spki_hash, 20);
    spec.has_authority_key_id = true;
    memcpy(spec.authority_key_id, b->issuer.subject_key_id.p, 20);
    spec.key_usage = KU_DIGITAL_SIGNATURE;
    spec.eku = EKU_SERVER_AUTH;
    spec.sans = &sans;
    spec.ocsp_url = b->conf_issuer->ocsp_url;
    spec.issuer_url = b->conf_issuer->issuer_url;
    spec.crl_url = b->conf_issuer->crl_url;
    tbs_put(&o->tbs, &spec);
    o->op.intent.not_before = spec.not_before;
    o->op.intent.not_after = spec.not_after;
}

/* One tick a certificate: the load is faster than the 10,000 a second of real
 * serials, which the CA takes for a clock that is behind until it has caught up. */
static void next_serial(struct bulk *b, uint8_t out[SERIAL_LEN])
{
    uint64_t tick = ++b->tick;

    random_bytes(out, SERIAL_LEN);
    out[0] = (uint8_t)(0x40 | (tick >> 40));
    for (int i = 1; i < 6; i++)
        out[i] = (uint8_t)(tick >> (40 - 8 * i));
}

static void submit_one(struct bulk *b, size_t n)
{
    struct one *o = xcalloc(1, sizeof(*o));
    struct store_intent *i = &o->op.intent;
    int64_t now = clock_now() - AGE;

    o->bulk = b;
    buf_init(&o->tbs, TBS_MAX);
    buf_init(&o->der, CERT_MAX);
    next_serial(b, o->op.ref.serial);
    o->op.ref.issuer = b->number;
    write_tbs(b, o, n, now);
    random_bytes(o->signature, sizeof(o->signature));
    random_bytes(i->identity, sizeof(i->identity));
    random_bytes(i->request_key, sizeof(i->request_key));
    snprintf(o->owner, sizeof(o->owner), "team-%zu", n % 100);
    o->op.kind = STORE_RESERVE;
    o->op.time = now;
    i->tbs = buf_slice(&o->tbs);
    i->alg = b->conf_issuer->alg;
    i->profile = "tls-server";
    i->requester = "operator:bench";
    i->owner = o->owner;
    i->has_request_key = true;
    memcpy(i->generation, b->conf->generation, sizeof(i->generation));
    audit(o, AUDIT_INTENT);
    o->op.done = on_done;
    o->op.arg = o;
    store_submit(b->store, &o->op);
}

static void wait_for(struct bulk *b, size_t at_most)
{
    pthread_mutex_lock(&b->lock);
    while (b->under_way > at_most)
        pthread_cond_wait(&b->room, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static void run(struct bulk *b)
{
    bool show = isatty(STDERR_FILENO);

    for (size_t n = 0; n < b->count; n++) {
        wait_for(b, WINDOW - 1);
        pthread_mutex_lock(&b->lock);
        b->under_way++;
        pthread_mutex_unlock(&b->lock);
        submit_one(b, n);
        if (show && n % 10000 == 0)
            fprintf(stderr, "\rbulk_load: %zu of %zu", n, b->count);
    }
    wait_for(b, 0);
    if (show)
        fprintf(stderr, "\rbulk_load: %zu done   \n", b->count);
}

static void find_issuer(struct bulk *b, struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf pem;
    uint8_t hash[32];

    b->conf_issuer = conf_issuer(b->conf, "issuing");
    if (b->conf_issuer == NULL)
        die("the configuration has no issuer \"issuing\"");
    buf_init(&pem, CERT_MAX * 2);
    buf_init(&b->issuer_der, CERT_MAX);
    if (file_read(b->conf_issuer->certificate, CERT_MAX * 2, &pem, f) != 0 ||
        pem_or_der(buf_slice(&pem), labels, &b->issuer_der, f) != 0 ||
        cert_parse(buf_slice(&b->issuer_der), &b->issuer, f) != 0)
        die(f->text);
    if (b->issuer.key.type != KEY_P256)
        die("the issuing CA's key must be P-256");
    spki_hash(&b->issuer.key, hash);
    if (store_issuer_add(b->store, "issuing", hash, &b->number, f) != 0)
        die(f->text);
    buf_free(&pem);
}

int main(int argc, char **argv)
{
    struct bulk b = {.lock = PTHREAD_MUTEX_INITIALIZER, .room = PTHREAD_COND_INITIALIZER};
    struct store_options o = {.no_sync = true, .no_derive = true};
    struct store_stats stats;
    struct conf *conf;
    struct fault f;

    fault_clear(&f);
    log_open("bulk_load", LOG_LEVEL_WARN);
    if (argc != 3)
        die("usage: bulk_load CONF COUNT");
    if (conf_load(argv[1], &conf, &f) != 0)
        die(f.text);
    b.conf = conf;
    b.count = strtoul(argv[2], NULL, 10);
    o.dir = conf->store_dir;
    o.quota = conf->store_quota;
    o.request_key_life = conf->request_key_life;
    o.intent_grace = conf->intent_grace;
    if (store_open(&o, &b.store, &f) != 0 || store_stats(b.store, &stats, &f) != 0)
        die(f.text);
    b.tick = stats.last_tick;
    find_issuer(&b, &f);
    run(&b);
    store_close(b.store);
    buf_free(&b.issuer_der);
    conf_free(conf);
    return 0;
}
