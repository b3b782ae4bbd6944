#include "lib/jobtimes.h"

#include <stdatomic.h>

#include "lib/clock.h"

const char *const job_word[JOBS] = {
    [JOB_CHECKPOINT] = "checkpoint", [JOB_VIEW] = "view",     [JOB_CRL] = "crl",
    [JOB_EXPORT] = "export",         [JOB_BACKUP] = "backup", [JOB_EVALUATION] = "evaluation",
};

static _Atomic int64_t succeeded_at[JOBS], failed_at[JOBS];

void job_noted(enum job_name job, bool succeeded)
{
    atomic_store(succeeded ? &succeeded_at[job] : &failed_at[job], clock_now());
}

void job_times(enum job_name job, int64_t *succeeded, int64_t *failed)
{
    *succeeded = atomic_load(&succeeded_at[job]);
    *failed = atomic_load(&failed_at[job]);
}
