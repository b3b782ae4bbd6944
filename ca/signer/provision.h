/*
 * Making what the configuration asks for and the token has not: the token
 * itself, its user PIN, the keys. What is there is left as it is, so doing it
 * again does nothing. Serving never does any of this.
 */
#ifndef CA_SIGNER_PROVISION_H
#define CA_SIGNER_PROVISION_H

#include "ca/signer/guard.h"
#include "token/token.h"

/* Prints one line a key to standard output: its issuer, kind, "made" or "found", and the
 * first octets of the SHA-256 of its SubjectPublicKeyInfo. */
int provision(const struct conf *conf, const struct conf_token *token, struct fault *f) WARN_UNUSED;

#endif
