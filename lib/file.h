/* Files, read whole within a bound and written so that a crash never shows half of one. */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include "lib/buf.h"
#include "lib/fault.h"

/* Reads the whole file; "-" is standard input. Past max octets: -FAULT_TOO_LARGE. `out` is
 * initialised (buf_init or zeros); what it held is forgotten, and max is its bound from then on. */
int file_read(const char *path, size_t max, struct buf *out, struct fault *f) WARN_UNUSED;
/* Writes beside, fsyncs, renames, fsyncs the folder. "-" is standard output; what is there and no
 * regular file, such as /dev/null, is written to and not replaced. */
int file_write(const char *path, unsigned mode, struct slice data, struct fault *f) WARN_UNUSED;

#endif
