/*
 * A child that talks to the network for us, or reads what strangers wrote: it can connect outward
 * (unless `offline`), read what a resolver and TLS read and the files and folders that it is told,
 * and nothing else (lib/sandbox.h): no file is written by it,
 * nothing is started. So whoever answers meets a parser that has nothing to lose. What it found out
 * comes back as octets, which are read anew.
 */
#ifndef CLIENT_JAIL_H
#define CLIENT_JAIL_H

#include "lib/buf.h"
#include "lib/fault.h"

#define JAIL_FILES_MAX 8

struct jail {
    const char *name;                  /* in logs */
    const char *files[JAIL_FILES_MAX]; /* that it may read; NULL or "": none */
    bool offline;                      /* it connects nowhere */
    int64_t limit;                     /* seconds, then it is killed; "jail.limit" */
};

/* Runs `work` in the child; its result, its fault and what it puts into `out` are returned. `out`
 * has its bound. Rules "jail.failed" (it died, said too much, or no process could be made),
 * "jail.limit". For a process with one thread. */
int jail_run(const struct jail *j, int (*work)(void *arg, struct buf *out, struct fault *f),
             void *arg, struct buf *out, struct fault *f) WARN_UNUSED;

#endif
