/*
 * Programs that the command runs, Cerca's own for the most part. What they write is kept and shown
 * when they fail; they end when the command ends, however that happens.
 */
#ifndef CLIENT_CHILD_H
#define CLIENT_CHILD_H

#include <sys/types.h>

#include "lib/fault.h"

struct child {
    const char *name;
    pid_t pid;  /* 0: not running */
    int output; /* what it wrote to standard output and error; -1: none */
    int status; /* that it ended with; -1: it runs, or a signal ended it */
};

/* Starts NAME, found beside this program, in ../sbin or in ../libexec/cerca; or that very file,
 * when it begins with "/". argv[0] is put in; `argv` ends with NULL. */
int child_start(struct child *c, const char *name, const char *const argv[],
                struct fault *f) WARN_UNUSED;
/* Waits for its end. Any status but 0 is a fault that ends with what it wrote last. */
int child_wait(struct child *c, struct fault *f) WARN_UNUSED;
/* 1 while it runs, 0 when it has ended (as child_wait then says). */
bool child_running(struct child *c);
/* TERM, and KILL after five seconds. Nothing when it is not running. */
void child_stop(struct child *c);
/* The end of what it wrote, for people. */
void child_output(const struct child *c, struct buf *out);
/* ... and only its last line, made safe to print. */
void child_last_words(const struct child *c, struct buf *out);
void child_free(struct child *c);

#endif
