/*
 * The files of a CA: everything `cerca init` puts into its folder before the first program runs.
 * Each step finds out by itself whether it is done, so that one that was interrupted is finished by
 * doing all of them again.
 */
#ifndef TOOLS_DEVCA_H
#define TOOLS_DEVCA_H

#include <limits.h>

#include "lib/conf.h"
#include "lib/fault.h"

enum devca_state {
    DEVCA_NONE,  /* nothing there: go on */
    DEVCA_HALF,  /* begun by us, not finished: go on */
    DEVCA_WHOLE, /* complete */
};

struct devca {
    char dir[PATH_MAX];  /* absolute */
    char conf[PATH_MAX]; /* dir/cerca.conf */
    int lock;            /* the folder, locked: one init at a time; -1: none */
};

/* Makes the folder (0700; its parents too) unless it is there, and locks it. */
int devca_open(struct devca *d, const char *dir, struct fault *f) WARN_UNUSED;
void devca_close(struct devca *d);
/* Refuses what somebody else made. */
int devca_state(const struct devca *d, enum devca_state *out, struct fault *f) WARN_UNUSED;
/* Marks the folder as begun, then folders, with `softhsm` also secrets and softhsm2.conf, then
 * cerca.conf with this text. */
int devca_write(const struct devca *d, const char *conf, bool softhsm, struct fault *f) WARN_UNUSED;
/* The folder is whole: takes the mark away. */
int devca_finish(const struct devca *d, struct fault *f) WARN_UNUSED;
/* SoftHSM knows absolute paths only: after the folder was moved, points softhsm2.conf at where it
 * is now. *moved says that it had to. */
int devca_follow(const struct devca *d, bool *moved, struct fault *f) WARN_UNUSED;
/* The module, from where distributions put it; the fault names the package. */
int devca_find_softhsm(const char **path, struct fault *f) WARN_UNUSED;

#endif
