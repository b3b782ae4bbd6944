/* STATE/NAME/next: key, request and certificate of the attempt under way. */
#ifndef AGENT_NEXTFILE_H
#define AGENT_NEXTFILE_H

#include "agent/conf/conf.h"
#include "lib/buf.h"

#define NEXT_KEY "key.pem"
#define NEXT_URI "key.uri" /* in place of the key: it is in the token */
#define NEXT_REQUEST "request.der"
#define NEXT_LEAF "leaf.der"
#define NEXT_CHAIN "chain.der"

/* An empty folder, 0700. */
int next_begin(const struct agent_cert *c, struct fault *f) WARN_UNUSED;
void next_path(const struct agent_cert *c, const char *name, struct buf *path);
/* Whole, 0600 and durable. */
int next_put(const struct agent_cert *c, const char *name, struct slice data,
             struct fault *f) WARN_UNUSED;
int next_get(const struct agent_cert *c, const char *name, size_t max, struct buf *out,
             struct fault *f) WARN_UNUSED;
/* Overwrites the key and removes all. Failures are nothing: the next attempt begins with it. */
void next_wipe(const struct agent_cert *c);

#endif
