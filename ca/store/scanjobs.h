/* How far scheduled scans are, a row each by name. Few: they are read whole. */
#ifndef CA_STORE_SCANJOBS_H
#define CA_STORE_SCANJOBS_H

#include "ca/store/store.h"

#define SCAN_JOBS_MAX 64
struct scan_job_row {
    char name[64];
    bool paused;
    bool asked;                /* to begin now */
    uint64_t seed;             /* of the order of the run that is under way, or was the last */
    uint64_t position;         /* all before it are done; 0 when it has ended */
    uint64_t total;            /* targets */
    uint64_t results;          /* of that run */
    int64_t started, finished; /* finished < started: that run has not ended yet */
};

/* STORE_SCAN_JOB: keeps `row` in the place of that of its name. Recorded when op->audit has an
 * action. Refused: "store.full", "scan.many". */
/* All of them in the order of names: at most SCAN_JOBS_MAX, *n of them. */
int store_scan_jobs(struct store *s, struct scan_job_row out[SCAN_JOBS_MAX], size_t *n,
                    struct fault *f) WARN_UNUSED;

#endif
