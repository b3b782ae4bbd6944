/*
 * Landlock through raw system calls: the headers of Debian 12 know ABI 1 only,
 * kernels know more. What the kernel cannot do is left out, not refused.
 */
#ifndef LIB_LANDLOCK_H
#define LIB_LANDLOCK_H

#include "lib/sandbox.h"

#define LANDLOCK_WORDS_MAX 64

/* Binds the calling thread and what it starts to s's paths and, where known, to no TCP
 * (save outgoing with net_connect), no abstract sockets and no signals outside. Needs
 * no_new_privs. `enforced` gets "files truncate ioctl tcp scope" as far as it went, or "none". */
int landlock_enter(const struct sandbox *s, char enforced[LANDLOCK_WORDS_MAX],
                   struct fault *f) WARN_UNUSED;

#endif
