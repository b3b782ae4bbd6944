/* The key of an attempt, in next/ or in the entry's token (NEXT_URI says where). */
#ifndef AGENT_KEYSTEP_H
#define AGENT_KEYSTEP_H

#include "agent/conf/conf.h"
#include "lib/buf.h"

/* One for version N: made, or that of the certificate in force where `reuse_key` wants it and
 * `fresh` does not. Durable. Of earlier attempts nothing is left in the token. */
int keystep_make(const struct agent_cert *c, unsigned version, bool fresh,
                 struct fault *f) WARN_UNUSED;
/* What the key in the token shows; `uri` and `spki` come initialised. */
int keystep_show(const struct agent_cert *c, struct buf *uri, struct buf *spki,
                 struct fault *f) WARN_UNUSED;
/* Destroys the keys in the token that no version has any more. What cannot be now is tried at the
 * next renewal. */
void keystep_tidy(const struct agent_cert *c);

#endif
