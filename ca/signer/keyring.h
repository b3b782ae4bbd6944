/* Which of the configured issuers have their key in this token: looked up once, at the start. */
#ifndef CA_SIGNER_KEYRING_H
#define CA_SIGNER_KEYRING_H

#include "ca/signer/guard.h"
#include "token/token.h"

/* Finds the keys of this token's issuers. A key that is missing or not as
 * configured is logged and left out, so that the others serve; only a
 * failing token fails. `*found` counts them. */
int keyring_load(struct token *t, struct guard *g, unsigned *found, struct fault *f) WARN_UNUSED;

#endif
