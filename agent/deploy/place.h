/*
 * Where an entry's versions lie, and the few things that are done to files there so that a crash
 * shows either what was or what is to be. Deploying only; deploy.h has the picture.
 */
#ifndef AGENT_DEPLOY_PLACE_H
#define AGENT_DEPLOY_PLACE_H

#include <limits.h>
#include <sys/types.h>

#include "agent/conf/conf.h"
#include "lib/buf.h"

#define VERSION_MAX 999999999U
#define DEPLOY_FILE_MAX 1048576 /* octets of one file */

/* What an error of the system is: full, or anything else. Always negative. */
int place_failed(const char *what, const char *path, struct fault *f);

/* DIR/versions/N; -FAULT_TOO_LARGE past PATH_MAX, as all of these ("deploy.path"). */
int place_version(const struct agent_cert *c, unsigned version, char out[PATH_MAX],
                  struct fault *f) WARN_UNUSED;
/* FOLDER/NAME */
int place_in(const char *folder, const char *name, char out[PATH_MAX], struct fault *f) WARN_UNUSED;
/* The name of a configured file in a version's folder. */
const char *place_name(const struct agent_file *file);
/* Is it a path of its own, or only a name? */
bool place_outside(const struct agent_file *file);
bool place_exists(const char *path);  /* also a symlink to nothing */
bool place_is_file(const char *path); /* a regular one, at the end of symlinks */

enum place_link { PLACE_CURRENT, PLACE_GOOD };
/* The version that DIR/current or DIR/good names; -FAULT_NOT_FOUND: none. */
int place_get(const struct agent_cert *c, enum place_link which, unsigned *version,
              struct fault *f) WARN_UNUSED;
int place_set(const struct agent_cert *c, enum place_link which, unsigned version,
              struct fault *f) WARN_UNUSED;
/* `path` becomes a symlink to `target` by one rename, whatever it was; synced. */
int place_symlink(const char *target, const char *path, struct fault *f) WARN_UNUSED;
/* Is `path` that symlink already? */
bool place_links_to(const char *path, const char *target);

/* Makes a folder, 0711, unless it is there. */
int place_folder(const char *path, struct fault *f) WARN_UNUSED;
int place_sync(const char *folder, struct fault *f) WARN_UNUSED;
int place_sync_above(const char *path, struct fault *f) WARN_UNUSED; /* the folder that it is in */

struct place_owner {
    uid_t uid; /* -1: as it comes */
    gid_t gid;
    unsigned mode;
};
/* A new file; it must not be there. Synced. Nothing is left after a failure. */
int place_write(const char *path, struct slice data, const struct place_owner *owner,
                struct fault *f) WARN_UNUSED;
/* A copy with its owner and mode, in place of what is at `to`, by one rename. */
int place_copy(const char *from, const char *to, struct fault *f) WARN_UNUSED;

/* Overwrites and removes the files of a folder and of its folders, then the folder. Nothing when it
 * is not there. */
int place_wipe(const char *folder, struct fault *f) WARN_UNUSED;
/* The same after a failure, which counts more: its own is logged. */
void place_drop(const char *folder);
/* Calls `fn` with each name in a folder but "." and "..", in no order; anything but 0 ends it. */
int place_each(const char *folder, int (*fn)(void *arg, const char *name, struct fault *f),
               void *arg, struct fault *f) WARN_UNUSED;
/* The numbers of all versions, sorted downward; at most `max` of the highest. */
int place_versions(const struct agent_cert *c, unsigned *out, size_t max, size_t *n,
                   struct fault *f) WARN_UNUSED;

#endif
