/* Filters of lists that the CA keeps under a name. */
#ifndef TOOLS_FILTERS_H
#define TOOLS_FILTERS_H

#include "lib/proto_inventory.h"
#include "tools/tool.h"

int filters_get(struct tool *t, const char *name, struct saved_filter *out,
                struct fault *f) WARN_UNUSED;
int filters_save(struct tool *t, struct saved_filter *s, struct fault *f) WARN_UNUSED;

#endif
