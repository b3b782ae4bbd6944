/*
 * Who changed since a CRL (RFC 5280 5.2.4): gathered out of the store's change sequence, so that a
 * delta costs what has changed and not what is revoked.
 *
 * Kept between deltas over the same CRL, each of which reads on where the last one ended: 16 octets
 * a certificate that was revoked, put on hold, released or given up since.
 */
#ifndef CA_CRL_CHANGES_H
#define CA_CRL_CHANGES_H

#include "ca/store/crls.h"
#include "crl/build.h"

struct crl_changes;

struct crl_changes *crl_changes_new(struct store *s);
void crl_changes_free(struct crl_changes *c);
/* Everything of this issuer behind change `base`, up to now; the source then begins anew. */
int crl_changes_gather(struct crl_changes *c, uint16_t issuer, uint64_t base,
                       struct fault *f) WARN_UNUSED;
void crl_entry_of(const struct store_revoked *r, struct crl_entry *e);
/* A crl_source. Nobody is left out because of its age: who was revoked since the base may be on no
 * full CRL yet (5.2.4). Who was released is to be removed, whether or not it is on the base. */
int crl_changes_next(void *changes, struct crl_entry *out, size_t max, size_t *n, struct fault *f);

#endif
