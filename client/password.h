/* Passwords: from a file or asked for, never from argv. */
#ifndef CLIENT_PASSWORD_H
#define CLIENT_PASSWORD_H

#include "lib/buf.h"
#include "lib/fault.h"

#define PASSWORD_MAX 512

/* One that a file of ours is sealed with: the first line of `file` ("-": standard input), or, when
 * it is NULL, what is typed twice on the terminal. Empty ones are refused. buf_free wipes it. */
int password_get(const char *file, const char *what, struct buf *out, struct fault *f) WARN_UNUSED;
/* One that somebody else knows already: typed once. */
int password_ask(const char *file, const char *what, struct buf *out, struct fault *f) WARN_UNUSED;

#endif
