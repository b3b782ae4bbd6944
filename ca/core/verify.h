/* `cerca-ca --verify-backup FILE`: is what is in a backup a sound store? Needs no configuration;
 * reads that one file. */
#ifndef CA_CORE_VERIFY_H
#define CA_CORE_VERIFY_H

#include "lib/fault.h"

/* Enters its own jail. The findings go to standard output, a line each, and how far it is, as
 * "progress DONE TOTAL WHAT". *findings 0: sound. */
int backup_verify(const char *path, uint64_t *findings, struct fault *f) WARN_UNUSED;

#endif
