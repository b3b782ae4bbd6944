/* Files, read whole within a bound and written so that a crash never shows half of one. */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include <limits.h>

#include "lib/buf.h"
#include "lib/fault.h"

/* Reads the whole file; "-" is standard input. Past max octets: -FAULT_TOO_LARGE. `out` is
 * initialised (buf_init or zeros); what it held is forgotten, and max is its bound from then on. */
int file_read(const char *path, size_t max, struct buf *out, struct fault *f) WARN_UNUSED;
/* Writes beside, fsyncs, renames, fsyncs the folder. "-" is standard output; what is there and no
 * regular file, such as /dev/null, is written to and not replaced. */
int file_write(const char *path, unsigned mode, struct slice data, struct fault *f) WARN_UNUSED;

/* The same in pieces: what is written to `fd` is at `path` after file_end, and nothing is after
 * file_drop. Both take the descriptor; file_end drops after a failure. `path` must stay. */
struct file_new {
    int fd;
    const char *path;
    char beside[PATH_MAX]; /* "": written through */
};
int file_begin(const char *path, struct file_new *out, struct fault *f) WARN_UNUSED;
int file_end(struct file_new *n, unsigned mode, struct fault *f) WARN_UNUSED;
void file_drop(struct file_new *n);

/* What errno says of a path of the configuration, as a fault with the path in it. Mostly somebody
 * has to mend that: -FAULT_CONFIG. What comes back by itself (descriptors, memory, a disk that
 * fails or is full) is -FAULT_INTERNAL or -FAULT_FULL, so that who ends by it is started again. */
int file_refused(struct fault *f, const char *rule, const char *path);

#endif
