/* What the files of the ledger share. */
#ifndef CA_LEDGER_LEDGER_INNER_H
#define CA_LEDGER_LEDGER_INNER_H

#include <pthread.h>

#include "ca/ledger/ledger.h"
#include "ca/ledger/seal.h"
#include "ca/ledger/tiles.h"
#include "ca/store/pace.h"

struct waiter {
    ledger_reply reply;
    void *arg;
    struct waiter *next;
};

/* Who waited for a checkpoint, on the way back to the loop. */
struct outcome {
    struct waiter *waiters;
    struct fault fault;
};

struct ledger {
    struct ledger_parts parts;
    char *dir;    /* view/audit; of a log that a restore began, view/audit/NUMBER */
    char *origin; /* as configured, with the same behind it */
    pthread_t thread;
    bool runs;

    /* the thread's own */
    struct tiles *tiles;
    struct sealer *sealer;
    uint64_t next_prune_us;
    struct pace pace;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    struct waiter *waiters;

    /* what is known of the newest one */
    uint64_t size; /* 0: none */
    int64_t time;
    bool other_origin;   /* it is of a log of another name */
    uint64_t retry_us;   /* no attempt before; monotonic */
    struct fault why;    /* of the last attempt */
    struct fault export; /* of the last write to the operator's folder */
};

/* checkpoint.c: one checkpoint over all that the tiles hold; writes down how it went. */
int ledger_sign(struct ledger *l, struct fault *f) WARN_UNUSED;
/* At start: what is known of the newest one; publishes it where that was missed. *root is what
 * it says of the tree. */
int ledger_recall(struct ledger *l, uint8_t root[32], struct fault *f) WARN_UNUSED;

#endif
