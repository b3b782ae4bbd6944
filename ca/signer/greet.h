/*
 * What the signer says of its keys: to who greets it, and to itself, whether that is still so.
 *
 * A signer is crash-only in this too. A token may be taken for another one, a key may be made by
 * another program, and a module may have lied for a moment while the keys were read. So keys are
 * looked at again, and where something else is there than this process began with, it ends and the
 * next one begins with what is there.
 */
#ifndef CA_SIGNER_GREET_H
#define CA_SIGNER_GREET_H

#include "ca/signer/work.h"

/* Serves MSG_HELLO: the generation and each issuer's public key, all looked at again before. */
int greet(struct work *w, struct job *j) WARN_UNUSED;
/* Is a key there now that was missing, or could not be used? A few calls for each of those, none
 * for others. -FAULT_UNAVAILABLE, rule "signer.key.changed": yes; or the token failed. */
int keys_still_missing(struct work *w, struct fault *f) WARN_UNUSED;

#endif
