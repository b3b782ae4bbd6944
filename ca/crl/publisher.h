/*
 * CRLs of every issuer: when the next one is due, made, signed and put into the public view.
 *
 * A CRL is due crl_every after the last regularly scheduled one, crl_delay after a revocation, and
 * at once when there is none, when the last attempt was interrupted, or when somebody asks. One
 * is made at a time: its number is taken (store), the draft written on a thread of our own (crl/),
 * signed (door/signer_link), verified, put into place by rename, and then recorded as published. A
 * crash anywhere leaves the old CRL in place, and the next start makes a new one. What fails is
 * tried again with growing pauses.
 *
 * All functions belong to the loop's thread, save crl_publisher_changed.
 */
#ifndef CA_CRL_PUBLISHER_H
#define CA_CRL_PUBLISHER_H

#include "ca/door/authority.h"
#include "ca/door/door.h"
#include "ca/view/view.h"
#include "lib/proto.h"

struct crl_publisher;

struct crl_parts {
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
    struct view *view;
    struct authorities *authorities;
};

struct crl_publisher *crl_publisher_new(const struct crl_parts *parts);
/* Nothing new is begun; what runs on the thread is finished. Before the signers' links go. */
void crl_publisher_stop(struct crl_publisher *p);
/* Whoever still waits is told to come again. NULL is fine. */
void crl_publisher_free(struct crl_publisher *p);

/* On the store's writer thread: what was committed. */
void crl_publisher_changed(struct crl_publisher *p, const struct store_change *c, size_t n);

/* Exactly once: what is published now, or why not. */
typedef void (*crl_reply)(void *arg, const struct crl_row *row, const struct fault *f);
/* Now. Rules "crl.issuer", "crl.offline", and of whatever fails. */
void crl_publish(struct crl_publisher *p, const char *issuer, const struct requester *who,
                 crl_reply reply, void *arg);
/* A CRL that was made where the issuer's key is; takes over the descriptor. Rules "crl.issuer",
 * "crl.signature", "crl.number", "crl.time", "crl.extension", and of lib/crl.h. */
void crl_install(struct crl_publisher *p, int fd, const struct requester *who, crl_reply reply,
                 void *arg);

/* What there is of the issuer at this place among the authorities; false: no certificate yet. */
bool crl_row_of(const struct crl_publisher *p, size_t authority, struct crl_row *out);
/* The CRL of this issuer, to be read and closed by the caller. Rules "crl.issuer", "crl.none". */
int crl_open(struct crl_publisher *p, const char *issuer, struct crl_row *row, int *fd,
             struct fault *f) WARN_UNUSED;
/* Of `cerca status`; false: nothing to say. */
bool crl_status(const struct crl_publisher *p, size_t authority, struct status_item *out);

#endif
