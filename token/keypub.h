/* The public half of a private key in the token. */
#ifndef TOKEN_KEYPUB_H
#define TOKEN_KEYPUB_H

#include "token/token.h"

/* Appends the SubjectPublicKeyInfo to out. RSA: modulus and exponent of the
 * private object, or of its public companion. EC: the curve, and the point of the
 * companion, of the private object, or of the certificate with the same id. `who` is for messages.
 */
int keypub_read(struct token *t, CK_OBJECT_HANDLE key, const char *who, struct buf *out,
                struct fault *f) WARN_UNUSED;

#endif
