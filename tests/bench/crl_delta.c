/*
 * A delta CRL of CHANGES entries over a full one of N: what has changed is gathered out of the
 * store, built, read and hashed as the signer does, signed, verified, assembled, and the file
 * synced; the same with what was gathered for the delta before. For comparison the full one, and
 * one of SHARDS parts of it, from the same store. Prints milliseconds of the four.
 *
 *   crl_delta N CHANGES FOLDER
 *
 * The store stays in FOLDER. It is filled by its own operations, unsynced: intents that are revoked
 * before they are signed, since a CRL does not tell who was. Each delta is made as often as TURNS,
 * by a list of changes that knows nothing yet, and its mean counts.
 */
#include <openssl/ec.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/audit/audit.h"
#include "ca/crl/changes.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "tests/bench/help/onecrl.h"

#define WINDOW 1024
#define TURNS 5
#define SHARDS 16
#define TBS_LEN 600 /* octets; the store does not decode them */

struct bench {
    struct store *store;
    uint16_t issuer;
    uint64_t tick;
    int64_t now;
    uint8_t tbs[TBS_LEN];
    pthread_mutex_t lock;
    pthread_cond_t room;
    size_t under_way;
};

struct one {
    struct bench *b;
    struct store_op op;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "crl_delta: %s\n", what);
    exit(1);
}

static void on_done(struct store_op *op)
{
    struct one *o = op->arg;
    struct bench *b = o->b;

    if (op->result != 0)
        die(op->fault.text);
    if (op->kind == STORE_RESERVE) {
        op->kind = STORE_REVOKE;
        op->reason = 4;
        op->audit.action = AUDIT_REVOKE;
        store_submit(b->store, op);
        return;
    }
    free(o);
    pthread_mutex_lock(&b->lock);
    b->under_way--;
    pthread_cond_signal(&b->room);
    pthread_mutex_unlock(&b->lock);
}

static void fill(struct bench *b, struct store_op *op)
{
    struct store_intent *i = &op->intent;
    uint64_t tick = ++b->tick;

    random_bytes(op->ref.serial, SERIAL_LEN);
    op->ref.serial[0] = (uint8_t)(0x40 | (tick >> 40));
    for (int k = 1; k < 6; k++)
        op->ref.serial[k] = (uint8_t)(tick >> (40 - 8 * k));
    op->ref.issuer = b->issuer;
    op->kind = STORE_RESERVE;
    op->time = b->now;
    i->tbs = slice_of(b->tbs, sizeof(b->tbs));
    i->alg = SIG_ECDSA_SHA256;
    i->profile = i->requester = i->owner = "bench";
    i->not_before = b->now;
    i->not_after = b->now + 90 * (int64_t)86400;
    random_bytes(i->spki_hash, sizeof(i->spki_hash));
    random_bytes(i->identity, sizeof(i->identity));
    op->audit.action = AUDIT_INTENT;
    op->audit.time = b->now;
}

static void wait_for(struct bench *b, size_t at_most)
{
    pthread_mutex_lock(&b->lock);
    while (b->under_way > at_most)
        pthread_cond_wait(&b->room, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static void revoke_new(struct bench *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct one *o = xcalloc(1, sizeof(*o));

        wait_for(b, WINDOW - 1);
        pthread_mutex_lock(&b->lock);
        b->under_way++;
        pthread_mutex_unlock(&b->lock);
        o->b = b;
        fill(b, &o->op);
        o->op.done = on_done;
        o->op.arg = o;
        store_submit(b->store, &o->op);
    }
    wait_for(b, 0);
}

struct all {
    struct bench *b;
    uint16_t shards; /* the first part of so many; 1: all */
    uint8_t after[SERIAL_LEN];
    struct store_revoked row[CRL_SOURCE_BATCH];
};

static int give_all(void *arg, struct crl_entry *out, size_t max, size_t *n, struct fault *f)
{
    struct all *a = arg;

    size_t found;

    *n = 0;
    do {
        if (store_revoked(a->b->store, a->b->issuer, a->after, a->row, max, &found, f) != 0)
            return -(int)f->code;
        for (size_t i = 0; i < found; i++)
            if (crl_shard_of(a->row[i].serial, a->shards) == 0)
                crl_entry_of(&a->row[i], &out[(*n)++]);
        if (found > 0)
            memcpy(a->after, a->row[found - 1].serial, SERIAL_LEN);
    } while (found > 0 && *n == 0);
    return 0;
}

/* The full one, or a part of so many. */
static double full(struct bench *b, struct onecrl *o, uint16_t shards, size_t n)
{
    struct all *a = xcalloc(1, sizeof(*a));
    double took;

    a->b = b;
    a->shards = shards;
    took = onecrl_make(o, give_all, a);
    if (shards == 1 ? o->entries != n : o->entries > n / shards * 2 + 100)
        die("the CRL has not got the entries that it should have");
    free(a);
    return took;
}

/* With *kept it goes on from there. */
static double delta(struct bench *b, struct onecrl *o, uint64_t base, size_t n,
                    struct crl_changes **kept)
{
    struct crl_changes *c = *kept != NULL ? *kept : crl_changes_new(b->store);
    uint64_t since = clock_mono_us();
    struct fault f;
    double took;

    if (crl_changes_gather(c, b->issuer, base, &f) != 0)
        die(f.text);
    took = (double)(clock_mono_us() - since) / 1e6 + onecrl_make(o, crl_changes_next, c);
    if (o->entries != n)
        die("the delta has not got all entries");
    *kept = c;
    return took;
}

static uint64_t change_of(struct bench *b)
{
    struct store_stats stats;
    struct fault f;

    if (store_stats(b->store, &stats, &f) != 0)
        die(f.text);
    return stats.change;
}

static void measure(struct bench *b, const char *folder, size_t n, size_t changes)
{
    struct onecrl o = {.key = EVP_EC_gen("P-256"), .folder = folder, .sync = true};
    struct crl_changes *kept = NULL;
    double of_full, of_part, first = 0, next = 0;
    uint64_t base;

    o.spec.this_update = b->now;
    o.spec.next_update = b->now + 604800;
    o.spec.number = (uint64_t)b->now;
    of_full = full(b, &o, 1, n);
    of_part = full(b, &o, SHARDS, n);
    base = change_of(b);
    revoke_new(b, changes);
    o.spec.delta = true;
    o.spec.base = o.spec.number++;
    for (int i = 0; i < TURNS; i++) {
        first += delta(b, &o, base, changes, &kept);
        next += delta(b, &o, base, changes, &kept);
        crl_changes_free(kept);
        kept = NULL;
    }
    printf("%.1f %.1f %.1f %.1f\n", first * 1e3 / TURNS, next * 1e3 / TURNS, of_full * 1e3,
           of_part * 1e3);
    EVP_PKEY_free(o.key);
}

int main(int argc, char **argv)
{
    struct bench b = {.lock = PTHREAD_MUTEX_INITIALIZER, .room = PTHREAD_COND_INITIALIZER};
    size_t n = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
    size_t changes = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    const char *folder = argc == 4 ? argv[3] : "";
    struct store_options o = {
        .no_sync = true, .no_derive = true, .quota = 1ULL << 40, .request_key_life = 600};
    static const uint8_t hash[32] = {1};
    char dir[4096];
    struct fault f;

    log_open("crl_delta", LOG_LEVEL_WARN);
    (void)snprintf(dir, sizeof(dir), "%s/crl_delta.XXXXXX", folder);
    if (n == 0 || changes == 0 || mkdtemp(dir) == NULL)
        die("usage: crl_delta N CHANGES FOLDER");
    o.dir = dir;
    o.intent_grace = 600;
    b.now = clock_now();
    random_bytes(b.tbs, sizeof(b.tbs));
    b.tick = clock_ticks();
    if (store_open(&o, &b.store, &f) != 0 ||
        store_issuer_add(b.store, "bench", hash, &b.issuer, &f) != 0)
        die(f.text);
    revoke_new(&b, n);
    measure(&b, folder, n, changes);
    store_close(b.store);
    return 0;
}
