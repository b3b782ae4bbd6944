/* Certificates that bear the signature of an issuer of ours, but were not issued here: somebody
 * else has, or had, the use of its key. */
#ifndef CA_INVENTORY_STRANGER_H
#define CA_INVENTORY_STRANGER_H

#include "ca/door/authority.h"
#include "ca/store/inventory.h"
#include "lib/anycert.h"

/* *issuer: the number of that issuer, 0: it is no stranger. Only of issuers whose key is here: of
 * one that is kept offline this store cannot know all. Another certificate of the issuer's own key
 * and name is none. The caller holds authorities_read. A fault is the store's, or "key.memory",
 * "stranger.unknown": ask again. */
int stranger_find(const struct authorities *all, struct store *s, const struct anycert *c,
                  uint16_t *issuer, struct fault *f) WARN_UNUSED;
/* Says in the log that it is one; of what is none, nothing. */
void stranger_tell(const struct foreign *item);

#endif
