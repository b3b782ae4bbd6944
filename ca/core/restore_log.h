/*
 * What checkpoints say of the audit logs that a restore ends: how much of the backup's log is lost,
 * and whether another has its place. Looked at are the backup's own, those in the public view
 * (audit/checkpoint, and audit/NUMBER/checkpoint of a log that an earlier restore began) and those
 * given by the operator. This tells people what is lost; `cerca audit verify` proves it.
 */
#ifndef CA_CORE_RESTORE_LOG_H
#define CA_CORE_RESTORE_LOG_H

#include "ca/core/restore.h"
#include "ca/store/store.h"
#include "lib/backupfile.h"

struct restore_log {
    uint64_t newest; /* most records of the backup's log in any checkpoint; 0: there is none */
    bool forked;     /* one of the size that the backup's log has has another root */
    unsigned later;  /* logs begun after the backup: none of their records is in it */
    uint64_t later_records; /* in their newest checkpoints */
    unsigned unverified;    /* checkpoints signed by no key that the store knows */
};

/* `s` is the backup's store before it moves on. A given one that does not read, is of another log
 * or has a wrong signature is refused: "checkpoint.form", "checkpoint.origin",
 * "checkpoint.signature"; in the view or the
 * backup it is logged and left out. */
int restore_checkpoints(struct restore_log *l, const struct conf *conf,
                        const struct restore_options *o, const struct backup_manifest *m,
                        struct store *s, struct fault *f) WARN_UNUSED;

#endif
