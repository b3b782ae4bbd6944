/*
 * Revokes certificates of a stopped CA, chosen at random, through the store's own operation: the
 * same rows, changes and audit records as a revocation by the door, only that the commits are not
 * synced and that 512 share one. The indexes, the view and the CRL follow at the next start.
 *
 *   bulk_revoke CONF COUNT SPARE FILE
 *
 * Writes the serials of SPARE other good certificates to FILE, a line each, in random order: some
 * to be revoked while something is measured.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/store.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/log.h"

#define WINDOW 512
#define REASON_SUPERSEDED 4

struct bulk {
    struct store *store;
    struct cert_ref *good;
    size_t n, cap;
    pthread_mutex_t lock;
    pthread_cond_t room;
    size_t under_way;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bulk_revoke: %s\n", what);
    exit(1);
}

static void keep(struct bulk *b, const struct cert_ref *ref)
{
    if (b->n == b->cap) {
        b->cap = b->cap == 0 ? 65536 : 2 * b->cap;
        b->good = xreallocarray(b->good, b->cap, sizeof(b->good[0]));
    }
    b->good[b->n++] = *ref;
}

static void find_good(struct bulk *b)
{
    struct store_change c[WINDOW];
    struct cert_ref after;
    struct fault f;
    size_t n;

    for (bool first = true;; first = false) {
        if (store_states(b->store, first ? NULL : &after, c, WINDOW, &n, &f) != 0)
            die(f.text);
        if (n == 0)
            return;
        for (size_t i = 0; i < n; i++)
            if (c[i].state == CERT_GOOD)
                keep(b, &c[i].ref);
        after = c[n - 1].ref;
    }
}

static void shuffle(struct bulk *b)
{
    for (size_t i = b->n; i > 1; i--) {
        struct cert_ref was = b->good[i - 1];
        uint64_t at;

        random_bytes(&at, sizeof(at));
        b->good[i - 1] = b->good[at % i];
        b->good[at % i] = was;
    }
}

static void on_done(struct store_op *op)
{
    struct bulk *b = op->arg;

    if (op->result != 0)
        die(op->fault.text);
    free(op);
    pthread_mutex_lock(&b->lock);
    b->under_way--;
    pthread_cond_signal(&b->room);
    pthread_mutex_unlock(&b->lock);
}

static void wait_for(struct bulk *b, size_t at_most)
{
    pthread_mutex_lock(&b->lock);
    while (b->under_way > at_most)
        pthread_cond_wait(&b->room, &b->lock);
    b->under_way++;
    pthread_mutex_unlock(&b->lock);
}

static void revoke(struct bulk *b, const struct cert_ref *ref)
{
    struct store_op *op = xcalloc(1, sizeof(*op));

    wait_for(b, WINDOW - 1);
    op->kind = STORE_REVOKE;
    op->ref = *ref;
    op->reason = REASON_SUPERSEDED;
    op->time = clock_now();
    op->audit.action = AUDIT_REVOKE;
    op->audit.time = op->time;
    op->audit.has_serial = true;
    op->audit.issuer = ref->issuer;
    memcpy(op->audit.serial, ref->serial, SERIAL_LEN);
    snprintf(op->audit.actor, sizeof(op->audit.actor), "operator:bench");
    snprintf(op->audit.origin, sizeof(op->audit.origin), "admin pid=12345");
    snprintf(op->audit.detail, sizeof(op->audit.detail), "reason=%d", REASON_SUPERSEDED);
    op->done = on_done;
    op->arg = b;
    store_submit(b->store, op);
}

static void write_spare(const struct bulk *b, size_t from, size_t n, const char *path)
{
    FILE *out = fopen(path, "w");
    char hex[2 * SERIAL_LEN + 1];

    if (out == NULL)
        die("cannot write the file");
    for (size_t i = from; i < from + n; i++) {
        hex_encode(slice_of(b->good[i].serial, SERIAL_LEN), hex);
        fprintf(out, "%s\n", hex);
    }
    if (fclose(out) != 0)
        die("cannot write the file");
}

int main(int argc, char **argv)
{
    struct bulk b = {.lock = PTHREAD_MUTEX_INITIALIZER, .room = PTHREAD_COND_INITIALIZER};
    struct store_options o = {.no_sync = true, .no_derive = true};
    struct conf *conf;
    struct fault f;
    size_t count, spare;

    fault_clear(&f);
    log_open("bulk_revoke", LOG_LEVEL_WARN);
    if (argc != 5)
        die("usage: bulk_revoke CONF COUNT SPARE FILE");
    if (conf_load(argv[1], &conf, &f) != 0)
        die(f.text);
    count = strtoul(argv[2], NULL, 10);
    spare = strtoul(argv[3], NULL, 10);
    o.dir = conf->store_dir;
    o.quota = conf->store_quota;
    o.request_key_life = conf->request_key_life;
    o.intent_grace = conf->intent_grace;
    if (store_open(&o, &b.store, &f) != 0)
        die(f.text);
    find_good(&b);
    if (count > b.n || spare > b.n - count)
        die("there are not so many good certificates");
    shuffle(&b);
    for (size_t i = 0; i < count; i++)
        revoke(&b, &b.good[i]);
    wait_for(&b, 0);
    write_spare(&b, count, spare, argv[4]);
    store_close(b.store);
    conf_free(conf);
    free(b.good);
    return 0;
}
