/* One CRL on its way: what the files of ca/crl share. */
#ifndef CA_CRL_SLOT_H
#define CA_CRL_SLOT_H

#include <stdatomic.h>

#include "ca/crl/changes.h"
#include "ca/crl/publisher.h"
#include "ca/door/workers.h"

struct waiter {
    struct waiter *next;
    struct requester who;
    crl_reply reply;
    void *arg;
};

#define CRL_PAUSE_MAX 600  /* seconds between two attempts, at most */
#define CRL_CLOCK_SLACK 60 /* seconds that a clock may go back without being called set back */
/* A delta is over a CRL for so long after the next one, in seconds: as long as HTTP caches may
 * have that (public/document.c). */
#define CRL_BASE_STAYS 3600

/* A full CRL, or where that is in force. */
struct crl_base {
    uint64_t number; /* 0: none */
    uint64_t change;
    int64_t time; /* its thisUpdate */
};

struct slot {
    struct work work; /* first: the worker hands back this */
    struct crl_publisher *p;
    struct authority *a;  /* the thread looks at its configuration only */
    struct crl_name name; /* which of the issuer's CRLs: constant */
    struct slot *full;    /* the issuer's full one, perhaps this: constant */
    struct slot *delta;   /* of the full one: its deltas, or NULL; constant */
    atomic_uint number;   /* of the issuer in the store; 0: no certificate yet */
    /* of the full one: the parts; only prepended, by the loop */
    struct parts *_Atomic parts;
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
    bool missing;          /* the file is not what was recorded */
    bool interrupted;      /* a number was taken before a crash, for nothing */
    bool renew;            /* of the full one: that one has to say where the deltas are */
    struct crl_base later; /* of deltas: what they will be over, in time */
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
    struct crl_changes *changes; /* of deltas; NULL: of none yet */
    struct crl_draft draft;
    int read_fd; /* the draft again, for the signer */
    struct buf signature;
    bool has_shards[CRL_SHARDS_MAX + 1]; /* of the full one, crl_step_load: parts ever made */
    int install_fd;                      /* what is to be installed; -1 */
    crl_reply reply;                     /* of an installation */
    void *arg;
    struct slot *next_install;
};

/* The parts of one number. */
struct parts {
    struct parts *next;
    uint16_t n;
    struct slot *slot; /* n of them */
};

struct crl_publisher {
    struct crl_parts parts;
    struct workers *worker;
    struct loop_timer *timer;
    bool stopping, looking;
    int64_t parts_retry_at; /* no part before that time */
    bool part_busy;         /* one part at a time, so that the others do not wait for all of them */
    size_t n;
    struct slot *slot;    /* the full one of each authority */
    struct slot *install; /* installations under way */
};

/* publisher.c, on the loop */
void crl_look(struct crl_publisher *p);
void crl_push(struct slot *s, void (*step)(struct slot *), void (*then)(struct slot *));
void crl_slot_init(struct slot *s, struct crl_publisher *p, struct slot *full,
                   struct crl_name name);
void crl_slot_clear(struct slot *s);
/* The parts of this number; NULL: none yet. */
struct parts *crl_parts_find(const struct slot *full, uint16_t n);

/* load.c, make.c: steps on the thread. */
void crl_step_load(struct slot *s);       /* a full one, or a delta */
void crl_step_load_parts(struct slot *s); /* all parts, of the first one */
void crl_step_draft(struct slot *s);
void crl_step_finish(struct slot *s);
/* source.c: the entries of this CRL, a crl_source, and its extensions. */
struct crl_content;
int crl_content_new(struct slot *s, struct crl_content **out, struct crl_spec *spec,
                    struct fault *f) WARN_UNUSED;
int crl_content_next(void *content, struct crl_entry *out, size_t max, size_t *n, struct fault *f);
void crl_content_free(struct crl_content *c);
/* The file that becomes the CRL; then puts it into place and records s->next, or sets s->fault. */
void crl_put_in_place(struct slot *s, int fd);
int crl_open_new(struct slot *s, int *fd, struct fault *f) WARN_UNUSED;
void crl_close_draft(struct slot *s);
/* install.c, and its end in ask.c */
void crl_step_install(struct slot *s);
void crl_install_free(struct slot *s);
/* row.c */
int64_t crl_slot_due(const struct slot *s, int64_t now);
/* After a failure; a clock that was set back does not make it wait for longer. */
bool crl_slot_waits(const struct slot *s, int64_t now);
/* Of one; of all parts of a number together. */
void crl_slot_row(const struct slot *s, int64_t now, struct crl_row *out);
bool crl_slot_offline(const struct slot *s);

#endif
