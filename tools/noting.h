/* Changing what is written about identities: sent in batches, an outcome for each. */
#ifndef TOOLS_NOTING_H
#define TOOLS_NOTING_H

#include "tools/picks.h"
#include "tools/progress.h"
#include "tools/rows.h"

struct noting {
    struct tool *tool;
    bool dry_run;
    uint64_t total; /* for the progress bar */
    struct progress bar;
    struct rows rows;
    size_t changed, same, refused;
    uint32_t n;    /* waiting to be sent ... */
    size_t octets; /* ... in so many */
    struct annotate_item item[ANNOTATE_MAX];
    char label[ANNOTATE_MAX][128];
};
/* To be freed with noting_free. */
struct noting *noting_new(struct tool *t, bool dry_run, uint64_t total);
void noting_free(struct noting *n);
int noting_add(struct noting *n, const char *label, const struct annotation *a, unsigned mask,
               struct fault *f) WARN_UNUSED;
/* A row for what could not be sent. */
int noting_refused(struct noting *n, const char *label, const struct fault *why,
                   struct fault *f) WARN_UNUSED;
/* Sends what is left, says the sums. An exit code. */
int noting_end(struct noting *n, int rc, struct fault *f);

#endif
