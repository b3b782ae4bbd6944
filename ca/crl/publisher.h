/*
 * CRLs of every issuer: when the next one is due, made, signed and put into the public view.
 *
 * A CRL is due crl_every after the last regularly scheduled one, crl_delay after a revocation, and
 * at once when there is none, when the last attempt was interrupted, or when somebody asks. Where
 * there are deltas (crl_delta) they follow revocations, and full ones go by the clock alone; a
 * delta is over the full CRL that caches may still have. Parts (crl_shards) follow the revocations
 * in them; those of earlier numbers, which certificates name, are made for as long as the issuer
 * is there. Of what shares its numbers, one is made at a time, and one part of all. Its number is
 * taken (store), the draft written on a thread of our own (crl/), signed (door/signer_link),
 * verified, put into place by rename, and then recorded as published. A crash anywhere leaves the
 * old CRL in place, and the next start makes a new one. What fails is tried again with growing
 * pauses.
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
/* Now; with the full one ("full") the others of the issuer follow at once. Rules "crl.issuer",
 * "crl.list", "crl.offline", and of whatever fails. */
void crl_publish(struct crl_publisher *p, const char *issuer, const char *list,
                 const struct requester *who, crl_reply reply, void *arg);
/* A CRL that was made where the issuer's key is; takes over the descriptor. Rules "crl.issuer",
 * "crl.signature", "crl.number", "crl.time", "crl.extension", and of lib/crl.h. */
void crl_install(struct crl_publisher *p, int fd, const struct requester *who, crl_reply reply,
                 void *arg);

/* What there is of the issuer at this place among the authorities: the full one, deltas, the parts
 * of each number together. How many rows, at most max; 0: no certificate yet. */
size_t crl_rows(const struct crl_publisher *p, size_t authority, struct crl_row *out, size_t max);
/* A CRL of this issuer (crl_name_print), to be read and closed by the caller. Rules "crl.issuer",
 * "crl.list", "crl.none". */
int crl_open(struct crl_publisher *p, const char *issuer, const char *list, struct crl_row *row,
             int *fd, struct fault *f) WARN_UNUSED;
/* The same row for `cerca status`. */
void crl_status(const struct crl_row *r, struct status_item *out);

#endif
