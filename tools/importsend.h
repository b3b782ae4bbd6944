/* What an import found on its way to cerca-ca, in messages as full as they may be, and what it
 * says became of each. */
#ifndef TOOLS_IMPORTSEND_H
#define TOOLS_IMPORTSEND_H

#include "tools/import.h"
#include "tools/progress.h"
#include "tools/rows.h"

struct import_args {
    const char *owner;
    struct texts tags;
    const char *source; /* --source-name */
    const char *password_file;
    bool dry_run;
    bool all;
};

struct import_counts {
    uint64_t files, fresh, known, issued, refused, skipped, strangers;
};

/* Where each certificate of the message was found. */
struct sent_place {
    char *file;
    uint64_t line;
};

struct import_sender {
    struct tool *tool;
    const struct import_args *args;
    struct rows rows;
    struct progress progress;
    struct import_counts n;
    struct import_request *request; /* that is filled now */
    size_t size;                    /* of its body */
    struct buf der;                 /* of all its certificates: room that does not move */
    struct sent_place place[IMPORT_MAX];
    struct seen *seen;          /* in a dry run: those that were there before */
    char file[IMPORT_PATH_MAX]; /* the one that was told of last: counted once */
    struct fault fault;         /* why it ended */
};

/* Fills the sink. Tags and owner are looked at: -FAULT_TOO_LARGE. */
int sender_begin(struct import_sender *s, struct tool *t, const struct import_args *a,
                 struct import_sink *out, struct fault *f) WARN_UNUSED;
/* The last message. */
int sender_end(struct import_sender *s, struct fault *f) WARN_UNUSED;
void sender_free(struct import_sender *s);

#endif
