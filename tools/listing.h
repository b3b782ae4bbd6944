/* Recorded certificates by a filter, page by page. */
#ifndef TOOLS_LISTING_H
#define TOOLS_LISTING_H

#include "lib/proto.h"
#include "tools/tool.h"

typedef int (*listing_one)(void *arg, const struct cert_info *info, struct fault *f);
/* Calls fn for each match in index order, until it fails or `limit` (0: none) are told; *more says
 * whether there would be others. A page may be asked for again, so a core that comes back does
 * not cut the list short. --timeout is for one page. */
int listing_each(struct tool *t, struct list_request *r, uint32_t limit, listing_one fn, void *arg,
                 bool *more, struct fault *f) WARN_UNUSED;
/* All of them; of valid ones info->followed is told. */
int listing_lines(struct tool *t, struct list_request *r, listing_one fn, void *arg,
                  struct fault *f) WARN_UNUSED;

#endif
