/* What an entry shows itself with: the certificate in force and its key. */
#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include "agent/conf/conf.h"
#include "lib/buf.h"

struct identity {
    struct buf cert; /* path of a PEM file */
    struct buf key;  /* likewise, maybe the same; empty: it is in the entry's token, ... */
    struct buf uri;  /* ... there */
};

/* -FAULT_NOT_FOUND: there is none. Initialised in any case; free it. */
int identity_find(const struct agent_cert *c, struct identity *out, struct fault *f) WARN_UNUSED;
/* The URI of the key of a version; 1: it is in no token. */
int identity_uri(const struct agent_cert *c, unsigned version, struct buf *uri,
                 struct fault *f) WARN_UNUSED;
void identity_free(struct identity *i);

#endif
