/* The draft: the exact TBSCertificate for a decision, linted. */
#ifndef CA_DOOR_DRAFT_H
#define CA_DOOR_DRAFT_H

#include "ca/door/authority.h"

/* Appends the TBS to out. `issuer` is the authority that will sign (for a root, itself). What we
 * wrote is parsed again and linted; a finding is our own mistake and refuses the request
 * (FAULT_INTERNAL, the lint rule's name). */
int draft_write(const struct decision *d, const struct authority *issuer,
                const uint8_t serial[SERIAL_LEN], struct buf *out, struct fault *f) WARN_UNUSED;

#endif
