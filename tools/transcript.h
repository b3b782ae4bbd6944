/*
 * What a ceremony did, for people and for ever: a text that is only appended to, each line on the
 * disk before the next step, and the SHA-256 of every file that was made, in the form that
 * sha256sum -c reads.
 */
#ifndef TOOLS_TRANSCRIPT_H
#define TOOLS_TRANSCRIPT_H

#include "lib/fault.h"
#include "tools/json.h"

struct transcript {
    const struct tool *tool;
    const char *dir;
    int fd;            /* transcript.txt; -1: not open */
    json_t *artifacts; /* of this run */
    struct buf sums;   /* SHA256SUMS */
};

/* Opens dir/transcript.txt, made when absent. */
int transcript_open(struct transcript *t, const struct tool *tool, const char *dir,
                    struct fault *f) WARN_UNUSED;
void transcript_close(struct transcript *t);
/* One line, with the time in front: to the file, synced, and to standard error. */
int transcript_line(struct transcript *t, struct fault *f, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))) WARN_UNUSED;
/* A file of the folder as an artifact: its line, its sum. `what`: "CA certificate". */
int transcript_artifact(struct transcript *t, const char *what, const char *file, struct slice data,
                        struct fault *f) WARN_UNUSED;
/* Writes SHA256SUMS over all artifacts of this run. */
int transcript_sums(struct transcript *t, struct fault *f) WARN_UNUSED;

#endif
