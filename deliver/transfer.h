/*
 * Transfers by libcurl on the loop, any number at once: HTTP, SMTP, and octets over TCP, TLS or
 * UDP. No redirects, no proxy, no reuse of connections, no scheme but the one that is meant;
 * certificates are verified. Each ends within its time limit, whatever the server does, and keeps
 * of an answer no more than is said here.
 */
#ifndef DELIVER_TRANSFER_H
#define DELIVER_TRANSFER_H

#include "deliver/channels.h"
#include "lib/loop.h"

#define TRANSFER_TALK_MAX ((size_t)8 << 10) /* of what an SMTP server says */

/* Of the whole process: before the first, before the jail; after the last. */
int transfers_prepare(struct fault *f) WARN_UNUSED;
void transfers_forget(void);

struct transfers;
struct transfers *transfers_new(struct loop *l, struct fault *f);
/* Those that run are given up. NULL is fine. */
void transfers_free(struct transfers *t);

struct transfer_result {
    bool ok;             /* it was carried out: HTTP has a status, SMTP and syslog took it */
    bool login;          /* what failed is the login */
    long status;         /* of HTTP or SMTP; 0: none came */
    struct slice body;   /* of HTTP, at most TALK_ANSWER_MAX octets */
    struct slice talk;   /* of SMTP: the server's lines */
    int64_t retry_after; /* seconds; 0: not said */
    const char *why;     /* when it failed */
};
/* Once, from the loop. */
typedef void (*transfer_done)(void *arg, const struct transfer_result *r);

/* What they point to is copied, but for the channel's keys. */
void transfer_http(struct transfers *t, const struct channel_keys *k, struct talk_request *q,
                   transfer_done done, void *arg);
void transfer_mail(struct transfers *t, const struct channel_keys *k, const char *const *to,
                   size_t n_to, struct slice message, transfer_done done, void *arg);
/* One message, as it is: a frame over TCP or TLS, a datagram over UDP. */
void transfer_octets(struct transfers *t, const struct channel_keys *k, struct slice message,
                     transfer_done done, void *arg);

#endif
