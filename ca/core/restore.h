/*
 * `cerca-ca --restore FILE`: a backup becomes the store, closed. Into a stopped CA only (the
 * store's lock decides). Nothing is overwritten: what was there is moved aside. Killed at any
 * moment, the old store is still the store, or a start is refused and the restore is run again.
 *
 *   durable.restored is made of the image, moved on to new numbers and a new audit log, and takes
 *   over what is known from elsewhere; then
 *   derived -> derived.replaced-TIME, durable -> durable.replaced-TIME, durable.restored -> durable
 */
#ifndef CA_CORE_RESTORE_H
#define CA_CORE_RESTORE_H

#include "lib/conf.h"
#include "lib/fault.h"

#define RESTORE_FILES_MAX 8

struct restore_options {
    const char *backup;
    const char *crl[RESTORE_FILES_MAX]; /* CRLs of the issuers, PEM or DER */
    size_t n_crls;
    const char *checkpoint[RESTORE_FILES_MAX]; /* of the audit log, as a C2SP checkpoint */
    size_t n_checkpoints;
};

/* Enters the jail first. What came of it goes to standard output, "result KEY VALUE" a line. */
int core_restore(const struct conf *conf, const struct restore_options *o,
                 struct fault *f) WARN_UNUSED;

#endif
