/* One configuration at work: its sealed text, what it says, and the sockets for it. */
#ifndef CA_SUPERVISE_GENERATION_H
#define CA_SUPERVISE_GENERATION_H

#include "ca/supervise/programs.h"
#include "lib/conf.h"

struct generation {
    int sealed; /* memfd, handed to every program */
    struct conf *conf;
    struct programs programs;
};

/* Reads the file once, seals it, checks it. No sockets yet. */
int generation_read(const char *path, struct generation **out, struct fault *f) WARN_UNUSED;
/* Frees it; its sockets are removed save those that `successor` (may be NULL) has too. */
void generation_free(struct generation *g, const struct generation *successor);

#endif
