/* What core.c and bootstrap.c share. */
#ifndef CA_CORE_CORE_INNER_H
#define CA_CORE_CORE_INNER_H

#include <pthread.h>

#include "ca/core/core.h"
#include "ca/delegate/delegate.h"
#include "ca/enroll/enroll.h"
#include "ca/metrics/metrics.h"
#include "ca/delegate/nodes.h"

struct core {
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
    struct view *view;
    struct authorities *authorities;
    struct signer_link **links;
    size_t n_links;
    struct workers *workers, *readers;
    struct door *door;
    struct crl_publisher *crls;  /* NULL at set-up */
    struct ledger *ledger;       /* the audit log's checkpoints; none at set-up */
    struct exporter *exporter;   /* the view's exports; NULL: none */
    struct lifecycle *lifecycle; /* NULL at set-up */
    struct admin *admin;
    struct delegates *delegates; /* NULL: no socket */
    struct enroll *enroll;       /* NULL: no socket */
    struct nodes *nodes;         /* NULL: none */
    struct metrics *metrics;     /* NULL: no socket */
    struct watch *watch;         /* notices; NULL at set-up */
    struct forgetter *forgetter; /* of what is scanned no more; may be NULL */
    struct jobs *jobs;           /* scans; NULL: none are configured */
    struct conn *control;
    struct loop_timer *drain;
    uint64_t drain_since_us;
    pthread_t keeper; /* housekeeping of the view */
    bool has_keeper;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    struct bootstrap *bootstrap; /* from core_bootstrap on */
};

/* bootstrap.c: the keys of a signer that has just come up. */
void bootstrap_keys(struct bootstrap *b, const struct signer_key *keys, size_t n);
void bootstrap_free(struct bootstrap *b);

#endif
