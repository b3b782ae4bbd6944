/*
 * cerca-ca put together: store, view, authorities, signers, workers, door and
 * admin socket on one loop. The order of construction and of taking down stands here and
 * nowhere else.
 */
#ifndef CA_CORE_CORE_H
#define CA_CORE_CORE_H

#include "ca/admin/admin.h"

struct core;
struct passwords;
struct anchors;

struct core_options {
    const struct conf *conf;
    const struct key_blocklist *blocklist; /* outlives the core; NULL: none */
    const struct passwords *passwords;     /* the same */
    const struct anchors *anchors;         /* the same, with enroll_fd not NULL */
    int listen_fd;                         /* the admin socket; -1: none (set-up) */
    int delegate_fd;                       /* the delegate socket; -1: none */
    int enroll_fd;                         /* the enroll socket; -1: none */
    int metrics_fd;                        /* the metrics socket; -1: none */
    int watch_fd;                          /* the watch socket; -1: none */
    int scan_fd;                           /* the scan socket; -1: none */
    int control_fd;                        /* to cercad; -1: started alone */
};

/* The jail of cerca-ca. `set_up` may write the CA certificates' files; `more` may be read
 * (NULL-ended; NULL: nothing). Before core_new. */
int core_jail(const struct conf *conf, bool set_up, const char *const *more,
              struct fault *f) WARN_UNUSED;
int core_new(const struct core_options *o, struct core **out, struct fault *f) WARN_UNUSED;
/* Serves until TERM or INT, then lets requests under way finish, a few seconds at most. */
void core_serve(struct core *c);
/* Issues the certificate of every configured issuer that has none, parents first, and writes
 * its files (PEM as configured, DER beside it). Safe to repeat after an interruption. */
int core_bootstrap(struct core *c, struct fault *f) WARN_UNUSED;
void core_free(struct core *c);

#endif
