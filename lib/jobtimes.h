/*
 * When the jobs of cerca-ca last succeeded and last failed, for metrics: noted by whichever thread
 * does the job, read by any. Of this process since its start; nothing depends on it.
 */
#ifndef LIB_JOBTIMES_H
#define LIB_JOBTIMES_H

#include <stdbool.h>
#include <stdint.h>

enum job_name {
    JOB_CHECKPOINT, /* of the audit log */
    JOB_VIEW,       /* time stamps and snapshots of the public view */
    JOB_CRL,        /* a CRL was made */
    JOB_EXPORT,     /* of the view */
    JOB_BACKUP,
    JOB_EVALUATION, /* of the inventory's rules */
    JOBS
};
extern const char *const job_word[JOBS];

void job_noted(enum job_name job, bool succeeded);
/* Seconds since 1970; 0: not since the start. */
void job_times(enum job_name job, int64_t *succeeded, int64_t *failed);

#endif
