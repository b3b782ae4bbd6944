/* The key pair of an issuer: token/keyobj.h, as its configuration says. */
#ifndef CA_SIGNER_ISSUERKEY_H
#define CA_SIGNER_ISSUERKEY_H

#include "token/keyobj.h"

int issuerkey_uri(const struct conf_issuer *i, const struct p11uri *token, struct p11uri *out,
                  struct fault *f) WARN_UNUSED;
int issuerkey_find(struct token *t, const struct conf_issuer *i, struct keyobj *out,
                   struct fault *f) WARN_UNUSED;
int issuerkey_generate(struct token *t, const struct conf_issuer *i, struct fault *f) WARN_UNUSED;

#endif
