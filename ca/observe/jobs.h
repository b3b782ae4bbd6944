/*
 * Scheduled scans: when one is due, what cerca-scan is told on the scan socket, and how far it is.
 * One worker is at work at a time, with one scan. What it finds goes through a recorder; how far a
 * scan is is kept once all before that is, so that a restart goes on there and repeats a little.
 *
 * Everything on the loop.
 */
#ifndef CA_OBSERVE_JOBS_H
#define CA_OBSERVE_JOBS_H

#include "ca/observe/recorder.h"
#include "ca/store/scanjobs.h"

struct jobs;

struct jobs_parts {
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
    struct authorities *authorities;
    struct workers *workers; /* that read */
};
/* Serves on a listening descriptor, which it takes over. Rule: those of reading the store. */
int jobs_new(const struct jobs_parts *parts, int listen_fd, struct jobs **out,
             struct fault *f) WARN_UNUSED;
/* Begins no more, and ends what is under way: it goes on at the next start. */
void jobs_drain(struct jobs *j);
/* After the store is stopped. NULL is fine. */
void jobs_free(struct jobs *j);

/* The i-th of the configuration, as it is told; false: there is none. */
bool jobs_tell(const struct jobs *j, size_t i, struct job_info *out);
/* What an operator wants of one; `done` gets it as it is then, or why not: "scan.unknown",
 * "scan.state", and those of the store. */
typedef void (*jobs_changed)(void *arg, const struct job_info *i, const struct fault *f);
void jobs_change(struct jobs *j, const struct job_change *c, const char *actor, const char *origin,
                 jobs_changed done, void *arg);

#endif
