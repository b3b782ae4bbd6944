/* The system calls that a jailed program may make: lists by what it has to do. */
#ifndef LIB_SYSCALLS_H
#define LIB_SYSCALLS_H

#include "lib/sandbox.h"

/* Loads the filter for this thread and what it starts. `count` gets the calls allowed. */
int syscalls_enter(const struct sandbox *s, unsigned *count, struct fault *f) WARN_UNUSED;
/* A name in the lists that this libseccomp does not know, or NULL: a typing error would
 * otherwise only show as a refusal one day. */
const char *syscalls_unknown(void);

#endif
