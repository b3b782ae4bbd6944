/*
 * Certificates that lie about on this host, in folders and files: PEM, DER, PKCS#7, PKCS#12
 * (client/import.h). Whoever may write there wrote them, so they are read in a jailed child that
 * can open nothing but that folder, and what it hands back is read anew. Keys are passed over, and
 * leave that child in no form.
 */
#ifndef AGENT_FOUND_H
#define AGENT_FOUND_H

#include "lib/buf.h"
#include "lib/fault.h"

/* Of one path */
#define FOUND_FILES 100000               /* that are read */
#define FOUND_OCTETS (UINT64_C(1) << 30) /* of all those */
#define FOUND_FILE_MAX (16 << 20)        /* octets; larger files are no stores of certificates */
#define FOUND_MAX 2048                   /* certificates */
#define FOUND_PATH_MAX 1024              /* octets of a path that is told */
#define FOUND_LIMIT 600                  /* seconds */

struct found {
    char path[FOUND_PATH_MAX];
    uint64_t line;    /* in a file of text; 0: the file as a whole */
    struct slice der; /* empty: something that should have been one ... */
    char why[256];    /* ... and why it is not told */
};

/* Looks at `path`, a folder with those below it or a file, on its file system and along no symbolic
 * link but `path` itself. Files below `except` (NULL: none) are passed over. `password_file` ("" or
 * NULL: none) is for PKCS#12. Calls `fn` with what is there, in no order; its result other than 0
 * ends it and is returned. Where a bound ends the walk, that is told as refused. Faults:
 * "found.path", "found.malformed" (the child's answer), those of the jail. */
int found_look(const char *path, const char *password_file, const char *except,
               int (*fn)(void *arg, const struct found *one, struct fault *f), void *arg,
               struct fault *f) WARN_UNUSED;

#endif
