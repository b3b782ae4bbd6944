/* The side of agent/remote.h that talks to the network. */
#ifndef AGENT_REMOTECHILD_H
#define AGENT_REMOTECHILD_H

#include "agent/remote.h"

#define REMOTE_CHAIN_MAX 8
#define REMOTE_MAX ((size_t)1 << 20)

/* For jail_run, with a struct remote_ask. Puts i64 retry_after, flag linking, request, leaf, count
 * and certificates of the chain, i64 start, end, text; of a failure the first counts. */
int remote_child(void *arg, struct buf *out, struct fault *f);

#endif
