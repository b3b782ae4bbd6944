/* Many STORE_PUBLISHED operations, a commit shared by all that wait. */
#ifndef CA_CORE_PUBLISHED_H
#define CA_CORE_PUBLISHED_H

#include "ca/store/store.h"

struct published;

struct published *published_new(struct store *s, const struct conf *conf);
/* `why` goes into the audit record: where it is known from. Fails with what an earlier one failed
 * with. */
int published_add(struct published *p, const struct cert_ref *ref, enum cert_state state,
                  uint8_t reason, int64_t time, const char *why, struct fault *f) WARN_UNUSED;
/* Waits for all, and frees. */
int published_end(struct published *p, struct fault *f) WARN_UNUSED;

#endif
