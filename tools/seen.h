/* Texts that must not occur twice in a file, and the line at which each did first. */
#ifndef TOOLS_SEEN_H
#define TOOLS_SEEN_H

#include "lib/fault.h"

struct seen {
    void *tree; /* of tsearch(3); all zeros at first */
};

/* The line of the same text before, or 0 when there was none: then it is kept, with this line. */
uint64_t seen_before(struct seen *s, const char *text, uint64_t line) WARN_UNUSED;
void seen_free(struct seen *s);

#endif
