/* One program at work: started, watched, started again. */
#ifndef CA_SUPERVISE_CHILD_H
#define CA_SUPERVISE_CHILD_H

#include "ca/supervise/backoff.h"
#include "ca/supervise/programs.h"
#include "lib/loop.h"
#include "lib/proto.h"

struct child;

struct child_callbacks {
    /* Starts the program: its pid, or a negative fault code. */
    pid_t (*start)(void *arg, const struct program *p, struct fault *f);
    /* Its state is another than before. */
    void (*changed)(void *arg, struct child *c);
};

struct child *child_new(struct loop *l, const struct program *p, const struct child_callbacks *cb,
                        void *arg);
/* Forgets it; the process, if there is one, must have ended. NULL is fine. */
void child_free(struct child *c);
void child_start(struct child *c);
/* From now on it is not started again; sends `signo` if it runs. */
void child_end(struct child *c, int signo);
/* Tells of an ended process. True if it was this one. */
bool child_reaped(struct child *c, pid_t pid, int wait_status);
bool child_alive(const struct child *c);
void child_status(const struct child *c, struct child_status *out);

#endif
