/* One issuer's CRL on its way: what the files of ca/crl share. */
#ifndef CA_CRL_SLOT_H
#define CA_CRL_SLOT_H

#include <stdatomic.h>

#include "ca/crl/publisher.h"
#include "ca/door/workers.h"
#include "ca/store/crls.h"
#include "crl/build.h"

#define CRL_FILE "crl.der"

struct waiter {
    struct waiter *next;
    struct requester who;
    crl_reply reply;
    void *arg;
};

#define CRL_PAUSE_MAX 600  /* seconds between two attempts, at most */
#define CRL_CLOCK_SLACK 60 /* seconds that a clock may go back without being called set back */

struct slot {
    struct work work; /* first: the worker hands back this */
    struct crl_publisher *p;
    struct authority *a; /* the thread looks at its configuration only */
    atomic_uint number;  /* in the store; 0: no certificate yet */
    /* the loop's */
    bool loaded, busy;
    bool dirty; /* somebody was revoked since the CRL was begun ... */
    int64_t dirty_since;
    atomic_bool told; /* ... and the loop is told only once */
    bool failed;      /* the last attempt; why, and when to try again: */
    struct fault why;
    unsigned failures;
    int64_t retry_at;
    struct waiter *waiting, *serving;
    struct store_crl row;
    bool missing; /* the file is not what was recorded */
    /* the thread's while busy */
    void (*step)(struct slot *s); /* fills fault */
    void (*then)(struct slot *s); /* on the loop */
    struct fault fault;
    struct store_crl next; /* being made */
    bool scheduled;
    bool behind; /* crl_step_load: changes are recorded that the CRL does not have */
    struct requester who;
    struct buf subject, spki; /* of the issuer's certificate */
    uint8_t key_id[20];
    int dirfd;
    struct crl_draft draft;
    int read_fd; /* the draft again, for the signer */
    struct buf signature;
    int install_fd;  /* what is to be installed; -1 */
    crl_reply reply; /* of an installation */
    void *arg;
    struct slot *next_install;
};

struct crl_publisher {
    struct crl_parts parts;
    struct workers *worker;
    struct loop_timer *timer;
    bool stopping;
    size_t n;
    struct slot *slot;    /* one an authority */
    struct slot *install; /* installations under way */
};

/* make.c: steps on the thread. */
void crl_step_load(struct slot *s);
void crl_step_draft(struct slot *s);
void crl_step_finish(struct slot *s);
/* The file that becomes the CRL; then puts it into place and records s->next, or sets s->fault. */
void crl_put_in_place(struct slot *s, int fd);
int crl_open_new(struct slot *s, int *fd, struct fault *f) WARN_UNUSED;
void crl_close_draft(struct slot *s);
/* install.c */
void crl_step_install(struct slot *s);
/* row.c */
int64_t crl_slot_due(const struct slot *s, int64_t now);
/* After a failure; a clock that was set back does not make it wait for longer. */
bool crl_slot_waits(const struct slot *s, int64_t now);
void crl_slot_row(const struct slot *s, int64_t now, struct crl_row *out);
bool crl_slot_offline(const struct slot *s);

#endif
