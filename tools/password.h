/* A password that a file of ours is sealed with: from a file or asked for, never from argv. */
#ifndef TOOLS_PASSWORD_H
#define TOOLS_PASSWORD_H

#include "lib/buf.h"
#include "lib/fault.h"

#define PASSWORD_MAX 512

/* The first line of `file` ("-": standard input), or, when it is NULL, what is typed twice on the
 * terminal. Empty ones are refused. buf_free wipes it. */
int password_get(const char *file, const char *what, struct buf *out, struct fault *f) WARN_UNUSED;

#endif
